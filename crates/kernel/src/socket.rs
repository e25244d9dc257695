//! A netlink socket: requests in batches with a result for each, and dumps.
//!
//! The kernel handles every message of a `sendmsg` before the call returns, so the answers can be
//! read at once. It answers each request that fails. Only the last request of a batch asks for an
//! acknowledgement.

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

/// The size of the buffer for answers in bytes: enough for a batch in which every request fails.
const RECEIVE_BUFFER: usize = 4 << 20;
/// The kernel fills at most 32 KiB at a time in a dump.
pub(crate) const READ: usize = 64 << 10;
/// The longest wait for an answer. The kernel works, and waits for locks, within the send call,
/// even for minutes. An answer that is not there soon after the call does not come.
const PATIENCE: Duration = Duration::from_secs(10);
/// The number of times that a dump is repeated because the kernel's tables changed meanwhile.
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
        // Only one socket in each namespace can have this port: the one that changes things there.
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

    /// Sends requests, of which the last asks for an acknowledgement. Returns the failures: the
    /// sequence numbers of the requests that the kernel refused, in order.
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
                // There are more answers than fit. The first ones are there, and they are
                // sufficient.
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(failures),
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads one object; `body` appends the request's structure and attributes. `None` if it does
    /// not exist, or if `read` does not accept it.
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

    /// Reads every object that the request selects and `read` accepts. Each is handled when it
    /// arrives, so that skipped objects take no memory.
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

    /// Reads a dump to its end. False if the tables changed meanwhile, so that objects may be
    /// missing or doubled.
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

/// The port of this process's sockets (netlink(7), `nl_pid`), by which its own changes are
/// recognised. It is random, and above all process ids, which others use as ports.
pub(crate) fn own_port() -> u32 {
    static PORT: OnceLock<u32> = OnceLock::new();
    *PORT.get_or_init(|| {
        let lot = RandomState::new().hash_one(process::id());
        (1 << 30) | (u32::try_from(lot >> 34).unwrap_or_default())
    })
}

/// Enlarges the receive buffer: to the requested size with privileges, otherwise as far as the host
/// allows.
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
    fn an_unreadable_kernel_is_reported() {
        let mut socket = NetlinkSocket::open().unwrap();
        set_socket_timeout(&socket.socket, Timeout::Recv, Some(Duration::from_millis(1))).unwrap();
        // A control message without a request for an acknowledgement gets no answer.
        let silence = u16::try_from(libc::NLMSG_NOOP).unwrap();
        let fault = socket.dump(silence, |_| {}, |_| Some(())).unwrap_err();
        assert_eq!(fault.to_string(), "the kernel does not answer");
        let fault = socket.get(silence, |_| {}, |_| Some(())).unwrap_err();
        assert_eq!(fault.to_string(), "the kernel does not answer");
        // A late answer is not confused with the answer to another request.
        let links = socket.dump(libc::RTM_GETLINK, |to| to.extend([0; 16]), |_| Some(()));
        assert!(!links.unwrap().is_empty());
    }
}
