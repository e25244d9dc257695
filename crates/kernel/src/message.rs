//! Netlink messages as bytes (netlink(7)): a header, a fixed structure of the family, attributes.

use netstate::attribute::{self, Attributes, Value};

use crate::fault::Fault;
use crate::uapi::{NLMSG_DONE, NLMSG_ERROR};

/// `struct nlmsghdr`.
pub(crate) const HEADER: usize = 16;

/// Appends a message with this sequence number; `body` appends the fixed structure and the
/// attributes.
pub(crate) fn message(
    out: &mut Vec<u8>,
    (kind, flags, sequence): (u16, i32, u32),
    body: impl FnOnce(&mut Vec<u8>),
) {
    let start = out.len();
    out.resize(start + HEADER, 0);
    body(out);
    let flags = u16::try_from(flags | libc::NLM_F_REQUEST).unwrap_or_default();
    let length = u32::try_from(out.len() - start).unwrap_or(u32::MAX);
    let header = &mut out[start..start + HEADER];
    header[..4].copy_from_slice(&length.to_ne_bytes());
    header[4..6].copy_from_slice(&kind.to_ne_bytes());
    header[6..8].copy_from_slice(&flags.to_ne_bytes());
    header[8..12].copy_from_slice(&sequence.to_ne_bytes());
    out.resize(out.len().next_multiple_of(4), 0);
}

/// The rtnetlink constants of a noun.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wire {
    /// `RTM_GET…`; zero if its objects are not read by a request of their own.
    pub(crate) get: u16,
    /// The plural of its name.
    pub(crate) plural: &'static str,
    /// `RTNLGRP_…`: the notification groups. All are among the first 32, which a socket address can
    /// contain.
    pub(crate) groups: &'static [u32],
}

/// A received or sent message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message<'a> {
    /// `RTM_…` or `NLMSG_…`.
    pub(crate) kind: u16,
    pub(crate) flags: u16,
    pub(crate) sequence: u32,
    /// The content after the header.
    pub(crate) body: &'a [u8],
}

