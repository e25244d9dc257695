//! Drift: changes by other programs to configured objects, and the reaction to them.
//!
//! An event names objects. The engine observes these objects and compares them with running. Each
//! difference has one of three causes ([`cause`]). The object was lost with a link or a namespace
//! that is missing: it waits until that returns. Its link has returned: the object is restored.
//! Somebody has changed the object: the configuration's policy for its path decides.

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

/// The number of changes by others that are logged one by one. More would flood the log.
const LOGGED: usize = 16;

/// The first delay before an object that could not be observed, repaired or adopted is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// If an object is changed again within this time after a repair, it is contested. The time between
/// its repairs grows, up to this value.
const CONTESTED: Duration = Duration::from_secs(60);

/// The known drift.
#[derive(Debug, Default)]
pub(crate) struct Drift {
    differing: BTreeMap<Key, Differing>,
    /// The number of repairs of an object, and the time of the last one.
    repaired: BTreeMap<Key, (u32, Moment)>,
    /// The number of times that the reaction to an object's drift has failed.
    failed: BTreeMap<Key, u32>,
    /// The time at which an object is looked at again.
    again: BTreeMap<Key, Moment>,
    /// The number of differing objects in the latest notice.
    notified: usize,
}

/// An object that differs from its configuration.
#[derive(Clone, Debug)]
struct Differing {
    since: SystemTime,
    /// The change that others made, if it is known: a link was renamed or moved.
    change: Option<String>,
    /// The operation that would repair it, as text.
    difference: String,
    /// Whether the object does not exist.
    missing: bool,
    policy: Policy,
    /// The missing object that this one waits for.
    waits_for: Option<Key>,
    reason: Option<String>,
}

impl Drift {
    /// Forgets objects that are as configured, or that are not configured any more.
    pub(crate) fn forget<'k>(&mut self, keys: impl IntoIterator<Item = &'k Key>) {
        for key in keys {
            self.differing.remove(key);
            self.failed.remove(key);
            self.again.remove(key);
        }
    }

    /// Forgets all drift: everything is as configured.
    pub(crate) fn clear(&mut self) {
        self.differing.clear();
        self.failed.clear();
        self.again.clear();
    }

    /// Looks again at differing objects whose policy has changed.
    pub(crate) fn consider(&mut self, now: Moment, old: &Policies, new: &Policies) {
        if old != new {
            self.again.extend(self.differing.keys().map(|key| (key.clone(), now)));
        }
    }

    /// The time at which the next object is looked at again.
    pub(crate) fn due(&self) -> Option<Moment> {
        self.again.values().min().copied()
    }

    #[cfg(test)]
    pub(crate) fn differs(&self, key: &Key) -> bool {
        self.differing.contains_key(key)
    }

    /// The number of differing objects, without those that the policy ignores.
    fn count(&self) -> usize {
        self.differing.values().filter(|differing| differing.policy != Policy::Ignore).count()
    }

    fn is_missing(&self, key: &Key) -> bool {
        self.differing.get(key).is_some_and(|differing| differing.missing)
    }

    /// The earliest time of the next repair of an object; none if it is not contested.
    fn patience(&mut self, key: &Key, now: Moment) -> Option<Moment> {
        self.repaired.retain(|_, (_, last)| now < *last + CONTESTED);
        let (times, last) = self.repaired.get(key)?;
        // The first few repairs are immediate: two programs that start together do not contest an
        // object.
        let pause = Duration::from_millis(125) * 2u32.saturating_pow(times.saturating_sub(3));
        Some(*last + if *times < 3 { Duration::ZERO } else { pause.min(CONTESTED) })
    }

    fn count_repair(&mut self, key: &Key, now: Moment) {
        let (times, last) = self.repaired.entry(key.clone()).or_insert((0, now));
        *times += 1;
        *last = now;
    }
}
