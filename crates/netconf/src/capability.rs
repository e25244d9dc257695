//! The capabilities in hellos.

/// RFC 6241 with end-of-message framing.
pub const BASE_1_0: &str = "urn:ietf:params:netconf:base:1.0";
/// RFC 6241 with chunked framing after both hellos.
pub const BASE_1_1: &str = "urn:ietf:params:netconf:base:1.1";
/// RFC 6241 section 8.3.
pub const CANDIDATE: &str = "urn:ietf:params:netconf:capability:candidate:1.0";
/// RFC 6241 section 8.4.
pub const CONFIRMED_COMMIT_1_1: &str = "urn:ietf:params:netconf:capability:confirmed-commit:1.1";
/// RFC 6241 section 8.5.
pub const ROLLBACK_ON_ERROR: &str = "urn:ietf:params:netconf:capability:rollback-on-error:1.0";
/// RFC 6241 section 8.6.
pub const VALIDATE_1_1: &str = "urn:ietf:params:netconf:capability:validate:1.1";
/// RFC 6241 section 8.7.
pub const STARTUP: &str = "urn:ietf:params:netconf:capability:startup:1.0";
/// RFC 5277.
pub const NOTIFICATION_1_0: &str = "urn:ietf:params:netconf:capability:notification:1.0";
/// RFC 5277 section 6: requests are possible after `create-subscription`.
pub const INTERLEAVE_1_0: &str = "urn:ietf:params:netconf:capability:interleave:1.0";
/// draft-ietf-netconf-privcand: each session has its own candidate.
pub const PRIVATE_CANDIDATE: &str = "urn:ietf:params:netconf:capability:private-candidate:1.0";
