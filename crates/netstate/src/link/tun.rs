//! A tunnel device of a user's program (Documentation/networking/tuntap.rst), made by ioctl, read by netlink.

use serde::{Deserialize, Serialize};

use crate::attribute::Attributes;

/// A tun or tap device's own attributes.
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

    /// Without a word on the mode a device carries IP packets (`IFF_TUN`).
    pub fn kernel_default() -> Self {
        Self { mode: Some(1) }
    }
}
