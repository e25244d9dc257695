//! Probes: an echo request or a TCP connection, from a thread inside the namespace.

use std::fs::File;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use netstate::probe::{Probe, Question};
use rustix::io::Errno;
use rustix::net::sockopt::set_socket_timeout;
use rustix::net::{AddressFamily, Protocol, RecvFlags, SendFlags, SocketType, ipproto};

use crate::fault::Fault;
use crate::namespaces;

/// The longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// The types of ICMP messages (RFC 792, RFC 4443).
const ECHO: u8 = 8;
const ECHO_REPLY: u8 = 0;
const ECHO_V6: u8 = 128;
const ECHO_REPLY_V6: u8 = 129;

/// Sends one probe from within the namespace of `file`.
pub(crate) fn ask(probe: &Probe, file: &File) -> Result<(), Fault> {
    let what = probe.what;
    namespaces::inside(file, move || match what {
        Question::Ping(address) => ping(address),
        Question::Tcp(to) => Ok(TcpStream::connect_timeout(&to, PATIENCE).map(drop)?),
    })
}

fn ping(address: IpAddr) -> Result<(), Fault> {
    let (family, protocol, echo, reply) = match address {
        IpAddr::V4(_) => (AddressFamily::INET, ipproto::ICMP, ECHO, ECHO_REPLY),
        IpAddr::V6(_) => (AddressFamily::INET6, ipproto::ICMPV6, ECHO_V6, ECHO_REPLY_V6),
    };
    let (socket, raw) = open(family, protocol)?;
    rustix::net::connect(&socket, &SocketAddr::new(address, 0))?;
    let lot = std::process::id().to_be_bytes();
    // Type, code, checksum, identifier, sequence number, and a word to recognise the answer.
    let mut request = vec![echo, 0, 0, 0, lot[2], lot[3], 0, 1];
    request.extend_from_slice(b"netloom");
    if raw && echo == ECHO {
        let sum = checksum(&request).to_be_bytes();
        request[2..4].copy_from_slice(&sum);
    }
    rustix::net::send(&socket, &request, SendFlags::empty())?;
    let begun = Instant::now();
    let mut answer = [0; 256];
    while let Some(left) = PATIENCE.checked_sub(begun.elapsed()).filter(|left| !left.is_zero()) {
        set_socket_timeout(&socket, rustix::net::sockopt::Timeout::Recv, Some(left))?;
        let length = match rustix::net::recv(&socket, &mut answer, RecvFlags::empty()) {
            Ok((length, _)) => length,
            Err(Errno::INTR) => continue,
            Err(Errno::AGAIN) => break,
            Err(error) => return Err(error.into()),
        };
        // An IPv4 raw socket also receives the IP header.
        let header = if raw && echo == ECHO { usize::from(answer[0] & 15) * 4 } else { 0 };
        let message = answer.get(header..length).unwrap_or_default();
        // A socket that is not raw has its own identifier, and receives only the answers to that.
        let own = !raw || message.get(4..6) == Some(&lot[2..4]);
        if message.first() == Some(&reply) && own && message.ends_with(b"netloom") {
            return Ok(());
        }
    }
    Err(Fault::from(io::Error::other("no answer")))
}

/// A socket for echo requests: an unprivileged one if the host allows it (icmp(7)), otherwise a raw
/// one.
fn open(family: AddressFamily, protocol: Protocol) -> Result<(rustix::fd::OwnedFd, bool), Fault> {
    match rustix::net::socket(family, SocketType::DGRAM, Some(protocol)) {
        Ok(socket) => Ok((socket, false)),
        Err(_) => Ok((rustix::net::socket(family, SocketType::RAW, Some(protocol))?, true)),
    }
}

/// RFC 1071.
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| {
        u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or_default()]))
    });
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or_default()
}
