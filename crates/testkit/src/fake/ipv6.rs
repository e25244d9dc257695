//! IPv6 on a link: where it exists, and what removes it.

use netstate::{Key, Link, Place, State};

use super::parameters;
use super::shared::{self, Refused, refusal};

/// The smallest MTU with IPv6 (`IPV6_MIN_MTU`, RFC 8200 section 5).
const MIN_MTU: u32 = 1280;

/// Whether a link has IPv6 at all (`addrconf_notify`, net/ipv6/addrconf.c).
pub(super) fn is_there(state: &State, place: &Place) -> bool {
    shared::link(state, place).is_some_and(has_ipv6)
}

/// The same for the link itself.
pub(super) fn has_ipv6(link: &Link) -> bool {
    link.attributes.mtu.is_none_or(|mtu| mtu >= MIN_MTU)
}

/// Whether a link has IPv6, but it is switched off.
pub(super) fn is_off(state: &State, place: &Place) -> bool {
    let path = format!("net/ipv6/conf/{}/disable_ipv6", place.ifname);
    parameters::value(state, &place.netns, &path) != "0"
}

/// Whether a link accepts a neighbour (`ndisc_allow_add`, net/ipv6/ndisc.c).
pub(super) fn permit_neighbor(state: &State, place: &Place) -> Result<(), Refused> {
    match is_there(state, place) && !is_off(state, place) {
        true => Ok(()),
        false => Err(refusal(libc::EINVAL, "IPv6 is disabled on this device")),
    }
}

/// Parameters of a link were set: if IPv6 is switched off, its objects are removed
/// (`addrconf_disable_change`).
pub(super) fn follow_parameters(state: &mut State, place: &Place) {
    if is_off(state, place) {
        shared::disable(state, place, is_ipv6);
    }
}

/// IPv6 is removed from a link, with its parameters (`addrconf_ifdown` with `unregister`).
pub(super) fn leave(state: &mut State, place: &Place) {
    shared::disable(state, place, is_ipv6);
    let is_parameter = |key: &Key| {
        matches!(key, Key::Sysctl(key) if key.netns == place.netns
            && key.path.as_str().starts_with("net/ipv6/")
            && key.path.dev().as_ref() == Some(&place.ifname))
    };
    state.objects.retain(|key, _| !is_parameter(key));
}

pub(super) fn is_ipv6(key: &Key) -> bool {
    match key {
        Key::Address(key) => key.address.addr().is_ipv6(),
        Key::Neighbor(key) => key.address.is_ipv6(),
        Key::Route(key) => key.prefix.addr().is_ipv6(),
        Key::Netns(_)
        | Key::Link(_)
        | Key::Sysctl(_)
        | Key::Fdb(_)
        | Key::Nexthop(_)
        | Key::Rule(_) => false,
    }
}
