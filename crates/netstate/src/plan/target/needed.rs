//! Objects of others, and originals, that need another by its key: they stay only as long as that does.

use std::collections::BTreeMap;

use crate::noun::nexthop::used;
use crate::noun::{Key, Object};
use crate::state::{Entry, State};

/// The objects that a target contains before this is checked.
pub(super) struct Before<'t, 'a> {
    pub(super) configured: &'t [Entry<'a>],
    pub(super) others: &'t mut Vec<Entry<'a>>,
    pub(super) made: &'t mut BTreeMap<Key, Object>,
    pub(super) observed: &'a State,
    pub(super) touched: &'a State,
}

/// Removes what needs an object that the target does not contain, and takes such objects out of what has others like
/// it. An object that is neither observed nor ours stays as it is.
pub(super) fn drop_what_lacks(before: Before<'_, '_>) {
    let Before { configured, others, made, observed, touched } = before;
    let key_needs = |entry: &Entry<'_>| needed(entry.0, entry.1).next().is_some();
    let is_any = others.iter().any(key_needs) || made.iter().any(|entry| key_needs(&entry));
    if !is_any {
        return;
    }
    // Something that is lacking may itself be needed.
    loop {
        let is_there = |key: &Key| {
            let in_row = |row: &[Entry<'_>]| row.binary_search_by(|(at, _)| (*at).cmp(key)).is_ok();
            let is_known = observed.objects.contains_key(key) || touched.objects.contains_key(key);
            made.contains_key(key) || in_row(configured) || in_row(others) || !is_known
        };
        let lacking = |key: &Key, object: &Object| -> Vec<Key> {
            needed(key, object).filter(|needed| !is_there(needed)).collect()
        };
        let left: Vec<(Key, Option<Object>)> = (others.iter().copied())
            .chain(made.iter())
            .filter_map(|(key, object)| {
                let lacking = lacking(key, object);
                (!lacking.is_empty()).then(|| {
                    let rest =
                        lacking.iter().try_fold(object.clone(), |rest, gone| rest.remains(gone));
                    (key.clone(), rest)
                })
            })
            .collect();
        if left.is_empty() {
            return;
        }
        let gone = |key: &Key| left.binary_search_by(|(at, _)| at.cmp(key)).is_ok();
        others.retain(|(key, _)| !gone(key));
        for (key, rest) in left {
            match rest {
                Some(rest) => drop(made.insert(key, rest)),
                None => drop(made.remove(&key)),
            }
        }
    }
}

fn needed(key: &Key, object: &Object) -> impl Iterator<Item = Key> + use<> {
    used(key, object).into_iter().map(Key::Nexthop)
}
