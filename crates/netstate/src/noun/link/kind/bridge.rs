//! An Ethernet bridge (`IFLA_BR_…`, include/uapi/linux/if_link.h; ip-link(8), `type bridge`), and a
//! bridge's port.

use serde::{Deserialize, Serialize};

use crate::attribute::Attributes;
use crate::name::MacAddress;
use crate::noun::link::kind::{
    Below, CreatedBy, ETHER_MTU, Enslaving, Kind, KindFacts, LinkBelow, MtuAtCreation,
};
use crate::noun::link::new_device::{NewDevice, ethernet};
use crate::noun::link::port::PortKind;
use crate::uapi::{IFF_MULTICAST, SPEED_UNKNOWN};

/// `eth_stp_addr` (net/bridge/br_device.c).
const GROUP_ADDRESS: [u8; 6] = [0x01, 0x80, 0xc2, 0, 0, 0];

/// A quarter of the time between queries (`br_multicast_ctx_init`, net/bridge/br_multicast.c).
const STARTUP_QUERY_INTERVAL: u64 = 3_125;

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
    /// Which frames to the group addresses of IEEE 802.1D are forwarded, a bit for each.
    #[attribute(IFLA_BR_GROUP_FWD_MASK)]
    pub group_fwd_mask: Option<u16>,
    /// The group address of the spanning tree.
    #[attribute(IFLA_BR_GROUP_ADDR)]
    pub group_address: Option<MacAddress>,
    /// Whether the bridge itself gets all multicast: 0 never, 1 while it hears queries, 2 always.
    #[attribute(IFLA_BR_MCAST_ROUTER)]
    pub mcast_router: Option<u8>,
    /// Whether multicast is sent only where it was joined.
    #[attribute(IFLA_BR_MCAST_SNOOPING)]
    pub mcast_snooping: Option<bool>,
    /// Whether queries have the address of the bridge as their source.
    #[attribute(IFLA_BR_MCAST_QUERY_USE_IFADDR)]
    pub mcast_query_use_ifaddr: Option<bool>,
    /// Whether the bridge sends queries.
    #[attribute(IFLA_BR_MCAST_QUERIER)]
    pub mcast_querier: Option<bool>,
    /// The number of groups that the bridge remembers.
    #[attribute(IFLA_BR_MCAST_HASH_MAX)]
    pub mcast_hash_max: Option<u32>,
    /// The number of queries after a member has left.
    #[attribute(IFLA_BR_MCAST_LAST_MEMBER_CNT)]
    pub mcast_last_member_count: Option<u32>,
    /// The number of queries of a querier that starts.
    #[attribute(IFLA_BR_MCAST_STARTUP_QUERY_CNT)]
    pub mcast_startup_query_count: Option<u32>,
    /// The time between queries after a member has left.
    #[attribute(IFLA_BR_MCAST_LAST_MEMBER_INTVL)]
    pub mcast_last_member_interval: Option<u64>,
    /// The time after which a silent member has left.
    #[attribute(IFLA_BR_MCAST_MEMBERSHIP_INTVL)]
    pub mcast_membership_interval: Option<u64>,
    /// The time after which another querier that is silent is gone.
    #[attribute(IFLA_BR_MCAST_QUERIER_INTVL)]
    pub mcast_querier_interval: Option<u64>,
    /// The time between queries.
    #[attribute(IFLA_BR_MCAST_QUERY_INTVL)]
    pub mcast_query_interval: Option<u64>,
    /// The time for an answer to a query.
    #[attribute(IFLA_BR_MCAST_QUERY_RESPONSE_INTVL)]
    pub mcast_query_response_interval: Option<u64>,
    /// The time between queries of a querier that starts.
    #[attribute(IFLA_BR_MCAST_STARTUP_QUERY_INTVL)]
    pub mcast_startup_query_interval: Option<u64>,
    /// Whether ip6tables sees bridged packets.
    #[attribute(IFLA_BR_NF_CALL_IP6TABLES)]
    pub nf_call_ip6tables: Option<bool>,
    /// Whether messages of IGMP and MLD are counted.
    #[attribute(IFLA_BR_MCAST_STATS_ENABLED)]
    pub mcast_stats_enabled: Option<bool>,
    /// The version of IGMP.
    #[attribute(IFLA_BR_MCAST_IGMP_VERSION)]
    pub mcast_igmp_version: Option<u8>,
    /// The version of MLD.
    #[attribute(IFLA_BR_MCAST_MLD_VERSION)]
    pub mcast_mld_version: Option<u8>,
    /// The number of stations that the bridge learns; zero for no limit.
    #[attribute(IFLA_BR_FDB_MAX_LEARNED)]
    pub fdb_max_learned: Option<u32>,
    /// Whether the sources of frames to link-local addresses are not learned.
    #[attribute(IFLA_BR_MULTI_BOOLOPT, bit = BR_BOOLOPT_NO_LL_LEARN, masked)]
    pub no_linklocal_learn: Option<bool>,
    /// Whether each VLAN has settings of multicast of its own.
    #[attribute(IFLA_BR_MULTI_BOOLOPT, bit = BR_BOOLOPT_MCAST_VLAN_SNOOPING, masked)]
    pub mcast_vlan_snooping: Option<bool>,
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
            group_fwd_mask: Some(0),
            group_address: Some(MacAddress::from(GROUP_ADDRESS.as_slice())),
            mcast_router: Some(1),
            mcast_snooping: Some(true),
            mcast_query_use_ifaddr: Some(false),
            mcast_querier: Some(false),
            mcast_hash_max: Some(4096),
            mcast_last_member_count: Some(2),
            mcast_startup_query_count: Some(2),
            mcast_last_member_interval: Some(100),
            mcast_membership_interval: Some(26_000),
            mcast_querier_interval: Some(25_500),
            mcast_query_interval: Some(12_500),
            mcast_query_response_interval: Some(1_000),
            mcast_startup_query_interval: Some(STARTUP_QUERY_INTERVAL),
            nf_call_ip6tables: Some(false),
            mcast_stats_enabled: Some(false),
            mcast_igmp_version: Some(2),
            mcast_mld_version: Some(1),
            fdb_max_learned: Some(0),
            no_linklocal_learn: Some(false),
            mcast_vlan_snooping: Some(false),
        }
    }

    fn new_device(&self, _: bool) -> NewDevice {
        ethernet(1000, IFF_MULTICAST)
    }

    fn below(&self) -> Below {
        Below::default()
    }

    /// A kernel with 250 ticks in a second rounds the quarter down.
    fn add_unreported(&mut self) {
        let interval = self.mcast_startup_query_interval.as_mut();
        if let Some(interval) = interval.filter(|interval| **interval == STARTUP_QUERY_INTERVAL - 1)
        {
            *interval = STARTUP_QUERY_INTERVAL;
        }
    }

    /// The kernel switches snooping off when there are more groups than the bridge may remember
    /// (`br_multicast_new_group`, net/bridge/br_multicast.c).
    fn add_consequences(&mut self, still: &Self) {
        if self.mcast_hash_max.is_some() && still.mcast_hash_max.is_none() {
            self.mcast_snooping.get_or_insert(true);
        }
    }

    /// The kernel reads the forward delay before the state of the spanning tree, and limits it
    /// while the spanning tree is on (`br_changelink`, net/bridge/br_netlink.c). Snooping, which is
    /// also read first, stays on only if the bridge may remember its groups.
    fn first(&self) -> Option<Self> {
        let is_off = self.stp_state == Some(0) && self.forward_delay.is_some();
        let snoops = self.mcast_snooping == Some(true);
        let first = Self {
            stp_state: self.stp_state.filter(|_| is_off),
            mcast_hash_max: self.mcast_hash_max.filter(|_| snoops),
            ..Self::default()
        };
        (first != Self::default()).then_some(first)
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
    /// Whether ARP requests for stations behind this port are answered as IEEE 802.11 and Hotspot 2.0 want it.
    #[attribute(IFLA_BRPORT_PROXYARP_WIFI)]
    pub proxy_arp_wifi: Option<bool>,
    /// Whether the port gets all multicast: 0 never, 1 while it hears queries, 2 always.
    #[attribute(IFLA_BRPORT_MULTICAST_ROUTER)]
    pub mcast_router: Option<u8>,
    /// Whether multicast that nobody has joined is flooded to this port.
    #[attribute(IFLA_BRPORT_MCAST_FLOOD)]
    pub mcast_flood: Option<bool>,
    /// Whether each member behind this port gets a copy of its own.
    #[attribute(IFLA_BRPORT_MCAST_TO_UCAST)]
    pub mcast_to_unicast: Option<bool>,
    /// Whether VLANs are mapped to tunnels.
    #[attribute(IFLA_BRPORT_VLAN_TUNNEL)]
    pub vlan_tunnel: Option<bool>,
    /// Whether broadcast is flooded to this port.
    #[attribute(IFLA_BRPORT_BCAST_FLOOD)]
    pub bcast_flood: Option<bool>,
    /// Which frames to the group addresses of IEEE 802.1D are forwarded, a bit for each.
    #[attribute(IFLA_BRPORT_GROUP_FWD_MASK)]
    pub group_fwd_mask: Option<u16>,
    /// Whether ARP and neighbour discovery are answered from the neighbour table, and not flooded to this port.
    #[attribute(IFLA_BRPORT_NEIGH_SUPPRESS)]
    pub neigh_suppress: Option<bool>,
    /// Whether the port reaches only ports that are not isolated.
    #[attribute(IFLA_BRPORT_ISOLATED)]
    pub isolated: Option<bool>,
    /// The number of hosts that are tracked by their reports.
    #[attribute(IFLA_BRPORT_MCAST_EHT_HOSTS_LIMIT)]
    pub mcast_eht_hosts_limit: Option<u32>,
    /// Whether frames from unknown stations are dropped.
    #[attribute(IFLA_BRPORT_LOCKED)]
    pub locked: Option<bool>,
    /// Whether a locked port remembers the stations that were dropped.
    #[attribute(IFLA_BRPORT_MAB)]
    pub mab: Option<bool>,
    /// The number of groups that may be joined on this port; zero for no limit.
    #[attribute(IFLA_BRPORT_MCAST_MAX_GROUPS)]
    pub mcast_max_groups: Option<u32>,
    /// Whether `neigh_suppress` is set for each VLAN.
    #[attribute(IFLA_BRPORT_NEIGH_VLAN_SUPPRESS)]
    pub neigh_vlan_suppress: Option<bool>,
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
            proxy_arp_wifi: Some(false),
            mcast_router: Some(1),
            mcast_flood: Some(true),
            mcast_to_unicast: Some(false),
            vlan_tunnel: Some(false),
            bcast_flood: Some(true),
            group_fwd_mask: Some(0),
            neigh_suppress: Some(false),
            isolated: Some(false),
            mcast_eht_hosts_limit: Some(512),
            locked: Some(false),
            mab: Some(false),
            mcast_max_groups: Some(0),
            neigh_vlan_suppress: Some(false),
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
