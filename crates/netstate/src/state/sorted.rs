//! Objects sorted by key. Comparing two states takes one pass over both, without a look-up for each
//! key.

use std::cmp::Ordering;

use crate::name::LinkId;
use crate::noun::link::{Link, link_entries};
use crate::noun::{Key, Object};

/// An object under its key.
pub(crate) type Entry<'a> = (&'a Key, &'a Object);

/// Sorted references to objects.
#[derive(Debug, Default)]
pub(crate) struct Sorted<'a> {
    entries: Vec<Entry<'a>>,
}

impl<'a> Sorted<'a> {
    /// Takes entries that are sorted by key.
    pub(crate) fn of(entries: impl IntoIterator<Item = Entry<'a>>) -> Self {
        Self { entries: entries.into_iter().collect() }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Entry<'a>> + use<'a, '_> {
        self.entries.iter().copied()
    }

    pub(crate) fn at(&self, key: &Key) -> Option<&'a Object> {
        self.entry(key).map(|(_, object)| object)
    }

    /// The object with this key, and the key as it is stored here.
    pub(crate) fn entry(&self, key: &Key) -> Option<Entry<'a>> {
        let found = self.entries.binary_search_by(|(at, _)| (*at).cmp(key)).ok()?;
        self.entries.get(found).copied()
    }

    pub(crate) fn links(&self) -> impl Iterator<Item = (&'a LinkId, &'a Link)> + use<'a, '_> {
        link_entries(self.iter())
    }

    /// The link with this identity.
    pub(crate) fn link(&self, id: &LinkId) -> Option<&'a Link> {
        self.at(&Key::Link(id.clone()))?.link()
    }
}

/// Merges two sorted lists, with both values of a common key side by side.
pub(crate) fn side_by_side<'a, A, B>(
    a: impl IntoIterator<Item = (&'a Key, A)>,
    b: impl IntoIterator<Item = (&'a Key, B)>,
) -> impl Iterator<Item = (&'a Key, Option<A>, Option<B>)> {
    let (mut a, mut b) = (a.into_iter().peekable(), b.into_iter().peekable());
    std::iter::from_fn(move || {
        let order = match (a.peek(), b.peek()) {
            (Some((a, _)), Some((b, _))) => a.cmp(b),
            (Some(_), None) => Ordering::Less,
            (None, _) => Ordering::Greater,
        };
        match order {
            Ordering::Less => a.next().map(|(key, a)| (key, Some(a), None)),
            Ordering::Greater => b.next().map(|(key, b)| (key, None, Some(b))),
            Ordering::Equal => {
                let (_, b) = b.next()?;
                a.next().map(|(key, a)| (key, Some(a), Some(b)))
            }
        }
    })
}

/// The entries of one list whose keys the other does not have.
pub(crate) fn without<'a, A, B>(
    row: impl IntoIterator<Item = (&'a Key, A)>,
    other: impl IntoIterator<Item = (&'a Key, B)>,
) -> impl Iterator<Item = (&'a Key, A)> {
    side_by_side(row, other).filter_map(|(key, entry, other)| match other {
        Some(_) => None,
        None => Some((key, entry?)),
    })
}

/// The union of both lists. An entry in both is taken from `first`.
pub(crate) fn together<'a>(
    first: impl IntoIterator<Item = Entry<'a>>,
    second: impl IntoIterator<Item = Entry<'a>>,
) -> impl Iterator<Item = Entry<'a>> {
    side_by_side(first, second).filter_map(|(key, first, second)| Some((key, first.or(second)?)))
}
