//! The effects of an operation in Linux: an error, or a change of the state with side effects.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use netstate::link::{LinkFlags, Master};
use netstate::uapi::{
    IFA_F_DADFAILED, IFA_F_PERMANENT, IFA_F_SECONDARY, IFA_F_TENTATIVE, IFAPROT_KERNEL_LO,
    RT_SCOPE_HOST, RT_TABLE_MAIN,
};
use netstate::{
    Action, Address, AddressKey, AddressStatus, Key, Link, LinkId, LinkKind, LinkName, NeighborKey,
    NetnsName, Object, Op, Place, Route, State, SysctlKey,
};

use super::ipv6::{self, Duplicate};
use super::{parameters, routes};

/// An error number and the kernel's message.
pub(super) type Refused = (i32, String);

/// The largest MTU of a veth, and the smallest one of any link with IPv4 (`ETH_MIN_MTU`).
const MTU: std::ops::RangeInclusive<u32> = 68..=65_535;

/// Executes one operation; `duplicates` are the addresses of other hosts.
pub(super) fn apply(
    state: &mut State,
    duplicates: &BTreeSet<Duplicate>,
    op: &Op,
) -> Result<(), Refused> {
    if op.action == Action::Await {
        return ipv6::await_detection(state, duplicates, &op.key);
    }
    let is_link = matches!(op.key, Key::Link(_) | Key::Netns(_));
    let before = is_link.then(|| Standing::of_all(state));
    carry_out(state, op)?;
    before.into_iter().for_each(|before| follow_links(state, &before));
    Ok(())
}

fn carry_out(state: &mut State, op: &Op) -> Result<(), Refused> {
    match (&op.key, &op.action) {
        (Key::Netns(netns), Action::Create(_)) => create_netns(state, &op.key, netns),
        (Key::Link(id), Action::Create(Object::Link(link))) => create_link(state, id, link),
        (
            Key::Link(_),
            Action::Update { from: Object::Link(from), change: Object::Link(change) },
        ) => {
            let id = at(state, &from.place).ok_or_else(|| refusal(libc::ENODEV, ""))?;
            change_link(state, &id, change)
        }
        (Key::Link(_), Action::Delete(Object::Link(link))) => {
            let id = at(state, &link.place).ok_or_else(|| refusal(libc::ENODEV, ""))?;
            if is_loopback(link) {
                // `rtnl_delete_link`, net/core/rtnetlink.c.
                return Err(refusal(libc::EOPNOTSUPP, ""));
            }
            delete_link(state, &id);
            Ok(())
        }
        (Key::Netns(netns), Action::Delete(_)) => delete_netns(state, &op.key, netns),
        (Key::Sysctl(key), Action::Create(object) | Action::Update { change: object, .. }) => {
            permit(state, &op.key, object)?;
            if let Object::Sysctl(value) = object {
                parameters::set(state, key, value);
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
                    address_gone(state, key, &gone);
                }
                Ok(())
            }
            None if matches!(key, Key::Address(_)) => Err(refusal(libc::EADDRNOTAVAIL, "")),
            None => Err(refusal(libc::ESRCH, "")),
        },
    }
}

/// The properties of a link that have effects when they change.
struct Standing {
    netns: NetnsName,
    is_up: bool,
    has_ipv6: bool,
}

impl Standing {
    fn of_all(state: &State) -> BTreeMap<LinkId, Standing> {
        let standing = |link: &Link| Standing {
            netns: link.place.netns.clone(),
            is_up: link.flags.up == Some(true),
            has_ipv6: ipv6::has_ipv6(link),
        };
        let links = state.objects.iter().filter_map(|(key, object)| match (key, object) {
            (Key::Link(id), Object::Link(link)) => Some((id.clone(), standing(link))),
            _ => None,
        });
        links.collect()
    }
}

/// The effects on links that are new in their namespaces, have come up, or got an MTU that allows
/// or excludes IPv6.
fn follow_links(state: &mut State, before: &BTreeMap<LinkId, Standing>) {
    for (id, now) in Standing::of_all(state) {
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
            ipv6::begin_detection(state, &place);
            if is_loopback {
                add_loopback_addresses(state, &place);
            }
        }
    }
}

