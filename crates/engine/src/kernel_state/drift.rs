//! Drift: what others have changed of what is configured, and what is done about it.
//!
//! An event names objects. They are observed and compared with running, and each difference has one of three causes
//! ([`cause`]). The object was lost with a link or a namespace that is away, and waits for that to come back. Its link is
//! back, so the object is restored. Or somebody has changed it, and the configuration's policy for its path decides.

mod adopt;
pub(crate) mod cause;
mod look;
mod repair;
mod report;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use netstate::Key;

use crate::clock::Moment;
use crate::kernel_state::policy::{Policies, Policy};

/// How many changes by others are logged one by one; a log is no place for a storm.
const LOGGED: usize = 16;

/// How long what could not be looked at, repaired or adopted is left alone, at first.
const AGAIN: Duration = Duration::from_secs(1);

/// What has been repaired and changed again within this time is contested: it is repaired ever more seldom, up to
/// once in this time.
const CONTESTED: Duration = Duration::from_secs(60);

/// What is known of drift.
#[derive(Debug, Default)]
pub(crate) struct Drift {
    differing: BTreeMap<Key, Differing>,
    /// How often, and when last, an object has been repaired.
    repaired: BTreeMap<Key, (u32, Moment)>,
    /// How often what the policy wants of it has failed.
    failed: BTreeMap<Key, u32>,
    /// When these are looked at again.
    again: BTreeMap<Key, Moment>,
    /// How many objects differ by the latest notice.
    notified: usize,
}

/// An object that is not as it is configured.
#[derive(Clone, Debug)]
struct Differing {
    since: SystemTime,
    /// What others have done, where that is known: a link was renamed or moved.
    change: Option<String>,
    /// What would put it right, in words.
    difference: String,
    /// Whether it is not there at all.
    missing: bool,
    policy: Policy,
    /// What it is missing together with.
    waits_for: Option<Key>,
    obstacle: Option<String>,
}

impl Drift {
    /// These are as they are configured, or no longer are configured.
    pub(crate) fn forget<'k>(&mut self, keys: impl IntoIterator<Item = &'k Key>) {
        for key in keys {
            self.differing.remove(key);
            self.failed.remove(key);
            self.again.remove(key);
        }
    }

    /// Everything is as it is configured.
    pub(crate) fn clear(&mut self) {
        self.differing.clear();
        self.failed.clear();
        self.again.clear();
    }

    /// What differs is dealt with anew where policies have changed.
    pub(crate) fn consider(&mut self, now: Moment, old: &Policies, new: &Policies) {
        if old != new {
            self.again.extend(self.differing.keys().map(|key| (key.clone(), now)));
        }
    }

    /// When there is something to look at again.
    pub(crate) fn due(&self) -> Option<Moment> {
        self.again.values().min().copied()
    }

    #[cfg(test)]
    pub(crate) fn differs(&self, key: &Key) -> bool {
        self.differing.contains_key(key)
    }

    /// How many objects differ that are not to be ignored.
    fn count(&self) -> usize {
        self.differing.values().filter(|differing| differing.policy != Policy::Ignore).count()
    }

    fn is_missing(&self, key: &Key) -> bool {
        self.differing.get(key).is_some_and(|differing| differing.missing)
    }

    /// How long to wait between this repair of an object and the next; nothing where it is not contested.
    fn patience(&mut self, key: &Key, now: Moment) -> Option<Moment> {
        self.repaired.retain(|_, (_, last)| now < *last + CONTESTED);
        let (times, last) = self.repaired.get(key)?;
        // The first few come at once: two programs that start together are no fight.
        let pause = Duration::from_millis(125) * 2u32.saturating_pow(times.saturating_sub(3));
        Some(*last + if *times < 3 { Duration::ZERO } else { pause.min(CONTESTED) })
    }

    fn count_repair(&mut self, key: &Key, now: Moment) {
        let (times, last) = self.repaired.entry(key.clone()).or_insert((0, now));
        *times += 1;
        *last = now;
    }
}
