//! What Linux does with the VLANs and other sub-interfaces on a link: they are no wider than it, and stay on it where it
//! goes. A VLAN is also up with it.

use netstate::{Key, Link, LinkId, LinkKind, Object, Place, State};

use super::shared::{Refused, at, disable, ids, refusal};

/// Whether a link is a VLAN (net/8021q), which depends on the link below.
pub(super) fn is_vlan(link: &Link) -> bool {
    matches!(link.kind, Some(LinkKind::Vlan(_)))
}

/// Whether a link is a sub-interface, with the MTU of the link below (`macvlan_device_event`, drivers/net/macvlan.c;
/// `ipvlan_device_event`, drivers/net/ipvlan/ipvlan_main.c).
pub(super) fn is_sub_interface(link: &Link) -> bool {
    let name = link.kind.as_ref().map_or("", LinkKind::name);
    ["vlan", "macvlan", "macvtap", "ipvlan", "ipvtap"].contains(&name)
}

/// The sub-interfaces on the link at `place`.
fn on(state: &State, place: &Place) -> Vec<LinkId> {
    ids(state, |link| is_sub_interface(link) && link.device.as_ref() == Some(place))
}

/// Those that go up and down with it.
fn bound_to(state: &State, place: &Place) -> Vec<LinkId> {
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
pub(super) fn go_down(state: &mut State, place: &Place) {
    disable(state, place, goes_with_down);
    for id in bound_to(state, place) {
        let Some(Object::Link(vlan)) = state.objects.get_mut(&Key::Link(id)) else { continue };
        if vlan.flags.up.replace(false) == Some(true) {
            let place = vlan.place.clone();
            go_down(state, &place);
        }
    }
}

fn goes_with_down(key: &Key) -> bool {
    match key {
        Key::Route(_) | Key::Nexthop(_) | Key::Neighbor(_) => true,
        Key::Address(key) => key.address.addr().is_ipv6(),
        Key::Netns(_) | Key::Link(_) | Key::Sysctl(_) | Key::Fdb(_) | Key::Rule(_) => false,
    }
}

/// VLANs come up with the link below.
pub(super) fn raise(state: &mut State, place: &Place) {
    for id in bound_to(state, place) {
        let Some(Object::Link(vlan)) = state.objects.get_mut(&Key::Link(id)) else { continue };
        if vlan.flags.up.replace(true) != Some(true) {
            let place = vlan.place.clone();
            raise(state, &place);
        }
    }
}

/// The link below limits the MTU of sub-interfaces.
pub(super) fn cut(state: &mut State, place: &Place, mtu: u32) {
    for id in on(state, place) {
        let Some(Object::Link(vlan)) = state.objects.get_mut(&Key::Link(id)) else { continue };
        if vlan.attributes.mtu.is_some_and(|own| own > mtu) {
            vlan.attributes.mtu = Some(mtu);
            let place = vlan.place.clone();
            cut(state, &place, mtu);
        }
    }
}

/// Sub-interfaces stay on a link that moves to another namespace. VLANs go down with it.
pub(super) fn take_along(state: &mut State, old: &Place, new: &Place) {
    go_down(state, old);
    for id in on(state, old) {
        if let Some(Object::Link(vlan)) = state.objects.get_mut(&Key::Link(id)) {
            vlan.device = Some(new.clone());
        }
    }
}

/// Whether the link below allows this change of a sub-interface.
pub(super) fn permit_above(state: &State, link: &Link, change: &Link) -> Result<(), Refused> {
    let below =
        link.device.as_ref().filter(|_| is_sub_interface(link)).and_then(|at_| at(state, at_));
    let below = below.and_then(|id| state.objects.get(&Key::Link(id))?.link());
    let Some(below) = below else { return Ok(()) };
    if is_vlan(link) && change.flags.up == Some(true) && below.flags.up != Some(true) {
        return Err(refusal(libc::ENETDOWN, ""));
    }
    permit_mtu_above(below, change)
}

pub(super) fn permit_mtu_above(below: &Link, change: &Link) -> Result<(), Refused> {
    match (change.attributes.mtu, below.attributes.mtu) {
        (Some(own), Some(below)) if own > below => Err(refusal(libc::ERANGE, "")),
        _ => Ok(()),
    }
}
