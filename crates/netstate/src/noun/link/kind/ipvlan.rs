//! A device that shares the MAC address of the link below, and is selected by its IP addresses
//! (`IFLA_IPVLAN_…`, include/uapi/linux/if_link.h; drivers/net/ipvlan/), or one for a program.

use serde::{Deserialize, Serialize};

use crate::attribute::Attributes;
use crate::noun::link::kind::{
    Below, BelowAttribute, CreatedBy, ETHER_MTU, Kind, KindFacts, LinkBelow, MtuAtCreation,
};
use crate::noun::link::new_device::{NewDevice, ethernet, on_ethernet};
use crate::uapi::{IFF_MULTICAST, IFF_NOARP};

macro_rules! ipvlan {
    ($(#[$doc:meta])* $name:ident = $kind:literal, tap: $is_tap:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Attributes)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            /// Where packets are routed (`IPVLAN_MODE_…`).
            #[attribute(IFLA_IPVLAN_MODE)]
            pub mode: Option<u16>,
            /// Whether the devices on the link cannot reach each other.
            #[attribute(IFLA_IPVLAN_FLAGS, bit = IPVLAN_F_PRIVATE)]
            pub private: Option<bool>,
            /// Whether the devices on the link reach each other through the switch outside.
            #[attribute(IFLA_IPVLAN_FLAGS, bit = IPVLAN_F_VEPA)]
            pub vepa: Option<bool>,
        }

        impl $name {
            /// `IPVLAN_MODE_L2`, a mode.
            pub const L2: u16 = 0;
            /// `IPVLAN_MODE_L3`, a mode.
            pub const L3: u16 = 1;
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
                mtu_limits: Some(ETHER_MTU),
            };

            fn minimal() -> Self {
                Self::default()
            }

            /// `ipvlan_link_new`.
            fn kernel_default() -> Self {
                Self { mode: Some(Self::L3), private: Some(false), vepa: Some(false) }
            }

            /// It takes the MTU, the limits of segments and the MAC address from the link below, and
            /// resolves no addresses if it routes packets itself (`ipvlan_init`, `ipvlan_set_port_mode`).
            fn new_device(&self, _: bool) -> NewDevice {
                let mut new = on_ethernet(ethernet(if $is_tap { 500 } else { 1000 }, IFF_MULTICAST | IFF_NOARP));
                new.flags.arp = Some(self.mode == Some(Self::L2));
                new
            }

            /// `ipvlan_device_event`.
            fn below(&self) -> Below {
                Below { mtu_within: true, survives_move: true, ..Below::default() }
            }
        }
    };
}

ipvlan! {
    /// The attributes of a device of the host. All devices on one link share them.
    Ipvlan = "ipvlan", tap: false
}

ipvlan! {
    /// The attributes of a device of a program. All devices on one link share them.
    Ipvtap = "ipvtap", tap: true
}