/// The loopback gets its addresses when it comes up (`inetdev_event`, net/ipv4/devinet.c;
/// `init_loopback`, net/ipv6/addrconf.c).
fn add_loopback_addresses(state: &mut State, place: &Place) {
    for text in ["127.0.0.1/8", "::1/128"] {
        let Ok(address) = text.parse::<ipnet::IpNet>() else { continue };
        if address.addr().is_ipv6() && (!ipv6::is_there(state, place) || ipv6::is_off(state, place))
        {
            continue;
        }
        let (netns, dev) = (place.netns.clone(), place.ifname.clone());
        let status = AddressStatus {
            flags: IFA_F_PERMANENT,
            scope: RT_SCOPE_HOST,
            protocol: IFAPROT_KERNEL_LO,
            ..AddressStatus::default()
        };
        let key = Key::Address(AddressKey { netns, dev, address });
        let made = Object::Address(Address { status: Some(status) });
        state.objects.entry(key).or_insert(made);
    }
}

/// A new namespace has a loopback, which is down (`loopback_net_init`, drivers/net/loopback.c).
fn create_netns(state: &mut State, key: &Key, netns: &NetnsName) -> Result<(), Refused> {
    if state.objects.contains_key(key) {
        return Err(refusal(libc::EEXIST, ""));
    }
    state.objects.insert(key.clone(), Object::Netns);
    let invalid = |_| refusal(libc::EINVAL, "");
    let id: LinkId = format!("lo@{netns}").parse().map_err(invalid)?;
    let place = Place { netns: netns.clone(), ifname: "lo".parse().map_err(invalid)? };
    let mut link = Link::at(place);
    link.kind = Some(LinkKind::Other(String::new()));
    link.attributes.mtu = Some(65_536);
    link.flags.up = Some(false);
    link.master = Some(Master::Free);
    state.objects.insert(Key::Link(id), Object::Link(Box::new(link)));
    Ok(())
}

/// Whether a link is the loopback of its namespace.
pub(super) fn is_loopback(link: &Link) -> bool {
    link.place.ifname.as_str() == "lo"
}

/// The flags of an address.
pub(super) fn address_flags(state: &State, key: &AddressKey) -> Option<u32> {
    match state.objects.get(&Key::Address(key.clone())) {
        Some(Object::Address(address)) => {
            Some(address.status.as_ref().map_or(0, |status| status.flags))
        }
        _ => None,
    }
}

/// The same, for changes.
pub(super) fn address_flags_mut<'s>(state: &'s mut State, key: &AddressKey) -> Option<&'s mut u32> {
    match state.objects.get_mut(&Key::Address(key.clone())) {
        Some(Object::Address(address)) => Some(&mut address.status.get_or_insert_default().flags),
        _ => None,
    }
}

/// An object as a dump shows it.
fn as_shown(state: &State, key: &Key, object: &Object) -> Object {
    match (key, object) {
        (Key::Route(key), Object::Route(route)) => {
            let ipv6 = key.prefix.addr().is_ipv6();
            let scope = if ipv6 { Some(0) } else { route.scope.or(Some(route.natural_scope())) };
            Object::Route(Route { scope, ..route.clone() })
        }
        (Key::Address(key), Object::Address(address)) => {
            Object::Address(shown_address(state, key, address))
        }
        (_, object) => object.clone(),
    }
}

/// An IPv6 address is tentative until its detection has ended. An IPv4 address is secondary to
/// earlier ones of its subnet. An address with a lifetime is not permanent.
fn shown_address(state: &State, key: &AddressKey, address: &Address) -> Address {
    let secondary = key.address.addr().is_ipv4()
        && addresses(state, key).any(|(other, _)| other.address.trunc() == key.address.trunc());
    let status = address.status.clone().unwrap_or_default();
    let found_out = IFA_F_PERMANENT | IFA_F_SECONDARY | IFA_F_TENTATIVE | IFA_F_DADFAILED;
    let mut flags = status.flags & !found_out;
    // An existing address keeps these flags.
    flags |= match address_flags(state, key) {
        Some(flags) => flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED),
        None if ipv6::is_tentative_at_first(key, flags) => IFA_F_TENTATIVE,
        None => 0,
    };
    if status.valid_until.is_none() {
        flags |= IFA_F_PERMANENT;
    }
    if secondary {
        flags |= IFA_F_SECONDARY;
    }
    Address { status: Some(AddressStatus { flags, ..status }) }
}

