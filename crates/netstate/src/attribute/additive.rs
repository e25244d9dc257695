//! Maps to which a request adds entries, or of which it changes some, such as the priorities of a
//! VLAN (`IFLA_VLAN_EGRESS_QOS`).
//!
//! A request removes an entry by mapping its key to the type's default value. A change is therefore
//! not a map of this type: it also contains entries to remove, and leaves other keys alone. For a
//! field `Option<AdditiveMap<…>>`,
//!
//! - `None` is not configured: what the kernel holds stays;
//! - a map, be it empty, is all that the kernel is to hold: entries that it does not have go;
//! - a change is only ever made by [`Value::change`], and only ever put or merged.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::list::{put_numbered, take_list};
use super::{List, Packed, Value, put};

/// Such a map, or a change of one. Serde represents it as a map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    from = "BTreeMap<K, V>",
    into = "BTreeMap<K, V>",
    bound(
        serialize = "K: Clone + Serialize, V: Clone + Serialize",
        deserialize = "K: Deserialize<'de> + Ord, V: Deserialize<'de> + Default + PartialEq"
    )
)]
pub struct AdditiveMap<K, V> {
    entries: BTreeMap<K, V>,
    /// Whether this is a change, which leaves keys without an entry alone.
    is_change: bool,
}

impl<K, V> AdditiveMap<K, V> {
    /// The entries. In a change, an entry with the default value is removed.
    pub fn entries(&self) -> &BTreeMap<K, V> {
        &self.entries
    }
}

impl<K, V> Default for AdditiveMap<K, V> {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), is_change: false }
    }
}

/// A whole map. Entries with the default value are left out.
impl<K: Ord, V: Default + PartialEq> FromIterator<(K, V)> for AdditiveMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let entries = entries.into_iter().filter(|(_, value)| *value != V::default());
        Self { entries: entries.collect(), is_change: false }
    }
}

impl<K, V> Value for AdditiveMap<K, V>
where
    K: Packed + Ord,
    V: Value + Default,
{
    fn put(&self, out: &mut Vec<u8>) {
        put_numbered(self, out);
    }

    fn take(bytes: &[u8]) -> Option<Self> {
        take_list(bytes)
    }

    fn change(&self, observed: Option<&Self>) -> Option<Self> {
        let Some(observed) = observed else { return Some(self.clone()) };
        let added =
            self.entries.iter().filter(|(key, value)| observed.entries.get(key) != Some(value));
        let mut entries: BTreeMap<K, V> =
            added.map(|(key, value)| (key.clone(), value.clone())).collect();
        for key in observed.entries.keys().filter(|key| !self.entries.contains_key(key)) {
            entries.insert(key.clone(), V::default());
        }
        (!entries.is_empty()).then_some(Self { entries, is_change: true })
    }

    fn merge(&mut self, other: &Self) {
        if !other.is_change {
            self.clone_from(other);
            return;
        }
        self.entries.extend(other.entries.clone());
        if !self.is_change {
            self.entries.retain(|_, value| *value != V::default());
        }
    }
}

impl<K, V> List for AdditiveMap<K, V>
where
    K: Packed + Ord,
    V: Value + Default,
{
    /// Writes the key and the value of each entry.
    fn put_elements(&self, out: &mut Vec<u8>, number: impl Fn(u16) -> u16) {
        for (at, (key, value)) in (0..).zip(&self.entries) {
            put(out, number(at), |out| {
                key.put(out);
                value.put(out);
            });
        }
    }

    fn take_element(&mut self, bytes: &[u8]) -> Option<()> {
        let (key, value) = bytes.split_at_checked(K::SIZE)?;
        let value = V::take(value)?;
        if value != V::default() {
            self.entries.insert(K::take(key)?, value);
        }
        Some(())
    }
}

impl<K: Ord, V: Default + PartialEq> From<BTreeMap<K, V>> for AdditiveMap<K, V> {
    fn from(entries: BTreeMap<K, V>) -> Self {
        entries.into_iter().collect()
    }
}

impl<K, V> From<AdditiveMap<K, V>> for BTreeMap<K, V> {
    fn from(map: AdditiveMap<K, V>) -> Self {
        map.entries
    }
}
