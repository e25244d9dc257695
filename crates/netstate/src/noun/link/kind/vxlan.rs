//! A VXLAN tunnel end point (RFC 7348; `IFLA_VXLAN_…`, include/uapi/linux/if_link.h).

use std::net::{IpAddr, Ipv4Addr};

use serde::{Deserialize, Serialize};

use crate::attribute::{Attributes, Value};
use crate::noun::link::kind::{
    Below, BelowAttribute, CreatedBy, ETHER_MTU, Kind, KindFacts, LinkBelow, MtuAtCreation,
};
use crate::noun::link::new_device::{NewDevice, ethernet};
use crate::uapi::{IFF_MULTICAST, IFLA_VXLAN_LINK};

const ANY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// The attributes of a VXLAN device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Attributes)]
#[serde(deny_unknown_fields, default)]
pub struct Vxlan {
    /// The VXLAN network identifier, 24 bits.
    #[attribute(IFLA_VXLAN_ID, create_only)]
    pub id: Option<u32>,
    /// The destination of frames to unknown stations: a remote endpoint or a multicast group;
    /// unspecified for none.
    #[attribute(IFLA_VXLAN_GROUP, or = IFLA_VXLAN_GROUP6, absent = ANY)]
    pub remote: Option<IpAddr>,
    /// The source address of tunnelled packets; unspecified means that routing decides.
    #[attribute(IFLA_VXLAN_LOCAL, or = IFLA_VXLAN_LOCAL6, absent = ANY)]
    pub local: Option<IpAddr>,
    /// The TTL of tunnelled packets; zero means the kernel's default.
    #[attribute(IFLA_VXLAN_TTL)]
    pub ttl: Option<u8>,
    /// The DS field of tunnelled packets.
    #[attribute(IFLA_VXLAN_TOS)]
    pub tos: Option<u8>,
    /// Don't Fragment: 0 unset, 1 set, 2 as in the inner packet.
    #[attribute(IFLA_VXLAN_DF)]
    pub df: Option<u8>,
    /// The UDP port of the remote endpoints.
    #[attribute(IFLA_VXLAN_PORT, create_only, big_endian)]
    pub dstport: Option<u16>,
    /// The range of UDP source ports of tunnelled packets.
    #[attribute(IFLA_VXLAN_PORT_RANGE, create_only)]
    pub srcport: Option<PortRange>,
    /// Whether the device learns behind which remote endpoint a station is.
    #[attribute(IFLA_VXLAN_LEARNING)]
    pub learning: Option<bool>,
    /// Route short circuit.
    #[attribute(IFLA_VXLAN_RSC, create_only)]
    pub rsc: Option<bool>,
    /// Whether ARP requests are answered from the neighbour table.
    #[attribute(IFLA_VXLAN_PROXY, create_only)]
    pub proxy: Option<bool>,
    /// Whether programs are notified of frames to unknown stations.
    #[attribute(IFLA_VXLAN_L2MISS, create_only)]
    pub l2miss: Option<bool>,
    /// Whether programs are notified of unknown neighbours.
    #[attribute(IFLA_VXLAN_L3MISS, create_only)]
    pub l3miss: Option<bool>,
    /// Whether packets over IPv4 carry a UDP checksum.
    #[attribute(IFLA_VXLAN_UDP_CSUM, create_only)]
    pub udpcsum: Option<bool>,
    /// The time in seconds for which a learned station is remembered.
    #[attribute(IFLA_VXLAN_AGEING)]
    pub ageing: Option<u32>,
    /// The maximum number of learned stations; zero means no limit.
    #[attribute(IFLA_VXLAN_LIMIT)]
    pub maxaddress: Option<u32>,
    /// Whether each packet carries its tunnel parameters.
    #[attribute(IFLA_VXLAN_COLLECT_METADATA, create_only)]
    pub external: Option<bool>,
    /// Whether only configured VNIs are received.
    #[attribute(IFLA_VXLAN_VNIFILTER, create_only)]
    pub vnifilter: Option<bool>,
}

impl Kind for Vxlan {
    const FACTS: KindFacts = KindFacts {
        name: "vxlan",
        created_by: CreatedBy::Netlink,
        link_below: LinkBelow::Optional(BelowAttribute::InfoData(IFLA_VXLAN_LINK)),
        changes_whole: false,
        enslaves: None,
        paired: false,
        moves: true,
        mtu_of_ports: false,
        mtu: MtuAtCreation::Told,
        mtu_while_down: false,
        mtu_limits: Some(ETHER_MTU),
    };

    fn minimal() -> Self {
        Self { id: Some(1), ..Self::default() }
    }

    /// A new device (`vxlan_nl2conf` and `vxlan_setup`, drivers/net/vxlan/vxlan_core.c). Its
    /// identifier has no default.
    fn kernel_default() -> Self {
        Self {
            id: None,
            remote: Some(ANY),
            local: Some(ANY),
            ttl: Some(0),
            tos: Some(0),
            df: Some(0),
            dstport: Some(8472),
            srcport: Some(PortRange { low: 0, high: 0 }),
            learning: Some(true),
            rsc: Some(false),
            proxy: Some(false),
            l2miss: Some(false),
            l3miss: Some(false),
            udpcsum: Some(true),
            ageing: Some(300),
            maxaddress: Some(0),
            external: Some(false),
            vnifilter: Some(false),
        }
    }

    /// With an underlay, the MTU is the underlay's minus the overhead.
    fn new_device(&self, on_link: bool) -> NewDevice {
        let mut new = ethernet(1000, IFF_MULTICAST);
        new.attributes.mtu.take_if(|_| on_link);
        new
    }

    /// `vxlan_fill_info`, drivers/net/vxlan/vxlan_core.c.
    fn add_unreported(&mut self) {
        self.vnifilter.get_or_insert(false);
    }

    fn below(&self) -> Below {
        Below::default()
    }
}

/// The first and the last UDP port of a range (`struct ifla_vxlan_port_range`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "(u16, u16)", into = "(u16, u16)")]
pub struct PortRange {
    /// The first.
    pub low: u16,
    /// The last.
    pub high: u16,
}

impl TryFrom<(u16, u16)> for PortRange {
    type Error = &'static str;

    fn try_from((low, high): (u16, u16)) -> Result<Self, &'static str> {
        if low <= high { Ok(Self { low, high }) } else { Err("the range ends before it begins") }
    }
}

impl From<PortRange> for (u16, u16) {
    fn from(PortRange { low, high }: PortRange) -> Self {
        (low, high)
    }
}

impl Value for PortRange {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend(self.low.to_be_bytes());
        out.extend(self.high.to_be_bytes());
    }

    fn take(bytes: &[u8]) -> Option<Self> {
        let [a, b, c, d] = bytes.try_into().ok()?;
        Some(Self { low: u16::from_be_bytes([a, b]), high: u16::from_be_bytes([c, d]) })
    }
}
