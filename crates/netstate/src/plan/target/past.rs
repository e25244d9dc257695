//! What is known of an object apart from its desired state.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::noun::link::Link;
use crate::noun::{self, Key, Object};
use crate::originals::Originals;
use crate::state::State;

/// The originals under the names that a configuration gives to their links.
pub(super) struct Renamed<'a> {
    originals: &'a Originals,
    /// By the key of the original.
    present: BTreeMap<Key, (Key, Object)>,
    /// The keys of the originals, by the present ones.
    homes: BTreeMap<Key, Key>,
}

impl<'a> Renamed<'a> {
    pub(super) fn of(originals: &'a Originals, configured: &'a State) -> Self {
        let present = originals.present(|key| configured.objects.get(key));
        let homes = present.iter().map(|(home, (key, _))| (key.clone(), home.clone())).collect();
        Self { originals, present, homes }
    }

    /// The original of an object with this key.
    fn original(&self, key: &Key) -> Option<&Object> {
        match self.homes.get(key) {
            Some(home) => self.present.get(home).map(|(_, object)| object),
            None if self.present.contains_key(key) => None,
            None => self.originals.objects.get(key),
        }
    }

    /// The key of the object that has this original.
    fn present<'k>(&'k self, home: &'k Key) -> &'k Key {
        self.present.get(home).map_or(home, |(key, _)| key)
    }

    /// A configured object that existed before, with what it had and is not configured. `before` has the names of
    /// `touched`.
    pub(super) fn completed(
        &self,
        (key, configured): (&Key, &Object),
        (before, touched): (&Renamed<'_>, &State),
    ) -> Option<Object> {
        let original = self.original(key)?;
        let home = self.homes.get(key).unwrap_or(key);
        let touched = before.touched([before.present(home), home, key], touched);
        noun::completed(key, Some(configured), touched.as_deref(), original)
    }

    /// The object that is given back to this original, as it was before it was configured.
    pub(super) fn given_back(
        &self,
        home: &Key,
        touched: &State,
        original: &Object,
    ) -> Option<Object> {
        let touched = self.touched([self.present(home), home, home], touched);
        noun::completed(home, None, touched.as_deref(), original)
    }

    /// What may have been applied to an object, under any of its names.
    fn touched<'t>(&self, keys: [&Key; 3], touched: &'t State) -> Option<Cow<'t, Object>> {
        let [first, second, third] = keys;
        let mut found = touched.objects.get(first).map(Cow::Borrowed);
        for (key, known) in [(second, [first, first]), (third, [first, second])] {
            let other = touched.objects.get(key).filter(|_| !known.contains(&key));
            match (&mut found, other) {
                (_, None) => {}
                (None, Some(other)) => found = Some(Cow::Borrowed(other)),
                (Some(found), Some(other)) => found.to_mut().overlay(other),
            }
        }
        found
    }
}

/// An object as it may have been applied, its original, and its observed state.
pub(super) struct Past<'a> {
    pub(super) touched: Option<&'a Object>,
    pub(super) original: Option<&'a Object>,
    pub(super) observed: Option<&'a Object>,
}

impl<'a> Past<'a> {
    pub(super) fn of(
        key: &Key,
        touched: &'a State,
        originals: &'a Originals,
        observed: &'a State,
    ) -> Self {
        Self {
            touched: touched.objects.get(key),
            original: originals.objects.get(key),
            observed: observed.objects.get(key),
        }
    }

    pub(super) fn touched_link(&self) -> Option<&'a Link> {
        self.touched.and_then(Object::link)
    }

    pub(super) fn original_link(&self) -> Option<&'a Link> {
        self.original.and_then(Object::link)
    }

    pub(super) fn observed_link(&self) -> Option<&'a Link> {
        self.observed.and_then(Object::link)
    }
}
