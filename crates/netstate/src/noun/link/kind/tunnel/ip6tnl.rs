//! IPv6, IPv4 or MPLS in IPv6 (RFC 2473; `IFLA_IPTUN_…`, include/uapi/linux/if_tunnel.h;
//! net/ipv6/ip6_tunnel.c).

use std::net::Ipv6Addr;

use serde::{Deserialize, Serialize};

use super::{FlowInfo, new_ip_tunnel};
use crate::attribute::{Attributes, Fields};
use crate::noun::link::kind::{
    Below, BelowAttribute, CreatedBy, Kind, KindFacts, LinkBelow, MtuAtCreation,
};
use crate::noun::link::new_device::NewDevice;
use crate::uapi::IFLA_IPTUN_LINK;

const ANY: Ipv6Addr = Ipv6Addr::UNSPECIFIED;

/// The attributes of an IPv6 tunnel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Attributes)]
#[serde(deny_unknown_fields, default)]
pub struct Ip6tnl {
    /// The remote endpoint; unspecified for any.
    #[attribute(IFLA_IPTUN_REMOTE)]
    pub remote: Option<Ipv6Addr>,
    /// The source address of tunnelled packets; unspecified means that routing decides.
    #[attribute(IFLA_IPTUN_LOCAL)]
    pub local: Option<Ipv6Addr>,
    /// The protocol of the inner packets: IPv6, IPv4, or zero for all.
    #[attribute(IFLA_IPTUN_PROTO)]
    pub mode: Option<u8>,
    /// The hop limit of tunnelled packets; zero means the kernel's default.
    #[attribute(IFLA_IPTUN_TTL)]
    pub hoplimit: Option<u8>,
    /// How often a tunnelled packet may be tunnelled again (RFC 2473, section 4.1.1).
    #[attribute(IFLA_IPTUN_ENCAP_LIMIT)]
    pub encaplimit: Option<u8>,
    /// Whether tunnelled packets carry no such limit.
    #[attribute(IFLA_IPTUN_FLAGS, bit = IP6_TNL_F_IGN_ENCAP_LIMIT)]
    pub no_encaplimit: Option<bool>,
    /// The traffic class of tunnelled packets.
    pub tclass: Option<u8>,
    /// The flow label of tunnelled packets.
    pub flowlabel: Option<u32>,
    /// Both, in requests only.
    #[serde(skip)]
    #[attribute(IFLA_IPTUN_FLOWINFO, big_endian)]
    pub has_flowinfo: Option<u32>,
    /// Whether the traffic class is copied from the inner packet.
    #[attribute(IFLA_IPTUN_FLAGS, bit = IP6_TNL_F_USE_ORIG_TCLASS)]
    pub inherit_tclass: Option<bool>,
    /// Whether the flow label is copied from the inner packet.
    #[attribute(IFLA_IPTUN_FLAGS, bit = IP6_TNL_F_USE_ORIG_FLOWLABEL)]
    pub inherit_flowlabel: Option<bool>,
    /// Whether the traffic class is copied to the inner packet.
    #[attribute(IFLA_IPTUN_FLAGS, bit = IP6_TNL_F_RCV_DSCP_COPY)]
    pub inherit_dscp: Option<bool>,
    /// Whether the firewall mark is that of the inner packet.
    #[attribute(IFLA_IPTUN_FLAGS, bit = IP6_TNL_F_USE_ORIG_FWMARK)]
    pub inherit_fwmark: Option<bool>,
    /// Whether the remote end may be an address of this host.
    #[attribute(IFLA_IPTUN_FLAGS, bit = IP6_TNL_F_ALLOW_LOCAL_REMOTE)]
    pub allow_localremote: Option<bool>,
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

impl Kind for Ip6tnl {
    const FACTS: KindFacts = KindFacts {
        name: "ip6tnl",
        created_by: CreatedBy::Netlink,
        link_below: LinkBelow::Optional(BelowAttribute::Stored(IFLA_IPTUN_LINK)),
        // `ip6_tnl_netlink_parms` starts from zero.
        changes_whole: true,
        enslaves: None,
        paired: false,
        // Tunnelled packets would stay in the namespace where the tunnel was created.
        moves: false,
        mtu_of_ports: false,
        // `ip6_tnl_newlink` ignores an MTU that it does not accept.
        mtu: MtuAtCreation::ToldNext,
        mtu_while_down: false,
        mtu_limits: None,
    };

    /// Without a remote address it would be the tunnel that each namespace has (`ip6tnl0`).
    fn minimal() -> Self {
        Self { remote: Some(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)), ..Self::default() }
    }

    /// `ip6_tnl_netlink_parms`.
    fn kernel_default() -> Self {
        Self {
            remote: Some(ANY),
            local: Some(ANY),
            mode: Some(0),
            hoplimit: Some(0),
            encaplimit: Some(0),
            no_encaplimit: Some(false),
            tclass: Some(0),
            flowlabel: Some(0),
            has_flowinfo: None,
            inherit_tclass: Some(false),
            inherit_flowlabel: Some(false),
            inherit_dscp: Some(false),
            inherit_fwmark: Some(false),
            allow_localremote: Some(false),
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

    /// `ip6_tnl_dev_setup`.
    fn new_device(&self, _: bool) -> NewDevice {
        new_ip_tunnel()
    }

    fn below(&self) -> Below {
        Below::default()
    }

    fn add_unreported(&mut self) {
        (self.tclass, self.flowlabel) = FlowInfo::split(self.has_flowinfo.take());
    }

    fn stated(&self) -> Self {
        let has_flowinfo = FlowInfo::join(self.tclass, self.flowlabel);
        Self { has_flowinfo, ..self.clone() }
    }

    /// The kernel takes a tunnel without addresses for the one that each namespace has
    /// (`ip6_tnl_changelink`).
    fn needs_recreation(&self, seen: &Self) -> bool {
        seen.external == Some(true) && !self.changes(seen).is_empty()
    }
}
