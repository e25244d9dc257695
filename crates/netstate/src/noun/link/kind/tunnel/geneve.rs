//! A GENEVE tunnel of Ethernet frames or packets (RFC 8926; `IFLA_GENEVE_…`, include/uapi/linux/if_link.h;
//! drivers/net/geneve.c).

use std::net::{IpAddr, Ipv4Addr};

use serde::{Deserialize, Serialize};

use super::{new_ethernet_tunnel, new_ip_tunnel};
use crate::attribute::{Attributes, Fields};
use crate::noun::link::kind::{Below, CreatedBy, Kind, KindFacts, LinkBelow, MtuAtCreation};
use crate::noun::link::new_device::NewDevice;

const ANY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// The attributes of a GENEVE tunnel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Attributes)]
#[serde(deny_unknown_fields, default)]
pub struct Geneve {
    /// The virtual network identifier, 24 bits.
    #[attribute(IFLA_GENEVE_ID, create_only)]
    pub id: Option<u32>,
    /// The remote endpoint.
    #[attribute(IFLA_GENEVE_REMOTE, or = IFLA_GENEVE_REMOTE6, absent = ANY)]
    pub remote: Option<IpAddr>,
    /// The TTL of tunnelled packets; zero means the kernel's default.
    #[attribute(IFLA_GENEVE_TTL)]
    pub ttl: Option<u8>,
    /// Whether the TTL is copied from the inner packet.
    #[attribute(IFLA_GENEVE_TTL_INHERIT, absent = false)]
    pub ttl_inherit: Option<bool>,
    /// The DS field of tunnelled packets; 1 copies that of the inner packet.
    #[attribute(IFLA_GENEVE_TOS)]
    pub tos: Option<u8>,
    /// Don't Fragment: 0 unset, 1 set, 2 as in the inner packet.
    #[attribute(IFLA_GENEVE_DF)]
    pub df: Option<u8>,
    /// The flow label of tunnelled packets over IPv6.
    #[attribute(IFLA_GENEVE_LABEL, big_endian)]
    pub flowlabel: Option<u32>,
    /// The UDP port of the remote endpoint.
    #[attribute(IFLA_GENEVE_PORT, create_only, big_endian)]
    pub dstport: Option<u16>,
    /// Whether each packet carries its tunnel parameters.
    #[attribute(IFLA_GENEVE_COLLECT_METADATA, presence, create_only)]
    pub external: Option<bool>,
    /// Whether packets over IPv4 carry a UDP checksum.
    #[attribute(IFLA_GENEVE_UDP_CSUM, create_only, absent = false)]
    pub udpcsum: Option<bool>,
    /// Whether packets over IPv6 carry no UDP checksum.
    #[attribute(IFLA_GENEVE_UDP_ZERO_CSUM6_TX, create_only, absent = false)]
    pub udp6zerocsumtx: Option<bool>,
    /// Whether packets over IPv6 are received without a UDP checksum.
    #[attribute(IFLA_GENEVE_UDP_ZERO_CSUM6_RX, create_only, absent = false)]
    pub udp6zerocsumrx: Option<bool>,
    /// Whether the tunnel carries packets of the protocol that the outer header names, instead of Ethernet frames.
    #[attribute(IFLA_GENEVE_INNER_PROTO_INHERIT, presence, create_only)]
    pub innerprotoinherit: Option<bool>,
}

impl Geneve {
    fn is_over_ipv6(&self) -> bool {
        self.remote.is_some_and(|remote| remote.is_ipv6())
    }
}

impl Kind for Geneve {
    const FACTS: KindFacts = KindFacts {
        name: "geneve",
        created_by: CreatedBy::Netlink,
        link_below: LinkBelow::Never,
        changes_whole: false,
        enslaves: None,
        paired: false,
        // Tunnelled packets would stay in the namespace where the tunnel was created.
        moves: false,
        mtu_of_ports: false,
        // `geneve_link_config` changes an MTU that it does not accept.
        mtu: MtuAtCreation::ToldNext,
        mtu_while_down: false,
        mtu_limits: None,
    };

    fn minimal() -> Self {
        let remote = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
        Self { id: Some(1), remote: Some(remote), ..Self::default() }
    }

    /// `geneve_nl2info`. The identifier has no default.
    fn kernel_default() -> Self {
        Self {
            id: None,
            remote: Some(ANY),
            ttl: Some(0),
            ttl_inherit: Some(false),
            tos: Some(0),
            df: Some(0),
            flowlabel: Some(0),
            dstport: Some(6081),
            external: Some(false),
            udpcsum: Some(false),
            udp6zerocsumtx: Some(false),
            udp6zerocsumrx: Some(false),
            innerprotoinherit: Some(false),
        }
    }

    /// `geneve_configure`.
    fn new_device(&self, _: bool) -> NewDevice {
        match self.innerprotoinherit {
            Some(true) => new_ip_tunnel(),
            Some(false) | None => new_ethernet_tunnel(),
        }
    }

    fn below(&self) -> Below {
        Below::default()
    }

    /// A tunnel that does not use IPv6 receives none, and the kernel says that it does so without checksums. The TTL
    /// that a tunnel had before it copied that of the inner packet has no effect.
    fn add_unreported(&mut self) {
        if !self.is_over_ipv6() {
            self.udp6zerocsumrx = Some(false);
        }
        if self.ttl_inherit == Some(true) {
            self.ttl = Some(0);
        }
    }

    /// `geneve_nl2info` reads a TTL only if the request does not say whether it is copied, and takes it for not copied
    /// then.
    fn stated(&self) -> Self {
        let ttl = self.ttl.filter(|_| self.ttl_inherit != Some(true));
        Self { ttl, ttl_inherit: self.ttl_inherit.filter(|_| ttl.is_none()), ..self.clone() }
    }

    /// The remote endpoint stays in its family, and nothing of a tunnel with external parameters changes
    /// (`geneve_changelink`).
    fn needs_recreation(&self, seen: &Self) -> bool {
        let other_family = self.remote.is_some() && self.is_over_ipv6() != seen.is_over_ipv6();
        other_family || seen.external == Some(true) && !self.changes(seen).is_empty()
    }

    /// Two tunnels to one remote endpoint differ in their identifiers.
    fn lacks(&self) -> Option<&'static str> {
        (self.id.is_none() && self.external != Some(true)).then_some("id")
    }
}
