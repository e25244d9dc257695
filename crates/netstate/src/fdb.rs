//! An entry of a bridge's or a tunnel's forwarding database (bridge(8), `fdb`): state only.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::name::{LinkName, MacAddress, NetnsName};

/// Where an entry is, and which.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FdbKey {
    /// The namespace of the link.
    pub netns: NetnsName,
    /// The port or tunnel that leads to the address.
    pub dev: LinkName,
    /// The station's address.
    pub lladdr: MacAddress,
    /// `NDA_VLAN`; zero without.
    pub vlan: u16,
    /// Whether the entry is the link's own (`NTF_SELF`) rather than its bridge's.
    pub own: bool,
    /// `NDA_DST`: the tunnel's far end.
    pub dst: Option<IpAddr>,
}

/// What is known of an entry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FdbEntry {
    /// `ndm_state`: `NUD_…` bits.
    pub nud: u16,
    /// `ndm_flags`: `NTF_…` bits.
    pub flags: u8,
    /// The bridge that the port belongs to.
    pub master: Option<LinkName>,
    /// `NDA_SRC_VNI`.
    pub src_vni: Option<u32>,
    /// `NDA_VNI`.
    pub vni: Option<u32>,
    /// `NDA_PORT`, a UDP port.
    pub port: Option<u16>,
    /// `NDA_IFINDEX`: the link that the tunnel's packets leave by.
    pub via: Option<LinkName>,
}
