//! Held: configured objects that are left out of the kernel until a condition is met, and the
//! reasons.
//!
//! The verdict on running decides what is held. This module keeps the result, with the time since
//! when each object is held.

mod notify;

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use netstate::{Hold, Key, NetnsName};

use crate::datastore::intent::Intent;
use crate::transaction::transition::TransitionPlan;

/// The objects of running that are held.
#[derive(Debug, Default)]
pub(crate) struct Held {
    objects: BTreeMap<Key, HeldObject>,
    /// The changes since the last notice.
    changes: HeldChanges,
}

/// An object that is held completely or in part.
#[derive(Clone, Debug)]
pub(crate) struct HeldObject {
    pub(crate) hold: Hold,
    pub(crate) since: SystemTime,
    /// Whether a part of it is in the kernel.
    pub(crate) partly: bool,
}

/// The changes since the last notice.
#[derive(Debug, Default)]
pub(crate) struct HeldChanges {
    pub(crate) held: Vec<Key>,
    pub(crate) released: Vec<Key>,
    /// Whether an object that was held is not configured any more.
    pub(crate) removed: bool,
}

/// The objects that a change leaves held, for a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holds {
    /// The first objects.
    pub listed: Vec<ListedHold>,
    /// The number of objects beyond these.
    pub more: usize,
}

/// One held object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedHold {
    /// The path at which it is configured.
    pub path: String,
    /// The reason why it is held.
    pub reason: String,
}

/// The number of objects that are listed one by one.
const LISTED: usize = 16;

impl Holds {
    /// The objects that a plan to `intent` leaves held.
    pub(crate) fn of(plan: &TransitionPlan, intent: &Intent) -> Holds {
        let mut holds = plan.verdict.holds();
        let listed = holds.by_ref().take(LISTED).map(|(key, hold)| ListedHold {
            path: intent.path(key).to_string(),
            reason: hold.reason.clone(),
        });
        Holds { listed: listed.collect(), more: holds.count() }
    }
}

impl Held {
    /// Takes over the verdict on the objects that a plan affects.
    pub(crate) fn note(&mut self, plan: &TransitionPlan, now: SystemTime) {
        if self.objects.is_empty() && plan.verdict.is_all_active() {
            return;
        }
        let mut before = BTreeMap::new();
        for key in &plan.keys {
            before.extend(self.objects.remove_entry(key));
        }
        let is_configured = |key: &Key| plan.desired.objects.contains_key(key);
        for (key, hold) in plan.verdict.holds() {
            let known = before.remove(key).filter(|known| known.hold == *hold);
            if known.is_none() {
                self.changes.held.push(key.clone());
            }
            let since = known.map_or(now, |known| known.since);
            let partly = !plan.verdict.held.contains_key(key);
            self.objects.insert(key.clone(), HeldObject { hold: hold.clone(), since, partly });
        }
        let (released, removed) = before.into_keys().partition(is_configured);
        let (mut released, removed): (Vec<Key>, Vec<Key>) = (released, removed);
        self.changes.released.append(&mut released);
        self.changes.removed |= !removed.is_empty();
    }

    /// The changes since the last call.
    pub(crate) fn take_changes(&mut self) -> HeldChanges {
        std::mem::take(&mut self.changes)
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&HeldObject> {
        self.objects.get(key)
    }

    pub(crate) fn contains(&self, key: &Key) -> bool {
        self.objects.contains_key(key)
    }

    /// The objects of a namespace that wait for an object of others, which has no key.
    pub(crate) fn awaiting(&self, netns: Option<&NetnsName>) -> impl Iterator<Item = &Key> {
        self.awaiting_others().filter(move |key| key.netns() == netns)
    }

    /// The namespaces of these objects.
    pub(crate) fn namespaces_awaited(&self) -> BTreeSet<NetnsName> {
        self.awaiting_others().filter_map(Key::netns).cloned().collect()
    }

    fn awaiting_others(&self) -> impl Iterator<Item = &Key> {
        let held = self.objects.iter().filter(|(key, held)| held.hold.waits_for == **key);
        held.map(|(key, _)| key)
    }

    /// The number of held objects after a plan is applied.
    pub(crate) fn count_after(&self, plan: &TransitionPlan) -> usize {
        let others = self.objects.keys().filter(|key| !plan.keys.contains(key)).count();
        others + plan.verdict.holds().count()
    }

    /// The number of held objects.
    pub(crate) fn len(&self) -> usize {
        self.objects.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Key, &HeldObject)> {
        self.objects.iter()
    }
}
