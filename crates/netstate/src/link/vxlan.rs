//! A VXLAN tunnel end point (RFC 7348; `IFLA_VXLAN_…`, include/uapi/linux/if_link.h).

use serde::{Deserialize, Serialize};

/// A VXLAN device's own attributes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Vxlan {
    /// `IFLA_VXLAN_ID`: the VXLAN network identifier, 24 bits.
    pub id: Option<u32>,
}
