//! An Ethernet bridge (`IFLA_BR_…`, include/uapi/linux/if_link.h; ip-link(8), `type bridge`).

use serde::{Deserialize, Serialize};

/// A bridge's own attributes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bridge {
    /// `IFLA_BR_AGEING_TIME`, centiseconds.
    pub ageing_time: Option<u32>,
}
