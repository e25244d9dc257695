//! Forwarding entries on the wire (`struct ndmsg` of family `AF_BRIDGE` and `NDA_…`). They are only
//! read.

use std::net::IpAddr;

use netstate::attribute::Value;
use netstate::fdb::{FdbEntry, FdbKey};
use netstate::{Key, LinkName, MacAddress, NetnsName, Object, ObserveError, Part, Wanted};

use crate::execution::{self, Act, Execution, Failure, PointedAt};
use crate::message::{Message, Wire, fixed};
use crate::noun::neighbor::{BRIDGE, is_neighbor};
use crate::observer::Observer;

/// The netlink constants of this noun.
pub(crate) const WIRE: Wire =
    Wire { get: 0, plural: "forwarding entries", groups: &[libc::RTNLGRP_NEIGH] };

/// Appends the body of a request for the forwarding entries of all bridges and tunnels.
pub(crate) fn dump(out: &mut Vec<u8>) {
    fixed::neighbor(out, BRIDGE, 0, (0, 0));
}

/// A forwarding entry as it was read, with the indexes of links.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) index: u32,
    pub(crate) lladdr: MacAddress,
    pub(crate) vlan: u16,
    pub(crate) dst: Option<IpAddr>,
    pub(crate) master: Option<u32>,
    pub(crate) via: Option<u32>,
    /// The other attributes.
    pub(crate) entry: FdbEntry,
}

/// Reads a message about a forwarding entry.
pub(crate) fn decode(message: Message<'_>) -> Option<Seen> {
    if !is_neighbor(message) || message.byte(0) != BRIDGE {
        return None;
    }
    let mut seen = Seen {
        index: message.number(4),
        lladdr: MacAddress::from(&[][..]),
        vlan: 0,
        dst: None,
        master: None,
        via: None,
        entry: FdbEntry { nud: message.number(8), flags: message.byte(10), ..FdbEntry::default() },
    };
    for (number, value) in message.attributes(fixed::NEIGHBOR) {
        match number {
            libc::NDA_LLADDR => seen.lladdr = MacAddress::from(value),
            libc::NDA_VLAN => seen.vlan = u16::take(value)?,
            libc::NDA_DST => seen.dst = IpAddr::take(value),
            libc::NDA_MASTER => seen.master = u32::take(value),
            libc::NDA_IFINDEX => seen.via = u32::take(value),
            libc::NDA_SRC_VNI => seen.entry.src_vni = u32::take(value),
            libc::NDA_VNI => seen.entry.vni = u32::take(value),
            libc::NDA_PORT => seen.entry.port = u16::take(value).map(u16::from_be),
            _ => {}
        }
    }
    Some(seen)
}

/// Forwarding entries are state.
pub(crate) fn execute<'a>(
    _: &mut Execution<'a>,
    index: usize,
    _: &'a FdbKey,
    _: Act<'a, Box<FdbEntry>>,
) -> execution::Result<()> {
    Err(Failure::words(index, "forwarding entries are state"))
}

/// The field to which the kernel points: none, because forwarding entries are not written.
pub(crate) fn field(_: &FdbEntry, _: PointedAt<'_>) -> Option<&'static str> {
    None
}

/// Reads all forwarding entries of namespaces.
pub(crate) fn observe_part(
    observer: &mut Observer<'_>,
    namespaces: &[NetnsName],
    _: &Part,
) -> Result<(), ObserveError> {
    namespaces.iter().try_for_each(|netns| observer.fdb(netns))
}

/// Forwarding entries cannot be configured, so none is read by its key.
pub(crate) fn observe<K>(_: &mut Observer<'_>, _: &[K], _: &Wanted) -> Result<(), ObserveError> {
    Ok(())
}

/// The forwarding entry of a notification; `name` returns the name of the link with an index.
pub(crate) fn notified(
    message: Message<'_>,
    netns: &NetnsName,
    name: impl Fn(u32) -> Option<LinkName>,
) -> Option<Key> {
    let seen = decode(message)?;
    let key = FdbKey {
        netns: netns.clone(),
        dev: name(seen.index)?,
        lladdr: seen.lladdr,
        vlan: seen.vlan,
        own: seen.entry.flags & libc::NTF_SELF != 0,
        dst: seen.dst,
    };
    Some(Key::Fdb(Box::new(key)))
}

impl Observer<'_> {
    /// The forwarding entries of all bridges and tunnels of a namespace.
    pub(crate) fn fdb(&mut self, netns: &NetnsName) -> Result<(), ObserveError> {
        let request = dump;
        for seen in self.dump((netns, libc::RTM_GETNEIGH), request, decode)? {
            let Some(dev) = self.name(netns, seen.index)? else { continue };
            let key = FdbKey {
                netns: netns.clone(),
                dev,
                lladdr: seen.lladdr,
                vlan: seen.vlan,
                own: seen.entry.flags & libc::NTF_SELF != 0,
                dst: seen.dst,
            };
            let master = match seen.master {
                Some(master) => self.name(netns, master)?,
                None => None,
            };
            let via = match seen.via {
                Some(via) => self.name(netns, via)?,
                None => None,
            };
            let entry = FdbEntry { master, via, ..seen.entry };
            self.insert(Key::Fdb(key.into()), Object::Fdb(entry.into()));
        }
        Ok(())
    }
}
