//! A bond of links (`IFLA_BOND_…`, include/uapi/linux/if_link.h; Documentation/networking/bonding.rst), and the
//! attributes of the links in it.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use crate::attribute::Attributes;
use crate::name::MacAddress;
use crate::noun::link::kind::{
    Below, CreatedBy, ETHER_MTU, Enslaving, Kind, KindFacts, LinkBelow, MtuAtCreation, NamedPort,
};
use crate::noun::link::new_device::{NewDevice, ethernet, with_queues_of_host};
use crate::noun::link::port::PortKind;
use crate::uapi::{IFF_MULTICAST, IFLA_BOND_PRIMARY};

/// The attributes of a bond. Times are in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Attributes)]
#[serde(deny_unknown_fields, default)]
pub struct Bond {
    /// The mode: `BOND_MODE_…` (include/uapi/linux/if_bonding.h). The kernel changes it only while the bond has no ports.
    #[attribute(IFLA_BOND_MODE, create_only)]
    pub mode: Option<u8>,
    /// The time between two checks of the ports' carriers; zero for none.
    #[attribute(IFLA_BOND_MIIMON)]
    pub miimon: Option<u32>,
    /// How long a carrier must be there before the port is used.
    #[attribute(IFLA_BOND_UPDELAY)]
    pub updelay: Option<u32>,
    /// How long a carrier must be gone before the port is not used.
    #[attribute(IFLA_BOND_DOWNDELAY)]
    pub downdelay: Option<u32>,
    /// The time between two announcements of new ways to stations.
    #[attribute(IFLA_BOND_PEER_NOTIF_DELAY)]
    pub peer_notif_delay: Option<u32>,
    /// Whether drivers report the carrier.
    #[attribute(IFLA_BOND_USE_CARRIER)]
    pub use_carrier: Option<bool>,
    /// The time between two ARP requests to the targets; zero for none.
    #[attribute(IFLA_BOND_ARP_INTERVAL)]
    pub arp_interval: Option<u32>,
    /// The targets of ARP requests.
    #[attribute(IFLA_BOND_ARP_IP_TARGET, absent = Vec::new())]
    pub arp_ip_target: Option<Vec<Ipv4Addr>>,
    /// The targets of neighbour solicitations.
    #[attribute(IFLA_BOND_NS_IP6_TARGET, absent = Vec::new())]
    pub ns_ip6_target: Option<Vec<Ipv6Addr>>,
    /// Which answers count: `BOND_ARP_VALIDATE_…`.
    #[attribute(IFLA_BOND_ARP_VALIDATE)]
    pub arp_validate: Option<u32>,
    /// Whether all targets must answer.
    #[attribute(IFLA_BOND_ARP_ALL_TARGETS)]
    pub arp_all_targets: Option<u32>,
    /// The number of intervals without an answer after which a port is not used.
    #[attribute(IFLA_BOND_MISSED_MAX)]
    pub missed_max: Option<u8>,
    /// The port that is the active one whenever it can be (`IFLA_BOND_PRIMARY`). The kernel remembers its name, also
    /// before it is a port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary: Option<NamedPort>,
    /// When the primary port becomes the active one: `BOND_PRI_RESELECT_…`.
    #[attribute(IFLA_BOND_PRIMARY_RESELECT)]
    pub primary_reselect: Option<u8>,
    /// Which link-layer addresses the ports have: `BOND_FOM_…`. The kernel changes it only while the bond has no ports.
    #[attribute(IFLA_BOND_FAIL_OVER_MAC, create_only)]
    pub fail_over_mac: Option<u8>,
    /// What selects the port of a packet: `BOND_XMIT_POLICY_…`.
    #[attribute(IFLA_BOND_XMIT_HASH_POLICY)]
    pub xmit_hash_policy: Option<u8>,
    /// The number of IGMP reports after a change of the active port.
    #[attribute(IFLA_BOND_RESEND_IGMP)]
    pub resend_igmp: Option<u32>,
    /// The number of announcements after a change of the active port.
    #[attribute(IFLA_BOND_NUM_PEER_NOTIF)]
    pub num_peer_notif: Option<u8>,
    /// Whether frames on ports that are not active are received too.
    #[attribute(IFLA_BOND_ALL_SLAVES_ACTIVE)]
    pub all_slaves_active: Option<bool>,
    /// The number of ports that must be up before the bond has a carrier.
    #[attribute(IFLA_BOND_MIN_LINKS)]
    pub min_links: Option<u32>,
    /// The time between two learning packets, in seconds.
    #[attribute(IFLA_BOND_LP_INTERVAL)]
    pub lp_interval: Option<u32>,
    /// The number of packets that one port sends before the next does, in mode balance-rr.
    #[attribute(IFLA_BOND_PACKETS_PER_SLAVE)]
    pub packets_per_slave: Option<u32>,
    /// Whether the load is balanced by the load of the ports, in the modes balance-tlb and balance-alb.
    #[attribute(IFLA_BOND_TLB_DYNAMIC_LB, while_down)]
    pub tlb_dynamic_lb: Option<bool>,
    /// Whether LACP frames are sent without being asked.
    #[attribute(IFLA_BOND_AD_LACP_ACTIVE, while_down)]
    pub lacp_active: Option<bool>,
    /// How often the partner is asked to send LACP frames: 0 every 30 s, 1 every second.
    #[attribute(IFLA_BOND_AD_LACP_RATE, while_down)]
    pub lacp_rate: Option<u8>,
    /// Which aggregator is selected: `BOND_AD_…`.
    #[attribute(IFLA_BOND_AD_SELECT, while_down)]
    pub ad_select: Option<u8>,
    /// The priority of this system in LACP.
    #[attribute(IFLA_BOND_AD_ACTOR_SYS_PRIO)]
    pub ad_actor_sys_prio: Option<u16>,
    /// The upper bits of the port key in LACP.
    #[attribute(IFLA_BOND_AD_USER_PORT_KEY, while_down)]
    pub ad_user_port_key: Option<u16>,
    /// The address of this system in LACP; zero for the address of the bond.
    #[attribute(IFLA_BOND_AD_ACTOR_SYSTEM)]
    pub ad_actor_system: Option<MacAddress>,
}

