//! Lists: attributes within an attribute, or one after the other, each an element.
//!
//! A [`Vec`] is a list whose order counts, a [`BTreeSet`] one whose order does not, and a [`BTreeMap`] one whose elements
//! are told apart by a part of theirs. A request replaces the list as a whole; where the kernel has a request for each
//! element instead, [`differences`] says which ones are due.

use std::collections::{BTreeMap, BTreeSet};

use super::{Value, iterate, put_value};

/// A collection of what attributes hold.
pub trait List: Value + Default {
    /// Appends an attribute for each element; `number` numbers the first as zero.
    fn put_elements(&self, out: &mut Vec<u8>, number: impl Fn(u16) -> u16);

    /// Adds an element that was read; `None` where the bytes make none.
    fn take_element(&mut self, bytes: &[u8]) -> Option<()>;
}

/// A value that a part of it tells from others in a list.
pub trait Keyed: Value {
    /// That part.
    type Key: Ord + Clone;

    /// The part of this value.
    fn key(&self) -> Self::Key;
}

/// What is due for one element of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference<'a, T> {
    /// It is to be added.
    Added(&'a T),
    /// It is to become this: what an update must say.
    Changed(T),
    /// It is to be removed.
    Removed(&'a T),
}

/// What must be done, element by element, for the kernel to hold `wanted` where it holds `observed`. What is removed
/// comes first, so that what it occupies is free for what is added.
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

/// The value of a list by itself: its elements, numbered from zero.
pub(super) fn put_numbered<L: List>(list: &L, out: &mut Vec<u8>) {
    list.put_elements(out, |at| at);
}

/// Reads a list, however its elements are numbered.
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

    /// An element that leaves something open is there whatever the kernel has for it.
    fn change(&self, observed: Option<&Self>) -> Option<Self> {
        let same = observed.is_some_and(|observed| differences(self, observed).next().is_none());
        (!same).then(|| self.clone())
    }
}
