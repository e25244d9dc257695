//! What Linux does with the links of a bond (drivers/net/bonding/bond_main.c).

use netstate::link::{BondPort, Master};
use netstate::{Key, Link, LinkId, LinkKind, Object, Place, State};

use super::shared::{Refused, forget_neighbors, ids, link, refusal};
use super::vlans;

/// The bond that a link is in.
pub(super) fn of(state: &State, port: &Link) -> Option<Place> {
    let Some(Master::Of(master)) = &port.master else { return None };
    let place = Place { netns: port.place.netns.clone(), ifname: master.clone() };
    let is_bond = |link: &Link| matches!(link.kind, Some(LinkKind::Bond(_)));
    link(state, &place).is_some_and(is_bond).then_some(place)
}

/// The links in the bond at `place`.
pub(super) fn links_in(state: &State, place: &Place) -> Vec<LinkId> {
    ids(state, |link| of(state, link).as_ref() == Some(place))
}

/// The attributes of a new link in a bond.
pub(super) fn new_port() -> BondPort {
    BondPort { queue_id: Some(0), prio: Some(0) }
}

/// A bond takes no link that is up (`bond_enslave`).
pub(super) fn permit(state: &State, now: &Link, after: &Link) -> Result<(), Refused> {
    let joined = of(state, after);
    match joined.is_some() && joined != of(state, now) && now.flags.up == Some(true) {
        true => Err(refusal(libc::EPERM, "Device can not be enslaved while up")),
        false => Ok(()),
    }
}

/// A bond opens a link that it gets, and gives it its MTU and address. It closes one that it loses (`__bond_release_one`).
pub(super) fn open_or_close(state: &mut State, id: &LinkId) {
    let Some(port) = state.objects.get(&Key::Link(id.clone())).and_then(Object::link) else {
        return;
    };
    let place = port.place.clone();
    let bond =
        of(state, port).and_then(|bond| link(state, &bond)).map(|bond| bond.attributes.clone());
    if bond.is_none() {
        vlans::go_down(state, &place);
    }
    if let Some(Object::Link(port)) = state.objects.get_mut(&Key::Link(id.clone())) {
        port.flags.up = Some(bond.is_some());
        port.attributes.mtu = bond.as_ref().map_or(Some(1500), |bond| bond.mtu);
        port.attributes.mac_address = bond.as_ref().and_then(|bond| bond.mac_address.clone());
    }
    forget_neighbors(state, &place);
    if bond.is_some() {
        vlans::raise(state, &place);
    }
}
