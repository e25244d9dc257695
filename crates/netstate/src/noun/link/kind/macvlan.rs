//! An Ethernet device with a MAC address of its own on another (`IFLA_MACVLAN_…`,
//! include/uapi/linux/if_link.h; drivers/net/macvlan.c), or one for a program
//! (drivers/net/macvtap.c).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::attribute::Attributes;
use crate::name::MacAddress;
use crate::noun::link::kind::{
    Below, BelowAttribute, CreatedBy, ETHER_MTU, Kind, KindFacts, LinkBelow, MtuAtCreation,
};
use crate::noun::link::new_device::{NewDevice, ethernet, on_ethernet};
use crate::uapi::{IFF_MULTICAST, MACVLAN_MACADDR_SET};

macro_rules! macvlan {
    ($(#[$doc:meta])* $name:ident = $kind:literal, tap: $is_tap:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Attributes)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            /// Which frames go to which device (`MACVLAN_MODE_…`).
            #[attribute(IFLA_MACVLAN_MODE)]
            pub mode: Option<u32>,
            /// Whether the link below does not become promiscuous in mode passthru.
            #[attribute(IFLA_MACVLAN_FLAGS, bit = MACVLAN_FLAG_NOPROMISC)]
            pub nopromisc: Option<bool>,
            /// Whether mode source also looks at destinations.
            #[attribute(IFLA_MACVLAN_FLAGS, bit = MACVLAN_FLAG_NODST)]
            pub nodst: Option<bool>,
            /// The number of broadcasts that the link below queues for its devices.
            #[attribute(IFLA_MACVLAN_BC_QUEUE_LEN)]
            pub bc_queue_len: Option<u32>,
            /// The sources whose frames a device in mode source receives.
            #[attribute(IFLA_MACVLAN_MACADDR_DATA, element = IFLA_MACVLAN_MACADDR)]
            pub macaddr: Option<BTreeSet<MacAddress>>,
            /// What is done with the sources, in requests only.
            #[serde(skip)]
            #[attribute(IFLA_MACVLAN_MACADDR_MODE)]
            pub has_macaddr: Option<u32>,
        }

        impl $name {
            /// `MACVLAN_MODE_VEPA`, a mode.
            pub const VEPA: u32 = 2;
            /// `MACVLAN_MODE_PASSTHRU`, a mode.
            pub const PASSTHRU: u32 = 8;
            /// `MACVLAN_MODE_SOURCE`, a mode.
            pub const SOURCE: u32 = 16;
        }

        impl Kind for $name {
            const FACTS: KindFacts = KindFacts {
                name: $kind,
                created_by: CreatedBy::Netlink,
                link_below: LinkBelow::Required(BelowAttribute::IflaLink),
                changes_whole: false,
                enslaves: None,
                paired: false,
                moves: true,
                mtu_of_ports: false,
                // A new one has the MTU of the link below, which may be about to change.
                mtu: MtuAtCreation::Follows,
                mtu_while_down: false,
                mtu_limits: Some((0, ETHER_MTU.1)),
            };

            fn minimal() -> Self {
                Self::default()
            }

            /// `macvlan_common_newlink`.
            fn kernel_default() -> Self {
                Self {
                    mode: Some(Self::VEPA),
                    nopromisc: Some(false),
                    nodst: Some(false),
                    bc_queue_len: Some(1000),
                    macaddr: Some(BTreeSet::new()),
                    has_macaddr: None,
                }
            }

            /// It takes the MTU and the limits of segments from the link below (`macvlan_init`).
            fn new_device(&self, _: bool) -> NewDevice {
                on_ethernet(ethernet(if $is_tap { 500 } else { 1000 }, IFF_MULTICAST))
            }

            /// `macvlan_device_event`.
            fn below(&self) -> Below {
                Below { mtu_within: true, survives_move: true, ..Below::default() }
            }

            /// Another mode than source has no sources, and refuses to be told so
            /// (`macvlan_changelink`).
            fn stated(&self) -> Self {
                let has_sources = self.mode.is_none_or(|mode| mode == Self::SOURCE);
                let macaddr = self.macaddr.clone().filter(|_| has_sources);
                let has_macaddr = macaddr.as_ref().map(|_| MACVLAN_MACADDR_SET);
                Self { macaddr, has_macaddr, ..self.clone() }
            }

            /// `macvlan_changelink`.
            fn needs_recreation(&self, seen: &Self) -> bool {
                let passes = |mode: Option<u32>| mode == Some(Self::PASSTHRU);
                self.mode.is_some() && passes(self.mode) != passes(seen.mode)
            }
        }
    };
}

macvlan! {
    /// The attributes of a device of the host.
    Macvlan = "macvlan", tap: false
}

macvlan! {
    /// The attributes of a device of a program.
    Macvtap = "macvtap", tap: true
}