/// The addresses of the link that one is on, of the same family.
pub(super) fn addresses<'a>(
    state: &'a State,
    of: &'a AddressKey,
) -> impl Iterator<Item = (&'a AddressKey, &'a Address)> {
    state.objects.iter().filter_map(move |(key, object)| match (key, object) {
        (Key::Address(key), Object::Address(address)) => {
            let same = (&key.netns, &key.dev) == (&of.netns, &of.dev)
                && key.address.addr().is_ipv4() == of.address.addr().is_ipv4();
            same.then_some((key, address))
        }
        _ => None,
    })
}

/// An error as the kernel reports it: its extended acknowledgement, if any, and the name and text
/// of the error.
pub(super) fn refusal(errno: i32, words: &str) -> Refused {
    let text = std::io::Error::from_raw_os_error(errno).to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let name = match errno {
        libc::EACCES => "EACCES",
        libc::EADDRNOTAVAIL => "EADDRNOTAVAIL",
        libc::EBUSY => "EBUSY",
        libc::EEXIST => "EEXIST",
        libc::EHOSTUNREACH => "EHOSTUNREACH",
        libc::EINVAL => "EINVAL",
        libc::ENETDOWN => "ENETDOWN",
        libc::ENETUNREACH => "ENETUNREACH",
        libc::ENODEV => "ENODEV",
        libc::ENOENT => "ENOENT",
        libc::ENOMEM => "ENOMEM",
        libc::EOPNOTSUPP => "EOPNOTSUPP",
        libc::ERANGE => "ERANGE",
        libc::ESRCH => "ESRCH",
        libc::ETIMEDOUT => "ETIMEDOUT",
        _ => "errno",
    };
    let message = match words {
        "" => format!("{text} ({name})"),
        words => format!("{words} ({name}: {text})"),
    };
    (errno, message)
}

/// Whether an object is on the link at `place`.
pub(super) fn is_on(key: &Key, object: &Object, place: &Place) -> bool {
    let is = |netns: &NetnsName, dev: &LinkName| *netns == place.netns && *dev == place.ifname;
    match (key, object) {
        (Key::Address(key), _) => is(&key.netns, &key.dev),
        (Key::Neighbor(key), _) => is(&key.netns, &key.dev),
        (Key::Fdb(key), _) => is(&key.netns, &key.dev),
        (Key::Sysctl(key), _) => key.path.dev().is_some_and(|dev| is(&key.netns, &dev)),
        (Key::Route(key), Object::Route(route)) => {
            key.netns == place.netns
                && route.nexthops.iter().any(|hop| hop.dev.as_ref() == Some(&place.ifname))
        }
        (Key::Netns(_) | Key::Link(_) | Key::Route(_) | Key::Rule(_), _) => false,
    }
}

