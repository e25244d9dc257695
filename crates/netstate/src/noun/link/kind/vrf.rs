//! A VRF: a routing table for the links that are enslaved to it (`IFLA_VRF_…`, include/uapi/linux/if_link.h;
//! Documentation/networking/vrf.rst).

use serde::{Deserialize, Serialize};

use crate::attribute::Attributes;
use crate::noun::link::kind::{
    Below, CreatedBy, Enslaving, Kind, KindFacts, LinkBelow, MtuAtCreation,
};
use crate::noun::link::new_device::{NewDevice, ethernet};
use crate::noun::link::{LinkAttributes, LinkFlags};
use crate::uapi::IFF_NOARP;

/// `IPV6_MIN_MTU` and `IP6_MAX_MTU`, the greatest IPv6 packet with its header (include/net/ipv6.h).
const MTU: (u32, u32) = (1280, 65_575);

/// The attributes of a VRF.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Attributes)]
#[serde(deny_unknown_fields, default)]
pub struct Vrf {
    /// The routing table.
    #[attribute(IFLA_VRF_TABLE, create_only)]
    pub table: Option<u32>,
}

impl Kind for Vrf {
    const FACTS: KindFacts = KindFacts {
        name: "vrf",
        created_by: CreatedBy::Netlink,
        link_below: LinkBelow::Never,
        changes_whole: false,
        enslaves: Some(Enslaving::Cycles),
        paired: false,
        moves: false,
        mtu_of_ports: false,
        mtu: MtuAtCreation::Told,
        mtu_while_down: false,
        mtu_limits: Some(MTU),
    };

    fn minimal() -> Self {
        Self { table: Some(10) }
    }

    /// The table has no default.
    fn kernel_default() -> Self {
        Self::default()
    }

    /// `vrf_setup` and `vrf_dev_init`, drivers/net/vrf.c.
    fn new_device(&self, _: bool) -> NewDevice {
        let new = ethernet(1000, IFF_NOARP);
        NewDevice {
            attributes: LinkAttributes { mtu: Some(MTU.1), ..new.attributes },
            flags: LinkFlags { multicast: Some(false), ..new.flags },
        }
    }

    fn below(&self) -> Below {
        Below::default()
    }
}
