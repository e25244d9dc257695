//! A virtual tunnel interface over IPv6: IPsec policies select what is sent through it by its keys
//! (`IFLA_VTI_…`, include/uapi/linux/if_tunnel.h; net/ipv6/ip6_vti.c).

use std::net::Ipv6Addr;

use serde::{Deserialize, Serialize};

use super::new_ip_tunnel;
use crate::attribute::Attributes;
use crate::noun::link::kind::{
    Below, BelowAttribute, CreatedBy, Kind, KindFacts, LinkBelow, MtuAtCreation,
};
use crate::noun::link::new_device::NewDevice;
use crate::uapi::IFLA_VTI_LINK;

const ANY: Ipv6Addr = Ipv6Addr::UNSPECIFIED;

/// The attributes of a VTI over IPv6.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Attributes)]
#[serde(deny_unknown_fields, default)]
pub struct Vti6 {
    /// The remote endpoint; unspecified for any.
    #[attribute(IFLA_VTI_REMOTE)]
    pub remote: Option<Ipv6Addr>,
    /// The source address of tunnelled packets; unspecified means that routing decides.
    #[attribute(IFLA_VTI_LOCAL)]
    pub local: Option<Ipv6Addr>,
    /// The mark of the policies for received packets.
    #[attribute(IFLA_VTI_IKEY, big_endian)]
    pub ikey: Option<u32>,
    /// The mark of the policies for sent packets.
    #[attribute(IFLA_VTI_OKEY, big_endian)]
    pub okey: Option<u32>,
    /// The firewall mark of tunnelled packets.
    #[attribute(IFLA_VTI_FWMARK)]
    pub fwmark: Option<u32>,
}

impl Kind for Vti6 {
    const FACTS: KindFacts = KindFacts {
        name: "vti6",
        created_by: CreatedBy::Netlink,
        link_below: LinkBelow::Optional(BelowAttribute::Stored(IFLA_VTI_LINK)),
        // `vti6_netlink_parms` starts from zero.
        changes_whole: true,
        enslaves: None,
        paired: false,
        // Tunnelled packets would stay in the namespace where the tunnel was created.
        moves: false,
        mtu_of_ports: false,
        // `vti6_newlink` ignores an MTU that it does not accept.
        mtu: MtuAtCreation::ToldNext,
        mtu_while_down: false,
        mtu_limits: None,
    };

    /// Without a remote address it would be the tunnel that each namespace has (`ip6_vti0`).
    fn minimal() -> Self {
        Self { remote: Some(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)), ..Self::default() }
    }

    /// `vti6_netlink_parms`.
    fn kernel_default() -> Self {
        Self { remote: Some(ANY), local: Some(ANY), ikey: Some(0), okey: Some(0), fwmark: Some(0) }
    }

    /// `vti6_dev_setup`.
    fn new_device(&self, _: bool) -> NewDevice {
        new_ip_tunnel()
    }

    fn below(&self) -> Below {
        Below::default()
    }
}
