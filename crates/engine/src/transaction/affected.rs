//! What a change affects: what differs, and all that depends on it.
//!
//! What is not affected is neither observed nor planned, so that a commit costs what it changes. A link that is moved
//! or made anew takes its dependents along, configured or not, and so affects these.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use netstate::noun::{Anchor, is_needed, needs, places};
use netstate::{Desired, Key, NetnsName, Object, Place};

/// The objects that a transition affects.
#[derive(Clone, Debug)]
pub(crate) enum Affected {
    /// What the two states differ in, with what depends on it.
    Change,
    /// These objects, without what is skipped.
    Named(BTreeSet<Key>),
    /// Every object, without what is skipped.
    Everything,
}

/// These objects and all that cannot be without them, in any of the states.
pub(crate) fn with_dependents(keys: BTreeSet<Key>, states: &[&Desired]) -> BTreeSet<Key> {
    if !keys.iter().any(is_needed) {
        return keys;
    }
    let dependents = Dependents::of(states);
    let mut next: Vec<Key> = keys.iter().filter(|key| is_needed(key)).cloned().collect();
    let mut found = keys;
    while let Some(key) = next.pop() {
        for dependent in dependents.on(&key, states) {
            if found.insert(dependent.clone()) && is_needed(dependent) {
                next.push(dependent.clone());
            }
        }
    }
    found
}

/// The objects that depend on one of these addresses, whichever link has it. The kernel goes through all routes as well when
/// an address goes.
pub(crate) fn on_addresses(
    keys: &BTreeSet<Key>,
    touched: &Desired,
    desired: &Desired,
) -> BTreeSet<Key> {
    let before = keys.iter().filter(|key| touched.contains(key));
    let addresses: BTreeSet<(&NetnsName, IpAddr)> = before
        .filter_map(|key| {
            let Key::Address(key) = key else { return None };
            Some((&key.netns, key.address.addr()))
        })
        .collect();
    if addresses.is_empty() {
        return BTreeSet::new();
    }
    let depends = |key: &Key, object: &Object| {
        let address = object.loose().address;
        address.zip(key.netns()).is_some_and(|(at, netns)| addresses.contains(&(netns, at)))
    };
    let on = desired.iter().filter(|(key, object)| depends(key, object));
    on.map(|(key, _)| key.clone()).collect()
}

/// The links that objects which are given up depend on: where such a link stays, what was there before the
/// configuration can go back to it.
pub(crate) fn links_below(
    keys: &BTreeSet<Key>,
    touched: &Desired,
    desired: &Desired,
) -> BTreeSet<Key> {
    let before = keys.iter().filter_map(|key| Some((key, touched.get(key)?)));
    let given_up = before.filter(|(key, _)| !desired.contains(key));
    let places: BTreeSet<Place> = given_up.flat_map(|(key, object)| places(key, object)).collect();
    if places.is_empty() {
        return BTreeSet::new();
    }
    let links = touched.links().chain(desired.links());
    let at = links.filter(|(_, link)| places.contains(&link.place));
    at.map(|(id, _)| Key::Link(id.clone())).collect()
}

/// The other ends of the pairs among these: each is made along with the other, so that only both tell what is missing.
pub(crate) fn other_ends(keys: &BTreeSet<Key>, desired: &Desired) -> BTreeSet<Key> {
    let links = keys.iter().filter_map(|key| desired.get(key)?.link());
    let peers: BTreeSet<&Place> = links.filter_map(|link| link.peer.as_ref()).collect();
    if peers.is_empty() {
        return BTreeSet::new();
    }
    let at = desired.links().filter(|(_, link)| peers.contains(&link.place));
    at.map(|(id, _)| Key::Link(id.clone())).collect()
}

/// What depends on the link at each place, what depends on each other object, and what is in each namespace.
#[derive(Default)]
struct Dependents<'a> {
    by_place: BTreeMap<Place, Vec<&'a Key>>,
    by_netns: BTreeMap<NetnsName, Vec<&'a Key>>,
    by_key: BTreeMap<Key, Vec<&'a Key>>,
}

impl<'a> Dependents<'a> {
    fn of(states: &[&'a Desired]) -> Self {
        let mut dependents = Dependents::default();
        for (key, object) in states.iter().flat_map(|state| state.iter()) {
            for need in needs(key, object) {
                match need.of {
                    Anchor::Place(place) => dependents.by_place.entry(place).or_default().push(key),
                    Anchor::Key(needed) => dependents.by_key.entry(*needed).or_default().push(key),
                }
            }
            if let Some(netns) = netns_of(key, object) {
                dependents.by_netns.entry(netns.clone()).or_default().push(key);
            }
        }
        dependents
    }

    fn on(&self, key: &Key, states: &[&Desired]) -> Vec<&'a Key> {
        if let Key::Netns(netns) = key {
            return self.by_netns.get(netns).cloned().unwrap_or_default();
        }
        let places = states.iter().filter_map(|state| place_of(state.get(key)?));
        let at_places = places.filter_map(|place| self.by_place.get(place)).flatten();
        at_places.chain(self.by_key.get(key).into_iter().flatten()).copied().collect()
    }
}

/// The namespace that an object is in.
pub(crate) fn netns_of<'a>(key: &'a Key, object: &'a Object) -> Option<&'a NetnsName> {
    key.netns().or_else(|| place_of(object).map(|place| &place.netns))
}

/// Where a link is; nothing for anything else.
pub(crate) fn place_of(object: &Object) -> Option<&Place> {
    if let Object::Link(link) = object { Some(&link.place) } else { None }
}
