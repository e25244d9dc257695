//! A network link (`struct ifinfomsg`, rtnetlink(7), ip-link(8)): what all kinds share.

mod anew;
pub mod bridge;
pub mod dummy;
mod entries;
mod facts;
mod fields;
pub mod identity;
pub mod ifb;
pub mod kind;
mod new_device;
mod observed;
pub mod tun;
pub mod veth;
pub mod vlan;
pub mod vxlan;

use serde::{Deserialize, Serialize};

pub(crate) use anew::{below, is_anew};
pub(crate) use entries::{link, link_entries, link_objects, links};
pub(crate) use facts::Facts;
pub(crate) use fields::IPV6_MIN_MTU;
pub(crate) use observed::name_aside;

pub use bridge::{Bridge, BridgePort};
pub use dummy::Dummy;
pub use identity::{Before, Mark, displacement, is_displaced};
pub use ifb::Ifb;
pub use kind::{
    AttributesOf, Below, BelowAttribute, CreatedBy, KindAttributes, KindFacts, LinkBelow, LinkKind,
    MtuAtCreation,
};
pub use tun::Tun;
pub use veth::Veth;
pub use vlan::Vlan;
pub use vxlan::{PortRange, Vxlan};

use crate::attribute::{Attributes, Flags};
use crate::name::{LinkName, MacAddress, NetnsName};

/// The links that each namespace has of itself, with their kinds (`rtnl_link_ops` and `init_net` of net/ipv4 and net/ipv6).
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

/// Where a link is and what it is called there.
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
    /// Where it is to be, or where it was seen.
    pub place: Place,
    /// What it is; `None` desires a link that exists already ([`Link::is_adopted`]).
    pub kind: Option<LinkKind>,
    /// Attributes that every kind has.
    pub attributes: LinkAttributes,
    /// Interface flags (`ifi_flags`).
    pub flags: LinkFlags,
    /// `IFLA_MASTER`: the bridge, bond or VRF that it is enslaved to, in its own namespace.
    pub master: Option<Master>,
    /// What it has as a port of the bridge that it is enslaved to.
    pub port: BridgePort,
    /// `IFLA_LINK` with `IFLA_LINK_NETNSID`: the link below it, or a tunnel's underlay.
    pub device: Option<Place>,
    /// The other end of a pair (veth), which the kernel makes and removes together with this one.
    pub peer: Option<Place>,
    /// What can only be observed.
    pub status: Option<Box<LinkStatus>>,
}

impl Link {
    /// A link of which only the place is said.
    pub fn at(place: Place) -> Link {
        Link {
            place,
            kind: None,
            attributes: LinkAttributes::default(),
            flags: LinkFlags::default(),
            master: None,
            port: BridgePort::default(),
            device: None,
            peer: None,
            status: None,
        }
    }

    /// Whether it is adopted: it exists already, of whatever kind, and is given back. One of a kind is made, and removed.
    pub fn is_adopted(&self) -> bool {
        self.kind.is_none()
    }

    /// What holds for links of its kind; nothing is known where no kind is said.
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

    /// Whether it is there as long as its namespace is: the loopback, and what the tunnel modules make in each namespace
    /// (`fb_tunnels_only_for_init_net`, Documentation/admin-guide/sysctl/net.rst).
    pub fn belongs_to_namespace(&self) -> bool {
        let kind = self.kind.as_ref().map_or("", LinkKind::name);
        OF_NAMESPACE.contains(&(self.place.ifname.as_str(), kind))
    }

    /// The namespace of the other end of its pair, or of the link below.
    pub fn reaches_into(&self) -> Option<&NetnsName> {
        self.peer.as_ref().or(self.device.as_ref()).map(|place| &place.netns)
    }
}

/// Which link one is enslaved to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Master {
    /// To none.
    Free,
    /// To this one, of the same namespace.
    Of(LinkName),
}

/// Attributes that every kind of link has.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Attributes)]
#[serde(deny_unknown_fields, default)]
pub struct LinkAttributes {
    /// `ifi_index`, of the request itself: the index that a new link is to have.
    #[attribute(create_only)]
    pub index: Option<u32>,
    /// Bytes.
    #[attribute(IFLA_MTU)]
    pub mtu: Option<u32>,
    /// A number that groups links.
    #[attribute(IFLA_GROUP)]
    pub group: Option<u32>,
    /// Packets.
    #[attribute(IFLA_TXQLEN)]
    pub txqueuelen: Option<u32>,
    /// Transmit queues.
    #[attribute(IFLA_NUM_TX_QUEUES, create_only)]
    pub numtxqueues: Option<u32>,
    /// Receive queues.
    #[attribute(IFLA_NUM_RX_QUEUES, create_only)]
    pub numrxqueues: Option<u32>,
    /// Bytes.
    #[attribute(IFLA_GSO_MAX_SIZE)]
    pub gso_max_size: Option<u32>,
    /// Segments that the device may cut a packet into.
    #[attribute(IFLA_GSO_MAX_SEGS)]
    pub gso_max_segs: Option<u32>,
    /// Bytes.
    #[attribute(IFLA_GRO_MAX_SIZE)]
    pub gro_max_size: Option<u32>,
    /// Bytes. The kernel sets it along with `gso_max_size`, so it comes later.
    #[attribute(IFLA_GSO_IPV4_MAX_SIZE)]
    pub gso_ipv4_max_size: Option<u32>,
    /// Bytes. The kernel sets it along with `gro_max_size`, so it comes later.
    #[attribute(IFLA_GRO_IPV4_MAX_SIZE)]
    pub gro_ipv4_max_size: Option<u32>,
    /// Whether a protocol holds the carrier down.
    #[attribute(IFLA_PROTO_DOWN)]
    pub protodown: Option<bool>,
    /// The link's own link-layer address.
    #[attribute(IFLA_ADDRESS)]
    pub mac_address: Option<MacAddress>,
    /// The link-layer broadcast address, or that of the far end of a point-to-point link.
    #[attribute(IFLA_BROADCAST)]
    pub broadcast: Option<MacAddress>,
    /// A note for people; empty for none.
    #[attribute(IFLA_IFALIAS, absent = String::new())]
    pub alias: Option<String>,
}

/// Interface flags that can be set (netdevice(7)).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Flags)]
#[serde(deny_unknown_fields, default)]
pub struct LinkFlags {
    /// Whether the link is to carry traffic.
    #[flag(IFF_UP)]
    pub up: Option<bool>,
    /// Whether addresses are resolved.
    #[flag(not IFF_NOARP)]
    pub arp: Option<bool>,
    /// Whether multicast is carried.
    #[flag(IFF_MULTICAST)]
    pub multicast: Option<bool>,
    /// Whether all multicast is received.
    #[flag(IFF_ALLMULTI)]
    pub allmulticast: Option<bool>,
    /// Whether everything is received.
    #[flag(IFF_PROMISC)]
    pub promisc: Option<bool>,
    /// A relic that the kernel only stores.
    #[flag(not IFF_NOTRAILERS)]
    pub trailers: Option<bool>,
}

/// What of a link can only be observed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkStatus {
    /// The interface index.
    pub index: u32,
    /// `ifi_type`: `ARPHRD_…`.
    pub device_type: u16,
    /// `ifi_flags`, whole.
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
    /// `IFLA_PERM_ADDRESS`: the address that the hardware came with.
    pub permanent_address: Option<MacAddress>,
    /// `IFLA_STATS64`.
    pub statistics: Statistics,
}

/// Counters since the link was made (`struct rtnl_link_stats64`).
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
