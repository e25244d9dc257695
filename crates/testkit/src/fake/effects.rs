//! The effects of an operation in Linux: an error, or a change of the state with side effects.

use std::collections::{BTreeMap, BTreeSet};

use netstate::{Action, Key, Link, LinkId, LinkName, NetnsName, Object, Op, Place, Route, State};

use super::bridges::{self, OwnMtus};
use super::detection::{self, Duplicate};
use super::ipv6;
use super::shared::{Refused, at, is_loopback, need_netns, refusal};
use super::{addresses, links, nexthops, parameters, routes};

/// Executes one operation; `duplicates` are the addresses of other hosts.
pub(super) fn apply(
    state: &mut State,
    duplicates: &BTreeSet<Duplicate>,
    own_mtus: &mut OwnMtus,
    op: &Op,
) -> Result<(), Refused> {
    if op.action == Action::Await {
        return detection::await_detection(state, duplicates, &op.key);
    }
    let is_link = matches!(op.key, Key::Link(_) | Key::Netns(_));
    let before = is_link.then(|| (LinkState::of_all(state), bridges::ports(state)));
    let set = own_mtu(state, op);
    carry_out(state, op)?;
    if matches!(op.key, Key::Link(_) | Key::Netns(_) | Key::Nexthop(_)) {
        nexthops::follow(state);
    }
    own_mtus.extend(set);
    if let Some((before, ports)) = before {
        bridges::follow_ports(state, own_mtus, ports);
        follow_links(state, &before);
    }
    Ok(())
}

/// The bridge whose MTU an operation sets to another value (`br_change_mtu`).
fn own_mtu(state: &State, op: &Op) -> Option<LinkId> {
    let Action::Update { from: Object::Link(from), change: Object::Link(change) } = &op.action
    else {
        return None;
    };
    let id = at(state, &from.place)?;
    let bridge = state.objects.get(&Key::Link(id.clone()))?.link()?;
    let mtu = change.attributes.mtu.filter(|mtu| Some(*mtu) != bridge.attributes.mtu);
    mtu.filter(|_| bridges::is_bridge(bridge)).map(|_| id)
}

fn carry_out(state: &mut State, op: &Op) -> Result<(), Refused> {
    match (&op.key, &op.action) {
        (Key::Netns(netns), Action::Create(_)) => links::create_netns(state, &op.key, netns),
        (Key::Link(id), Action::Create(Object::Link(link))) => links::create_link(state, id, link),
        (
            Key::Link(_),
            Action::Update { from: Object::Link(from), change: Object::Link(change) },
        ) => {
            let id = at(state, &from.place).ok_or_else(|| refusal(libc::ENODEV, ""))?;
            links::change_link(state, &id, (from, change))
        }
        (Key::Link(_), Action::Delete(Object::Link(link))) => {
            let id = at(state, &link.place).ok_or_else(|| refusal(libc::ENODEV, ""))?;
            if is_loopback(link) {
                // `rtnl_delete_link`, net/core/rtnetlink.c.
                return Err(refusal(libc::EOPNOTSUPP, ""));
            }
            links::delete_link(state, &id);
            Ok(())
        }
        (Key::Netns(netns), Action::Delete(_)) => links::delete_netns(state, &op.key, netns),
        (Key::Sysctl(key), Action::Create(object) | Action::Update { change: object, .. }) => {
            permit(state, &op.key, object)?;
            if let Object::Sysctl(value) = object {
                parameters::set::set(state, key, value);
            }
            Ok(())
        }
        (_, Action::Await) => Err(refusal(libc::EINVAL, "")),
        (key, Action::Create(object)) => {
            if state.objects.contains_key(key) {
                return Err(refusal(libc::EEXIST, ""));
            }
            permit(state, key, object)?;
            let shown = as_shown(state, key, object);
            state.objects.insert(key.clone(), shown);
            Ok(())
        }
        (key, Action::Update { change, .. }) => {
            if !state.objects.contains_key(key) {
                return Err(refusal(libc::ENOENT, ""));
            }
            permit(state, key, change)?;
            let shown = as_shown(state, key, change);
            state.objects.insert(key.clone(), shown);
            Ok(())
        }
        (key, Action::Delete(_)) => match state.objects.remove(key) {
            Some(gone) => {
                if let Key::Address(key) = key {
                    addresses::gone(state, key, &gone);
                }
                Ok(())
            }
            None if matches!(key, Key::Address(_)) => Err(refusal(libc::EADDRNOTAVAIL, "")),
            None if matches!(key, Key::Nexthop(_)) => Err(refusal(libc::ENOENT, "")),
            None => Err(refusal(libc::ESRCH, "")),
        },
    }
}

