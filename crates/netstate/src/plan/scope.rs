//! What has to be observed before it can be said what to do.

use std::collections::BTreeMap;

use crate::noun::{FoundBy, Key, Noun, Object};
use crate::originals::Originals;
use crate::southbound::Wanted;
use crate::state::State;

/// A change: where to go, what may have been applied before, and what there was before that.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change<'a> {
    pub(crate) desired: &'a State,
    pub(crate) touched: &'a State,
    pub(crate) originals: &'a Originals,
}

impl<'a> Change<'a> {
    /// The states that it is about, the likeliest to be found first.
    pub(crate) fn states(&self) -> [&'a BTreeMap<Key, Object>; 3] {
        [&self.touched.objects, &self.originals.objects, &self.desired.objects]
    }
}

/// Everything that going from `touched` to `desired` may concern.
pub fn wanted(desired: &State, touched: &State, originals: &Originals) -> Wanted {
    let change = Change { desired, touched, originals };
    let objects = change.states().into_iter().flatten();
    let keys = objects.map(|(key, _)| key);
    let by_key = keys.filter(|key| key.noun().facts().found_by == FoundBy::Key);
    // Of keys that are in order, as these are but for some, a set is made by one pass.
    let mut wanted = Wanted { keys: by_key.cloned().collect(), ..Wanted::default() };
    for noun in Noun::ALL {
        noun.wanted(&mut wanted, &change);
    }
    wanted
}
