//! Which routes the kernel accepts: their links, gateways and sources.

use std::net::IpAddr;
use std::sync::Arc;

use netstate::uapi::{IFA_F_TENTATIVE, RT_TABLE_MAIN};
use netstate::{
    AddressKey, Key, LinkName, NetnsName, Nexthop, Object, Place, Route, RouteKey, RouteKind, State,
};

use super::ipv6;
use super::shared::{self, Refused, refusal};

/// Whether the kernel accepts a route: first its nexthops, then its source.
pub(super) fn permit(state: &State, key: &RouteKey, route: &Route) -> Result<(), Refused> {
    shared::need_netns(state, &key.netns)?;
    if route.kind == RouteKind::Unicast {
        for Nexthop { dev, via, onlink, .. } in &route.nexthops {
            permit_hop(state, key, Hop { dev: dev.as_ref(), via: *via, onlink: *onlink })?;
        }
    }
    permit_source(state, key, route)
}

/// A nexthop of a route, or a nexthop object.
#[derive(Clone, Copy)]
pub(super) struct Hop<'h> {
    pub(super) dev: Option<&'h LinkName>,
    pub(super) via: Option<IpAddr>,
    pub(super) onlink: bool,
}

/// Whether the kernel accepts a nexthop.
pub(super) fn permit_hop(state: &State, key: &RouteKey, hop: Hop<'_>) -> Result<(), Refused> {
    match key.prefix.addr() {
        IpAddr::V4(_) => permit_hop_v4(state, key, hop),
        IpAddr::V6(_) => permit_hop_v6(state, key, hop),
    }
}

/// `fib_check_nh`, net/ipv4/fib_semantics.c.
fn permit_hop_v4(state: &State, key: &RouteKey, hop: Hop<'_>) -> Result<(), Refused> {
    let is_up = match hop.dev {
        Some(dev) => Some(is_up(state, &key.netns, dev)?),
        None => None,
    };
    match hop.via {
        Some(via) if !hop.onlink => match via {
            IpAddr::V4(_) if !is_reached(state, key, hop.dev, via) => {
                Err(refusal(libc::ENETUNREACH, "Nexthop has invalid gateway"))
            }
            IpAddr::V4(_) => Ok(()),
            IpAddr::V6(_) => permit_hop_v6(state, key, hop),
        },
        Some(_) if is_up == Some(false) => Err(refusal(libc::ENETDOWN, "Nexthop device is not up")),
        Some(via) if !is_in_table_local(state, &key.netns, via) => {
            Err(refusal(libc::EINVAL, "Nexthop has invalid gateway"))
        }
        None if is_up == Some(false) => {
            Err(refusal(libc::ENETDOWN, "Device for nexthop is not up"))
        }
        Some(_) | None => Ok(()),
    }
}

/// Whether the kernel accepts an IPv4 `onlink` gateway: it is not an address of the namespace, and
/// the namespace has the table `local`, which exists once it has had an address
/// (`inet_addr_type_dev_table`, net/ipv4/fib_frontend.c).
fn is_in_table_local(state: &State, netns: &NetnsName, via: IpAddr) -> bool {
    let mut addresses = state.objects.keys().filter_map(|key| {
        let Key::Address(key) = key else { return None };
        (key.netns == *netns).then(|| key.address.addr())
    });
    let has_ipv4 = addresses.clone().any(|address| address.is_ipv4());
    via.is_ipv6() || has_ipv4 && addresses.all(|address| address != via)
}

/// `fib6_nh_init` and `ip6_validate_gw`, net/ipv6/route.c.
fn permit_hop_v6(state: &State, key: &RouteKey, hop: Hop<'_>) -> Result<(), Refused> {
    let place = |dev: &LinkName| Place { netns: key.netns.clone(), ifname: dev.clone() };
    if let Some(dev) = hop.dev {
        is_up(state, &key.netns, dev)?;
        if !ipv6::is_there(state, &place(dev)) {
            return Err(refusal(libc::ENODEV, ""));
        }
    }
    if let Some(via) = hop.via {
        if holders(state, &key.netns, via).next().is_some() {
            return Err(refusal(libc::EINVAL, "Gateway can not be a local address"));
        }
        if is_link_local(via) {
            if hop.dev.is_none() {
                return Err(refusal(libc::EINVAL, "Egress device not specified"));
            }
        } else if !hop.onlink && !is_reached(state, key, hop.dev, via) {
            return Err(refusal(libc::EHOSTUNREACH, ""));
        }
    }
    let Some(dev) = hop.dev else { return Ok(()) };
    if ipv6::is_off(state, &place(dev)) {
        return Err(refusal(libc::EACCES, "IPv6 is disabled on nexthop device"));
    }
    match is_up(state, &key.netns, dev)? {
        true => Ok(()),
        false => Err(refusal(libc::ENETDOWN, "Nexthop device is not up")),
    }
}

