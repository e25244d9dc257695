//! What is whose: what was there before the configuration touched it is given back as it was.
//!
//! Originals are on disk before the kernel is touched. They hold for one boot of the host: after the next one,
//! what exists has not been touched by anybody.

use std::collections::BTreeSet;

use netstate::link::Master;
use netstate::{Key, NetnsName, Object, Originals, Place, State};
use serde::{Deserialize, Serialize};

use crate::converge::Course;
use crate::engine::Engine;
use crate::error::Result;
use crate::store::Store;

const FILE: &str = "originals.json";

/// Originals on disk.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    boot_id: String,
    objects: Vec<(Key, Object)>,
}

/// The originals of this boot; none where the state directory knows of another boot only, or of none.
pub(crate) fn load(store: &Store, boot_id: &str) -> Result<Option<Originals>> {
    let saved: Option<Saved> = store.read(FILE)?;
    let of_this_boot = saved.filter(|saved| saved.boot_id == boot_id);
    Ok(of_this_boot.map(|saved| Originals { objects: saved.objects.into_iter().collect() }))
}

/// Writes the originals of this boot.
pub(crate) fn save(store: &Store, boot_id: &str, originals: &Originals) -> Result<()> {
    let objects = originals.objects.clone().into_iter().collect();
    store.write(FILE, &Saved { boot_id: boot_id.into(), objects })
}

impl Engine {
    /// Puts on disk what the course is about to touch first.
    pub(crate) fn adopt(&mut self, course: &Course) -> Result<()> {
        let Some(originals) = &course.originals else { return Ok(()) };
        save(&self.store, &self.settings.boot_id, originals)?;
        self.originals = originals.clone();
        Ok(())
    }

    /// Forgets the originals of what running no longer touches: they have been given back.
    pub(crate) fn release(&mut self) -> Result<()> {
        let Some(originals) = released(&self.originals, &self.running.desired) else {
            return Ok(());
        };
        save(&self.store, &self.settings.boot_id, &originals)?;
        self.originals = originals;
        Ok(())
    }
}

/// `known` with what `desired` touches for the first time, as it was observed; nothing where it touches nothing new.
/// A link that is desired without a kind was there before, whenever it appears; with a link goes what hangs on it.
pub(crate) fn adopted(
    known: &Originals,
    desired: &State,
    touched: &State,
    observed: &State,
) -> Option<Originals> {
    let ours = |key: &Key, object: &Object| {
        let nic = matches!(object, Object::Link(link) if link.kind.is_none());
        known.objects.contains_key(key) || (touched.objects.contains_key(key) && !nic)
    };
    let first = desired.objects.iter().filter(|(key, object)| !ours(key, object));
    let mut found = Originals::default();
    for (key, _) in first {
        let Some(seen) = observed.objects.get(key) else { continue };
        if let Object::Link(link) = seen {
            let hanging = observed.objects.iter().filter(|(key, object)| {
                hangs_on(key, object, &link.place) && !touched.objects.contains_key(key)
            });
            found.objects.extend(hanging.map(|(key, object)| (key.clone(), object.clone())));
        }
        found.objects.insert(key.clone(), seen.clone());
    }
    if found.objects.is_empty() {
        return None;
    }
    let mut all = known.clone();
    for (key, object) in found.objects {
        all.objects.entry(key).or_insert(object);
    }
    Some(all)
}

/// `known` without what `desired` does not touch; nothing where it touches all of them.
fn released(known: &Originals, desired: &State) -> Option<Originals> {
    let held: Vec<&Place> = known
        .objects
        .iter()
        .filter_map(|(key, object)| match object {
            Object::Link(link) if desired.objects.contains_key(key) => Some(&link.place),
            _ => None,
        })
        .collect();
    let kept = |key: &Key, object: &Object| {
        desired.objects.contains_key(key) || held.iter().any(|place| hangs_on(key, object, place))
    };
    if known.objects.iter().all(|(key, object)| kept(key, object)) {
        return None;
    }
    let objects = known.objects.iter().filter(|(key, object)| kept(key, object));
    Some(Originals { objects: objects.map(|(k, o)| (k.clone(), o.clone())).collect() })
}

/// Both states in one; `later` wins where both have an object.
pub(crate) fn union(earlier: &State, later: &State) -> State {
    let mut union = earlier.clone();
    union.objects.extend(later.objects.iter().map(|(key, object)| (key.clone(), object.clone())));
    union
}

/// An object and all that cannot be without it.
pub(crate) fn dependents(desired: &State, key: Key) -> BTreeSet<Key> {
    let mut found = BTreeSet::new();
    let mut next = vec![key];
    while let Some(key) = next.pop() {
        let needs = |(other, object): (&Key, &Object)| match &key {
            Key::Netns(netns) => netns_of(other, object) == Some(netns),
            Key::Link(_) => match desired.objects.get(&key) {
                Some(Object::Link(link)) => hangs_on(other, object, &link.place),
                _ => false,
            },
            Key::Sysctl(_) | Key::Address(_) | Key::Neighbor(_) | Key::Fdb(_) | Key::Route(_) => {
                false
            }
        };
        let needy =
            desired.objects.iter().filter(|entry| needs(*entry)).map(|(key, _)| key.clone());
        next.extend(needy.filter(|other| *other != key && !found.contains(other)));
        found.insert(key);
    }
    found
}

pub(crate) fn netns_of<'a>(key: &'a Key, object: &'a Object) -> Option<&'a NetnsName> {
    match (key, object) {
        (Key::Netns(_), _) => None,
        (Key::Link(_), Object::Link(link)) => Some(&link.place.netns),
        (Key::Link(_), _) => None,
        (Key::Sysctl(key), _) => Some(&key.netns),
        (Key::Address(key), _) => Some(&key.netns),
        (Key::Neighbor(key), _) => Some(&key.netns),
        (Key::Fdb(key), _) => Some(&key.netns),
        (Key::Route(key), _) => Some(&key.netns),
    }
}

/// Whether an object cannot be without the link at `place`.
fn hangs_on(key: &Key, object: &Object, place: &Place) -> bool {
    if netns_of(key, object) != Some(&place.netns) && !matches!(key, Key::Link(_)) {
        return false;
    }
    let dev = &place.ifname;
    match (key, object) {
        (Key::Address(key), _) => key.dev == *dev,
        (Key::Neighbor(key), _) => key.dev == *dev,
        (Key::Fdb(key), _) => key.dev == *dev,
        (Key::Sysctl(key), _) => key.path.dev().as_ref() == Some(dev),
        (Key::Route(_), Object::Route(route)) => {
            route.nexthops.iter().any(|nexthop| nexthop.dev.as_ref() == Some(dev))
        }
        (Key::Link(_), Object::Link(link)) => {
            let below = link.device.as_ref() == Some(place);
            let above = matches!(&link.master, Some(Master::Of(name)) if name == dev)
                && link.place.netns == place.netns;
            below || above
        }
        (Key::Netns(_) | Key::Link(_) | Key::Route(_), _) => false,
    }
}
