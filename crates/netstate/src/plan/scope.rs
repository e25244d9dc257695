//! The objects that must be observed before a plan is possible.

use crate::noun::{Change, FoundBy, Noun, Wanted};
use crate::originals::Originals;
use crate::state::State;

/// Everything that going from `touched` to `desired` may concern.
pub fn wanted(desired: &State, touched: &State, originals: &Originals) -> Wanted {
    let change = Change {
        desired: &desired.objects,
        touched: &touched.objects,
        originals: &originals.objects,
    };
    let objects = change.states().into_iter().flatten();
    let keys = objects.map(|(key, _)| key);
    let by_key = keys.filter(|key| key.noun().facts().found_by == FoundBy::Key);
    // Building a set from sorted keys takes one pass. These are mostly sorted.
    let mut wanted = Wanted { keys: by_key.cloned().collect(), ..Wanted::default() };
    for noun in Noun::ALL {
        noun.wanted(&mut wanted, &change);
    }
    wanted
}
