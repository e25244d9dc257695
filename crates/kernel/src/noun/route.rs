//! Routes on the wire (`struct rtmsg`, `RTA_…` and `struct rtnexthop`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ipnet::IpNet;
use netstate::attribute::{Attributes, Fields, Value, put, put_value};
use netstate::route::{Nexthop, Route, RouteKey, RouteKind};
use netstate::uapi::{RT_TABLE_LOCAL, RTA_NH_ID, RTPROT_KERNEL, RTPROT_STATIC};
use netstate::{Key, LinkName, NetnsName};
use smallvec::SmallVec;

use crate::execution::{self, Act, CREATE, Execution, PointedAt, REPLACE};
use crate::message::{Message, Wire, fixed, row};
use crate::uapi::{RTNH_F_ONLINK, RTNH_F_PERVASIVE};

mod exact;
mod observe;

pub(crate) use observe::{join, observe, observe_part};

/// The netlink constants of this noun.
pub(crate) const WIRE: Wire = Wire {
    get: libc::RTM_GETROUTE,
    plural: "routes",
    groups: &[libc::RTNLGRP_IPV4_ROUTE, libc::RTNLGRP_IPV6_ROUTE],
};

/// `struct rtnexthop` without its attributes.
const NEXTHOP: usize = 8;

/// `AF_INET` or `AF_INET6`.
pub(crate) fn family(address: &IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 2,
        IpAddr::V6(_) => 10,
    }
}

/// Appends the body of a request to add or replace a route. `indexes` are those of the nexthops'
/// links, zero for a nexthop without a link.
pub(crate) fn set(out: &mut Vec<u8>, key: &RouteKey, route: &Route, indexes: &[u32]) {
    let nexthops = || route.nexthops.iter().zip(indexes.iter().copied());
    let single = match route.nexthops.as_slice() {
        [_] => nexthops().next(),
        _ => None,
    };
    put_key(
        out,
        key,
        Fixed {
            protocol: route.protocol.unwrap_or(RTPROT_STATIC),
            scope: scope(key, route),
            kind: route.kind as u8,
            flags: single.map_or(0, |(nexthop, _)| nexthop_flags(nexthop)).into(),
        },
    );
    route.encode(out);
    match single {
        Some((nexthop, index)) => {
            if index != 0 {
                put_value(out, libc::RTA_OIF, &index);
            }
            put_gateway(out, key, nexthop);
        }
        None if route.nexthops.is_empty() => {}
        None => put(out, libc::RTA_MULTIPATH, |out| {
            for (nexthop, index) in nexthops() {
                put_nexthop(out, key, nexthop, index);
            }
        }),
    }
}

/// Appends the body of a request to remove a route.
pub(crate) fn delete(out: &mut Vec<u8>, key: &RouteKey, route: &Route) {
    // RT_SCOPE_NOWHERE matches any scope, and zero any type: that of a route by a nexthop object is reported as what the
    // nexthop does.
    let kind = if route.nhid.is_some() { 0 } else { route.kind as u8 };
    put_key(
        out,
        key,
        Fixed {
            protocol: route.protocol.unwrap_or_default(),
            scope: libc::RT_SCOPE_NOWHERE,
            kind,
            flags: 0,
        },
    );
    if let Some(nhid) = route.nhid {
        put_value(out, RTA_NH_ID, &nhid);
    }
}

/// The route as the kernel reports it after [`set`]; none if the kernel chooses something that
/// `route` leaves open. A single nexthop has no weight.
pub(crate) fn as_reported(key: &RouteKey, route: &Route) -> Option<Route> {
    let whole = match (route.kind, route.nexthops.as_slice()) {
        (RouteKind::Unicast, nexthops) => route.nhid.is_some() || !nexthops.is_empty(),
        (_, nexthops) => nexthops.is_empty(),
    };
    let mut as_reported = route.clone();
    as_reported.protocol.get_or_insert(RTPROT_STATIC);
    as_reported.scope = Some(scope(key, route));
    if let [nexthop] = as_reported.nexthops.as_mut_slice() {
        nexthop.weight = 1;
    }
    as_reported.nexthops.sort();
    whole.then_some(as_reported)
}

/// Selects routes of a family: of one table, on one link, of one protocol. Zero selects all.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Filter {
    pub(crate) family: u8,
    pub(crate) table: u32,
    pub(crate) index: u32,
    pub(crate) protocol: u8,
}

/// Appends the body of a request for all routes that a filter selects.
pub(crate) fn dump(out: &mut Vec<u8>, filter: Filter) {
    let Filter { family, table, index, protocol } = filter;
    out.extend([family, 0, 0, 0, 0, protocol, 0, 0]);
    0u32.put(out);
    if table != 0 {
        put_value(out, libc::RTA_TABLE, &table);
    }
    if index != 0 {
        put_value(out, libc::RTA_OIF, &index);
    }
}

