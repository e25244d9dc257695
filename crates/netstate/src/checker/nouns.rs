//! The checker's knowledge of each noun: the links an object is on, what removes it, and when it is
//! as desired.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::{addresses, nexthops};
use crate::name::LinkName;
use crate::noun::address::AddressKey;
use crate::noun::fdb::FdbKey;
use crate::noun::neighbor::{Neighbor, NeighborKey};
use crate::noun::route::{Nexthop, Route, RouteKey, RouteKind};
use crate::noun::rule::Rule;
use crate::noun::sysctl::SysctlKey;
use crate::noun::{Key, Object};
use crate::uapi::{NUD_NOARP, NUD_PERMANENT, RTPROT_KERNEL, RTPROT_RA};

/// The properties of an object that is neither a namespace nor a link.
#[derive(Debug, Default)]
pub(super) struct Nature {
    /// The links that it is on, by their names in its namespace.
    pub(super) links: BTreeSet<LinkName>,
    /// Whether it exists only while its link has IPv6.
    pub(super) of_ipv6: bool,
    /// Whether it is removed with the last IPv4 address of its link (`fib_disable_ip`,
    /// net/ipv4/fib_frontend.c).
    pub(super) needs_ipv4_address: bool,
    /// Whether it is removed when its link goes down (`addrconf_ifdown`, `neigh_ifdown`,
    /// `fib_sync_down_dev`).
    pub(super) goes_with_down: bool,
    /// Whether it is lost when the link-layer address or the ARP mode of its link changes
    /// (`neigh_changeaddr`).
    pub(super) goes_with_link_layer: bool,
    /// Whether it exists as long as its namespace or its link, so that it can be neither created
    /// nor removed.
    pub(super) is_part_of_home: bool,
    /// Whether one request can replace it.
    pub(super) is_replaceable: bool,
    /// Whether the kernel or a protocol creates and removes it.
    pub(super) is_automatic: bool,
}

/// The properties of an object.
pub(super) fn nature(key: &Key, object: &Object) -> Nature {
    let is_automatic = is_automatic(object);
    let replaceable = Nature { is_replaceable: true, is_automatic, ..Nature::default() };
    match key {
        Key::Netns(_) | Key::Link(_) => replaceable,
        Key::Sysctl(key) => Nature {
            links: key.path.dev().into_iter().collect(),
            of_ipv6: key.path.as_str().starts_with("net/ipv6/") && key.path.dev().is_some(),
            is_part_of_home: true,
            ..replaceable
        },
        Key::Address(key) => Nature {
            links: [key.dev.clone()].into(),
            of_ipv6: key.address.addr().is_ipv6(),
            goes_with_down: key.address.addr().is_ipv6(),
            ..replaceable
        },
        Key::Neighbor(key) => Nature {
            links: [key.dev.clone()].into(),
            of_ipv6: key.address.is_ipv6(),
            needs_ipv4_address: key.address.is_ipv4(),
            goes_with_down: true,
            goes_with_link_layer: true,
            ..replaceable
        },
        Key::Fdb(key) => Nature { links: [key.dev.clone()].into(), ..replaceable },
        Key::Route(key) => {
            let hops = route(object).map(|route| route.nexthops.as_slice()).unwrap_or_default();
            // It goes only with its nexthop object (`fib6_ifdown`, net/ipv6/route.c).
            if route(object).is_some_and(|route| route.nhid.is_some()) {
                return replaceable;
            }
            Nature {
                links: hops.iter().filter_map(|hop| hop.dev.clone()).collect(),
                of_ipv6: is_ipv6(key),
                needs_ipv4_address: !is_ipv6(key),
                goes_with_down: true,
                // The kernel replaces an IPv6 route nexthop by nexthop (`fib6_add_rt2node`, net/ipv6/ip6_fib.c).
                is_replaceable: !is_ipv6(key) || hops.len() < 2,
                ..replaceable
            }
        }
        // It stays on a link without addresses (`nh_netdev_event`, net/ipv4/nexthop.c).
        Key::Nexthop(_) => Nature {
            links: nexthops::dev(object).cloned().into_iter().collect(),
            goes_with_down: true,
            ..replaceable
        },
        Key::Rule(_) => Nature { is_automatic, ..Nature::default() },
    }
}

/// An object on a link, after the link was renamed.
pub(super) fn renamed<'a>(
    key: Key,
    object: Cow<'a, Object>,
    (old, new): (&LinkName, &LinkName),
) -> (Key, Cow<'a, Object>) {
    let dev = new.clone();
    let key = match key {
        Key::Address(key) => Key::Address(AddressKey { dev, ..key }),
        Key::Neighbor(key) => Key::Neighbor(NeighborKey { dev, ..key }),
        Key::Fdb(key) => Key::Fdb(Box::new(FdbKey { dev, ..*key })),
        Key::Sysctl(key) => {
            let path = key.path.of_dev(new).unwrap_or_else(|| key.path.clone());
            Key::Sysctl(SysctlKey { path, ..key })
        }
        // A rule keeps the name of the link.
        Key::Netns(_) | Key::Link(_) | Key::Nexthop(_) | Key::Route(_) | Key::Rule(_) => key,
    };
    let new_name = |dev: &LinkName| if dev == old { new.clone() } else { dev.clone() };
    if let Some(nexthop) = nexthops::renamed(&object, new_name) {
        return (key, Cow::Owned(nexthop));
    }
    let Some(route) = route(&object) else { return (key, object) };
    let mut route = route.clone();
    let devs = route.nexthops.iter_mut().filter_map(|hop| hop.dev.as_mut());
    devs.filter(|dev| *dev == old).for_each(|dev| *dev = new.clone());
    route.nexthops.sort();
    (key, Cow::Owned(Object::Route(route.into())))
}

