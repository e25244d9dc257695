//! An intermediate functional block, to which tc redirects traffic (drivers/net/ifb.c).

use serde::{Deserialize, Serialize};

use crate::attribute::Attributes;
use crate::noun::link::kind::{Below, CreatedBy, Kind, KindFacts, LinkBelow, MtuAtCreation};
use crate::noun::link::new_device::{NewDevice, ethernet};
use crate::uapi::IFF_NOARP;

/// The attributes of an ifb: none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Attributes)]
#[serde(deny_unknown_fields)]
pub struct Ifb {}

impl Kind for Ifb {
    const FACTS: KindFacts = KindFacts {
        name: "ifb",
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

    /// `ifb_setup`, drivers/net/ifb.c (`TX_Q_LIMIT`).
    fn new_device(&self, _: bool) -> NewDevice {
        ethernet(32, IFF_NOARP)
    }

    fn below(&self) -> Below {
        Below::default()
    }
}
