//! Creating tun and tap devices, for which there is no netlink request
//! (Documentation/networking/tuntap.rst).

use std::fs::File;

use netstate::LinkName;
use netstate::link::{LinkKind, Tun};
use rustix::ioctl::{IntegerSetter, Opcode, Updater, ioctl};

use crate::fault::Fault;

const DEVICE: &str = "/dev/net/tun";
const SET_INTERFACE: Opcode = libc::TUNSETIFF as Opcode;
const SET_PERSISTENT: Opcode = libc::TUNSETPERSIST as Opcode;

/// `struct ifreq` with the member for TUNSETIFF.
#[repr(C)]
struct Request {
    name: [u8; libc::IFNAMSIZ],
    flags: u16,
    unused: [u8; 22],
}

/// Creates a persistent device in the namespace of the calling thread.
#[allow(unsafe_code, reason = "ioctl(2)")]
pub(crate) fn create(name: &LinkName, kind: &LinkKind) -> Result<(), Fault> {
    let device = File::options().read(true).write(true).open(DEVICE);
    let device = device.map_err(|error| Fault::of(DEVICE, error))?;
    let is_tap = matches!(kind, LinkKind::Tun(Tun { mode: Some(Tun::TAP) }));
    let mode = if is_tap { libc::IFF_TAP } else { libc::IFF_TUN };
    // Without IFF_TUN_EXCL the request would attach to an existing device.
    let flags = mode | libc::IFF_NO_PI | libc::IFF_TUN_EXCL;
    let flags = u16::try_from(flags).unwrap_or_default();
    let mut request = Request { name: [0; libc::IFNAMSIZ], flags, unused: [0; 22] };
    for (to, from) in request.name.iter_mut().zip(name.as_str().bytes()) {
        *to = from;
    }
    // SAFETY: TUNSETIFF reads and writes a `struct ifreq`, whose size and layout `Request` has.
    unsafe { ioctl(&device, Updater::<SET_INTERFACE, Request>::new(&mut request)) }?;
    // SAFETY: TUNSETPERSIST takes a number and follows no pointer.
    unsafe { ioctl(&device, IntegerSetter::<SET_PERSISTENT>::new_usize(1)) }?;
    Ok(())
}
