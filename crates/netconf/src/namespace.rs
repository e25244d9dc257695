//! The XML namespaces of the messages.

/// RFC 6241: the protocol itself.
pub const BASE: &str = "urn:ietf:params:xml:ns:netconf:base:1.0";
/// RFC 8526: `get-data` and `edit-data`.
pub const NMDA: &str = "urn:ietf:params:xml:ns:yang:ietf-netconf-nmda";
/// RFC 8342: the identities of datastores.
pub const DATASTORES: &str = "urn:ietf:params:xml:ns:yang:ietf-datastores";
/// RFC 5277: `create-subscription` and `<notification>`.
pub const NOTIFICATION: &str = "urn:ietf:params:xml:ns:netconf:notification:1.0";
/// RFC 6470: notifications about the server itself.
pub const NETCONF_EVENTS: &str = "urn:ietf:params:xml:ns:yang:ietf-netconf-notifications";
/// draft-ietf-netconf-privcand: `update`.
pub const PRIVATE_CANDIDATE: &str = "urn:ietf:params:xml:ns:yang:ietf-netconf-private-candidate";
/// RFC 6022: `get-schema`.
pub const MONITORING: &str = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring";
/// The module netloom-rpc: Netloom's own operations.
pub const NETLOOM: &str = "urn:netloom:rpc";
/// The module netloom-notifications: Netloom's additional notifications.
pub const NETLOOM_NOTIFICATIONS: &str = "urn:netloom:notifications";
