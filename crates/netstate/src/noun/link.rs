//! A network link (`struct ifinfomsg`, rtnetlink(7), ip-link(8)): the part that all kinds share.

mod described;
mod entries;
mod facts;
mod fields;
pub mod identity;
pub mod kind;
mod new_device;
mod observed;
mod port;
mod recreate;
mod vlans;

use serde::{Deserialize, Serialize};

pub(crate) use entries::{link, link_entries, link_objects, links};
pub(crate) use facts::{Facts, words};
pub(crate) use fields::{IPV4_MIN_MTU, IPV6_MIN_MTU};
pub use observed::temporary_name;
pub(crate) use recreate::{
    below, enslaving, follows_ports, least_mtu, must_recreate, outlives_below,
};

pub use identity::{Before, Mark, displacement, is_displaced};
pub use kind::bond::{Bond, BondPort};
pub use kind::bridge::{Bridge, BridgePort};
pub use kind::can::{Vcan, Vxcan};
pub use kind::dummy::Dummy;
pub use kind::ifb::Ifb;
pub use kind::ipvlan::{Ipvlan, Ipvtap};
pub use kind::macvlan::{Macvlan, Macvtap};
pub use kind::nlmon::Nlmon;
pub use kind::tun::Tun;
pub use kind::tunnel::geneve::Geneve;
pub use kind::tunnel::gre::{Erspan, Gre, Gretap};
pub use kind::tunnel::ip6gre::{Ip6erspan, Ip6gre, Ip6gretap};
pub use kind::tunnel::ip6tnl::Ip6tnl;
pub use kind::tunnel::ipip::Ipip;
pub use kind::tunnel::sit::Sit;
pub use kind::tunnel::vti::Vti;
pub use kind::tunnel::vti6::Vti6;
pub use kind::tunnel::xfrm::Xfrm;
pub use kind::veth::Veth;
pub use kind::vlan::Vlan;
pub use kind::vrf::Vrf;
pub use kind::vxlan::{PortRange, Vxlan};
pub use kind::{
    AttributesOf, Below, BelowAttribute, CreatedBy, Enslaving, KindAttributes, KindFacts,
    LinkBelow, LinkKind, MtuAtCreation, NamedPort,
};
pub use port::Port;
pub use vlans::{BridgeVlan, InvalidVlans, Vlans};

use crate::attribute::{Attributes, Flags};
use crate::name::{LinkName, MacAddress, NetnsName};

/// The links that exist in each namespace by themselves, with their kinds (`rtnl_link_ops` and
/// `init_net` of net/ipv4 and net/ipv6).
const OF_NAMESPACE: [(&str, &str); 10] = [
    ("lo", ""),
    ("sit0", "sit"),
    ("tunl0", "ipip"),
    ("gre0", "gre"),
    ("gretap0", "gretap"),
    ("erspan0", "erspan"),
    ("ip_vti0", "vti"),
    ("ip6_vti0", "vti6"),
    ("ip6tnl0", "ip6tnl"),
    ("ip6gre0", "ip6gre"),
];

/// The place of a link: its namespace, and its name there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The namespace.
    pub netns: NetnsName,
    /// The kernel's name for it in that namespace.
    pub ifname: LinkName,
}

/// A link.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// The desired or observed place.
    pub place: Place,
    /// The kind; `None` means a link that exists already ([`Link::is_adopted`]).
    pub kind: Option<LinkKind>,
    /// Attributes that every kind has.
    pub attributes: LinkAttributes,
    /// Interface flags (`ifi_flags`).
    pub flags: LinkFlags,
    /// `IFLA_MASTER`: the bridge, bond or VRF to which it is enslaved, in its own namespace.
    pub master: Option<Master>,
    /// Its attributes as a port of its master.
    pub port: Port,
    /// All its VLANs as a port of a bridge, or those of the bridge itself. They are read only for the
    /// links of [`Wanted::vlans`](crate::noun::Wanted::vlans).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vlans: Option<Vlans>,
    /// `IFLA_LINK` with `IFLA_LINK_NETNSID`: the link below it, or a tunnel's underlay.
    pub device: Option<Place>,
    /// The other end of a veth pair. The kernel creates and removes both ends together.
    pub peer: Option<Place>,
    /// In a request for a new veth pair: the attributes of the other end that only a new link can
    /// be given ([`Fields::of_creation`](crate::attribute::Fields::of_creation)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer_attributes: Option<Box<LinkAttributes>>,
    /// What can only be observed.
    pub status: Option<Box<LinkStatus>>,
}