fn create_link(state: &mut State, id: &LinkId, link: &Link) -> Result<(), Refused> {
    let mut ends = vec![(id.clone(), link.clone())];
    if let Some(peer) = &link.peer {
        let mut mate = Link::at(peer.clone());
        mate.kind = link.kind.clone();
        mate.peer = Some(link.place.clone());
        let id = peer.ifname.as_str().parse().map_err(|_| refusal(libc::EINVAL, ""))?;
        ends.push((id, mate));
    }
    for (_, end) in &ends {
        need_netns(state, &end.place.netns)?;
        if at(state, &end.place).is_some() {
            return Err(refusal(libc::EEXIST, ""));
        }
    }
    if let Some(device) = &link.device
        && at(state, device).is_none()
    {
        return Err(refusal(libc::ENODEV, ""));
    }
    permit_mtu(link)?;
    let below = link.device.as_ref().and_then(|device| at(state, device));
    let below = below.and_then(|id| state.objects.get(&Key::Link(id))?.link()).cloned();
    for (id, end) in ends {
        let mut made = end.kernel_default();
        if let Some(below) = below.as_ref().filter(|_| is_vlan(link)) {
            permit_mtu_above(below, link)?;
            made.attributes.mtu = below.attributes.mtu;
            made.flags = LinkFlags { up: Some(false), ..below.flags.clone() };
        }
        made.overlay(&end);
        made.flags.up = made.flags.up.or(Some(false));
        state.objects.insert(Key::Link(id), Object::Link(Box::new(made)));
    }
    Ok(())
}

fn change_link(state: &mut State, id: &LinkId, change: &Link) -> Result<(), Refused> {
    permit_mtu(change)?;
    let Some(Object::Link(now)) = state.objects.get(&Key::Link(id.clone())) else {
        return Err(refusal(libc::ENODEV, ""));
    };
    let (mut link, old, new) = ((**now).clone(), now.place.clone(), change.place.clone());
    let stays = matches!(link.kind, Some(LinkKind::Bridge(_))) || is_loopback(&link);
    if old.netns != new.netns && stays {
        return Err(refusal(libc::EINVAL, "The interface netns is immutable"));
    }
    if old != new {
        need_netns(state, &new.netns)?;
        if at(state, &new).is_some() {
            return Err(refusal(libc::EEXIST, ""));
        }
    }
    if let Some(Master::Of(master)) = &change.master {
        let place = Place { netns: old.netns.clone(), ifname: master.clone() };
        at(state, &place).ok_or_else(|| refusal(libc::ENODEV, ""))?;
    }
    permit_above(state, &link, change)?;
    link.overlay(change);
    if change.flags.up == Some(false) {
        go_down(state, &old);
    }
    if old.netns != new.netns {
        remove_dependents(state, &old);
        take_vlans_along(state, &old, &new);
        release(state, &old);
        link.flags.up = Some(false);
        link.master = Some(Master::Free);
    } else if old != new {
        rename_dependents(state, &old, &new);
    }
    if change.flags.up == Some(true) {
        raise_vlans(state, &new);
    }
    if let Some(mtu) = change.attributes.mtu {
        cut_vlans(state, &new, mtu);
    }
    if let Some(peer) = &link.peer
        && let Some(mate) = at(state, peer)
        && let Some(Object::Link(mate)) = state.objects.get_mut(&Key::Link(mate))
    {
        mate.peer = Some(new);
    }
    state.objects.insert(Key::Link(id.clone()), Object::Link(Box::new(link)));
    Ok(())
}

/// Whether a link is a VLAN (net/8021q), which depends on the link below.
fn is_vlan(link: &Link) -> bool {
    matches!(link.kind, Some(LinkKind::Vlan(_)))
}

/// The VLANs on the link at `place`.
fn vlans_on(state: &State, place: &Place) -> Vec<LinkId> {
    ids(state, |link| is_vlan(link) && link.device.as_ref() == Some(place))
}

/// Those that go up and down with it.
fn vlans_bound_to(state: &State, place: &Place) -> Vec<LinkId> {
    ids(state, |link| {
        let bound = match &link.kind {
            Some(LinkKind::Vlan(vlan)) => vlan.loose_binding != Some(true),
            _ => false,
        };
        bound && link.device.as_ref() == Some(place)
    })
}

/// A link goes down with the objects that this removes, and so do the VLANs on it
/// (`vlan_device_event`, net/8021q/vlan.c).
fn go_down(state: &mut State, place: &Place) {
    disable(state, place, goes_with_down);
    for id in vlans_bound_to(state, place) {
        let Some(Object::Link(vlan)) = state.objects.get_mut(&Key::Link(id)) else { continue };
        if vlan.flags.up.replace(false) == Some(true) {
            let place = vlan.place.clone();
            go_down(state, &place);
        }
    }
}

