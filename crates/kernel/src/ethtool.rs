//! Reading the speed of a link, which no netlink message about links has (ethtool(8)).

use netstate::LinkName;
use netstate::uapi::SPEED_UNKNOWN;
use rustix::ioctl::{Opcode, Updater, ioctl};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use crate::fault::Fault;
use crate::uapi::ETHTOOL_GSET;

const ETHTOOL: Opcode = libc::SIOCETHTOOL as Opcode;

/// `struct ifreq` with the member for SIOCETHTOOL.
#[repr(C)]
struct Request {
    name: [u8; libc::IFNAMSIZ],
    settings: *mut Settings,
    unused: [u8; 16],
}

/// `struct ethtool_cmd`.
#[repr(C)]
#[derive(Default)]
struct Settings {
    command: u32,
    supported: u32,
    advertising: u32,
    speed: u16,
    unread: [u8; 14],
    speed_high: u16,
    unread_too: [u8; 14],
}

/// The speed of a link in the namespace of the calling thread, in Mb/s. It is `SPEED_UNKNOWN` if the
/// device has none, or does not say.
#[allow(unsafe_code, reason = "ioctl(2)")]
pub(crate) fn speed(name: &LinkName) -> Result<u32, Fault> {
    let flags = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, flags, None)?;
    let mut settings = Settings { command: ETHTOOL_GSET, ..Settings::default() };
    let mut request =
        Request { name: [0; libc::IFNAMSIZ], settings: &raw mut settings, unused: [0; 16] };
    for (to, from) in request.name.iter_mut().zip(name.as_str().bytes()) {
        *to = from;
    }
    // SAFETY: SIOCETHTOOL with ETHTOOL_GSET reads a `struct ifreq` and writes the `struct ethtool_cmd` to which it points.
    // `Request` and `Settings` have their sizes and layouts, and `settings` lives until after the call.
    let asked = unsafe { ioctl(&socket, Updater::<ETHTOOL, Request>::new(&mut request)) };
    match asked {
        Ok(()) => Ok(u32::from(settings.speed_high) << 16 | u32::from(settings.speed)),
        Err(_) => Ok(SPEED_UNKNOWN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_structures_are_as_large_as_those_of_the_kernel() {
        assert_eq!(size_of::<Settings>(), 44);
        assert_eq!(size_of::<Request>(), size_of::<libc::ifreq>());
    }

    #[test]
    fn a_loopback_has_no_speed() {
        assert_eq!(speed(&"lo".parse().unwrap()).unwrap(), SPEED_UNKNOWN);
    }
}
