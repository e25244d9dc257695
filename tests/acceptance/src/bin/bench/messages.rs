//! The rtnetlink messages for the work, encoded into a file before the measurement.

use std::io::{self, Write};
use std::net::Ipv4Addr;

pub(crate) const HEADER: usize = 16;
pub(crate) const AF_INET: u8 = libc::AF_INET as u8;
pub(crate) const IFF_UP: u8 = 1;
const RTPROT_STATIC: u8 = 4;
const VETH_INFO_PEER: u16 = 1;
/// Indexes for new links. The kernel accepts them if they are free.
const FIRST_INDEX: u32 = 100_000;

/// Messages that are written to a file.
pub(crate) struct Messages<W> {
    pub(crate) out: W,
    /// The gateway's link.
    pub(crate) west: u32,
}

impl<W: Write> Messages<W> {
    /// A route over `west`, added or replaced by these flags.
    pub(crate) fn route(
        &mut self,
        flags: i32,
        (prefix, length): (Ipv4Addr, u8),
        via: Ipv4Addr,
    ) -> io::Result<()> {
        let mut message = Message::begin(libc::RTM_NEWROUTE, flags);
        message.0.extend([AF_INET, length, 0, 0, libc::RT_TABLE_MAIN, RTPROT_STATIC, 0, 1]);
        message.0.extend([0; 4]);
        message.attribute(libc::RTA_TABLE, &u32::from(libc::RT_TABLE_MAIN).to_ne_bytes());
        message.attribute(libc::RTA_DST, &prefix.octets());
        message.attribute(libc::RTA_OIF, &self.west.to_ne_bytes());
        message.attribute(libc::RTA_GATEWAY, &via.octets());
        self.out.write_all(&message.end())
    }

    pub(crate) fn delete_route(&mut self, (prefix, length): (Ipv4Addr, u8)) -> io::Result<()> {
        let mut message = Message::begin(libc::RTM_DELROUTE, 0);
        let nowhere = libc::RT_SCOPE_NOWHERE;
        message.0.extend([AF_INET, length, 0, 0, libc::RT_TABLE_MAIN, RTPROT_STATIC, nowhere, 1]);
        message.0.extend([0; 4]);
        message.attribute(libc::RTA_DST, &prefix.octets());
        self.out.write_all(&message.end())
    }

    /// A veth pair with these names and addresses; `number` identifies the pair.
    pub(crate) fn veth_pair(
        &mut self,
        number: u32,
        ends: [(&str, Ipv4Addr); 2],
        length: u8,
    ) -> io::Result<()> {
        let index = |end: u32| FIRST_INDEX + 2 * number + end;
        let mut message = Message::begin(libc::RTM_NEWLINK, libc::NLM_F_CREATE | libc::NLM_F_EXCL);
        message.link(index(0), 0);
        message.name(ends[0].0);
        message.nest(libc::IFLA_LINKINFO, |message| {
            message.attribute(libc::IFLA_INFO_KIND, b"veth");
            message.nest(libc::IFLA_INFO_DATA, |message| {
                message.nest(VETH_INFO_PEER, |message| {
                    message.link(index(1), 0);
                    message.name(ends[1].0);
                });
            });
        });
        self.out.write_all(&message.end())?;
        for (end, (_, address)) in (0..).zip(ends) {
            let mut up = Message::begin(libc::RTM_NEWLINK, 0);
            up.link(index(end), IFF_UP);
            self.out.write_all(&up.end())?;
            let mut message =
                Message::begin(libc::RTM_NEWADDR, libc::NLM_F_CREATE | libc::NLM_F_EXCL);
            message.0.extend([AF_INET, length, 0, 0]);
            message.0.extend(index(end).to_ne_bytes());
            message.attribute(libc::IFA_LOCAL, &address.octets());
            message.attribute(libc::IFA_ADDRESS, &address.octets());
            self.out.write_all(&message.end())?;
        }
        Ok(())
    }

    pub(crate) fn delete_link(&mut self, name: &str) -> io::Result<()> {
        let mut message = Message::begin(libc::RTM_DELLINK, 0);
        message.link(0, 0);
        message.name(name);
        self.out.write_all(&message.end())
    }
}

/// A message that is being encoded.
pub(crate) struct Message(pub(crate) Vec<u8>);

impl Message {
    pub(crate) fn begin(kind: u16, flags: i32) -> Self {
        let mut bytes = vec![0; HEADER];
        let flags = u16::try_from(flags | libc::NLM_F_REQUEST).unwrap_or_default();
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes[6..8].copy_from_slice(&flags.to_ne_bytes());
        Self(bytes)
    }

    /// `struct ifinfomsg`, which sets these flags.
    fn link(&mut self, index: u32, flags: u8) {
        self.0.extend([0; 4]);
        self.0.extend(index.to_ne_bytes());
        self.0.extend(u32::from(flags).to_ne_bytes());
        self.0.extend(u32::from(flags).to_ne_bytes());
    }

    fn name(&mut self, name: &str) {
        self.attribute(libc::IFLA_IFNAME, &[name.as_bytes(), &[0]].concat());
    }

    fn attribute(&mut self, kind: u16, value: &[u8]) {
        self.nest(kind, |message| message.0.extend(value));
    }

    fn nest(&mut self, kind: u16, content: impl FnOnce(&mut Self)) {
        let start = self.0.len();
        self.0.extend([0; 4]);
        content(self);
        let length = u16::try_from(self.0.len() - start).unwrap_or(u16::MAX);
        self.0[start..start + 2].copy_from_slice(&length.to_ne_bytes());
        self.0[start + 2..start + 4].copy_from_slice(&kind.to_ne_bytes());
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }

    pub(crate) fn end(mut self) -> Vec<u8> {
        let length = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        self.0[..4].copy_from_slice(&length.to_ne_bytes());
        self.0
    }
}
