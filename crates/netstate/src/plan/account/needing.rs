//! What is lost with an object that others need by its key: groups and routes with a nexthop object.

use std::collections::BTreeMap;

use crate::noun::nexthop::used;
use crate::noun::{Key, Object};
use crate::operation::Because;
use crate::plan::account::Account;
use crate::state::{Entry, State};

/// The observed objects that need another by its key.
pub(super) type Needing<'a> = BTreeMap<Key, Vec<Entry<'a>>>;

impl<'a> Account<'a> {
    /// Notes that the kernel removes what needs this object, which is gone, or takes it out of what has others like it.
    pub(in crate::plan) fn lose_needing(&mut self, key: &Key, because: &Because) {
        if !matches!(key, Key::Nexthop(_)) {
            return;
        }
        let needing = self.needing.get_or_init(|| needing(self.observed));
        for (dependent, object) in needing.get(key).cloned().unwrap_or_default() {
            // It was set in this plan, and does not need the object any more.
            if self.present.contains(dependent) || self.lost.contains_key(dependent) {
                continue;
            }
            let now = self.shrunk.get(dependent).unwrap_or(object);
            match now.remains(key) {
                Some(rest) => {
                    self.shrunk.insert(dependent, rest);
                    self.altered.entry(dependent).or_insert_with(|| because.clone());
                }
                None => {
                    self.lost.insert(dependent, because.clone());
                    self.lose_needing(dependent, because);
                }
            }
        }
    }

    /// An observed object, as it is after the operations so far; none if it is lost.
    pub(in crate::plan) fn present_object(&self, key: &Key) -> Option<&Object> {
        if self.lost.contains_key(key) {
            return None;
        }
        self.shrunk.get(key).or_else(|| self.observed.objects.get(key))
    }
}

fn needing(observed: &State) -> Needing<'_> {
    let mut needing = Needing::new();
    for (key, object) in &observed.objects {
        for used in used(key, object) {
            needing.entry(Key::Nexthop(used)).or_default().push((key, object));
        }
    }
    needing
}
