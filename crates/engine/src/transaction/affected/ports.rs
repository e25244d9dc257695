//! What a change of a port or of a bridge affects on the other side.

use std::collections::BTreeSet;

use netstate::{Desired, Key, Link, Object, Place};

/// The bridges whose ports are among these. The MTU of a bridge follows from that of its ports, and
/// its carrier decides about IPv6 source addresses on it.
pub(crate) fn bridges(keys: &BTreeSet<Key>, touched: &Desired, desired: &Desired) -> BTreeSet<Key> {
    let states = [touched, desired];
    let at = |place: &Place| states.into_iter().find_map(|state| Some(state.link_at(place)?.1));
    let has_mtu = |link: &Link| link.attributes.mtu.is_some();
    let mut found = BTreeSet::new();
    for (state, key) in
        states.into_iter().flat_map(|state| keys.iter().map(move |key| (state, key)))
    {
        if !matches!(key, Key::Link(_)) {
            continue;
        }
        let Some(port) = state.get(key).and_then(Object::link) else { continue };
        let bridge = port.master_place().and_then(|place| state.link_at(&place));
        let Some((id, bridge)) = bridge else { continue };
        let follows = bridge.facts().is_some_and(|facts| facts.mtu_of_ports);
        let key = Key::Link(id.clone());
        if !follows || found.contains(&key) {
            continue;
        }
        let below = port.device.as_ref().and_then(at);
        if [Some(port), Some(bridge), below].into_iter().flatten().any(has_mtu)
            || desired.addresses_of(&bridge.place).any(|(held, _)| held.address.addr().is_ipv6())
        {
            found.insert(key);
        }
    }
    found
}

/// The ports with configured VLANs of bridges among these that get another default VLAN: that may change
/// the VLANs of the ports.
pub(crate) fn ports_with_vlans(
    keys: &BTreeSet<Key>,
    touched: &Desired,
    desired: &Desired,
) -> BTreeSet<Key> {
    let bridge =
        |state: &Desired, key| state.get(key)?.link().filter(|link| link.is_bridge()).cloned();
    let default = |bridge: Option<&Link>| bridge?.kind.as_ref()?.default_vlan();
    let moved = keys.iter().filter(|key| matches!(key, Key::Link(_))).filter_map(|key| {
        let [before, wanted] = [touched, desired].map(|state| bridge(state, key));
        let changes = default(before.as_ref()) != default(wanted.as_ref());
        wanted.or(before).filter(|_| changes).map(|bridge| bridge.place)
    });
    let moved: BTreeSet<Place> = moved.collect();
    if moved.is_empty() {
        return BTreeSet::new();
    }
    let is_port = |link: &Link| {
        link.vlans.is_some() && link.master_place().is_some_and(|at| moved.contains(&at))
    };
    let ports = desired.links().filter(|(_, link)| is_port(link));
    ports.map(|(id, _)| Key::Link(id.clone())).collect()
}
