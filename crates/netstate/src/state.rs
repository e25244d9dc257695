//! Network state as a value: every object under its key, in the order of the keys.

mod dependents;
mod sorted;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::noun::{Key, Object};

pub(crate) use dependents::Dependents;
pub(crate) use sorted::{Entry, Sorted, side_by_side, together, without};

/// Objects by key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct State {
    /// The objects, in pairs on disk: keys are no texts.
    #[serde(with = "pairs")]
    pub objects: BTreeMap<Key, Object>,
}

impl State {
    /// Both states in one: of an object that both have, a link has the fields of both and is where `other` has
    /// it, and anything else is as in `other`.
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

/// A map whose keys are no texts, as a sequence of pairs.
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