/// Whether a route's source is an address of the namespace (`fib_create_info`,
/// net/ipv4/fib_semantics.c, which does not check routes without a nexthop;
/// `ip6_route_info_create`, net/ipv6/route.c).
fn permit_source(state: &State, key: &RouteKey, route: &Route) -> Result<(), Refused> {
    let Some(source) = route.source.filter(|source| !source.is_loopback()) else { return Ok(()) };
    let leads_nowhere = match route.kind {
        RouteKind::Blackhole | RouteKind::Unreachable | RouteKind::Prohibit | RouteKind::Throw => {
            true
        }
        RouteKind::Unicast
        | RouteKind::Local
        | RouteKind::Broadcast
        | RouteKind::Anycast
        | RouteKind::Multicast
        | RouteKind::Nat => false,
    };
    let mut holders = holders(state, &key.netns, source);
    match source {
        IpAddr::V4(_) if leads_nowhere || holders.next().is_some() => Ok(()),
        IpAddr::V4(_) => Err(refusal(libc::EINVAL, "Invalid prefsrc address")),
        IpAddr::V6(_) if holders.any(|flags| flags & IFA_F_TENTATIVE == 0) => Ok(()),
        IpAddr::V6(_) => Err(refusal(libc::EINVAL, "Invalid source address")),
    }
}

/// An IPv6 address is removed. Unless another link has it, the routes with this source stay,
/// without the source (`rt6_remove_prefsrc`, net/ipv6/route.c). They keep it if the address is lost
/// with its link.
pub(super) fn forget_source(state: &mut State, gone: &AddressKey) {
    let source = gone.address.addr();
    if holders(state, &gone.netns, source).any(|flags| flags & IFA_F_TENTATIVE == 0) {
        return;
    }
    for (key, object) in &mut state.objects {
        if let (Key::Route(key), Object::Route(route)) = (key, object)
            && key.netns == gone.netns
            && route.source == Some(source)
        {
            Arc::make_mut(route).source = None;
        }
    }
}

/// The flags of an address on each link of a namespace that has it.
fn holders<'a>(
    state: &'a State,
    netns: &'a NetnsName,
    ip: IpAddr,
) -> impl Iterator<Item = u32> + 'a {
    state.objects.iter().filter_map(move |(key, object)| match (key, object) {
        (Key::Address(key), Object::Address(address)) => {
            let is_here = key.netns == *netns && key.address.addr() == ip;
            is_here.then(|| address.status.as_ref().map_or(0, |status| status.flags))
        }
        _ => None,
    })
}

/// Whether a gateway is reached without another gateway: through the subnet of an address, or
/// through a route on the link. IPv6 considers only the longest prefix (`ip6_route_check_nh`). IPv4
/// ignores routes with gateways (`fib_check_nh_v4_gw`, which looks for scope link).
fn is_reached(state: &State, of: &RouteKey, dev: Option<&LinkName>, via: IpAddr) -> bool {
    let mut ways: Vec<(u8, bool)> = Vec::new();
    let wanted = |other: &LinkName| dev.is_none_or(|dev| dev == other);
    for (key, object) in &state.objects {
        match (key, object) {
            (Key::Address(key), Object::Address(address))
                if key.netns == of.netns
                    && wanted(&key.dev)
                    && address.reaches(key, via)
                    && carries(state, &key.netns, &key.dev, via) =>
            {
                ways.push((key.address.prefix_len(), true));
            }
            (Key::Route(key), Object::Route(route))
                if key.netns == of.netns
                    && key.prefix.contains(&via)
                    && route.kind == RouteKind::Unicast
                    && is_looked_up(state, of, key.table) =>
            {
                let hops = route.nexthops.iter();
                let over = hops.filter(|hop| dev.is_none() || hop.dev.as_ref() == dev);
                ways.extend(over.map(|hop| (key.prefix.prefix_len(), hop.via.is_none())));
            }
            _ => {}
        }
    }
    match via {
        IpAddr::V4(_) => ways.iter().any(|(_, is_on_link)| *is_on_link),
        IpAddr::V6(_) => ways.iter().max().is_some_and(|(_, is_on_link)| *is_on_link),
    }
}

/// Whether a link has the routes to the subnets of its addresses.
fn carries(state: &State, netns: &NetnsName, dev: &LinkName, via: IpAddr) -> bool {
    let place = Place { netns: netns.clone(), ifname: dev.clone() };
    let is_up = shared::link(state, &place).is_some_and(|link| link.flags.up == Some(true));
    is_up && (via.is_ipv4() || (ipv6::is_there(state, &place) && !ipv6::is_off(state, &place)))
}

/// Whether a gateway is looked up in a table: in that of the route, in the main one, and in those
/// of rules.
fn is_looked_up(state: &State, of: &RouteKey, table: u32) -> bool {
    let is_ruled = || {
        state.objects.iter().any(|(key, object)| match (key, object) {
            (Key::Rule(key), Object::Rule(rule)) => {
                key.netns == of.netns && rule.table == Some(table)
            }
            _ => false,
        })
    };
    table == RT_TABLE_MAIN || table == of.table || is_ruled()
}

/// Whether an existing link is up.
fn is_up(state: &State, netns: &NetnsName, dev: &LinkName) -> Result<bool, Refused> {
    let place = Place { netns: netns.clone(), ifname: dev.clone() };
    let link = shared::link(state, &place).ok_or_else(|| refusal(libc::ENODEV, ""))?;
    Ok(link.flags.up == Some(true))
}

fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}