impl<'a> Message<'a> {
    /// The messages in `bytes`. A truncated message at the end is skipped.
    pub(crate) fn iterate(mut bytes: &'a [u8]) -> impl Iterator<Item = Message<'a>> {
        std::iter::from_fn(move || {
            let length = usize::try_from(number::<u32>(bytes, 0)?).ok()?;
            let message = Message {
                kind: number(bytes, 4)?,
                flags: number(bytes, 6)?,
                sequence: number(bytes, 8)?,
                body: bytes.get(HEADER..length)?,
            };
            bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
            Some(message)
        })
    }

    /// Whether the request succeeded, if this is an answer.
    pub(crate) fn verdict(&self) -> Option<Result<(), Fault>> {
        let attributes = match self.kind {
            // The request's header follows the error number. Its body follows too, unless the
            // answer is capped.
            NLMSG_ERROR if i32::from(self.flags) & libc::NLM_F_CAPPED != 0 => 4 + HEADER,
            NLMSG_ERROR => {
                4 + usize::try_from(number::<u32>(self.body, 4)?).ok()?.next_multiple_of(4)
            }
            NLMSG_DONE => 4,
            _ => return None,
        };
        let errno = number::<i32>(self.body, 0).unwrap_or_default();
        if errno == 0 {
            return Some(Ok(()));
        }
        let attributes = match i32::from(self.flags) & libc::NLM_F_ACK_TLVS {
            0 => &[],
            _ => self.body.get(attributes..).unwrap_or_default(),
        };
        Some(Err(Fault::from_answer(-errno, attributes)))
    }

    /// The byte at `at` of the fixed structure; zero beyond the end.
    pub(crate) fn byte(&self, at: usize) -> u8 {
        self.body.get(at).copied().unwrap_or_default()
    }

    /// The number at `at` of the fixed structure; zero beyond the end.
    pub(crate) fn number<T: Value + Default>(&self, at: usize) -> T {
        number(self.body, at).unwrap_or_default()
    }

    /// The attributes after a fixed structure of `fixed` bytes. A malformed attribute ends the
    /// list.
    pub(crate) fn attributes(
        &self,
        fixed: usize,
    ) -> impl Iterator<Item = (u16, &'a [u8])> + use<'a> {
        row(self.body.get(fixed..).unwrap_or_default())
    }

    /// The attributes after a fixed structure of `fixed` bytes, decoded as a struct.
    pub(crate) fn decode<T: Attributes>(&self, fixed: usize) -> T {
        T::decode(self.body.get(fixed..).unwrap_or_default()).unwrap_or_default()
    }
}

/// The attributes in `bytes`, up to the first malformed one.
pub(crate) fn row(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    attribute::iterate(bytes).map_while(Result::ok)
}

fn number<T: Value>(bytes: &[u8], at: usize) -> Option<T> {
    T::take(bytes.get(at..at + size_of::<T>())?)
}

/// The fixed structures of requests.
pub(crate) mod fixed {
    use super::Value;
    use crate::uapi::{RTM_DELNEXTHOP, RTM_NEWNEXTHOP};

    /// `struct ifinfomsg`.
    pub(crate) const LINK: usize = 16;
    /// `struct ifaddrmsg`.
    pub(crate) const ADDRESS: usize = 8;
    /// `struct rtmsg`.
    pub(crate) const ROUTE: usize = 12;
    /// `struct ndmsg`.
    pub(crate) const NEIGHBOR: usize = 12;

    /// `struct nhmsg`.
    pub(crate) const NEXTHOP: usize = 8;
    /// `struct fib_rule_hdr`.
    pub(crate) const RULE: usize = 12;

    /// The length of the fixed structure of a request of this kind.
    pub(crate) fn length(kind: u16) -> Option<usize> {
        match kind {
            libc::RTM_NEWLINK | libc::RTM_DELLINK => Some(LINK),
            libc::RTM_NEWADDR | libc::RTM_DELADDR => Some(ADDRESS),
            libc::RTM_NEWROUTE | libc::RTM_DELROUTE => Some(ROUTE),
            libc::RTM_NEWNEIGH | libc::RTM_DELNEIGH => Some(NEIGHBOR),
            RTM_NEWNEXTHOP | RTM_DELNEXTHOP => Some(NEXTHOP),
            libc::RTM_NEWRULE | libc::RTM_DELRULE => Some(RULE),
            _ => None,
        }
    }

    /// Appends a `struct ifinfomsg`.
    pub(crate) fn link(out: &mut Vec<u8>, index: u32, flags: u32, mask: u32) {
        out.extend([0; 4]);
        for number in [index, flags, mask] {
            number.put(out);
        }
    }

    /// Sets the neighbour in a `struct ndmsg`.
    pub(crate) fn name_neighbor(header: &mut [u8], family: u8, index: u32, proxy: bool) {
        header[0] = family;
        header[4..8].copy_from_slice(&index.to_ne_bytes());
        header[10] |= if proxy { libc::NTF_PROXY } else { 0 };
    }

    /// Appends a `struct ndmsg`.
    pub(crate) fn neighbor(out: &mut Vec<u8>, family: u8, index: u32, (state, flags): (u16, u8)) {
        out.extend([family, 0, 0, 0]);
        index.put(out);
        state.put(out);
        out.extend([flags, 0]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoded_messages_equal_encoded_ones() {
        let mut bytes = Vec::new();
        message(&mut bytes, (16, libc::NLM_F_ACK, 7), |out| out.extend([1, 2, 3]));
        message(&mut bytes, (17, 0, 8), |_| ());
        let read: Vec<_> =
            Message::iterate(&bytes).map(|m| (m.kind, m.flags, m.sequence, m.body)).collect();
        assert_eq!(read, [(16, 5, 7, &[1, 2, 3][..]), (17, 1, 8, &[])]);
    }

    #[test]
    fn a_truncated_message_ends_the_iteration() {
        let mut bytes = Vec::new();
        message(&mut bytes, (16, 0, 7), |out| out.extend([1; 8]));
        for length in 0..bytes.len() {
            assert_eq!(Message::iterate(&bytes[..length]).count(), 0);
        }
    }
}
