//! A tunnel device of a user-space program (Documentation/networking/tuntap.rst). It is created by
//! ioctl and read by netlink.

use serde::{Deserialize, Serialize};

use crate::attribute::Attributes;
use crate::noun::link::kind::{
    Below, CreatedBy, ETHER_MTU, Kind, KindFacts, LinkBelow, MtuAtCreation,
};
use crate::noun::link::new_device::{NewDevice, ethernet, point_to_point, with_queues_of_host};
use crate::uapi::{IFF_MULTICAST, IFF_NOARP};

/// The attributes of a tun or tap device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Attributes)]
#[serde(deny_unknown_fields, default)]
pub struct Tun {
    /// 1 carries IP packets (tun), 2 Ethernet frames (tap).
    #[attribute(IFLA_TUN_TYPE, create_only)]
    pub mode: Option<u8>,
}

impl Tun {
    /// `IFF_TAP`, a mode.
    pub const TAP: u8 = 2;
}

impl Kind for Tun {
    const FACTS: KindFacts = KindFacts {
        name: "tun",
        created_by: CreatedBy::TunDevice,
        link_below: LinkBelow::Never,
        changes_whole: false,
        enslaves: None,
        paired: false,
        moves: true,
        mtu_of_ports: false,
        mtu: MtuAtCreation::ToldNext,
        mtu_while_down: false,
        mtu_limits: Some(ETHER_MTU),
    };

    fn minimal() -> Self {
        Self::default()
    }

    /// By default a device carries IP packets (`IFF_TUN`).
    fn kernel_default() -> Self {
        Self { mode: Some(1) }
    }

    /// `tun_net_initialize`, drivers/net/tun.c.
    fn new_device(&self, _: bool) -> NewDevice {
        with_queues_of_host(match self.mode {
            Some(Self::TAP) => ethernet(1000, IFF_MULTICAST),
            Some(_) | None => point_to_point(500, IFF_MULTICAST | IFF_NOARP),
        })
    }

    fn below(&self) -> Below {
        Below::default()
    }
}
