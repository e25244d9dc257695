//! The objects on each link, which the kernel removes with the link or when it goes down.
//!
//! This is an index over one state. The cost of a look-up depends on the link and not on the size
//! of the state.

use std::collections::BTreeMap;

use super::Entry;
use super::State;
use crate::noun::carriers;
use crate::noun::link::Place;

/// The objects on the link at each place.
#[derive(Debug, Default)]
pub(crate) struct Dependents<'a> {
    by_place: BTreeMap<Place, Vec<Entry<'a>>>,
}

impl<'a> Dependents<'a> {
    /// Indexes all objects with a namespace in their key. Links depend on each other in other ways.
    pub(crate) fn of(state: &'a State) -> Self {
        let mut by_place: BTreeMap<Place, Vec<Entry<'a>>> = BTreeMap::new();
        for (key, object) in state.objects.iter().filter(|(key, _)| key.netns().is_some()) {
            for place in carriers(key, object) {
                by_place.entry(place).or_default().push((key, object));
            }
        }
        Self { by_place }
    }

    /// All objects on the link at `place`, sorted by key.
    pub(crate) fn at(&self, place: &Place) -> &[Entry<'a>] {
        self.by_place.get(place).map(Vec::as_slice).unwrap_or_default()
    }
}
