//! A monitor of the netlink messages of its namespace (drivers/net/nlmon.c).

use serde::{Deserialize, Serialize};

use crate::attribute::Attributes;
use crate::noun::link::kind::{Below, CreatedBy, Kind, KindFacts, LinkBelow, MtuAtCreation};
use crate::noun::link::new_device::{NewDevice, point_to_point};
use crate::uapi::IFF_NOARP;

/// The attributes of a monitor: none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Attributes)]
#[serde(deny_unknown_fields)]
pub struct Nlmon {}

impl Kind for Nlmon {
    const FACTS: KindFacts = KindFacts {
        name: "nlmon",
        created_by: CreatedBy::Netlink,
        link_below: LinkBelow::Never,
        changes_whole: false,
        enslaves: None,
        paired: false,
        moves: true,
        mtu_of_ports: false,
        mtu: MtuAtCreation::Told,
        mtu_while_down: false,
        // The least is the header of a message (`nlmon_setup`).
        mtu_limits: Some((16, i32::MAX.cast_unsigned())),
    };

    fn minimal() -> Self {
        Self::default()
    }

    fn kernel_default() -> Self {
        Self {}
    }

    /// `nlmon_setup`. The MTU follows from the size of a page.
    fn new_device(&self, _: bool) -> NewDevice {
        let mut new = point_to_point(1000, IFF_NOARP);
        new.attributes.mtu = None;
        new
    }

    fn below(&self) -> Below {
        Below::default()
    }
}