/// VLANs come up with the link below.
fn raise_vlans(state: &mut State, place: &Place) {
    for id in vlans_bound_to(state, place) {
        let Some(Object::Link(vlan)) = state.objects.get_mut(&Key::Link(id)) else { continue };
        if vlan.flags.up.replace(true) != Some(true) {
            let place = vlan.place.clone();
            raise_vlans(state, &place);
        }
    }
}

/// The link below limits the MTU of VLANs.
fn cut_vlans(state: &mut State, place: &Place, mtu: u32) {
    for id in vlans_on(state, place) {
        let Some(Object::Link(vlan)) = state.objects.get_mut(&Key::Link(id)) else { continue };
        if vlan.attributes.mtu.is_some_and(|own| own > mtu) {
            vlan.attributes.mtu = Some(mtu);
            let place = vlan.place.clone();
            cut_vlans(state, &place, mtu);
        }
    }
}

/// VLANs stay on a link that moves to another namespace, and go down with it.
fn take_vlans_along(state: &mut State, old: &Place, new: &Place) {
    go_down(state, old);
    for id in vlans_on(state, old) {
        if let Some(Object::Link(vlan)) = state.objects.get_mut(&Key::Link(id)) {
            vlan.device = Some(new.clone());
        }
    }
}

/// Whether the link below allows this change of a VLAN.
fn permit_above(state: &State, link: &Link, change: &Link) -> Result<(), Refused> {
    let below = link.device.as_ref().filter(|_| is_vlan(link)).and_then(|at_| at(state, at_));
    let below = below.and_then(|id| state.objects.get(&Key::Link(id))?.link());
    let Some(below) = below else { return Ok(()) };
    if change.flags.up == Some(true) && below.flags.up != Some(true) {
        return Err(refusal(libc::ENETDOWN, ""));
    }
    permit_mtu_above(below, change)
}

fn permit_mtu_above(below: &Link, change: &Link) -> Result<(), Refused> {
    match (change.attributes.mtu, below.attributes.mtu) {
        (Some(own), Some(below)) if own > below => Err(refusal(libc::ERANGE, "")),
        _ => Ok(()),
    }
}

fn delete_link(state: &mut State, id: &LinkId) {
    let Some(Object::Link(link)) = state.objects.remove(&Key::Link(id.clone())) else { return };
    remove_dependents(state, &link.place);
    release(state, &link.place);
    if let Some(peer) = &link.peer
        && let Some(mate) = at(state, peer)
    {
        delete_link(state, &mate);
    }
}

fn delete_netns(state: &mut State, key: &Key, netns: &NetnsName) -> Result<(), Refused> {
    state.objects.remove(key).ok_or_else(|| refusal(libc::ENOENT, ""))?;
    let within: Vec<LinkId> = ids(state, |link| link.place.netns == *netns);
    for id in within {
        delete_link(state, &id);
    }
    state.objects.retain(|key, _| match key {
        Key::Route(key) => key.netns != *netns,
        Key::Rule(key) => key.netns != *netns,
        Key::Sysctl(key) => key.netns != *netns,
        Key::Netns(_) | Key::Link(_) | Key::Address(_) | Key::Neighbor(_) | Key::Fdb(_) => true,
    });
    Ok(())
}

/// The links above the link at `place` are removed with it, and its ports are freed.
fn release(state: &mut State, place: &Place) {
    for id in ids(state, |link| link.device.as_ref() == Some(place)) {
        delete_link(state, &id);
    }
    let of = Some(Master::Of(place.ifname.clone()));
    for object in state.objects.values_mut() {
        if let Object::Link(link) = object
            && link.place.netns == place.netns
            && link.master == of
        {
            link.master = Some(Master::Free);
        }
    }
}

fn remove_dependents(state: &mut State, place: &Place) {
    let on_link = |key: &Key| {
        let Key::Address(key) = key else { return None };
        let is_here = key.netns == place.netns && key.dev == place.ifname;
        is_here.then(|| key.address.addr())
    };
    let sources: Vec<IpAddr> = state.objects.keys().filter_map(on_link).collect();
    state.objects.retain(|key, object| !is_on(key, object, place));
    lose_sources(state, &place.netns, &sources);
}