/// The field to which the kernel points.
pub(crate) fn field(_: &Route, at: PointedAt<'_>) -> Option<&'static str> {
    let attribute = at.after(fixed::ROUTE)?;
    match attribute.number {
        libc::RTA_DST => Some("prefix"),
        libc::RTA_OIF => Some("dev"),
        libc::RTA_GATEWAY | libc::RTA_VIA => Some("via"),
        libc::RTA_PRIORITY => Some("metric"),
        libc::RTA_TABLE => Some("table"),
        libc::RTA_MULTIPATH => Some("nexthops"),
        _ => at.field(attribute, Route::FIELDS),
    }
}

/// A route as it was read, with the indexes of links.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) key: RouteKey,
    /// The route. Its nexthops are in the order of the message, without their links.
    pub(crate) route: Route,
    /// The index of each nexthop's link; zero if it has none. A route by a nexthop object has no nexthops, but the links
    /// of that object.
    pub(crate) indexes: SmallVec<[u32; 1]>,
}

/// Reads a message about a route of namespace `netns`. The kernel's own routes in the local table
/// are skipped: there is one for each address, and they contain nothing else. Cached routes are
/// skipped too.
pub(crate) fn decode(message: Message<'_>, netns: &NetnsName) -> Option<Seen> {
    let (kind, protocol) = (kind(message.byte(7))?, message.byte(5));
    let flags: u32 = message.number(8);
    let mut table = u32::from(message.byte(4));
    let mut route =
        Route { kind, protocol: Some(protocol), scope: Some(message.byte(6)), ..Route::default() };
    let mut nexthop = Nexthop { dev: None, via: None, weight: 1, onlink: false, pervasive: false };
    read_flags(&mut nexthop, flags.to_ne_bytes()[0]);
    let (mut destination, mut metric, mut index, mut multipath) = (None, 0, 0, None);
    for (number, value) in message.attributes(fixed::ROUTE) {
        match number {
            libc::RTA_TABLE => table = u32::take(value)?,
            libc::RTA_DST => destination = IpAddr::take(value),
            libc::RTA_PRIORITY => metric = u32::take(value)?,
            libc::RTA_OIF => index = u32::take(value)?,
            libc::RTA_GATEWAY => nexthop.via = IpAddr::take(value),
            libc::RTA_VIA => nexthop.via = IpAddr::take(value.get(2..)?),
            libc::RTA_MULTIPATH => multipath = Some(value),
            _ => route.read(number, value).ok()?,
        }
    }
    route.fill_absent();
    let of_the_kernel = table == RT_TABLE_LOCAL && protocol == RTPROT_KERNEL;
    if of_the_kernel || flags & libc::RTM_F_CLONED != 0 {
        return None;
    }
    let mut indexes = SmallVec::new();
    match multipath {
        Some(bytes) => {
            for (nexthop, index) in nexthops(bytes) {
                route.nexthops.push(nexthop);
                indexes.push(index);
            }
        }
        None if kind == RouteKind::Unicast => {
            route.nexthops.push(nexthop);
            indexes.push(index);
        }
        // For IPv6, the kernel reports the loopback as the device of a route that drops packets.
        None => {}
    }
    if route.nhid.is_some() {
        route.nexthops.clear();
    }
    let any = match message.byte(0) {
        2 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        10 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        _ => return None,
    };
    let prefix = IpNet::new(destination.unwrap_or(any), message.byte(1)).ok()?;
    let key = RouteKey { netns: netns.clone(), table, prefix, tos: message.byte(3), metric };
    Some(Seen { key, route, indexes })
}

/// The fields of `struct rtmsg` beyond the key.
struct Fixed {
    protocol: u8,
    scope: u8,
    kind: u8,
    flags: u32,
}

fn put_key(out: &mut Vec<u8>, key: &RouteKey, fixed: Fixed) {
    let address = key.prefix.network();
    let table = u8::try_from(key.table).unwrap_or(libc::RT_TABLE_UNSPEC);
    let Fixed { protocol, scope, kind, flags } = fixed;
    out.extend([family(&address), key.prefix.prefix_len(), 0, key.tos]);
    out.extend([table, protocol, scope, kind]);
    flags.put(out);
    put_value(out, libc::RTA_TABLE, &key.table);
    put_value(out, libc::RTA_DST, &address);
    if key.metric != 0 {
        put_value(out, libc::RTA_PRIORITY, &key.metric);
    }
}

/// IPv6 has no scopes.
fn scope(key: &RouteKey, route: &Route) -> u8 {
    match key.prefix {
        IpNet::V4(_) => route.scope.unwrap_or_else(|| route.natural_scope()),
        IpNet::V6(_) => libc::RT_SCOPE_UNIVERSE,
    }
}

