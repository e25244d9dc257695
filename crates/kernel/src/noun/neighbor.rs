//! Neighbours on the wire (`struct ndmsg` and `NDA_…`).

use std::net::{IpAddr, Ipv4Addr};

use netstate::attribute::{Attributes, Fields, Value, put_value};
use netstate::neighbor::{Neighbor, NeighborKey};
use netstate::uapi::NUD_PERMANENT;
use netstate::{Key, LinkName, NetnsName, Object, ObserveError, Part, Wanted};

use crate::execution::{self, Act, Execution, PointedAt, REPLACE};
use crate::message::{Message, Wire, fixed};
use crate::noun::route::family;
use crate::observer::{FAMILIES, Observer};

/// The netlink constants of this noun.
pub(crate) const WIRE: Wire =
    Wire { get: libc::RTM_GETNEIGH, plural: "neighbours", groups: &[libc::RTNLGRP_NEIGH] };

/// Appends the body of a request to set a neighbour.
pub(crate) fn set(
    out: &mut Vec<u8>,
    index: u32,
    (address, proxy): (&IpAddr, bool),
    neighbor: &Neighbor,
) {
    // The kernel resolves such an entry itself, so the request contains no state.
    let resolved = neighbor.managed == Some(true) || neighbor.use_ == Some(true);
    let state = if resolved { libc::NUD_NONE } else { NUD_PERMANENT };
    let nud = neighbor.nud.or(Some(state));
    let start = out.len();
    Neighbor { nud, ..neighbor.clone() }.encode(out);
    fixed::name_neighbor(&mut out[start..], family(address), index, proxy);
    put_value(out, libc::NDA_DST, address);
}

/// Appends the body of a request that names a neighbour, to delete it or to read it.
pub(crate) fn named(out: &mut Vec<u8>, index: u32, address: &IpAddr, proxy: bool) {
    let flags = if proxy { libc::NTF_PROXY } else { 0 };
    fixed::neighbor(out, family(address), index, (0, flags));
    put_value(out, libc::NDA_DST, address);
}

/// Appends the body of a request for all neighbours of a family; only those of one link if `index`
/// is not zero.
pub(crate) fn dump(out: &mut Vec<u8>, family: u8, index: u32, proxy: bool) {
    let flags = if proxy { libc::NTF_PROXY } else { 0 };
    fixed::neighbor(out, family, 0, (0, flags));
    if index != 0 {
        put_value(out, libc::NDA_IFINDEX, &index);
    }
}

/// `AF_BRIDGE`.
pub(crate) const BRIDGE: u8 = 7;

/// Reads a message about a neighbour: the index of its link, its address, whether it is a proxy
/// entry, and its attributes.
pub(crate) fn decode(message: Message<'_>) -> Option<(u32, IpAddr, bool, Neighbor)> {
    if !is_neighbor(message) || message.byte(0) == BRIDGE {
        return None;
    }
    let address = message.attributes(fixed::NEIGHBOR).find(|(number, _)| *number == libc::NDA_DST);
    let address = address.and_then(|(_, value)| IpAddr::take(value))?;
    let neighbor = Neighbor::decode(message.body).ok()?;
    let proxy = message.byte(10) & libc::NTF_PROXY != 0;
    Some((message.number(4), address, proxy, neighbor))
}

/// Whether a message is about a neighbour. Forwarding entries use the same messages.
pub(crate) fn is_neighbor(message: Message<'_>) -> bool {
    [libc::RTM_NEWNEIGH, libc::RTM_DELNEIGH].contains(&message.kind)
}

/// Executes an operation on a neighbour.
pub(crate) fn execute<'a>(
    execution: &mut Execution<'a>,
    index: usize,
    key: &'a NeighborKey,
    doing: Act<'a, Neighbor>,
) -> execution::Result<()> {
    let dev = execution.index_of(index, &key.netns, &key.dev)?;
    match doing {
        Act::Create(neighbor) | Act::Update { change: neighbor, .. } => {
            let request = (libc::RTM_NEWNEIGH, REPLACE);
            execution.push((index, &key.netns), request, |out| {
                set(out, dev, (&key.address, key.proxy), neighbor);
            })
        }
        Act::Delete(_) => execution.push((index, &key.netns), (libc::RTM_DELNEIGH, 0), |out| {
            named(out, dev, &key.address, key.proxy);
        }),
    }
}