impl Bond {
    /// `BOND_MODE_ACTIVEBACKUP`.
    const ACTIVE_BACKUP: u8 = 1;
    /// `BOND_MODE_ROUNDROBIN`.
    const BALANCE_RR: u8 = 0;
    /// `BOND_MODE_8023AD`.
    const LACP: u8 = 4;
    /// `BOND_MODE_TLB` and `BOND_MODE_ALB`.
    const BALANCED: [u8; 2] = [5, 6];

    fn has_primary(&self) -> bool {
        let is_active_backup = self.mode == Some(Self::ACTIVE_BACKUP);
        is_active_backup || self.mode.is_some_and(|mode| Self::BALANCED.contains(&mode))
    }
}

impl Kind for Bond {
    const FACTS: KindFacts = KindFacts {
        name: "bond",
        created_by: CreatedBy::Netlink,
        link_below: LinkBelow::Never,
        changes_whole: false,
        enslaves: Some(Enslaving::Opens),
        paired: false,
        moves: false,
        mtu_of_ports: false,
        mtu: MtuAtCreation::Told,
        mtu_while_down: false,
        mtu_limits: Some(ETHER_MTU),
    };

    fn minimal() -> Self {
        Self::default()
    }

    /// `bond_check_params`, drivers/net/bonding/bond_main.c. Some defaults depend on the mode.
    fn kernel_default() -> Self {
        Self {
            mode: Some(Self::BALANCE_RR),
            miimon: Some(0),
            updelay: Some(0),
            downdelay: Some(0),
            peer_notif_delay: Some(0),
            use_carrier: Some(true),
            arp_interval: Some(0),
            arp_ip_target: Some(Vec::new()),
            ns_ip6_target: Some(Vec::new()),
            arp_validate: Some(0),
            arp_all_targets: Some(0),
            missed_max: Some(2),
            primary: Some(NamedPort::None),
            primary_reselect: Some(0),
            fail_over_mac: Some(0),
            xmit_hash_policy: Some(0),
            resend_igmp: Some(1),
            num_peer_notif: Some(1),
            all_slaves_active: Some(false),
            min_links: Some(0),
            lp_interval: Some(1),
            packets_per_slave: Some(1),
            tlb_dynamic_lb: None,
            lacp_active: Some(true),
            lacp_rate: Some(0),
            ad_select: Some(0),
            ad_actor_sys_prio: Some(65_535),
            ad_user_port_key: Some(0),
            ad_actor_system: Some(MacAddress::from([0; 6].as_slice())),
        }
    }

