//! An Ethernet bridge (`IFLA_BR_…`, include/uapi/linux/if_link.h; ip-link(8), `type bridge`), and a
//! bridge's port.

use serde::{Deserialize, Serialize};

use crate::attribute::Attributes;
use crate::noun::link::kind::{
    Below, CreatedBy, ETHER_MTU, Enslaving, Kind, KindFacts, LinkBelow, MtuAtCreation,
};
use crate::noun::link::new_device::{NewDevice, ethernet};
use crate::noun::link::port::PortKind;
use crate::uapi::{IFF_MULTICAST, SPEED_UNKNOWN};

/// The attributes of a bridge. Times are in centiseconds, the kernel's clock ticks for users
/// (`USER_HZ`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Attributes)]
#[serde(deny_unknown_fields, default)]
pub struct Bridge {
    /// How long a learned station is remembered.
    #[attribute(IFLA_BR_AGEING_TIME)]
    pub ageing_time: Option<u32>,
    /// The time that a port listens, and then learns, before it forwards.
    #[attribute(IFLA_BR_FORWARD_DELAY)]
    pub forward_delay: Option<u32>,
    /// The time between two hellos.
    #[attribute(IFLA_BR_HELLO_TIME)]
    pub hello_time: Option<u32>,
    /// The time for which information from another bridge is valid.
    #[attribute(IFLA_BR_MAX_AGE)]
    pub max_age: Option<u32>,
    /// Spanning tree: 0 off, 1 in the kernel, 2 in user space.
    #[attribute(IFLA_BR_STP_STATE)]
    pub stp_state: Option<u32>,
    /// The bridge with the lowest priority is the root of the spanning tree.
    #[attribute(IFLA_BR_PRIORITY)]
    pub priority: Option<u16>,
    /// Whether ports forward only the VLANs of which they are members.
    #[attribute(IFLA_BR_VLAN_FILTERING)]
    pub vlan_filtering: Option<bool>,
    /// The tag's EtherType: 0x8100 or 0x88a8.
    #[attribute(IFLA_BR_VLAN_PROTOCOL, big_endian)]
    pub vlan_protocol: Option<u16>,
    /// The VLAN of new ports; zero for none.
    #[attribute(IFLA_BR_VLAN_DEFAULT_PVID)]
    pub vlan_default_pvid: Option<u16>,
    /// Whether traffic is counted by VLAN.
    #[attribute(IFLA_BR_VLAN_STATS_ENABLED)]
    pub vlan_stats_enabled: Option<bool>,
    /// Whether traffic is counted by VLAN and port.
    #[attribute(IFLA_BR_VLAN_STATS_PER_PORT)]
    pub vlan_stats_per_port: Option<bool>,
    /// Whether iptables sees bridged packets.
    #[attribute(IFLA_BR_NF_CALL_IPTABLES)]
    pub nf_call_iptables: Option<bool>,
    /// Whether arptables sees bridged packets.
    #[attribute(IFLA_BR_NF_CALL_ARPTABLES)]
    pub nf_call_arptables: Option<bool>,
}

impl Kind for Bridge {
    const FACTS: KindFacts = KindFacts {
        name: "bridge",
        created_by: CreatedBy::Netlink,
        link_below: LinkBelow::Never,
        changes_whole: false,
        enslaves: Some(Enslaving::Stays),
        paired: false,
        moves: false,
        mtu_of_ports: true,
        // `br_change_mtu` is what sets the MTU, and it is not called when a bridge is created.
        mtu: MtuAtCreation::Follows,
        mtu_while_down: false,
        mtu_limits: Some(ETHER_MTU),
    };

    fn minimal() -> Self {
        Self::default()
    }

