//! A virtual tunnel interface: IPsec policies select what is sent through it by its keys
//! (`IFLA_VTI_…`, include/uapi/linux/if_tunnel.h; net/ipv4/ip_vti.c).

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::{Reach, new_ip_tunnel};
use crate::attribute::Attributes;
use crate::noun::link::kind::{
    Below, BelowAttribute, CreatedBy, Kind, KindFacts, LinkBelow, MtuAtCreation,
};
use crate::noun::link::new_device::NewDevice;
use crate::uapi::IFLA_VTI_LINK;

const ANY: Ipv4Addr = Ipv4Addr::UNSPECIFIED;

/// The attributes of a VTI over IPv4.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Attributes)]
#[serde(deny_unknown_fields, default)]
pub struct Vti {
    /// The remote endpoint; unspecified for any.
    #[attribute(IFLA_VTI_REMOTE)]
    pub remote: Option<Ipv4Addr>,
    /// The source address of tunnelled packets; unspecified means that routing decides.
    #[attribute(IFLA_VTI_LOCAL)]
    pub local: Option<Ipv4Addr>,
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

impl Kind for Vti {
    const FACTS: KindFacts = KindFacts {
        name: "vti",
        created_by: CreatedBy::Netlink,
        link_below: LinkBelow::Optional(BelowAttribute::Stored(IFLA_VTI_LINK)),
        // `vti_netlink_parms` starts from zero.
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

    /// Without a remote address it would be the tunnel that each namespace has (`ip_vti0`).
    fn minimal() -> Self {
        Self { remote: Some(Ipv4Addr::new(192, 0, 2, 1)), ..Self::default() }
    }

    /// `vti_netlink_parms`.
    fn kernel_default() -> Self {
        Self { remote: Some(ANY), local: Some(ANY), ikey: Some(0), okey: Some(0), fwmark: Some(0) }
    }

    /// `vti_tunnel_init`.
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
