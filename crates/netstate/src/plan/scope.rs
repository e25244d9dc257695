//! The objects that must be observed before a plan is possible.

use crate::noun::{self, Change, FoundBy, Noun, Object, Wanted};
use crate::originals::Originals;
use crate::state::State;

/// Everything that going from `touched` to `desired` may concern.
pub fn wanted(desired: &State, touched: &State, originals: &Originals) -> Wanted {
    all_wanted(&Change {
        desired: &desired.objects,
        touched: &touched.objects,
        originals: &originals.objects,
        seen: None,
    })
}

/// The same, if it is more because others have changed something that takes other objects along: it
/// is set again, although the configuration has not changed. Or an object is made anew because it cannot be changed in
/// place. None if it is not more.
pub fn wanted_again(
    desired: &State,
    touched: &State,
    originals: &Originals,
    observed: &State,
) -> Option<Wanted> {
    let change = Change {
        desired: &desired.objects,
        touched: &touched.objects,
        originals: &originals.objects,
        seen: Some(&observed.objects),
    };
    let has_mtu = |object: &Object| object.link().is_some_and(|link| link.attributes.mtu.is_some());
    let may_take = |object: &Object| matches!(object, Object::Sysctl(_)) || has_mtu(object);
    let mut taking = desired.objects.iter().filter(|(_, object)| may_take(object));
    let is_set_again = taking.any(|(key, wanted)| {
        let seen = observed.objects.get(key);
        let differs = seen.is_some_and(|seen| !noun::satisfies(key, seen, wanted));
        differs && touched.objects.get(key) == Some(wanted)
    });
    let is_made_anew = || {
        let mut seen = observed.objects.keys().filter(|key| desired.objects.contains_key(*key));
        seen.any(|key| change.may_take_along(key))
    };
    (is_set_again || is_made_anew()).then(|| all_wanted(&change))
}

fn all_wanted(change: &Change<'_>) -> Wanted {
    let objects = change.states().into_iter().flatten();
    let keys = objects.map(|(key, _)| key);
    let by_key = keys.filter(|key| key.noun().facts().found_by == FoundBy::Key);
    // Building a set from sorted keys takes one pass. These are mostly sorted.
    let mut wanted = Wanted { keys: by_key.cloned().collect(), ..Wanted::default() };
    for noun in Noun::ALL {
        noun.wanted(&mut wanted, change);
    }
    wanted
}