fn nexthop_flags(nexthop: &Nexthop) -> u8 {
    let flag = |set: bool, flag: u8| if set { flag } else { 0 };
    flag(nexthop.onlink, RTNH_F_ONLINK) | flag(nexthop.pervasive, RTNH_F_PERVASIVE)
}

fn read_flags(nexthop: &mut Nexthop, flags: u8) {
    nexthop.onlink = flags & RTNH_F_ONLINK != 0;
    nexthop.pervasive = flags & RTNH_F_PERVASIVE != 0;
}

fn put_gateway(out: &mut Vec<u8>, key: &RouteKey, nexthop: &Nexthop) {
    match &nexthop.via {
        Some(via) if via.is_ipv4() == matches!(key.prefix, IpNet::V4(_)) => {
            put_value(out, libc::RTA_GATEWAY, via);
        }
        // `struct rtvia`: a family and an address of that family.
        Some(via) => put(out, libc::RTA_VIA, |out| {
            u16::from(family(via)).put(out);
            via.put(out);
        }),
        None => {}
    }
}

fn put_nexthop(out: &mut Vec<u8>, key: &RouteKey, nexthop: &Nexthop, index: u32) {
    let start = out.len();
    let hops = u8::try_from(nexthop.weight.saturating_sub(1)).unwrap_or(u8::MAX);
    out.extend([0, 0, nexthop_flags(nexthop), hops]);
    index.put(out);
    put_gateway(out, key, nexthop);
    let length = u16::try_from(out.len() - start).unwrap_or(u16::MAX);
    out[start..start + 2].copy_from_slice(&length.to_ne_bytes());
}

/// The nexthops of `RTA_MULTIPATH`, each with the index of its link.
fn nexthops(mut bytes: &[u8]) -> impl Iterator<Item = (Nexthop, u32)> {
    std::iter::from_fn(move || {
        let (header, _) = bytes.split_first_chunk::<NEXTHOP>()?;
        let [length_0, length_1, flags, hops, index @ ..] = *header;
        let length = usize::from(u16::from_ne_bytes([length_0, length_1]));
        let attributes = bytes.get(NEXTHOP..length)?;
        let weight = u16::from(hops) + 1;
        let mut nexthop = Nexthop { dev: None, via: None, weight, onlink: false, pervasive: false };
        read_flags(&mut nexthop, flags);
        for (number, value) in row(attributes) {
            match number {
                libc::RTA_GATEWAY => nexthop.via = IpAddr::take(value),
                libc::RTA_VIA => nexthop.via = value.get(2..).and_then(IpAddr::take),
                _ => {}
            }
        }
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((nexthop, u32::from_ne_bytes(index)))
    })
}

fn kind(number: u8) -> Option<RouteKind> {
    match number {
        1 => Some(RouteKind::Unicast),
        2 => Some(RouteKind::Local),
        3 => Some(RouteKind::Broadcast),
        4 => Some(RouteKind::Anycast),
        5 => Some(RouteKind::Multicast),
        6 => Some(RouteKind::Blackhole),
        7 => Some(RouteKind::Unreachable),
        8 => Some(RouteKind::Prohibit),
        9 => Some(RouteKind::Throw),
        10 => Some(RouteKind::Nat),
        _ => None,
    }
}

/// Executes an operation on a route.
pub(crate) fn execute<'a>(
    execution: &mut Execution<'a>,
    index: usize,
    key: &'a RouteKey,
    doing: Act<'a, Arc<Route>>,
) -> execution::Result<()> {
    let (flags, route) = match doing {
        Act::Create(route) => (CREATE, route),
        Act::Update { change, .. } => (REPLACE, change),
        Act::Delete(route) => {
            return execution.push((index, &key.netns), (libc::RTM_DELROUTE, 0), |out| {
                delete(out, key, route);
            });
        }
    };
    let mut indexes: SmallVec<[u32; 1]> = SmallVec::with_capacity(route.nexthops.len());
    for nexthop in &route.nexthops {
        indexes.push(match &nexthop.dev {
            Some(dev) => execution.index_of(index, &key.netns, dev)?,
            None => 0,
        });
    }
    execution.push((index, &key.netns), (libc::RTM_NEWROUTE, flags), |out| {
        set(out, key, route, &indexes);
    })
}

/// The route of a notification.
pub(crate) fn notified(
    message: Message<'_>,
    netns: &NetnsName,
    _: impl Fn(u32) -> Option<LinkName>,
) -> Option<Key> {
    let is_route = [libc::RTM_NEWROUTE, libc::RTM_DELROUTE].contains(&message.kind);
    if !is_route {
        return None;
    }
    Some(Key::Route(decode(message, netns)?.key))
}