impl Link {
    /// A link of which only the place is set.
    pub fn at(place: Place) -> Link {
        Link {
            place,
            kind: None,
            attributes: LinkAttributes::default(),
            flags: LinkFlags::default(),
            master: None,
            port: Port::default(),
            vlans: None,
            device: None,
            peer: None,
            peer_attributes: None,
            status: None,
        }
    }

    /// Whether it is adopted. An adopted link exists already, with any kind, and is given back.
    /// Other links are created and removed.
    pub fn is_adopted(&self) -> bool {
        self.kind.is_none()
    }

    /// Whether it is a bridge, as far as its kind is known.
    pub fn is_bridge(&self) -> bool {
        matches!(self.kind, Some(LinkKind::Bridge(_)))
    }

    /// The facts of its kind; none if the kind is not set.
    pub fn facts(&self) -> Option<&'static KindFacts> {
        self.kind.as_ref().map(LinkKind::facts)
    }

    /// The place of its master.
    pub fn master_place(&self) -> Option<Place> {
        match &self.master {
            Some(Master::Of(ifname)) => {
                Some(Place { netns: self.place.netns.clone(), ifname: ifname.clone() })
            }
            Some(Master::Free) | None => None,
        }
    }

    /// Frees it from its master: it is no port any more.
    pub fn free(&mut self) {
        self.master = Some(Master::Free);
        self.port = Port::default();
        self.vlans = None;
    }

    /// Whether it exists as long as its namespace: the loopback, and the devices that tunnel
    /// modules create in each namespace (`fb_tunnels_only_for_init_net`,
    /// Documentation/admin-guide/sysctl/net.rst).
    pub fn belongs_to_namespace(&self) -> bool {
        let kind = self.kind.as_ref().map_or("", LinkKind::name);
        OF_NAMESPACE.contains(&(self.place.ifname.as_str(), kind))
    }

    /// The namespace of its peer, or of the link below.
    pub fn reaches_into(&self) -> Option<&NetnsName> {
        self.peer.as_ref().or(self.device.as_ref()).map(|place| &place.netns)
    }
}

/// The master of a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Master {
    /// No master.
    Free,
    /// This link, in the same namespace.
    Of(LinkName),
}

/// Attributes that every kind of link has.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Attributes)]
#[serde(deny_unknown_fields, default)]
pub struct LinkAttributes {
    /// `ifi_index` in the request: the index of a new link.
    #[attribute(create_only)]
    pub index: Option<u32>,
    /// In bytes.
    #[attribute(IFLA_MTU)]
    pub mtu: Option<u32>,
    /// The number of a group of links.
    #[attribute(IFLA_GROUP)]
    pub group: Option<u32>,
    /// In packets.
    #[attribute(IFLA_TXQLEN)]
    pub txqueuelen: Option<u32>,
    /// The number of transmit queues.
    #[attribute(IFLA_NUM_TX_QUEUES, create_only)]
    pub numtxqueues: Option<u32>,
    /// The number of receive queues.
    #[attribute(IFLA_NUM_RX_QUEUES, create_only)]
    pub numrxqueues: Option<u32>,
    /// In bytes.
    #[attribute(IFLA_GSO_MAX_SIZE)]
    pub gso_max_size: Option<u32>,
    /// The maximum number of segments into which the device may split a packet.
    #[attribute(IFLA_GSO_MAX_SEGS)]
    pub gso_max_segs: Option<u32>,
    /// In bytes.
    #[attribute(IFLA_GRO_MAX_SIZE)]
    pub gro_max_size: Option<u32>,
    /// In bytes. The kernel also sets it when `gso_max_size` is set, so it must be sent after that.
    #[attribute(IFLA_GSO_IPV4_MAX_SIZE)]
    pub gso_ipv4_max_size: Option<u32>,
    /// In bytes. The kernel also sets it when `gro_max_size` is set, so it must be sent after that.
    #[attribute(IFLA_GRO_IPV4_MAX_SIZE)]
    pub gro_ipv4_max_size: Option<u32>,
    /// Whether a protocol keeps the carrier down.
    #[attribute(IFLA_PROTO_DOWN)]
    pub protodown: Option<bool>,
    /// The link's own link-layer address.
    #[attribute(IFLA_ADDRESS)]
    pub mac_address: Option<MacAddress>,
    /// The link-layer broadcast address, or that of the far end of a point-to-point link.
    #[attribute(IFLA_BROADCAST)]
    pub broadcast: Option<MacAddress>,
    /// A comment for people; empty for none.
    #[attribute(IFLA_IFALIAS, absent = String::new())]
    pub alias: Option<String>,
}

