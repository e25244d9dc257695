//! A netlink socket: requests in batches, each failure told apart, and dumps.
//!
//! The kernel handles every message of a `sendmsg` before the call returns, so the answers are there to be read
//! at once. It answers each request that fails; an acknowledgement is asked for only with the last of a batch.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;
use std::time::Duration;
use std::{io, process};

use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use rustix::net::sockopt::{
    Timeout, set_socket_recv_buffer_size, set_socket_recv_buffer_size_force, set_socket_timeout,
};

use crate::fault::Fault;
use crate::message::{Message, message};

/// What answers may pile up to, bytes: enough for a batch of which every message fails.
const RECEIVE_BUFFER: usize = 4 << 20;
/// The kernel fills at most 32 KiB at a time in a dump.
pub(crate) const READ: usize = 64 << 10;
/// How long an answer may take. The kernel's work, and its waiting for others, is done within the calls, be it for
/// minutes: what is not there soon after will not come.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a dump is begun anew because the kernel's tables changed under it.
const DUMP_ATTEMPTS: usize = 20;

/// A socket of `NETLINK_ROUTE`. It stays in the namespace in which it was opened.
#[derive(Debug)]
pub(crate) struct NetlinkSocket {
    socket: Socket,
    sequence: u32,
    buffer: Vec<u8>,
}

impl NetlinkSocket {
    /// Opens a socket in the namespace of the calling thread.
    pub(crate) fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        // One socket in each namespace can have it, and that is the one which changes things there.
        if socket.bind(&SocketAddr::new(own_port(), 0)).is_err() {
            socket.bind_auto()?;
        }
        socket.connect(&SocketAddr::new(0, 0))?;
        socket.set_ext_ack(true)?;
        socket.set_cap_ack(true)?;
        socket.set_netlink_get_strict_chk(true)?;
        enlarge_receive_buffer(&socket)?;
        set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
        Ok(Self { socket, sequence: 0, buffer: Vec::new() })
    }

    /// The number for the next request.
    pub(crate) fn next_sequence(&mut self) -> u32 {
        self.sequence = self.sequence.wrapping_add(1);
        self.sequence
    }

    /// Sends requests, the last of which asks for an acknowledgement, and answers with the failures: the
    /// sequence numbers of those that the kernel refused, in order.
    pub(crate) fn transact(&mut self, requests: &[u8]) -> io::Result<Vec<(u32, Fault)>> {
        self.send(requests)?;
        let mut failures = Vec::new();
        loop {
            match self.receive(libc::MSG_DONTWAIT) {
                Ok(()) => {
                    for message in Message::iterate(&self.buffer) {
                        if let Some(Err(fault)) = message.verdict() {
                            failures.push((message.sequence, fault));
                        }
                    }
                }
                // More answers than fit: the first ones are there, and they decide.
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(failures),
                Err(error) => return Err(error),
            }
        }
    }

    /// Asks for one object; `body` appends the request's structure and attributes. `None` where there is none, or none
    /// that `read` takes.
    pub(crate) fn get<T>(
        &mut self,
        kind: u16,
        body: impl FnOnce(&mut Vec<u8>),
        read: impl FnOnce(Message<'_>) -> Option<T>,
    ) -> Result<Option<T>, Fault> {
        let sequence = self.next_sequence();
        let mut request = Vec::new();
        message(&mut request, (kind, 0, sequence), body);
        self.send(&request)?;
        loop {
            self.receive(0)?;
            if let Some(answer) = Message::iterate(&self.buffer).find(|m| m.sequence == sequence) {
                return match answer.verdict() {
                    Some(Err(fault)) if fault.is_absence() => Ok(None),
                    Some(Err(fault)) => Err(fault),
                    Some(Ok(())) => Ok(None),
                    None => Ok(read(answer)),
                };
            }
        }
    }

    /// Asks for every object that the request's structure and attributes allow, and takes those that `read` takes. Each
    /// is read as it comes, so that what is passed over takes no memory.
    pub(crate) fn dump<T>(
        &mut self,
        kind: u16,
        body: impl Fn(&mut Vec<u8>),
        mut read: impl FnMut(Message<'_>) -> Option<T>,
    ) -> Result<Vec<T>, Fault> {
        let mut found = Vec::new();
        for _ in 0..DUMP_ATTEMPTS {
            found.clear();
            let sequence = self.next_sequence();
            let mut request = Vec::new();
            message(&mut request, (kind, libc::NLM_F_DUMP, sequence), &body);
            self.send(&request)?;
            if self.receive_dump(sequence, |message| found.extend(read(message)))? {
                return Ok(found);
            }
        }
        Err(Fault::from_answer(libc::EAGAIN, &[]))
    }

    /// Reads a dump to its end; false where the tables changed under it, so that something may be missing or
    /// twice there.
    fn receive_dump(
        &mut self,
        sequence: u32,
        mut take: impl FnMut(Message<'_>),
    ) -> Result<bool, Fault> {
        let mut consistent = true;
        loop {
            self.receive(0)?;
            for message in Message::iterate(&self.buffer) {
                if message.sequence != sequence {
                    continue;
                }
                consistent &= i32::from(message.flags) & libc::NLM_F_DUMP_INTR == 0;
                match message.verdict() {
                    None if consistent => take(message),
                    None => {}
                    Some(Ok(())) => return Ok(consistent),
                    Some(Err(fault)) if fault.errno == libc::EINTR => return Ok(false),
                    Some(Err(fault)) => return Err(fault),
                }
            }
        }
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        loop {
            match self.socket.send(bytes, 0) {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn receive(&mut self, flags: i32) -> io::Result<()> {
        self.buffer.reserve(READ.saturating_sub(self.buffer.len()));
        loop {
            self.buffer.clear();
            match self.socket.recv(&mut self.buffer, flags) {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && flags == 0 => {
                    return Err(io::Error::new(error.kind(), "the kernel does not answer"));
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// The address of this process's sockets (netlink(7), `nl_pid`), by which it tells its own changes from those of others:
/// drawn by lot, above all process numbers, which others have.
pub(crate) fn own_port() -> u32 {
    static PORT: OnceLock<u32> = OnceLock::new();
    *PORT.get_or_init(|| {
        let lot = RandomState::new().hash_one(process::id());
        (1 << 30) | (u32::try_from(lot >> 34).unwrap_or_default())
    })
}

/// Makes room for answers: as much as is asked for with privileges, else as much as the host allows.
pub(crate) fn enlarge_receive_buffer(socket: &Socket) -> io::Result<()> {
    if set_socket_recv_buffer_size_force(socket, RECEIVE_BUFFER).is_err() {
        set_socket_recv_buffer_size(socket, RECEIVE_BUFFER)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_that_does_not_answer_is_told() {
        let mut socket = NetlinkSocket::open().unwrap();
        set_socket_timeout(&socket.socket, Timeout::Recv, Some(Duration::from_millis(1))).unwrap();
        // A control message that asks for no acknowledgement gets no answer.
        let silence = u16::try_from(libc::NLMSG_NOOP).unwrap();
        let fault = socket.dump(silence, |_| {}, |_| Some(())).unwrap_err();
        assert_eq!(fault.to_string(), "the kernel does not answer");
        let fault = socket.get(silence, |_| {}, |_| Some(())).unwrap_err();
        assert_eq!(fault.to_string(), "the kernel does not answer");
        // What comes later is not taken for the answer to something else.
        let links = socket.dump(libc::RTM_GETLINK, |to| to.extend([0; 16]), |_| Some(()));
        assert!(!links.unwrap().is_empty());
    }
}