    /// A new bridge (`br_dev_setup`, net/bridge/br_device.c).
    fn kernel_default() -> Self {
        Self {
            ageing_time: Some(30_000),
            forward_delay: Some(1_500),
            hello_time: Some(200),
            max_age: Some(2_000),
            stp_state: Some(0),
            priority: Some(0x8000),
            vlan_filtering: Some(false),
            vlan_protocol: Some(0x8100),
            vlan_default_pvid: Some(1),
            vlan_stats_enabled: Some(false),
            vlan_stats_per_port: Some(false),
            nf_call_iptables: Some(false),
            nf_call_arptables: Some(false),
        }
    }

    fn new_device(&self, _: bool) -> NewDevice {
        ethernet(1000, IFF_MULTICAST)
    }

    fn below(&self) -> Below {
        Below::default()
    }

    /// The kernel reads the forward delay before the state of the spanning tree, and limits it
    /// while the spanning tree is on (`br_changelink`, net/bridge/br_netlink.c).
    fn first(&self) -> Option<Self> {
        let is_off = self.stp_state == Some(0) && self.forward_delay.is_some();
        is_off.then(|| Self { stp_state: Some(0), ..Self::default() })
    }
}

/// The attributes of a link as a bridge port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Attributes)]
#[serde(deny_unknown_fields, default)]
pub struct BridgePort {
    /// Spanning tree state: `BR_STATE_…`.
    #[attribute(IFLA_BRPORT_STATE)]
    pub state: Option<u8>,
    /// Spanning tree path cost. By default it follows the link's speed; once it has been set, it does so
    /// no more until the link becomes a port again (`BR_ADMIN_COST`).
    #[attribute(IFLA_BRPORT_COST)]
    pub cost: Option<u32>,
    /// Spanning tree port priority.
    #[attribute(IFLA_BRPORT_PRIORITY)]
    pub priority: Option<u16>,
    /// Whether a received BPDU disables the port.
    #[attribute(IFLA_BRPORT_GUARD)]
    pub guard: Option<bool>,
    /// Whether frames may be sent on the port on which they were received (hairpin mode).
    #[attribute(IFLA_BRPORT_MODE)]
    pub hairpin: Option<bool>,
    /// Whether a multicast group is left at once.
    #[attribute(IFLA_BRPORT_FAST_LEAVE)]
    pub fastleave: Option<bool>,
    /// Whether the port can never be the root port.
    #[attribute(IFLA_BRPORT_PROTECT)]
    pub root_block: Option<bool>,
    /// Whether source addresses are learned.
    #[attribute(IFLA_BRPORT_LEARNING)]
    pub learning: Option<bool>,
    /// Whether frames to unknown stations are flooded to this port.
    #[attribute(IFLA_BRPORT_UNICAST_FLOOD)]
    pub flood: Option<bool>,
    /// Whether ARP requests for stations behind this port are answered.
    #[attribute(IFLA_BRPORT_PROXYARP)]
    pub proxy_arp: Option<bool>,
}

impl PortKind for BridgePort {
    const MASTER: &'static str = Bridge::FACTS.name;

    /// A new port (`new_nbp`, net/bridge/br_if.c). Its state has no default.
    fn kernel_default(speed: Option<u32>) -> Self {
        Self {
            state: None,
            cost: speed.map(cost),
            priority: Some(32),
            guard: Some(false),
            hairpin: Some(false),
            fastleave: Some(false),
            root_block: Some(false),
            learning: Some(true),
            flood: Some(true),
            proxy_arp: Some(false),
        }
    }

    fn by_speed(&self) -> Self {
        Self { cost: self.cost, ..Self::default() }
    }

    /// A port has a spanning tree state once it is up (`br_set_port_state`, net/bridge/br_netlink.c).
    fn take_those_of_up(&mut self) -> Self {
        Self { state: self.state.take(), ..Self::default() }
    }
}

/// The cost of a new port whose link has this speed, in Mb/s (`port_cost`, net/bridge/br_if.c).
fn cost(speed: u32) -> u32 {
    match speed {
        SPEED_UNKNOWN => 100,
        10_001.. => 1,
        10_000 => 2,
        5_000 => 3,
        2_500 => 4,
        1_000 => 5,
        100 => 19,
        _ => 100,
    }
}
