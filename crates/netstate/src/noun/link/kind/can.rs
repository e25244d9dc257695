//! A virtual CAN bus within the host (drivers/net/can/vcan.c), and one end of a virtual CAN cable
//! (drivers/net/can/vxcan.c), whose other end is the link's `peer`.

use serde::{Deserialize, Serialize};

use crate::attribute::Attributes;
use crate::noun::link::kind::{Below, CreatedBy, Kind, KindFacts, LinkBelow, MtuAtCreation};
use crate::noun::link::new_device::{NewDevice, point_to_point};
use crate::uapi::IFF_NOARP;

/// `CANFD_MTU`: the size of a frame (include/uapi/linux/can.h).
const CANFD_MTU: u32 = 72;

macro_rules! can {
    ($(#[$doc:meta])* $name:ident = $kind:literal, paired: $is_paired:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Attributes)]
        #[serde(deny_unknown_fields)]
        pub struct $name {}

        impl Kind for $name {
            const FACTS: KindFacts = KindFacts {
                name: $kind,
                created_by: CreatedBy::Netlink,
                link_below: LinkBelow::Never,
                changes_whole: false,
                enslaves: None,
                paired: $is_paired,
                moves: true,
                mtu_of_ports: false,
                // A new one takes any number. Later only the size of a kind of frame is accepted (`vcan_change_mtu`).
                mtu: MtuAtCreation::ToldNext,
                mtu_while_down: true,
                // `CAN_MTU` and `CANXL_MAX_MTU`.
                mtu_limits: Some((16, 2060)),
            };

            fn minimal() -> Self {
                Self::default()
            }

            fn kernel_default() -> Self {
                Self {}
            }

            /// `vcan_setup` and `vxcan_setup`.
            fn new_device(&self, _: bool) -> NewDevice {
                let mut new = point_to_point(1000, IFF_NOARP);
                new.attributes.mtu = Some(CANFD_MTU);
                new
            }

            fn below(&self) -> Below {
                Below::default()
            }
        }
    };
}

can! {
    /// The attributes of a bus: none.
    Vcan = "vcan", paired: false
}

can! {
    /// The attributes of an end of a cable: none.
    Vxcan = "vxcan", paired: true
}
