//! What is on each link: the objects that the kernel removes along with a link, or when it goes down.
//!
//! An index over one state, so that asking for a link costs what is on it and not the size of the state.

use std::collections::BTreeMap;

use super::Entry;
use super::State;
use crate::noun::link::Place;
use crate::noun::places;

/// What is on the link at each place.
#[derive(Debug, Default)]
pub(crate) struct Dependents<'a> {
    by_place: BTreeMap<Place, Vec<Entry<'a>>>,
}

impl<'a> Dependents<'a> {
    /// Of all objects that name their namespace: links are dependents of each other in ways of their own.
    pub(crate) fn of(state: &'a State) -> Self {
        let mut by_place: BTreeMap<Place, Vec<Entry<'a>>> = BTreeMap::new();
        for (key, object) in state.objects.iter().filter(|(key, _)| key.netns().is_some()) {
            for place in places(key, object) {
                by_place.entry(place).or_default().push((key, object));
            }
        }
        Self { by_place }
    }

    /// Everything that is on the link at `place`, in the order of the keys.
    pub(crate) fn at(&self, place: &Place) -> &[Entry<'a>] {
        self.by_place.get(place).map(Vec::as_slice).unwrap_or_default()
    }
}
