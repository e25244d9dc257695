//! A dummy link, which drops all packets (drivers/net/dummy.c).

use serde::{Deserialize, Serialize};

use crate::attribute::Attributes;
use crate::noun::link::kind::{Below, CreatedBy, Kind, KindFacts, LinkBelow, MtuAtCreation};
use crate::noun::link::new_device::{NewDevice, ethernet};
use crate::uapi::IFF_NOARP;

/// The attributes of a dummy link: none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Attributes)]
#[serde(deny_unknown_fields)]
pub struct Dummy {}

impl Kind for Dummy {
    const FACTS: KindFacts = KindFacts {
        name: "dummy",
        created_by: CreatedBy::Netlink,
        link_below: LinkBelow::Never,
        changes_whole: false,
        enslaves: None,
        paired: false,
        moves: true,
        mtu_of_ports: false,
        mtu: MtuAtCreation::Told,
        mtu_while_down: false,
        mtu_limits: None,
    };

    fn minimal() -> Self {
        Self::default()
    }

    fn kernel_default() -> Self {
        Self {}
    }

    /// `dummy_setup`, drivers/net/dummy.c.
    fn new_device(&self, _: bool) -> NewDevice {
        ethernet(1000, IFF_NOARP)
    }

    fn below(&self) -> Below {
        Below::default()
    }
}
