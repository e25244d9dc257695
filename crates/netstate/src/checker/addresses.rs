//! The options of an address: whether they are as desired, and whether an update can set them.

use std::net::IpAddr;

use crate::noun::address::{Address, AddressKey, AddressOptions, Lifetime};

const MADE: u32 = 0x2 | 0x10 | 0x100 | 0x200 | 0x400;
const UNIVERSE: u8 = 0;
const HOST: u8 = 254;

/// An address as ip-address(8) shows it.
#[derive(Clone, Debug, PartialEq)]
struct Shown {
    peer: IpAddr,
    scope: u8,
    broadcast: Option<IpAddr>,
    label: Option<String>,
    metric: u32,
    proto: u8,
    flags: u32,
    has_end: bool,
}

/// Whether an address is as desired. What is not configured stays as it is if the address has a status, and is what a
/// new address has otherwise.
pub(super) fn agrees(key: &AddressKey, wanted: &Address, seen: &Address) -> bool {
    let seen = shown(key, seen);
    let options = wanted.set_options();
    let mut expected = match wanted.status {
        Some(_) => seen.clone(),
        None => Shown { label: seen.label.clone(), ..shown(key, &Address::default()) },
    };
    set(&mut expected, &options);
    expected == seen
}

/// What an update changes although the kernel cannot change it.
pub(super) fn fixed(key: &AddressKey, from: &Address, change: &Address) -> Option<&'static str> {
    let from = shown(key, from);
    let mut to = match change.status {
        Some(_) => from.clone(),
        None => Shown { label: from.label.clone(), ..shown(key, &Address::default()) },
    };
    set(&mut to, &change.set_options());
    let is_ipv4 = key.address.addr().is_ipv4();
    let fixed = [
        ("the peer", from.peer != to.peer),
        ("the scope", is_ipv4 && from.scope != to.scope),
        ("the broadcast address", from.broadcast != to.broadcast),
        ("the label", from.label != to.label),
        ("the origin", is_ipv4 && from.proto != to.proto),
        ("the flags", is_ipv4 && from.flags != to.flags),
        ("the metric", !is_ipv4 && from.metric != to.metric && to.metric == 0),
    ];
    fixed.iter().find(|(_, differs)| *differs).map(|(name, _)| *name)
}

fn shown(key: &AddressKey, address: &Address) -> Shown {
    let own = key.address.addr();
    let mut shown = Shown {
        peer: own,
        scope: if own.is_ipv4() && own.is_loopback() { HOST } else { UNIVERSE },
        broadcast: None,
        label: None,
        metric: 0,
        proto: 0,
        flags: 0,
        has_end: false,
    };
    if let Some(status) = &address.status {
        shown = Shown {
            peer: status.peer.unwrap_or(own),
            scope: status.scope,
            broadcast: status.broadcast,
            label: status.label.clone(),
            metric: status.metric.unwrap_or_default(),
            proto: status.protocol,
            flags: status.flags & MADE,
            has_end: status.valid_until.is_some(),
        };
    }
    set(&mut shown, &address.set_options());
    if own.is_ipv6() {
        shown.scope = UNIVERSE;
    }
    shown
}

fn set(shown: &mut Shown, options: &AddressOptions) {
    let flags = [
        (options.nodad, 0x2),
        (options.home, 0x10),
        (options.mngtmpaddr, 0x100),
        (options.noprefixroute, 0x200),
        (options.autojoin, 0x400),
    ];
    for (flag, bit) in flags {
        match flag {
            Some(true) => shown.flags |= bit,
            Some(false) => shown.flags &= !bit,
            None => {}
        }
    }
    let none = |address: &IpAddr| !address.is_unspecified();
    shown.peer = options.peer.unwrap_or(shown.peer);
    shown.scope = options.scope.unwrap_or(shown.scope);
    shown.broadcast =
        options.broadcast.map_or(shown.broadcast, |address| Some(address).filter(none));
    shown.label = options.label.clone().or(shown.label.take());
    shown.metric = options.metric.unwrap_or(shown.metric);
    shown.proto = options.proto.unwrap_or(shown.proto);
    shown.has_end =
        options.valid_lft.map_or(shown.has_end, |lifetime| lifetime != Lifetime::Forever);
}
