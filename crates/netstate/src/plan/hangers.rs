//! What hangs on links: the objects that the kernel removes along with a link, or when it goes down.
//!
//! An index over one state, so that asking for a link costs what hangs on it and not the size of the state.

use std::collections::BTreeMap;

use smallvec::SmallVec;

use super::sorted::Entry;
use crate::address::AddressKey;
use crate::fdb::FdbKey;
use crate::link::Place;
use crate::name::LinkName;
use crate::neighbor::NeighborKey;
use crate::state::{Key, Object, State};
use crate::sysctl::SysctlKey;

/// What hangs on each place.
#[derive(Debug, Default)]
pub(crate) struct Hangers<'a> {
    by_place: BTreeMap<Place, Vec<Entry<'a>>>,
}

impl<'a> Hangers<'a> {
    pub(crate) fn of(state: &'a State) -> Self {
        let mut by_place: BTreeMap<Place, Vec<Entry<'a>>> = BTreeMap::new();
        for (key, object) in &state.objects {
            let Some(netns) = key.netns() else { continue };
            for dev in devs(key, object) {
                let place = Place { netns: netns.clone(), ifname: dev };
                by_place.entry(place).or_default().push((key, object));
            }
        }
        Self { by_place }
    }

    /// Everything that hangs on the link at `place`, in the order of the keys.
    pub(crate) fn at(&self, place: &Place) -> &[Entry<'a>] {
        self.by_place.get(place).map(Vec::as_slice).unwrap_or_default()
    }
}

/// The links that an object hangs on, as its namespace names them.
pub(crate) fn devs(key: &Key, object: &Object) -> SmallVec<[LinkName; 1]> {
    match (key, object) {
        (Key::Sysctl(key), _) => key.path.dev().into_iter().collect(),
        (Key::Address(key), _) => [key.dev.clone()].into(),
        (Key::Neighbor(key), _) => [key.dev.clone()].into(),
        (Key::Fdb(key), _) => [key.dev.clone()].into(),
        (Key::Route(_), Object::Route(route)) => {
            let mut devs: SmallVec<_> =
                route.nexthops.iter().filter_map(|hop| hop.dev.clone()).collect();
            devs.dedup();
            devs
        }
        (Key::Netns(_) | Key::Link(_) | Key::Route(_), _) => SmallVec::new(),
    }
}

/// The same object once its link goes by another name.
pub(crate) fn renamed(
    key: &Key,
    object: &Object,
    (old, new): (&LinkName, &LinkName),
) -> (Key, Object) {
    let dev = |dev: &LinkName| if dev == old { new.clone() } else { dev.clone() };
    let mut object = object.clone();
    let key = match key {
        Key::Address(key) => Key::Address(AddressKey { dev: dev(&key.dev), ..key.clone() }),
        Key::Neighbor(key) => Key::Neighbor(NeighborKey { dev: dev(&key.dev), ..key.clone() }),
        Key::Fdb(key) => Key::Fdb(FdbKey { dev: dev(&key.dev), ..(**key).clone() }.into()),
        Key::Sysctl(key) => {
            let path = key.path.of_dev(new).filter(|_| key.path.dev().as_ref() == Some(old));
            let path = path.unwrap_or_else(|| key.path.clone());
            Key::Sysctl(SysctlKey { path, ..key.clone() })
        }
        Key::Netns(_) | Key::Link(_) | Key::Route(_) => key.clone(),
    };
    if let Object::Route(route) = &mut object {
        route.nexthops.iter_mut().filter_map(|hop| hop.dev.as_mut()).for_each(|at| *at = dev(at));
        route.nexthops.sort();
    }
    (key, object)
}

/// What the kernel does to an object when its link goes down: IPv6 addresses and neighbours go at once, a route
/// once all its links are down.
pub fn goes_with_down(key: &Key) -> bool {
    match key {
        Key::Route(_) | Key::Neighbor(_) => true,
        Key::Address(key) => key.address.addr().is_ipv6(),
        Key::Netns(_) | Key::Link(_) | Key::Sysctl(_) | Key::Fdb(_) => false,
    }
}

/// The places of the links that an object cannot be without: what hangs on links needs these, and a link needs
/// the one below it, the one that it is a port of, and the other end of its cable.
pub fn stands_on(key: &Key, object: &Object) -> SmallVec<[Place; 1]> {
    if let Object::Link(link) = object {
        let besides = link.peer.iter().chain(&link.device).cloned();
        return link.master_place().into_iter().chain(besides).collect();
    }
    let Some(netns) = key.netns() else { return SmallVec::new() };
    let place = |ifname| Place { netns: netns.clone(), ifname };
    devs(key, object).into_iter().map(place).collect()
}