/// The field to which the kernel points.
pub(crate) fn field(_: &Neighbor, at: PointedAt<'_>) -> Option<&'static str> {
    at.field(at.after(fixed::NEIGHBOR)?, Neighbor::FIELDS)
}

/// Reads all neighbours of namespaces, or those on certain links.
pub(crate) fn observe_part(
    observer: &mut Observer<'_>,
    namespaces: &[NetnsName],
    part: &Part,
) -> Result<(), ObserveError> {
    observer.each_link(namespaces, part, |observer, netns, index| {
        observer.neighbors(netns, index, |_, _| true)
    })
}

/// Reads neighbours by their keys.
pub(crate) fn observe(
    observer: &mut Observer<'_>,
    keys: &[&NeighborKey],
    _: &Wanted,
) -> Result<(), ObserveError> {
    keys.iter().try_for_each(|key| observer.neighbor(key))
}

/// The neighbour of a notification; `name` returns the name of the link with an index.
pub(crate) fn notified(
    message: Message<'_>,
    netns: &NetnsName,
    name: impl Fn(u32) -> Option<LinkName>,
) -> Option<Key> {
    let (index, address, proxy, _) = decode(message)?;
    Some(Key::Neighbor(NeighborKey { netns: netns.clone(), dev: name(index)?, address, proxy }))
}

impl Observer<'_> {
    /// The neighbours of a namespace for which `wanted` is true. Only those of one link if `index` is not zero.
    pub(crate) fn neighbors(
        &mut self,
        netns: &NetnsName,
        index: u32,
        wanted: impl Fn(&NeighborKey, &Neighbor) -> bool,
    ) -> Result<(), ObserveError> {
        for (family, proxies) in
            FAMILIES.into_iter().flat_map(|family| [(family, false), (family, true)])
        {
            let request = |out: &mut Vec<u8>| dump(out, family, index, proxies);
            let seen = self.dump((netns, libc::RTM_GETNEIGH), request, decode)?;
            for (at, address, proxy, neighbor) in seen {
                if is_implied(&address) {
                    continue;
                }
                if let Some(dev) = self.name(netns, at)? {
                    let key = NeighborKey { netns: netns.clone(), dev, address, proxy };
                    if wanted(&key, &neighbor) {
                        self.insert(Key::Neighbor(key), Object::Neighbor(neighbor));
                    }
                }
            }
        }
        Ok(())
    }

    /// One neighbour.
    pub(crate) fn neighbor(&mut self, key: &NeighborKey) -> Result<(), ObserveError> {
        let Some(index) = self.index(&key.netns, &key.dev)? else { return Ok(()) };
        let named = |out: &mut Vec<u8>| named(out, index, &key.address, key.proxy);
        let seen = self.get((&key.netns, libc::RTM_GETNEIGH), named, decode)?;
        if let Some((_, _, _, neighbor)) = seen {
            self.insert(Key::Neighbor(key.clone()), Object::Neighbor(neighbor));
        }
        Ok(())
    }
}

/// Whether somebody has set the neighbour. Otherwise it was learned, or the kernel created it to
/// send to an address that needs no ARP.
pub(crate) fn is_static(key: &NeighborKey, neighbor: &Neighbor) -> bool {
    key.proxy
        || neighbor.nud.is_some_and(|nud| nud & NUD_PERMANENT != 0)
        || neighbor.managed == Some(true)
        || neighbor.extern_learn == Some(true)
}

/// Whether the kernel creates a neighbour for an address whenever it sends there.
fn is_implied(address: &IpAddr) -> bool {
    address.is_multicast() || address.is_loopback() || *address == Ipv4Addr::BROADCAST
}
