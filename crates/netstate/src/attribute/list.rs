//! Lists: each element is an attribute, nested in another attribute or one after the other.
//!
//! In a [`Vec`] the order counts. In a [`BTreeSet`] it does not. In a [`BTreeMap`] a part of each
//! element is its key. A request replaces the whole list. If the kernel has a request for each
//! element instead, [`differences`] returns the necessary ones.

use std::collections::{BTreeMap, BTreeSet};

use super::{Value, iterate, put_value};

/// A collection of elements that attributes contain.
pub trait List: Value + Default {
    /// Appends an attribute for each element; `number` returns the attribute's number for an index.
    fn put_elements(&self, out: &mut Vec<u8>, number: impl Fn(u16) -> u16);

    /// Adds an element that was read; `None` if it is not valid.
    fn take_element(&mut self, bytes: &[u8]) -> Option<()>;
}

/// A list element with a key.
pub trait Keyed: Value {
    /// The key.
    type Key: Ord + Clone;

    /// The key of this element.
    fn key(&self) -> Self::Key;
}

/// The request that one element of a list needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference<'a, T> {
    /// The element must be added.
    Added(&'a T),
    /// The element must change: the content of an update.
    Changed(T),
    /// The element must be removed.
    Removed(&'a T),
}

/// The requests that turn the list `observed` into `wanted`. Removals come first, because an added
/// element may need what a removed one occupies.
pub fn differences<'a, K: Ord, T: Value>(
    wanted: &'a BTreeMap<K, T>,
    observed: &'a BTreeMap<K, T>,
) -> impl Iterator<Item = (&'a K, Difference<'a, T>)> {
    let removed = observed
        .iter()
        .filter(|(key, _)| !wanted.contains_key(key))
        .map(|(key, element)| (key, Difference::Removed(element)));
    let set = wanted.iter().filter_map(|(key, element)| match observed.get(key) {
        None => Some((key, Difference::Added(element))),
        Some(seen) => Some((key, Difference::Changed(element.change(Some(seen))?))),
    });
    removed.chain(set)
}

impl<T: Value> List for Vec<T> {
    fn put_elements(&self, out: &mut Vec<u8>, number: impl Fn(u16) -> u16) {
        put_all(self, out, number);
    }

    fn take_element(&mut self, bytes: &[u8]) -> Option<()> {
        self.push(T::take(bytes)?);
        Some(())
    }
}

impl<T: Value + Ord> List for BTreeSet<T> {
    fn put_elements(&self, out: &mut Vec<u8>, number: impl Fn(u16) -> u16) {
        put_all(self, out, number);
    }

    fn take_element(&mut self, bytes: &[u8]) -> Option<()> {
        self.insert(T::take(bytes)?);
        Some(())
    }
}

impl<T: Keyed> List for BTreeMap<T::Key, T> {
    fn put_elements(&self, out: &mut Vec<u8>, number: impl Fn(u16) -> u16) {
        put_all(self.values(), out, number);
    }

    fn take_element(&mut self, bytes: &[u8]) -> Option<()> {
        let element = T::take(bytes)?;
        self.insert(element.key(), element);
        Some(())
    }
}

fn put_all<'a, T: Value + 'a>(
    elements: impl IntoIterator<Item = &'a T>,
    out: &mut Vec<u8>,
    number: impl Fn(u16) -> u16,
) {
    for (at, element) in (0..).zip(elements) {
        put_value(out, number(at), element);
    }
}

/// Appends the elements of a list, numbered from zero.
pub(super) fn put_numbered<L: List>(list: &L, out: &mut Vec<u8>) {
    list.put_elements(out, |at| at);
}

/// Reads a list with any numbering of its elements.
pub(super) fn take_list<L: List>(bytes: &[u8]) -> Option<L> {
    let mut list = L::default();
    for attribute in iterate(bytes) {
        let (_, bytes) = attribute.ok()?;
        list.take_element(bytes)?;
    }
    Some(list)
}

impl<T: Value> Value for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        put_numbered(self, out);
    }

    fn take(bytes: &[u8]) -> Option<Self> {
        take_list(bytes)
    }
}

impl<T: Value + Ord> Value for BTreeSet<T> {
    fn put(&self, out: &mut Vec<u8>) {
        put_numbered(self, out);
    }

    fn take(bytes: &[u8]) -> Option<Self> {
        take_list(bytes)
    }
}

impl<T: Keyed> Value for BTreeMap<T::Key, T> {
    fn put(&self, out: &mut Vec<u8>) {
        put_numbered(self, out);
    }

    fn take(bytes: &[u8]) -> Option<Self> {
        take_list(bytes)
    }

    /// An element that leaves fields open matches any value that the kernel has for them.
    fn change(&self, observed: Option<&Self>) -> Option<Self> {
        let same = observed.is_some_and(|observed| differences(self, observed).next().is_none());
        (!same).then(|| self.clone())
    }
}