/// Interface flags that can be set (netdevice(7)).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Flags)]
#[serde(deny_unknown_fields, default)]
pub struct LinkFlags {
    /// Whether the link is administratively up.
    #[flag(IFF_UP)]
    pub up: Option<bool>,
    /// Whether addresses are resolved.
    #[flag(not IFF_NOARP)]
    pub arp: Option<bool>,
    /// Whether multicast is carried.
    #[flag(IFF_MULTICAST)]
    pub multicast: Option<bool>,
    /// Whether all multicast packets are received.
    #[flag(IFF_ALLMULTI)]
    pub allmulticast: Option<bool>,
    /// Whether all packets are received.
    #[flag(IFF_PROMISC)]
    pub promisc: Option<bool>,
    /// An obsolete flag that the kernel only stores.
    #[flag(not IFF_NOTRAILERS)]
    pub trailers: Option<bool>,
}

/// The part of a link that can only be observed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkStatus {
    /// The interface index.
    pub index: u32,
    /// `ifi_type`: `ARPHRD_…`.
    pub device_type: u16,
    /// `ifi_flags`, complete.
    pub flags: u32,
    /// `IFLA_OPERSTATE`: RFC 2863 ifOperStatus as `IF_OPER_…`.
    pub operstate: u8,
    /// `IFLA_LINKMODE`: `IF_LINK_MODE_…`.
    pub linkmode: u8,
    /// `IFLA_QDISC`: the root queueing discipline.
    pub qdisc: String,
    /// `IFLA_MIN_MTU`, bytes.
    pub min_mtu: Option<u32>,
    /// `IFLA_MAX_MTU`, bytes.
    pub max_mtu: Option<u32>,
    /// `IFLA_PERM_ADDRESS`: the permanent address of the hardware.
    pub permanent_address: Option<MacAddress>,
    /// In Mb/s (ethtool(8)), or `SPEED_UNKNOWN`. It is read only for the links of [`Wanted::speeds`].
    ///
    /// [`Wanted::speeds`]: crate::noun::Wanted::speeds
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed: Option<u32>,
    /// The numbers of transmit and receive queues that the kernel of this host gives a new link of the
    /// same kind. They are read only for the links of [`Wanted::queues`](crate::noun::Wanted::queues).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_queues: Option<[u32; 2]>,
    /// `IFLA_BR_VLAN_DEFAULT_PVID` of its bridge: the VLAN of a new port, zero for none. It is read only
    /// for the links of [`Wanted::vlans`](crate::noun::Wanted::vlans).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_vlan: Option<u16>,
    /// `IFLA_STATS64`.
    pub statistics: Statistics,
}

/// Counters since the link was created (`struct rtnl_link_stats64`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "named as the kernel names them")]
pub struct Statistics {
    pub rx_bytes: u64,
    pub rx_packets: u64,
    pub rx_errors: u64,
    pub rx_dropped: u64,
    pub rx_over_errors: u64,
    pub multicast: u64,
    pub tx_bytes: u64,
    pub tx_packets: u64,
    pub tx_errors: u64,
    pub tx_dropped: u64,
    pub tx_carrier_errors: u64,
    pub collisions: u64,
}
