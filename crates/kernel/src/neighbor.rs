//! Neighbours and forwarding entries on the wire (`struct ndmsg` and `NDA_…`).

use std::net::IpAddr;

use netstate::MacAddress;
use netstate::attribute::{Value, put_value};
use netstate::fdb::FdbEntry;
use netstate::neighbor::Neighbor;
use netstate::uapi::NUD_PERMANENT;

use crate::message::{Message, fixed};
use crate::route::family;
use crate::uapi::{NDA_FLAGS_EXT, NTF_EXT_MANAGED};

/// Appends the body of a request to set a neighbour.
pub(crate) fn set(
    out: &mut Vec<u8>,
    index: u32,
    (address, proxy): (&IpAddr, bool),
    neighbor: &Neighbor,
) {
    let flag = |set: Option<bool>, flag: u8| if set == Some(true) { flag } else { 0 };
    let flags = flag(Some(proxy), libc::NTF_PROXY)
        | flag(neighbor.router, libc::NTF_ROUTER)
        | flag(neighbor.use_, libc::NTF_USE)
        | flag(neighbor.extern_learn, libc::NTF_EXT_LEARNED);
    let managed = neighbor.managed == Some(true);
    // An entry that is to be resolved has no state to be given.
    let resolved = managed || neighbor.use_ == Some(true);
    let state = neighbor.nud.unwrap_or(if resolved { libc::NUD_NONE } else { NUD_PERMANENT });
    fixed::neighbor(out, family(address), index, (state, flags));
    put_value(out, libc::NDA_DST, address);
    if let Some(lladdr) = &neighbor.lladdr {
        put_value(out, libc::NDA_LLADDR, lladdr);
    }
    if managed {
        put_value(out, NDA_FLAGS_EXT, &NTF_EXT_MANAGED);
    }
}

/// Appends the body of a request that names a neighbour: to delete it, or to ask for it.
pub(crate) fn named(out: &mut Vec<u8>, index: u32, address: &IpAddr, proxy: bool) {
    let flags = if proxy { libc::NTF_PROXY } else { 0 };
    fixed::neighbor(out, family(address), index, (0, flags));
    put_value(out, libc::NDA_DST, address);
}

/// Appends the body of a request for all neighbours of a family, of one link only where `index` is not zero.
pub(crate) fn dump(out: &mut Vec<u8>, family: u8, index: u32, proxy: bool) {
    let flags = if proxy { libc::NTF_PROXY } else { 0 };
    fixed::neighbor(out, family, 0, (0, flags));
    if index != 0 {
        put_value(out, libc::NDA_IFINDEX, &index);
    }
}

/// Appends the body of a request for the forwarding entries of all bridges and tunnels.
pub(crate) fn dump_fdb(out: &mut Vec<u8>) {
    fixed::neighbor(out, BRIDGE, 0, (0, 0));
}

/// `AF_BRIDGE`.
pub(crate) const BRIDGE: u8 = 7;

/// Reads a message on a neighbour: the index of its link, its address, whether it is a proxy entry, and the rest.
pub(crate) fn decode(message: Message<'_>) -> Option<(u32, IpAddr, bool, Neighbor)> {
    if !is_neighbor(message) || message.byte(0) == BRIDGE {
        return None;
    }
    let (mut address, mut lladdr, mut extended) = (None, None, 0);
    for (number, value) in message.attributes(fixed::NEIGHBOR) {
        match number {
            libc::NDA_DST => address = IpAddr::take(value),
            libc::NDA_LLADDR => lladdr = MacAddress::take(value),
            NDA_FLAGS_EXT => extended = u32::take(value)?,
            _ => {}
        }
    }
    let flags = message.byte(10);
    let proxy = flags & libc::NTF_PROXY != 0;
    let neighbor = Neighbor {
        lladdr,
        nud: Some(message.number(8)),
        router: Some(flags & libc::NTF_ROUTER != 0),
        use_: Some(false),
        managed: Some(extended & NTF_EXT_MANAGED != 0),
        extern_learn: Some(flags & libc::NTF_EXT_LEARNED != 0),
    };
    Some((message.number(4), address?, proxy, neighbor))
}

/// A forwarding entry as a message tells it, with numbers where it speaks of links.
#[derive(Debug)]
pub(crate) struct SeenFdb {
    pub(crate) index: u32,
    pub(crate) lladdr: MacAddress,
    pub(crate) vlan: u16,
    pub(crate) dst: Option<IpAddr>,
    pub(crate) master: Option<u32>,
    pub(crate) via: Option<u32>,
    /// The rest.
    pub(crate) entry: FdbEntry,
}

/// Reads a message on a forwarding entry.
pub(crate) fn decode_fdb(message: Message<'_>) -> Option<SeenFdb> {
    if !is_neighbor(message) || message.byte(0) != BRIDGE {
        return None;
    }
    let mut seen = SeenFdb {
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

fn is_neighbor(message: Message<'_>) -> bool {
    [libc::RTM_NEWNEIGH, libc::RTM_DELNEIGH].contains(&message.kind)
}
