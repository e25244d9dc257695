//! What has to be observed before it can be said what to do.

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
    // Of keys that are in order, as these are but for some, a set is made by one pass.
    let mut wanted = Wanted { keys: by_key.cloned().collect(), ..Wanted::default() };
    for noun in Noun::ALL {
        noun.wanted(&mut wanted, &change);
    }
    wanted
}
