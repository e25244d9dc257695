//! IPv4 or MPLS in IPv4 (RFC 2003; `IFLA_IPTUN_…`, include/uapi/linux/if_tunnel.h; net/ipv4/ipip.c).

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::{Reach, new_ip_tunnel};
use crate::attribute::Attributes;
use crate::noun::link::kind::{
    Below, BelowAttribute, CreatedBy, Kind, KindFacts, LinkBelow, MtuAtCreation,
};
use crate::noun::link::new_device::NewDevice;
use crate::uapi::{IFLA_IPTUN_LINK, IPPROTO_IPIP};

const ANY: Ipv4Addr = Ipv4Addr::UNSPECIFIED;

/// The attributes of an IPIP tunnel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Attributes)]
#[serde(deny_unknown_fields, default)]
pub struct Ipip {
    /// The remote endpoint; unspecified for any.
    #[attribute(IFLA_IPTUN_REMOTE)]
    pub remote: Option<Ipv4Addr>,
    /// The source address of tunnelled packets; unspecified means that routing decides.
    #[attribute(IFLA_IPTUN_LOCAL)]
    pub local: Option<Ipv4Addr>,
    /// The protocol of the inner packets: IPv4, MPLS, or zero for both.
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
    /// Whether each packet carries its tunnel parameters.
    #[attribute(IFLA_IPTUN_COLLECT_METADATA, presence, create_only)]
    pub external: Option<bool>,
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

impl Kind for Ipip {
    const FACTS: KindFacts = KindFacts {
        name: "ipip",
        created_by: CreatedBy::Netlink,
        link_below: LinkBelow::Optional(BelowAttribute::Stored(IFLA_IPTUN_LINK)),
        // `ipip_netlink_parms` starts from zero.
        changes_whole: true,
        enslaves: None,
        paired: false,
        // Tunnelled packets would stay in the namespace where the tunnel was created.
        moves: false,
        mtu_of_ports: false,
        // `ip_tunnel_newlink` changes an MTU that it does not accept.
        mtu: MtuAtCreation::ToldNext,
        mtu_while_down: false,
        mtu_limits: None,
    };

    /// Without a remote address it would be the tunnel that each namespace has (`tunl0`).
    fn minimal() -> Self {
        Self { remote: Some(Ipv4Addr::new(192, 0, 2, 1)), ..Self::default() }
    }

    /// `ipip_netlink_parms`.
    fn kernel_default() -> Self {
        Self {
            remote: Some(ANY),
            local: Some(ANY),
            mode: Some(IPPROTO_IPIP),
            ttl: Some(0),
            tos: Some(0),
            pmtudisc: Some(true),
            fwmark: Some(0),
            external: Some(false),
            encap: Some(0),
            encap_csum: Some(false),
            encap_csum6: Some(false),
            encap_remcsum: Some(false),
            encap_sport: Some(0),
            encap_dport: Some(0),
        }
    }

    /// `ipip_tunnel_setup`.
    fn new_device(&self, _: bool) -> NewDevice {
        new_ip_tunnel()
    }

    fn below(&self) -> Below {
        Below::default()
    }

    /// `ip_tunnel_changelink`.
    fn needs_recreation(&self, seen: &Self) -> bool {
        Reach::differs(self.remote, seen.remote)
    }
}
