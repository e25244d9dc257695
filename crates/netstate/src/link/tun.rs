//! A tunnel device of a user's program (Documentation/networking/tuntap.rst), made by ioctl, read by netlink.

use serde::{Deserialize, Serialize};

/// A tun or tap device's own attributes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tun {
    /// `IFLA_TUN_TYPE`: 1 carries IP packets (tun), 2 Ethernet frames (tap).
    pub mode: Option<u8>,
}
