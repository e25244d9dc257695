//! IPv6, IPv4 or MPLS in IPv4, and 6rd (RFC 4213, RFC 5969; `IFLA_IPTUN_…`,
//! include/uapi/linux/if_tunnel.h; net/ipv6/sit.c).

use std::net::{Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use super::new_ip_tunnel;
use crate::attribute::Attributes;
use crate::noun::link::kind::{
    Below, BelowAttribute, CreatedBy, Kind, KindFacts, LinkBelow, MtuAtCreation,
};
use crate::noun::link::new_device::NewDevice;
use crate::uapi::{IFLA_IPTUN_LINK, IPPROTO_IPV6};

const ANY: Ipv4Addr = Ipv4Addr::UNSPECIFIED;

/// The attributes of a SIT tunnel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Attributes)]
#[serde(deny_unknown_fields, default)]
pub struct Sit {
    /// The remote endpoint; unspecified for any.
    #[attribute(IFLA_IPTUN_REMOTE)]
    pub remote: Option<Ipv4Addr>,
    /// The source address of tunnelled packets; unspecified means that routing decides.
    #[attribute(IFLA_IPTUN_LOCAL)]
    pub local: Option<Ipv4Addr>,
    /// The protocol of the inner packets: IPv6, IPv4, MPLS, or zero for all.
    #[attribute(IFLA_IPTUN_PROTO, create_only)]
    pub mode: Option<u8>,
    /// The TTL of tunnelled packets; zero copies that of the inner packet.
    #[attribute(IFLA_IPTUN_TTL)]
    pub ttl: Option<u8>,
    /// The DS field of tunnelled packets; 1 copies that of the inner packet.
    #[attribute(IFLA_IPTUN_TOS)]
    pub tos: Option<u8>,
    /// Whether tunnelled packets must not be fragmented, so that the path MTU is found.
    #[attribute(IFLA_IPTUN_PMTUDISC)]
    pub pmtudisc: Option<bool>,
    /// The firewall mark of tunnelled packets.
    #[attribute(IFLA_IPTUN_FWMARK)]
    pub fwmark: Option<u32>,
    /// Whether the tunnel is an interface of the Intra-Site Automatic Tunnel Addressing Protocol.
    #[attribute(IFLA_IPTUN_FLAGS, bit = SIT_ISATAP, create_only)]
    pub isatap: Option<bool>,
    /// The IPv6 prefix of 6rd.
    #[attribute(IFLA_IPTUN_6RD_PREFIX)]
    pub prefix_6rd: Option<Ipv6Addr>,
    /// Its length.
    #[attribute(IFLA_IPTUN_6RD_PREFIXLEN)]
    pub prefixlen_6rd: Option<u16>,
    /// The IPv4 prefix that all 6rd addresses share and omit.
    #[attribute(IFLA_IPTUN_6RD_RELAY_PREFIX)]
    pub relay_prefix_6rd: Option<Ipv4Addr>,
    /// Its length.
    #[attribute(IFLA_IPTUN_6RD_RELAY_PREFIXLEN)]
    pub relay_prefixlen_6rd: Option<u16>,
    /// A header of UDP around the packet: 0 none, 1 FOU, 2 GUE.
    #[attribute(IFLA_IPTUN_ENCAP_TYPE)]
    pub encap: Option<u16>,
    /// Whether packets over IPv4 carry a UDP checksum.
    #[attribute(IFLA_IPTUN_ENCAP_FLAGS, bit = TUNNEL_ENCAP_FLAG_CSUM)]
    pub encap_csum: Option<bool>,
    /// Whether packets over IPv6 carry a UDP checksum.
    #[attribute(IFLA_IPTUN_ENCAP_FLAGS, bit = TUNNEL_ENCAP_FLAG_CSUM6)]
    pub encap_csum6: Option<bool>,
    /// Whether GUE offloads the checksum of the inner packet to the remote end.
    #[attribute(IFLA_IPTUN_ENCAP_FLAGS, bit = TUNNEL_ENCAP_FLAG_REMCSUM)]
    pub encap_remcsum: Option<bool>,
    /// The UDP source port; zero chooses one for each flow.
    #[attribute(IFLA_IPTUN_ENCAP_SPORT, big_endian)]
    pub encap_sport: Option<u16>,
    /// The UDP destination port.
    #[attribute(IFLA_IPTUN_ENCAP_DPORT, big_endian)]
    pub encap_dport: Option<u16>,
}

impl Sit {
    /// The TTL of a tunnel that is not told one (`ipip6_netlink_parms`).
    const TTL: u8 = 64;
}

impl Kind for Sit {
    const FACTS: KindFacts = KindFacts {
        name: "sit",
        created_by: CreatedBy::Netlink,
        link_below: LinkBelow::Optional(BelowAttribute::Stored(IFLA_IPTUN_LINK)),
        // `ipip6_netlink_parms` starts from zero.
        changes_whole: true,
        enslaves: None,
        paired: false,
        // Tunnelled packets would stay in the namespace where the tunnel was created.
        moves: false,
        mtu_of_ports: false,
        // `ipip6_newlink` ignores an MTU that it does not accept.
        mtu: MtuAtCreation::ToldNext,
        mtu_while_down: false,
        mtu_limits: None,
    };

    /// Without a remote address it would be the tunnel that each namespace has (`sit0`).
    fn minimal() -> Self {
        Self { remote: Some(Ipv4Addr::new(192, 0, 2, 1)), ..Self::default() }
    }

    /// `ipip6_netlink_parms`.
    fn kernel_default() -> Self {
        Self {
            remote: Some(ANY),
            local: Some(ANY),
            mode: Some(IPPROTO_IPV6),
            ttl: Some(Self::TTL),
            tos: Some(0),
            pmtudisc: Some(true),
            fwmark: Some(0),
            isatap: Some(false),
            // `ipip6_tunnel_clone_6rd`: 6to4 (RFC 3056).
            prefix_6rd: Some(Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0)),
            prefixlen_6rd: Some(16),
            relay_prefix_6rd: Some(ANY),
            relay_prefixlen_6rd: Some(0),
            encap: Some(0),
            encap_csum: Some(false),
            encap_csum6: Some(false),
            encap_remcsum: Some(false),
            encap_sport: Some(0),
            encap_dport: Some(0),
        }
    }

    /// `ipip6_tunnel_setup`.
    fn new_device(&self, _: bool) -> NewDevice {
        new_ip_tunnel()
    }

    fn below(&self) -> Below {
        Below::default()
    }

    /// A request with a TTL turns path MTU discovery on (`ip_tunnel_netlink_parms`).
    fn stated(&self) -> Self {
        let is_off = self.pmtudisc == Some(false);
        let ttl = self.ttl.filter(|ttl| !is_off || *ttl != Self::TTL);
        Self { ttl, ..self.clone() }
    }

    /// `ipip6_changelink`.
    fn needs_recreation(&self, seen: &Self) -> bool {
        let is_any = |remote: Ipv4Addr| remote.is_unspecified();
        self.remote.is_some_and(|remote| Some(is_any(remote)) != seen.remote.map(is_any))
    }
}
