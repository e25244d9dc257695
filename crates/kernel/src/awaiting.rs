//! Waiting for something in the kernel: for a notification, and for the carrier of a link.

use std::io;
use std::time::Instant;

use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use netstate::uapi::IFF_LOWER_UP;
use rustix::net::sockopt::{Timeout, set_socket_timeout};

use crate::fault::Fault;
use crate::message::{Message, fixed};
use crate::socket::{NetlinkSocket, READ};

/// Whether a link has a carrier now (`IFF_LOWER_UP`, linux/if.h).
pub(crate) fn has_carrier(socket: &mut NetlinkSocket, dev: u32) -> Result<bool, Fault> {
    let request = |out: &mut Vec<u8>| fixed::link(out, dev, 0, 0);
    let flags = socket.get(libc::RTM_GETLINK, request, |answer| flags(answer, dev))?;
    Ok(flags.is_some_and(|flags| flags & IFF_LOWER_UP != 0))
}

/// The flags that a message on this link has.
pub(crate) fn flags(message: Message<'_>, dev: u32) -> Option<u32> {
    let is_of_link = message.kind == libc::RTM_NEWLINK && message.number::<u32>(4) == dev;
    is_of_link.then(|| message.number(8))
}

/// A socket that receives the notifications of some groups, in the namespace in which it was opened.
pub(crate) struct Listener {
    socket: Socket,
}

impl Listener {
    /// Opens a listener in the namespace of the calling thread.
    pub(crate) fn open(groups: &[u32]) -> Result<Self, Fault> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        let groups = groups.iter().fold(0, |groups, group| groups | 1 << (group - 1));
        socket.bind(&SocketAddr::new(0, groups))?;
        Ok(Self { socket })
    }

    /// Waits until a notification matches `is_awaited`, a notification is lost, or the time is
    /// over.
    pub(crate) fn wait(
        &self,
        until: Instant,
        is_awaited: impl Fn(Message<'_>) -> bool,
    ) -> Result<(), Fault> {
        let mut buffer = Vec::with_capacity(READ);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            set_socket_timeout(&self.socket, Timeout::Recv, Some(left))?;
            buffer.clear();
            match self.socket.recv(&mut buffer, 0) {
                Ok(_) if Message::iterate(&buffer).any(&is_awaited) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}
