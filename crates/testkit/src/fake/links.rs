//! What Linux does with links and namespaces: what it refuses, and what goes along with one.

use std::net::IpAddr;
use std::sync::Arc;

use netstate::link::{LinkFlags, Master, Port, Vlans};
use netstate::{
    AddressKey, Key, Link, LinkId, LinkKind, NeighborKey, NetnsName, Object, Place, State,
    SysctlKey,
};

use super::shared::{self, Refused, at, ids, is_loopback, is_on, need_netns, refusal};
use super::{addresses, bonds, bridges, nexthops, tunnels, vlans, vrfs};

/// The largest MTU of a veth, and the smallest one of any link with IPv4 (`ETH_MIN_MTU`).
const MTU: std::ops::RangeInclusive<u32> = 68..=65_535;

pub(super) fn create_link(state: &mut State, id: &LinkId, link: &Link) -> Result<(), Refused> {
    let mut ends = vec![(id.clone(), link.clone())];
    if let Some(peer) = &link.peer {
        let mut mate = Link::at(peer.clone());
        mate.kind = link.kind.clone();
        mate.peer = Some(link.place.clone());
        mate.attributes = link.peer_attributes.as_deref().cloned().unwrap_or_default();
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
    if !is_can(link) {
        permit_mtu(link)?;
    }
    tunnels::permit_new(state, link)?;
    let below = link.device.as_ref().and_then(|device| at(state, device));
    let below = below.and_then(|id| state.objects.get(&Key::Link(id))?.link()).cloned();
    for (id, end) in ends {
        let mut made = end.kernel_default();
        if let Some(below) = below.as_ref().filter(|_| vlans::is_sub_interface(link)) {
            vlans::permit_mtu_above(below, link)?;
            made.attributes.mtu = below.attributes.mtu;
            if vlans::is_vlan(link) {
                made.flags = LinkFlags { up: Some(false), ..below.flags.clone() };
            }
        }
        made.overlay(&end);
        if let Some(LinkKind::Bridge(bridge)) = &made.kind {
            made.vlans = Some(Vlans::of_new(bridge.vlan_default_pvid.unwrap_or(1)));
        }
        made.flags.up = made.flags.up.or(Some(false));
        state.objects.insert(Key::Link(id), Object::Link(Box::new(made)));
    }
    Ok(())
}

pub(super) fn change_link(
    state: &mut State,
    id: &LinkId,
    (from, change): (&Link, &Link),
) -> Result<(), Refused> {
    let Some(Object::Link(now)) = state.objects.get(&Key::Link(id.clone())) else {
        return Err(refusal(libc::ENODEV, ""));
    };
    let (mut link, old, new) = ((**now).clone(), now.place.clone(), change.place.clone());
    let stays =
        matches!(link.kind, Some(LinkKind::Bond(_) | LinkKind::Bridge(_) | LinkKind::Vrf(_)))
            || is_loopback(&link);
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
    if !is_can(&link) {
        permit_mtu(change)?;
    } else if link.flags.up == Some(true) && change.attributes.mtu.is_some() {
        return Err(refusal(libc::EBUSY, ""));
    }
    vlans::permit_above(state, &link, change)?;
    let (vrf, bond) = (vrfs::of(state, &link), bonds::of(state, &link));
    let before = link.clone();
    tunnels::permit_change(&link, change)?;
    tunnels::reset(&mut link, from, change);
    link.overlay(change);
    bonds::permit(state, &before, &link)?;
    if before.master != link.master {
        link.port = new_port(state, &link);
        link.port.overlay(&change.port);
        link.vlans = change.vlans.clone().or_else(|| new_vlans(state, &link));
    }
    if let (Some(LinkKind::Bridge(bridge)), Some(LinkKind::Bridge(was))) =
        (&link.kind, &before.kind)
        && bridge.vlan_default_pvid != was.vlan_default_pvid
    {
        let pvids = [was, bridge].map(|bridge| bridge.vlan_default_pvid.unwrap_or(1));
        bridges::move_default_vlan(state, &mut link, pvids);
    }
    let (attributes, flags) = (&change.attributes, &change.flags);
    if attributes.mac_address.is_some() || attributes.broadcast.is_some() || flags.arp.is_some() {
        shared::forget_neighbors(state, &old);
    }
    if change.flags.up == Some(false) {
        vlans::go_down(state, &old);
    }
    if old.netns != new.netns {
        remove_dependents(state, &old);
        vlans::take_along(state, &old, &new);
        release(state, &old);
        link.flags.up = Some(false);
        link.free();
    } else if old != new {
        rename_dependents(state, &old, &new);
    }
    if change.flags.up == Some(true) {
        vlans::raise(state, &new);
    }
    if let Some(mtu) = change.attributes.mtu {
        vlans::cut(state, &new, mtu);
    }
    if let Some(peer) = &link.peer
        && let Some(mate) = at(state, peer)
        && let Some(Object::Link(mate)) = state.objects.get_mut(&Key::Link(mate))
    {
        mate.peer = Some(new);
    }
    let changes_vrf = vrf != vrfs::of(state, &link);
    let changes_bond = bond != bonds::of(state, &link);
    state.objects.insert(Key::Link(id.clone()), Object::Link(Box::new(link)));
    if changes_bond {
        bonds::open_or_close(state, id);
    }
    if changes_vrf {
        vrfs::cycle(state, id);
    }
    Ok(())
}

pub(super) fn delete_link(state: &mut State, id: &LinkId) {
    let place = state.objects.get(&Key::Link(id.clone())).and_then(Object::link);
    let place = place.map(|link| link.place.clone());
    let in_vrf = place.iter().flat_map(|place| vrfs::links(state, place)).collect::<Vec<_>>();
    let in_bond = place.iter().flat_map(|place| bonds::links_in(state, place)).collect::<Vec<_>>();
    let Some(Object::Link(link)) = state.objects.remove(&Key::Link(id.clone())) else { return };
    remove_dependents(state, &link.place);
    release(state, &link.place);
    in_vrf.iter().for_each(|id| vrfs::cycle(state, id));
    in_bond.iter().for_each(|id| bonds::open_or_close(state, id));
    if let Some(peer) = &link.peer
        && let Some(mate) = at(state, peer)
    {
        delete_link(state, &mate);
    }
}

/// A new namespace has a loopback, which is down (`loopback_net_init`, drivers/net/loopback.c).
pub(super) fn create_netns(state: &mut State, key: &Key, netns: &NetnsName) -> Result<(), Refused> {
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

pub(super) fn delete_netns(state: &mut State, key: &Key, netns: &NetnsName) -> Result<(), Refused> {
    state.objects.remove(key).ok_or_else(|| refusal(libc::ENOENT, ""))?;
    let within: Vec<LinkId> = ids(state, |link| link.place.netns == *netns);
    for id in within {
        delete_link(state, &id);
    }
    state.objects.retain(|key, _| match key {
        Key::Nexthop(key) => key.netns != *netns,
        Key::Route(key) => key.netns != *netns,
        Key::Rule(key) => key.netns != *netns,
        Key::Sysctl(key) => key.netns != *netns,
        Key::Netns(_) | Key::Link(_) | Key::Address(_) | Key::Neighbor(_) | Key::Fdb(_) => true,
    });
    Ok(())
}

/// The links above the link at `place` are removed with it, and its ports are freed.
fn release(state: &mut State, place: &Place) {
    tunnels::lose_underlay(state, place);
    for id in ids(state, |link| link.device.as_ref() == Some(place)) {
        delete_link(state, &id);
    }
    let of = Some(Master::Of(place.ifname.clone()));
    for object in state.objects.values_mut() {
        if let Object::Link(link) = object
            && link.place.netns == place.netns
            && link.master == of
        {
            link.free();
        }
    }
}

/// The VLANs of a link that has just got its master.
fn new_vlans(state: &State, link: &Link) -> Option<Vlans> {
    let Some(Master::Of(master)) = &link.master else { return None };
    let place = Place { netns: link.place.netns.clone(), ifname: master.clone() };
    let Some(LinkKind::Bridge(bridge)) = &shared::link(state, &place)?.kind else { return None };
    Some(Vlans::of_new(bridge.vlan_default_pvid.unwrap_or(1)))
}

/// The attributes of a link that has just got its master.
fn new_port(state: &State, link: &Link) -> Port {
    let Some(Master::Of(master)) = &link.master else { return Port::default() };
    let place = Place { netns: link.place.netns.clone(), ifname: master.clone() };
    match shared::link(state, &place).and_then(|master| master.kind.as_ref()) {
        Some(LinkKind::Bridge(_)) => Port { bridge: bridges::new_port(), ..Port::default() },
        Some(LinkKind::Bond(_)) => Port { bond: bonds::new_port(), ..Port::default() },
        _ => Port::default(),
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
    addresses::lose_sources(state, &place.netns, &sources);
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
            Key::Netns(_)
            | Key::Link(_)
            | Key::Fdb(_)
            | Key::Nexthop(_)
            | Key::Route(_)
            | Key::Rule(_) => key,
        };
        if let Object::Nexthop(nexthop) = &mut object {
            nexthops::rename(nexthop, old, new);
        }
        if let Object::Route(route) = &mut object {
            let route = Arc::make_mut(route);
            let devs = route.nexthops.iter_mut().filter_map(|hop| hop.dev.as_mut());
            devs.filter(|dev| **dev == old.ifname).for_each(|dev| *dev = new.ifname.clone());
            route.nexthops.sort();
        }
        state.objects.insert(key, object);
    }
}

/// The MTU of a CAN device is the size of a frame, and changes while the device is down (`vcan_change_mtu`,
/// drivers/net/can/vcan.c).
fn is_can(link: &Link) -> bool {
    matches!(link.kind, Some(LinkKind::Vcan(_) | LinkKind::Vxcan(_)))
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