/// The properties of a link that have effects when they change.
struct LinkState {
    netns: NetnsName,
    is_up: bool,
    has_ipv6: bool,
}

impl LinkState {
    fn of_all(state: &State) -> BTreeMap<LinkId, LinkState> {
        let link_state = |link: &Link| LinkState {
            netns: link.place.netns.clone(),
            is_up: link.flags.up == Some(true),
            has_ipv6: ipv6::has_ipv6(link),
        };
        let links = state.objects.iter().filter_map(|(key, object)| match (key, object) {
            (Key::Link(id), Object::Link(link)) => Some((id.clone(), link_state(link))),
            _ => None,
        });
        links.collect()
    }
}

/// The effects on links that are new in their namespaces, have come up, or got an MTU that allows
/// or excludes IPv6.
fn follow_links(state: &mut State, before: &BTreeMap<LinkId, LinkState>) {
    for (id, now) in LinkState::of_all(state) {
        let Some(Object::Link(link)) = state.objects.get(&Key::Link(id.clone())) else { continue };
        let (place, is_loopback) = (link.place.clone(), is_loopback(link));
        let before = before.get(&id).filter(|before| before.netns == now.netns);
        if before.is_none() {
            parameters::take_defaults(state, &place, "ipv4");
        }
        match (before.is_some_and(|before| before.has_ipv6), now.has_ipv6) {
            (true, false) => ipv6::leave(state, &place),
            (false, true) => parameters::take_defaults(state, &place, "ipv6"),
            (true, true) | (false, false) => {}
        }
        if now.is_up && !before.is_some_and(|before| before.is_up) {
            detection::begin_detection(state, &place);
            if is_loopback {
                addresses::add_to_loopback(state, &place);
            }
        }
    }
}

/// An object as a dump shows it.
fn as_shown(state: &State, key: &Key, object: &Object) -> Object {
    match (key, object) {
        (Key::Route(key), Object::Route(route)) => {
            let ipv6 = key.prefix.addr().is_ipv6();
            let scope = if ipv6 { Some(0) } else { route.scope.or(Some(route.natural_scope())) };
            Object::Route(Route { scope, ..Route::clone(route) }.into())
        }
        (Key::Address(key), Object::Address(address)) => {
            Object::Address(addresses::as_shown(state, key, address))
        }
        (_, object) => object.clone(),
    }
}

fn permit(state: &State, key: &Key, object: &Object) -> Result<(), Refused> {
    let need_dev = |netns: &NetnsName, ifname: &LinkName| {
        need_netns(state, netns)?;
        let place = Place { netns: netns.clone(), ifname: ifname.clone() };
        at(state, &place).map(|_| place).ok_or_else(|| refusal(libc::ENODEV, ""))
    };
    match (key, object) {
        (Key::Address(key), _) => {
            need_dev(&key.netns, &key.dev)?;
            if key.address.addr().is_ipv4() {
                Ok(())
            } else {
                addresses::permit_address(state, key)
            }
        }
        (Key::Neighbor(key), _) => {
            let place = need_dev(&key.netns, &key.dev)?;
            if key.address.is_ipv4() { Ok(()) } else { ipv6::permit_neighbor(state, &place) }
        }
        (Key::Sysctl(key), _) => {
            need_netns(state, &key.netns)?;
            match parameters::set::lacks_link(state, key) {
                true => Err(refusal(libc::ENOENT, "")),
                false => Ok(()),
            }
        }
        (Key::Route(key), Object::Route(route)) => {
            if let Some(id) = route.nhid {
                nexthops::permit_route(state, key, id)?;
            }
            routes::permit(state, key, route)
        }
        (Key::Nexthop(key), Object::Nexthop(nexthop)) => nexthops::permit(state, key, nexthop),
        (Key::Rule(key), _) => need_netns(state, &key.netns),
        (Key::Netns(_) | Key::Link(_) | Key::Fdb(_) | Key::Nexthop(_) | Key::Route(_), _) => Ok(()),
    }
}