/// IPv4 routes of the main table are lost with their source when no link has it any more
/// (`fib_sync_down_addr`, net/ipv4/fib_semantics.c).
fn lose_sources(state: &mut State, netns: &NetnsName, sources: &[IpAddr]) {
    let is_held = |source: &IpAddr| {
        let holds = |key: &Key| matches!(key, Key::Address(key) if key.netns == *netns && key.address.addr() == *source);
        state.objects.keys().any(holds)
    };
    let gone: Vec<IpAddr> = sources.iter().copied().filter(|source| !is_held(source)).collect();
    state.objects.retain(|key, object| match (key, object) {
        (Key::Route(key), Object::Route(route)) => {
            let from = route.source.filter(IpAddr::is_ipv4);
            let is_main = key.netns == *netns && key.table == RT_TABLE_MAIN;
            !(is_main && from.is_some_and(|from| gone.contains(&from)))
        }
        _ => true,
    });
}

fn rename_dependents(state: &mut State, old: &Place, new: &Place) {
    let of = Some(Master::Of(old.ifname.clone()));
    for object in state.objects.values_mut() {
        let Object::Link(link) = object else { continue };
        if link.place.netns == old.netns && link.master == of {
            link.master = Some(Master::Of(new.ifname.clone()));
        }
        if link.device.as_ref() == Some(old) {
            link.device = Some(new.clone());
        }
    }
    let dependents: Vec<Key> = (state.objects.iter())
        .filter(|(key, object)| is_on(key, object, old))
        .map(|(key, _)| key.clone())
        .collect();
    for key in dependents {
        let Some(mut object) = state.objects.remove(&key) else { continue };
        let dev = new.ifname.clone();
        let key = match key {
            Key::Address(key) => Key::Address(AddressKey { dev, ..key }),
            Key::Neighbor(key) => Key::Neighbor(NeighborKey { dev, ..key }),
            Key::Sysctl(key) => {
                let path = key.path.of_dev(&dev).unwrap_or_else(|| key.path.clone());
                Key::Sysctl(SysctlKey { path, ..key })
            }
            Key::Netns(_) | Key::Link(_) | Key::Fdb(_) | Key::Route(_) | Key::Rule(_) => key,
        };
        if let Object::Route(route) = &mut object {
            let devs = route.nexthops.iter_mut().filter_map(|hop| hop.dev.as_mut());
            devs.filter(|dev| **dev == old.ifname).for_each(|dev| *dev = new.ifname.clone());
            route.nexthops.sort();
        }
        state.objects.insert(key, object);
    }
}

/// Removing an IPv4 address removes the secondary ones of its subnet and the routes with this
/// source. Removing the last one of a link removes all of IPv4 on it (`__inet_del_ifa`,
/// `fib_inetaddr_event`).
fn address_gone(state: &mut State, gone: &AddressKey, object: &Object) {
    let is_secondary = |address: &Address| {
        address.status.as_ref().is_some_and(|status| status.flags & IFA_F_SECONDARY != 0)
    };
    if gone.address.addr().is_ipv6() {
        routes::forget_source(state, gone);
        return;
    }
    let was_primary = matches!(object, Object::Address(address) if !is_secondary(address));
    let along: Vec<AddressKey> = addresses(state, gone)
        .filter(|(key, address)| {
            was_primary && is_secondary(address) && key.address.trunc() == gone.address.trunc()
        })
        .map(|(key, _)| key.clone())
        .collect();
    for key in &along {
        state.objects.remove(&Key::Address(key.clone()));
    }
    let sources: Vec<IpAddr> = along.iter().chain([gone]).map(|key| key.address.addr()).collect();
    lose_sources(state, &gone.netns, &sources);
    if addresses(state, gone).next().is_none() {
        let place = Place { netns: gone.netns.clone(), ifname: gone.dev.clone() };
        disable(state, &place, |key| match key {
            Key::Route(key) => key.prefix.addr().is_ipv4(),
            Key::Neighbor(key) => key.address.is_ipv4(),
            Key::Netns(_)
            | Key::Link(_)
            | Key::Sysctl(_)
            | Key::Address(_)
            | Key::Fdb(_)
            | Key::Rule(_) => false,
        });
    }
}

