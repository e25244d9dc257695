//! An Ethernet bridge (`IFLA_BR_…`, include/uapi/linux/if_link.h; ip-link(8), `type bridge`), and a bridge's port.

use serde::{Deserialize, Serialize};

/// A bridge's own attributes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bridge {
    /// `IFLA_BR_AGEING_TIME`, centiseconds.
    pub ageing_time: Option<u32>,
    /// `IFLA_BR_FORWARD_DELAY`, centiseconds.
    pub forward_delay: Option<u32>,
    /// `IFLA_BR_HELLO_TIME`, centiseconds.
    pub hello_time: Option<u32>,
    /// `IFLA_BR_MAX_AGE`, centiseconds.
    pub max_age: Option<u32>,
    /// `IFLA_BR_STP_STATE`: 0 none, 1 the kernel's, 2 a program's.
    pub stp_state: Option<u32>,
    /// `IFLA_BR_PRIORITY`.
    pub priority: Option<u16>,
    /// `IFLA_BR_VLAN_FILTERING`.
    pub vlan_filtering: Option<bool>,
    /// `IFLA_BR_VLAN_PROTOCOL`: an EtherType, 0x8100 or 0x88a8.
    pub vlan_protocol: Option<u16>,
    /// `IFLA_BR_VLAN_DEFAULT_PVID`; 0 for none.
    pub vlan_default_pvid: Option<u16>,
    /// `IFLA_BR_VLAN_STATS_ENABLED`.
    pub vlan_stats_enabled: Option<bool>,
    /// `IFLA_BR_VLAN_STATS_PER_PORT`.
    pub vlan_stats_per_port: Option<bool>,
    /// `IFLA_BR_NF_CALL_IPTABLES`.
    pub nf_call_iptables: Option<bool>,
    /// `IFLA_BR_NF_CALL_ARPTABLES`.
    pub nf_call_arptables: Option<bool>,
}

/// What a link has as a port of a bridge (`IFLA_INFO_SLAVE_DATA` with `IFLA_BRPORT_…`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BridgePort {
    /// `IFLA_BRPORT_STATE`: `BR_STATE_…`.
    pub state: Option<u8>,
    /// `IFLA_BRPORT_COST`.
    pub cost: Option<u32>,
    /// `IFLA_BRPORT_PRIORITY`.
    pub priority: Option<u16>,
    /// `IFLA_BRPORT_GUARD`.
    pub guard: Option<bool>,
    /// `IFLA_BRPORT_MODE`.
    pub hairpin: Option<bool>,
    /// `IFLA_BRPORT_FAST_LEAVE`.
    pub fastleave: Option<bool>,
    /// `IFLA_BRPORT_PROTECT`.
    pub root_block: Option<bool>,
    /// `IFLA_BRPORT_LEARNING`.
    pub learning: Option<bool>,
    /// `IFLA_BRPORT_UNICAST_FLOOD`.
    pub flood: Option<bool>,
    /// `IFLA_BRPORT_PROXYARP`.
    pub proxy_arp: Option<bool>,
}
