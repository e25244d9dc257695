//! Network state as a value: objects by key, sorted by key.

mod dependents;
mod moves;
mod sorted;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::noun::link::{Link, link_objects};
use crate::noun::{Key, Noun, Object};

pub(crate) use dependents::Dependents;
pub(crate) use moves::{Goes, Moves, Stays};
pub(crate) use sorted::{Entry, Sorted, side_by_side, together, without};

/// Objects by key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct State {
    /// The objects, as pairs on disk, because keys are not strings.
    #[serde(with = "pairs")]
    pub objects: BTreeMap<Key, Object>,
}

impl State {
    /// The links.
    pub fn links(&self) -> impl Iterator<Item = (&Key, &Link)> {
        link_objects(&self.objects)
    }

    /// The union of both. A link in both gets the fields of both, and its place from `other`. Any
    /// other object in both is taken from `other`.
    pub fn merged(mut self, other: &State) -> State {
        for (key, object) in &other.objects {
            match self.objects.get_mut(key) {
                Some(before) => before.overlay(object),
                None => drop(self.objects.insert(key.clone(), object.clone())),
            }
        }
        self
    }
}

// States may hold a million objects, so that they must be small: rare nouns are boxed.
const _: () = assert!(size_of::<(Key, Object)>() <= 112);

/// The objects of a noun. Keys are sorted by noun, so the cost includes the nouns before this one.
pub(crate) fn of_noun(
    objects: &BTreeMap<Key, Object>,
    noun: Noun,
) -> impl Iterator<Item = Entry<'_>> {
    let entries = objects.iter().skip_while(move |(key, _)| key.noun() < noun);
    entries.take_while(move |(key, _)| key.noun() == noun)
}

/// The objects with which the kernel may set others.
pub(crate) fn setters(objects: &BTreeMap<Key, Object>) -> impl Iterator<Item = Entry<'_>> {
    let nouns = Noun::ALL.iter().filter(|noun| noun.facts().sets_others);
    nouns.flat_map(|noun| of_noun(objects, *noun))
}

/// A map as a sequence of pairs, because its keys are not strings.
pub(crate) mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer};

    use super::{Key, Object};

    pub(crate) fn serialize<S: Serializer>(
        objects: &BTreeMap<Key, Object>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(objects)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<Key, Object>, D::Error> {
        Ok(Vec::<(Key, Object)>::deserialize(deserializer)?.into_iter().collect())
    }
}