/// A link stops carrying what `which` selects. A route stays while another of its links carries it.
pub(super) fn disable(state: &mut State, place: &Place, which: impl Fn(&Key) -> bool) {
    let carries = |netns: &NetnsName, dev: &LinkName| {
        let other = Place { netns: netns.clone(), ifname: dev.clone() };
        let link = at(state, &other).and_then(|id| state.objects.get(&Key::Link(id))?.link());
        other != *place && link.is_some_and(|link| link.flags.up == Some(true))
    };
    let lasts = |(key, object): (&Key, &Object)| match (key, object) {
        (Key::Route(key), Object::Route(route)) => route
            .nexthops
            .iter()
            .filter_map(|hop| hop.dev.as_ref())
            .any(|dev| carries(&key.netns, dev)),
        _ => false,
    };
    let gone: Vec<Key> = (state.objects.iter())
        .filter(|(key, object)| is_on(key, object, place) && which(key) && !lasts((key, object)))
        .map(|(key, _)| key.clone())
        .collect();
    gone.iter().for_each(|key| drop(state.objects.remove(key)));
}

fn goes_with_down(key: &Key) -> bool {
    match key {
        Key::Route(_) | Key::Neighbor(_) => true,
        Key::Address(key) => key.address.addr().is_ipv6(),
        Key::Netns(_) | Key::Link(_) | Key::Sysctl(_) | Key::Fdb(_) | Key::Rule(_) => false,
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
            if key.address.addr().is_ipv4() { Ok(()) } else { ipv6::permit_address(state, key) }
        }
        (Key::Neighbor(key), _) => {
            let place = need_dev(&key.netns, &key.dev)?;
            if key.address.is_ipv4() { Ok(()) } else { ipv6::permit_neighbor(state, &place) }
        }
        (Key::Sysctl(key), _) => {
            need_netns(state, &key.netns)?;
            match parameters::lacks_link(state, key) {
                true => Err(refusal(libc::ENOENT, "")),
                false => Ok(()),
            }
        }
        (Key::Route(key), Object::Route(route)) => routes::permit(state, key, route),
        (Key::Rule(key), _) => need_netns(state, &key.netns),
        (Key::Netns(_) | Key::Link(_) | Key::Fdb(_) | Key::Route(_), _) => Ok(()),
    }
}

fn permit_mtu(link: &Link) -> Result<(), Refused> {
    match link.attributes.mtu {
        Some(mtu) if mtu > *MTU.end() => {
            Err(refusal(libc::EINVAL, "mtu greater than device maximum"))
        }
        Some(mtu) if mtu < *MTU.start() => {
            Err(refusal(libc::EINVAL, "mtu less than device minimum"))
        }
        Some(_) | None => Ok(()),
    }
}

pub(super) fn need_netns(state: &State, netns: &NetnsName) -> Result<(), Refused> {
    match netns.is_own() || state.objects.contains_key(&Key::Netns(netns.clone())) {
        true => Ok(()),
        false => Err(refusal(libc::ENOENT, "")),
    }
}

/// The link at `place`.
pub(super) fn link<'s>(state: &'s State, place: &Place) -> Option<&'s Link> {
    state.objects.values().filter_map(Object::link).find(|link| link.place == *place)
}

/// The identity of the link at `place`.
pub(super) fn at(state: &State, place: &Place) -> Option<LinkId> {
    ids(state, |link| link.place == *place).pop()
}

fn ids(state: &State, which: impl Fn(&Link) -> bool) -> Vec<LinkId> {
    let matching = state.objects.iter().filter_map(|(key, object)| match (key, object) {
        (Key::Link(id), Object::Link(link)) if which(link) => Some(id.clone()),
        _ => None,
    });
    matching.collect()
}
