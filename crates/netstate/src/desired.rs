//! Desired state as a persistent value: a copy costs nothing, a comparison costs what differs.

use std::collections::BTreeSet;

use imbl::OrdMap;
use imbl::ordmap::DiffItem;

use crate::name::{LinkId, NetnsName};
use crate::noun::link::Link;
use crate::noun::sysctl::SysctlKey;
use crate::noun::{Key, Noun, Object};
use crate::state::State;

/// One in so many objects is worth a pass over all of them.
const MANY: usize = 8;

/// What a configuration desires: objects by key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Desired {
    objects: OrdMap<Key, Object>,
}

impl Desired {
    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// The object under this key.
    pub fn get(&self, key: &Key) -> Option<&Object> {
        self.objects.get(key)
    }

    /// Whether there is an object under this key.
    pub fn contains(&self, key: &Key) -> bool {
        self.objects.contains_key(key)
    }

    /// Puts an object; answers with what was there.
    pub fn insert(&mut self, key: Key, object: Object) -> Option<Object> {
        self.objects.insert(key, object)
    }

    /// Takes an object out.
    pub fn remove(&mut self, key: &Key) -> Option<Object> {
        self.objects.remove(key)
    }

    /// All objects, in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &Object)> {
        self.objects.iter()
    }

    /// The namespaces.
    pub fn namespaces(&self) -> impl Iterator<Item = &NetnsName> {
        self.of(Noun::Netns)
            .filter_map(|(key, _)| if let Key::Netns(netns) = key { Some(netns) } else { None })
    }

    /// The links.
    pub fn links(&self) -> impl Iterator<Item = (&LinkId, &Link)> {
        self.of(Noun::Link).filter_map(|entry| match entry {
            (Key::Link(id), Object::Link(link)) => Some((id, &**link)),
            _ => None,
        })
    }

    /// The kernel parameters.
    pub fn parameters(&self) -> impl Iterator<Item = &SysctlKey> {
        self.of(Noun::Sysctl)
            .filter_map(|(key, _)| if let Key::Sysctl(key) = key { Some(key) } else { None })
    }

    /// The objects of a noun. Keys are in the order of nouns: of the first few nouns this costs what they and those before
    /// them are.
    fn of(&self, noun: Noun) -> impl Iterator<Item = (&Key, &Object)> {
        let entries = self.objects.iter().skip_while(move |(key, _)| key.noun() < noun);
        entries.take_while(move |(key, _)| key.noun() == noun)
    }

    /// The keys of the objects that the two differ in.
    pub fn differing(&self, other: &Desired) -> BTreeSet<Key> {
        let differences = self.objects.diff(&other.objects);
        let keys = differences.map(|difference| match difference {
            DiffItem::Add(key, _) | DiffItem::Remove(key, _) => key.clone(),
            DiffItem::Update { old: (key, _), .. } => key.clone(),
        });
        keys.collect()
    }

    /// The objects under these keys.
    pub fn part(&self, keys: &BTreeSet<Key>) -> State {
        let copy = |(key, object): (&Key, &Object)| (key.clone(), object.clone());
        // Where they are many, a pass over both finds them sooner than a search for each.
        let objects = match keys.len() > self.len() / MANY {
            true => both(keys, &self.objects).map(copy).collect(),
            false => keys.iter().filter_map(|key| Some((key, self.get(key)?))).map(copy).collect(),
        };
        State { objects }
    }

    /// Both in one: of an object that both have, a link has the fields of both and is where `other` has it, and
    /// anything else is as in `other`.
    pub fn merged(&self, other: &Desired) -> Desired {
        let mut merged = self.clone();
        for key in self.differing(other) {
            let Some(object) = other.get(&key) else { continue };
            match merged.objects.get_mut(&key) {
                Some(before) => before.overlay(object),
                None => drop(merged.insert(key, object.clone())),
            }
        }
        merged
    }
}

/// The objects that have one of these keys, both of which are in order.
fn both<'a>(
    keys: &'a BTreeSet<Key>,
    objects: &'a OrdMap<Key, Object>,
) -> impl Iterator<Item = (&'a Key, &'a Object)> {
    let mut keys = keys.iter().peekable();
    objects.iter().filter(move |(at, _)| {
        while keys.next_if(|key| key < at).is_some() {}
        keys.next_if(|key| key == at).is_some()
    })
}

impl FromIterator<(Key, Object)> for Desired {
    fn from_iter<I: IntoIterator<Item = (Key, Object)>>(objects: I) -> Self {
        Self { objects: objects.into_iter().collect() }
    }
}

impl From<State> for Desired {
    fn from(state: State) -> Self {
        state.objects.into_iter().collect()
    }
}
