//! A sorted map that is small with few entries, and shares structure with many entries.
//!
//! Most lists of a configuration have a few entries. For these, the first node of a B-tree would be far too large.
//! Some lists have a hundred thousand entries, and copies and comparisons of them must cost nothing. A list that is
//! only read is smallest and fastest as a row, however long it is.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;

use imbl::OrdMap;
use imbl::ordmap::{self, DiffItem};

/// If a row of this many entries grows, it becomes a map.
const FEW: usize = 8;

#[derive(Clone)]
pub(crate) enum Sorted<K, V> {
    Row(Vec<(K, V)>),
    Map(OrdMap<K, V>),
}

pub(crate) enum Iter<'a, K, V> {
    Row(std::slice::Iter<'a, (K, V)>),
    Map(ordmap::Iter<'a, K, V, imbl::shared_ptr::DefaultSharedPtr>),
}

/// The difference of two maps for one key: only in the first, only in the second, or different values in both.
pub(crate) type Difference<'a, K, V> = (&'a K, Option<&'a V>, Option<&'a V>);

impl<K, V> Default for Sorted<K, V> {
    fn default() -> Self {
        Sorted::Row(Vec::new())
    }
}

impl<K: Ord + Clone, V: Clone> Sorted<K, V> {
    /// Takes entries that are sorted, and have different keys.
    pub(crate) fn of_row(entries: Vec<(K, V)>) -> Self {
        Sorted::Row(entries)
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Sorted::Row(entries) => entries.len(),
            Sorted::Map(entries) => entries.len(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        match self {
            Sorted::Row(entries) => {
                let index = position(entries, key).ok()?;
                entries.get(index).map(|(key, value)| (key, value))
            }
            Sorted::Map(entries) => entries.get_key_value(key),
        }
    }

    pub(crate) fn contains<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.get(key).is_some()
    }

    /// The value of `key`. It is created if it is missing.
    pub(crate) fn entry(&mut self, key: &K) -> &mut V
    where
        V: Default,
    {
        if let Sorted::Row(entries) = self
            && entries.len() >= FEW
            && position(entries, key).is_err()
        {
            *self = Sorted::Map(std::mem::take(entries).into_iter().collect());
        }
        match self {
            Sorted::Row(entries) => {
                let index = position(entries, key).unwrap_or_else(|index| {
                    squeeze(entries);
                    entries.insert(index, (key.clone(), V::default()));
                    index
                });
                &mut entries[index].1
            }
            Sorted::Map(entries) => entries.entry(key.clone()).or_default(),
        }
    }

