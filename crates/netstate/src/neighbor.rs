//! A neighbour: the link-layer address of an IP address on a link (`struct ndmsg`, ip-neighbour(8)).

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::name::{LinkName, MacAddress, NetnsName};

/// Where a neighbour is, and which.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NeighborKey {
    /// The namespace of the link.
    pub netns: NetnsName,
    /// The link, as the kernel names it there.
    pub dev: LinkName,
    /// The neighbour's IP address.
    pub address: IpAddr,
    /// Whether this is a proxy entry (`NTF_PROXY`): the host answers for the address.
    pub proxy: bool,
}

/// What is known of a neighbour. One that the kernel learned is observed, never desired.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Neighbor {
    /// `NDA_LLADDR`.
    pub lladdr: Option<MacAddress>,
    /// `ndm_state`: one of the `NUD_…` bits (include/uapi/linux/neighbour.h); zero is none.
    pub nud: Option<u16>,
    /// `NTF_ROUTER`.
    pub router: Option<bool>,
    /// `NTF_USE`, which only a request holds.
    #[serde(rename = "use")]
    pub use_: Option<bool>,
    /// `NTF_EXT_MANAGED`.
    pub managed: Option<bool>,
    /// `NTF_EXT_LEARNED`.
    pub extern_learn: Option<bool>,
}
