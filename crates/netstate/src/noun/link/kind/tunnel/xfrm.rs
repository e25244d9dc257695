//! An IPsec interface: policies and states with its identifier belong to it (`IFLA_XFRM_…`,
//! include/uapi/linux/if_link.h; net/xfrm/xfrm_interface_core.c).

use serde::{Deserialize, Serialize};

use crate::attribute::Attributes;
use crate::noun::link::kind::{
    Below, BelowAttribute, CreatedBy, ETHER_MTU, Kind, KindFacts, LinkBelow, MtuAtCreation,
};
use crate::noun::link::new_device::{NewDevice, point_to_point};
use crate::uapi::{IFF_NOARP, IFLA_XFRM_LINK};

/// The attributes of an IPsec interface.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Attributes)]
#[serde(deny_unknown_fields, default)]
pub struct Xfrm {
    /// The identifier of the policies and states. A change must state the link below, also if that is gone
    /// (`xfrmi_change`).
    #[attribute(IFLA_XFRM_IF_ID, create_only)]
    pub if_id: Option<u32>,
    /// Whether each packet carries its identifier.
    #[attribute(IFLA_XFRM_COLLECT_METADATA, presence, create_only)]
    pub external: Option<bool>,
}

impl Kind for Xfrm {
    const FACTS: KindFacts = KindFacts {
        name: "xfrm",
        created_by: CreatedBy::Netlink,
        link_below: LinkBelow::Optional(BelowAttribute::Stored(IFLA_XFRM_LINK)),
        changes_whole: false,
        enslaves: None,
        paired: false,
        // Packets would stay in the namespace where the interface was created.
        moves: false,
        mtu_of_ports: false,
        mtu: MtuAtCreation::Told,
        mtu_while_down: false,
        mtu_limits: Some(ETHER_MTU),
    };

    fn minimal() -> Self {
        Self { if_id: Some(1), ..Self::default() }
    }

    /// The identifier has no default.
    fn kernel_default() -> Self {
        Self { if_id: None, external: Some(false) }
    }

    /// `xfrmi_dev_setup`.
    fn new_device(&self, _: bool) -> NewDevice {
        point_to_point(1000, IFF_NOARP)
    }

    fn below(&self) -> Below {
        Below::default()
    }

    /// `xfrmi_newlink`.
    fn lacks(&self) -> Option<&'static str> {
        (self.if_id.is_none() && self.external != Some(true)).then_some("if_id")
    }
}
