//! The lower bound: messages that were encoded in advance, sent in batches of Netloom's size by a
//! program that does nothing else.
//!
//! The same socket counts the objects in the kernel, to check the work of all ways.

use std::fs;
use std::io;
use std::path::Path;

use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

use crate::messages::{AF_INET, HEADER, IFF_UP, Message};

/// The number of requests, and of bytes, that Netloom sends at once
/// (`crates/kernel/src/execute.rs`).
const BATCH: usize = 400;
const BATCH_BYTES: usize = 128 << 10;
const READ: usize = 64 << 10;

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const RTPROT_KERNEL: u8 = 2;
const RTNLGRP_LINK: u32 = 1;
const RTNLGRP_IPV4_IFADDR: u32 = 5;
const RTNLGRP_IPV4_ROUTE: u32 = 7;

/// Sends the messages in a file that `Messages` has written.
pub(crate) fn send(file: &Path) -> io::Result<()> {
    let mut messages = fs::read(file)?;
    let socket = open()?;
    let (mut start, mut at, mut last, mut count) = (0, 0, 0, 0);
    while at < messages.len() {
        let length = usize::try_from(number(&messages, at)).unwrap_or(usize::MAX);
        if count == BATCH || at + length - start > BATCH_BYTES {
            transact(&socket, &mut messages[start..at], last - start)?;
            (start, count) = (at, 0);
        }
        (last, count) = (at, count + 1);
        at += length.next_multiple_of(4);
    }
    if start < at { transact(&socket, &mut messages[start..], last - start) } else { Ok(()) }
}

/// The noun of a dump.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Dump {
    /// IPv4 routes that the kernel did not create itself.
    Routes,
    /// Links that are up.
    Links,
    /// IPv4 addresses.
    Addresses,
}

/// Reads a dump, and counts the objects.
pub(crate) fn count(dump: Dump) -> io::Result<usize> {
    let (request, fixed) = match dump {
        Dump::Routes => (libc::RTM_GETROUTE, 12),
        Dump::Links => (libc::RTM_GETLINK, 16),
        Dump::Addresses => (libc::RTM_GETADDR, 8),
    };
    let mut message = Message::begin(request, libc::NLM_F_DUMP);
    message.0.resize(HEADER + fixed, 0);
    // Links have no family.
    message.0[HEADER] = if matches!(dump, Dump::Links) { 0 } else { AF_INET };
    let socket = open()?;
    socket.send(&message.end(), 0)?;
    let mut buffer = Vec::with_capacity(READ);
    let mut found = 0;
    loop {
        buffer.clear();
        socket.recv(&mut buffer, 0)?;
        for answer in answers(&buffer) {
            let body = &answer[HEADER..];
            match kind(answer) {
                NLMSG_DONE => return Ok(found),
                NLMSG_ERROR => return Err(fault(body)),
                libc::RTM_NEWROUTE => found += usize::from(body[5] != RTPROT_KERNEL),
                libc::RTM_NEWLINK => found += usize::from(body[8] & IFF_UP != 0),
                _ => found += 1,
            }
        }
    }
}

/// Receives notifications of changes in the kernel.
#[derive(Debug)]
pub(crate) struct Listener(Socket);

impl Listener {
    pub(crate) fn open() -> io::Result<Self> {
        let socket = open()?;
        for group in [RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE] {
            socket.add_membership(group)?;
        }
        Ok(Self(socket))
    }

    /// Whether anything has changed since it was opened.
    pub(crate) fn heard(&self) -> bool {
        self.0.recv(&mut Vec::with_capacity(READ), libc::MSG_DONTWAIT).is_ok()
    }
}

fn open() -> io::Result<Socket> {
    let mut socket = Socket::new(NETLINK_ROUTE)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    socket.set_cap_ack(true)?;
    socket.set_netlink_get_strict_chk(true)?;
    Ok(socket)
}

/// Sends a batch, of which the last message asks for an acknowledgement. Returns the first refusal.
fn transact(socket: &Socket, batch: &mut [u8], last: usize) -> io::Result<()> {
    let flags = u16::from_ne_bytes([batch[last + 6], batch[last + 7]]);
    let acknowledged = flags | libc::NLM_F_ACK as u16;
    batch[last + 6..last + 8].copy_from_slice(&acknowledged.to_ne_bytes());
    socket.send(batch, 0)?;
    let mut buffer = Vec::with_capacity(READ);
    loop {
        buffer.clear();
        match socket.recv(&mut buffer, libc::MSG_DONTWAIT) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
        let refusals = answers(&buffer).filter(|answer| number(answer, HEADER) != 0);
        if let Some(refusal) = refusals.into_iter().next() {
            return Err(fault(&refusal[HEADER..]));
        }
    }
}

fn answers(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let length = usize::try_from((bytes.len() >= HEADER).then(|| number(bytes, 0))?).ok()?;
        let answer = bytes.get(..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(answer)
    })
}

fn kind(message: &[u8]) -> u16 {
    u16::from_ne_bytes([message[4], message[5]])
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn fault(body: &[u8]) -> io::Error {
    io::Error::from_raw_os_error(number(body, 0).wrapping_neg().cast_signed())
}