    /// `bond_setup`, drivers/net/bonding/bond_main.c.
    fn new_device(&self, _: bool) -> NewDevice {
        with_queues_of_host(ethernet(1000, IFF_MULTICAST))
    }

    fn below(&self) -> Below {
        Below::default()
    }

    const NAMES_PORT: Option<u16> = Some(IFLA_BOND_PRIMARY);

    fn named_port(&self) -> Option<&NamedPort> {
        self.primary.as_ref()
    }

    /// A bond of another mode has none (`bond_opts`, drivers/net/bonding/bond_options.c).
    fn set_named_port(&mut self, port: NamedPort) {
        self.primary = self.has_primary().then_some(port);
    }

    /// The port may not exist yet.
    fn without_late(mut self) -> Self {
        self.primary = None;
        self
    }

    /// The kernel reads `miimon` first, and refuses delays without it (`_bond_option_delay_set`,
    /// drivers/net/bonding/bond_options.c).
    fn first(&self) -> Option<Self> {
        let Self { updelay, downdelay, peer_notif_delay, .. } = self.clone();
        let delays = Self { updelay, downdelay, peer_notif_delay, ..Self::default() };
        (self.miimon == Some(0) && delays != Self::default()).then_some(delays)
    }

    /// An option that the mode does not support is refused (`bond_opt_check_deps`,
    /// drivers/net/bonding/bond_options.c).
    fn drop_unsupported(&mut self) {
        let mode = self.mode.unwrap_or(Self::BALANCE_RR);
        let is_balanced = Self::BALANCED.contains(&mode);
        if mode != Self::BALANCE_RR {
            self.packets_per_slave = None;
        }
        if mode != Self::LACP {
            self.lacp_active = None;
            self.lacp_rate = None;
            self.ad_actor_sys_prio = None;
            self.ad_user_port_key = None;
            self.ad_actor_system = None;
        }
        if !is_balanced {
            self.tlb_dynamic_lb = None;
        }
        if !self.has_primary() {
            self.primary = None;
        }
        if is_balanced || mode == Self::LACP {
            self.arp_interval = None;
            self.arp_validate = None;
            self.missed_max = None;
        }
    }
}

/// The attributes of a link in a bond.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Attributes)]
#[serde(deny_unknown_fields, default)]
pub struct BondPort {
    /// The transmit queue that selects this link.
    #[attribute(IFLA_BOND_SLAVE_QUEUE_ID)]
    pub queue_id: Option<u16>,
    /// The priority in the choice of the active link.
    #[attribute(IFLA_BOND_SLAVE_PRIO)]
    pub prio: Option<i32>,
}

impl PortKind for BondPort {
    const MASTER: &'static str = Bond::FACTS.name;

    /// `bond_enslave`, drivers/net/bonding/bond_main.c.
    fn kernel_default(_: Option<u32>) -> Self {
        Self { queue_id: Some(0), prio: Some(0) }
    }

    fn by_speed(&self) -> Self {
        Self::default()
    }

    fn take_those_of_up(&mut self) -> Self {
        Self::default()
    }
}