    /// Sets the `value` of `key`, and returns the old value.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self {
            Sorted::Row(entries) => match position(entries, &key) {
                Ok(index) => Some(std::mem::replace(&mut entries[index].1, value)),
                Err(_) if entries.len() >= FEW => {
                    let mut many: OrdMap<K, V> = std::mem::take(entries).into_iter().collect();
                    many.insert(key, value);
                    *self = Sorted::Map(many);
                    None
                }
                Err(index) => {
                    squeeze(entries);
                    entries.insert(index, (key, value));
                    None
                }
            },
            Sorted::Map(entries) => entries.insert(key, value),
        }
    }

    /// Adds the entries of `other`. `both` merges the values of a key that both maps have.
    pub(crate) fn merge(&mut self, other: &Self, both: impl Fn(&mut V, &V)) {
        if self.is_empty() {
            self.clone_from(other);
            return;
        }
        if self.shares(other) {
            return;
        }
        for (key, value) in other.iter() {
            // Parts of a large edit come in order, each after the last.
            let known = if self.ends_before(key) { None } else { self.get_mut(key) };
            match known {
                Some(own) => both(own, value),
                None => _ = self.insert(key.clone(), value.clone()),
            }
        }
    }

    fn ends_before(&self, key: &K) -> bool {
        let last = match self {
            Sorted::Row(entries) => entries.last().map(|(last, _)| last),
            Sorted::Map(entries) => entries.get_max().map(|(last, _)| last),
        };
        last.is_none_or(|last| last < key)
    }

    fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        match self {
            Sorted::Row(entries) => {
                let index = position(entries, key).ok()?;
                entries.get_mut(index).map(|(_, value)| value)
            }
            Sorted::Map(entries) => entries.get_mut(key),
        }
    }

    pub(crate) fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        match self {
            Sorted::Row(entries) => {
                position(entries, key).ok().map(|index| entries.remove(index).1)
            }
            Sorted::Map(entries) => entries.remove(key),
        }
    }

    pub(crate) fn iter(&self) -> Iter<'_, K, V> {
        match self {
            Sorted::Row(entries) => Iter::Row(entries.iter()),
            Sorted::Map(entries) => Iter::Map(entries.iter()),
        }
    }

    /// Whether the two are the same object in memory.
    pub(crate) fn shares(&self, other: &Self) -> bool {
        match (self, other) {
            (Sorted::Map(a), Sorted::Map(b)) => a.ptr_eq(b),
            (Sorted::Row(_), _) | (_, Sorted::Row(_)) => false,
        }
    }

    /// Calls `visit` with the differences, in the order of the keys. Shared parts are skipped.
    pub(crate) fn diff<'a>(&'a self, newer: &'a Self, mut visit: impl FnMut(Difference<'a, K, V>))
    where
        V: PartialEq,
    {
        if let (Sorted::Map(old), Sorted::Map(new)) = (self, newer) {
            for item in old.diff(new) {
                match item {
                    DiffItem::Add(key, value) => visit((key, None, Some(value))),
                    DiffItem::Remove(key, value) => visit((key, Some(value), None)),
                    DiffItem::Update { old: (_, old), new: (key, new) } => {
                        visit((key, Some(old), Some(new)));
                    }
                }
            }
            return;
        }
        let (mut old, mut new) = (self.iter().peekable(), newer.iter().peekable());
        loop {
            let order = match (old.peek(), new.peek()) {
                (Some((old, _)), Some((new, _))) => old.cmp(new),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return,
            };
            match order {
                Ordering::Less => old.by_ref().take(1).for_each(|(k, v)| visit((k, Some(v), None))),
                Ordering::Greater => {
                    new.by_ref().take(1).for_each(|(k, v)| visit((k, None, Some(v))));
                }
                Ordering::Equal => {
                    if let (Some((_, old)), Some((key, new))) = (old.next(), new.next())
                        && old != new
                    {
                        visit((key, Some(old), Some(new)));
                    }
                }
            }
        }
    }
}

impl<K: Ord + Clone + fmt::Debug, V: Clone + fmt::Debug> fmt::Debug for Sorted<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: Ord + Clone, V: Clone + PartialEq> PartialEq for Sorted<K, V> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Sorted::Map(a), Sorted::Map(b)) => a == b,
            (a, b) => a.len() == b.len() && a.iter().eq(b.iter()),
        }
    }
}

impl<K: Ord + Clone, V: Clone + Eq> Eq for Sorted<K, V> {}

impl<K: Ord + Clone, V: Clone> FromIterator<(K, V)> for Sorted<K, V> {
    fn from_iter<T: IntoIterator<Item = (K, V)>>(entries: T) -> Self {
        let mut sorted = Sorted::default();
        for (key, value) in entries {
            sorted.insert(key, value);
        }
        sorted
    }
}

impl<'a, K: Ord, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Iter::Row(entries) => entries.next().map(|(key, value)| (key, value)),
            Iter::Map(entries) => entries.next(),
        }
    }
}

impl<K, V> Clone for Iter<'_, K, V> {
    fn clone(&self) -> Self {
        match self {
            Iter::Row(entries) => Iter::Row(entries.clone()),
            Iter::Map(entries) => Iter::Map(entries.clone()),
        }
    }
}

/// Reserves space for exactly one more entry, because most small lists do not grow.
fn squeeze<T>(entries: &mut Vec<T>) {
    if entries.len() == entries.capacity() {
        entries.reserve_exact(1);
    }
}

fn position<K: Borrow<Q>, V, Q: Ord + ?Sized>(entries: &[(K, V)], key: &Q) -> Result<usize, usize> {
    entries.binary_search_by(|(known, _)| known.borrow().cmp(key))
}