/// Whether an object other than a link is as desired.
pub(super) fn agrees(key: &Key, wanted: &Object, seen: &Object) -> bool {
    match (key, wanted, seen) {
        (Key::Sysctl(_), Object::Sysctl(wanted), Object::Sysctl(seen)) => same_value(wanted, seen),
        (Key::Address(key), Object::Address(wanted), Object::Address(seen)) => {
            addresses::agrees(key, wanted, seen)
        }
        (Key::Neighbor(_), Object::Neighbor(wanted), Object::Neighbor(seen)) => {
            neighbor_agrees(wanted, seen)
        }
        (Key::Fdb(_), Object::Fdb(_), Object::Fdb(_)) => true,
        (Key::Route(key), Object::Route(wanted), Object::Route(seen)) => {
            route_agrees(key, wanted, seen)
        }
        (Key::Nexthop(_), Object::Nexthop(wanted), Object::Nexthop(seen)) => {
            nexthops::agrees(wanted, seen)
        }
        (Key::Rule(_), Object::Rule(wanted), Object::Rule(seen)) => rule_agrees(wanted, seen),
        _ => false,
    }
}

/// The route, if it is one.
pub(super) fn route(object: &Object) -> Option<&Route> {
    if let Object::Route(route) = object { Some(route) } else { None }
}

pub(super) fn is_ipv6(key: &RouteKey) -> bool {
    key.prefix.addr().is_ipv6()
}

fn is_automatic(object: &Object) -> bool {
    match object {
        Object::Netns | Object::Link(_) | Object::Sysctl(_) => false,
        Object::Address(address) => address.is_automatic(),
        Object::Neighbor(neighbor) => {
            let lasts = neighbor.nud.is_none_or(|nud| nud & (NUD_PERMANENT | NUD_NOARP) != 0);
            let held = [neighbor.managed, neighbor.extern_learn].contains(&Some(true));
            !lasts && !held
        }
        Object::Fdb(_) => true,
        Object::Nexthop(_) => false,
        Object::Route(route) => [Some(RTPROT_KERNEL), Some(RTPROT_RA)].contains(&route.protocol),
        Object::Rule(rule) => rule.protocol == Some(RTPROT_KERNEL),
    }
}

fn neighbor_agrees(wanted: &Neighbor, seen: &Neighbor) -> bool {
    // A flag that is missing in a dump is off.
    let flag = |wanted: Option<bool>, seen: Option<bool>| {
        wanted.is_none() || wanted == Some(seen.unwrap_or(false))
    };
    (wanted.lladdr.is_none() || wanted.lladdr == seen.lladdr)
        && (wanted.nud.is_none() || wanted.nud == seen.nud)
        && flag(wanted.router, seen.router)
        && flag(wanted.managed, seen.managed)
        && flag(wanted.extern_learn, seen.extern_learn)
}

fn route_agrees(key: &RouteKey, wanted: &Route, seen: &Route) -> bool {
    let same = |wanted: Option<u8>, seen: Option<u8>| wanted.is_none() || wanted == seen;
    let hop = |(wanted, seen): (&Nexthop, &Nexthop)| {
        (wanted.dev.is_none() || wanted.dev == seen.dev)
            && wanted.via == seen.via
            && wanted.weight == seen.weight
            && wanted.onlink == seen.onlink
    };
    // The kernel may show its loopback as the nexthop of a route without one.
    let hops = wanted.nexthops.is_empty()
        || wanted.nexthops.len() == seen.nexthops.len()
            && wanted.nexthops.iter().zip(&seen.nexthops).all(hop);
    // A route over a blackhole is shown as one (`fib_dump_info`).
    let is_kind =
        wanted.kind == seen.kind || wanted.nhid.is_some() && seen.kind == RouteKind::Blackhole;
    is_kind
        && wanted.nhid == seen.nhid
        && same(wanted.protocol, seen.protocol)
        && (is_ipv6(key) || same(wanted.scope, seen.scope))
        && wanted.source == seen.source
        && wanted.metrics == seen.metrics
        && hops
}

fn rule_agrees(wanted: &Rule, seen: &Rule) -> bool {
    wanted.action == seen.action
        && wanted.table == seen.table
        && wanted.goto == seen.goto
        && wanted.suppress_prefixlength == seen.suppress_prefixlength
        && wanted.suppress_ifgroup == seen.suppress_ifgroup
        && wanted.realms == seen.realms
        && (wanted.protocol.is_none() || wanted.protocol == seen.protocol)
}

/// Whether two texts are the same value of a parameter.
pub(super) fn same_value(one: &str, other: &str) -> bool {
    one.split_ascii_whitespace().eq(other.split_ascii_whitespace())
}
