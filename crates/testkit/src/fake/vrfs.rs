//! What Linux does with the links of a VRF (drivers/net/vrf.c).

use netstate::link::Master;
use netstate::{Key, Link, LinkId, LinkKind, Object, Place, State};

use super::shared::{ids, link};
use super::vlans;

/// Whether there is a VRF at `place`.
pub(super) fn is_vrf(state: &State, place: &Place) -> bool {
    link(state, place).is_some_and(|link| matches!(link.kind, Some(LinkKind::Vrf(_))))
}

/// The VRF that a link is in.
pub(super) fn of(state: &State, link: &Link) -> Option<Place> {
    let Some(Master::Of(master)) = &link.master else { return None };
    let place = Place { netns: link.place.netns.clone(), ifname: master.clone() };
    is_vrf(state, &place).then_some(place)
}

/// The links in the VRF at `place`.
pub(super) fn links(state: &State, place: &Place) -> Vec<LinkId> {
    ids(state, |link| of(state, link).as_ref() == Some(place))
}

/// A link that gets into a VRF, or out of it, goes down and up again (`cycle_netdev`). It loses its IPv6 addresses also
/// if it is down (`NETDEV_CHANGEUPPER` in `addrconf_notify`, net/ipv6/addrconf.c).
pub(super) fn cycle(state: &mut State, id: &LinkId) {
    let link = state.objects.get(&Key::Link(id.clone())).and_then(Object::link);
    let Some((place, is_up)) = link.map(|link| (link.place.clone(), link.flags.up)) else { return };
    vlans::go_down(state, &place);
    if is_up == Some(true) {
        vlans::raise(state, &place);
    }
}
