//! The reaction to drift, according to the policies.

use std::collections::{BTreeMap, BTreeSet};

use netstate::Key;

use crate::datastore::Datastore;
use crate::datastore::intent::Intent;
use crate::engine::Engine;
use crate::error::{Error, Errors, Result};
use crate::kernel_state::drift::{AGAIN, CONTESTED, Differing, LOGGED};
use crate::kernel_state::policy::Policy;
use crate::session::notice::NoticeKind;
use crate::transaction::affected::Affected;

impl Engine {
    pub(super) fn note_waiting(&mut self, waiting: BTreeMap<Key, (Differing, Key)>) {
        let mut with: BTreeMap<Key, usize> = BTreeMap::new();
        for (key, (differing, link)) in waiting {
            let known = self.drift.differing.get(&key);
            if known.is_none_or(|known| known.waits_for.as_ref() != Some(&link)) {
                *with.entry(link.clone()).or_default() += 1;
            }
            self.drift.differing.insert(key, Differing { waits_for: Some(link), ..differing });
        }
        for (link, objects) in with.into_iter().take(LOGGED) {
            let path = self.running.intent.path(&link);
            tracing::info!(%path, objects, "dependents pending until this link returns");
        }
    }

    /// Applies the policies to what others have changed, and restores what was lost.
    pub(super) fn apply_policies(
        &mut self,
        running: &Intent,
        changed: BTreeMap<Key, Differing>,
        lost: BTreeSet<Key>,
    ) {
        let now = self.now();
        let (mut repair, mut adopt) = (BTreeSet::new(), BTreeSet::new());
        let (mut logged, mut paths) = (0, Vec::new());
        for (key, differing) in changed {
            let policy = differing.policy;
            let known = self.drift.differing.get(&key).map(|known| &known.difference);
            if policy != Policy::Ignore && known != Some(&differing.difference) {
                logged += 1;
                if logged <= LOGGED {
                    let (path, repair) = (running.path(&key), &differing.difference);
                    let change = differing.change.as_deref();
                    let policy = policy.name();
                    tracing::warn!(%path, change, repair, policy, "changed by others");
                    paths.push(path.to_string());
                }
            }
            self.drift.differing.insert(key.clone(), differing);
            match policy {
                Policy::Report | Policy::Ignore => {}
                Policy::Repair => match self.drift.patience(&key, now).filter(|at| *at > now) {
                    Some(later) => drop(self.drift.again.insert(key, later)),
                    None => drop(repair.insert(key)),
                },
                Policy::Adopt => drop(adopt.insert(key)),
            }
        }
        if logged > LOGGED {
            tracing::warn!(more = logged - LOGGED, "changed by others");
        }
        if !paths.is_empty() {
            self.drift.notified = self.drift.count();
            self.notices.send(NoticeKind::Drift { paths, count: self.drift.notified });
        }
        if !repair.is_empty() || !lost.is_empty() {
            self.repair(repair, lost);
        }
        if !adopt.is_empty() {
            self.adopt_drift(running, adopt);
        }
    }

    /// Sends a notice that fewer objects differ than the last notice said, or none.
    pub(crate) fn notify_less_drift(&mut self) {
        let count = self.drift.count();
        if count < self.drift.notified {
            self.drift.notified = count;
            self.notices.send(NoticeKind::Drift { paths: Vec::new(), count });
        }
    }

    /// Repairs every difference, at a user's request. What the kernel refuses is an error; the rest is repaired.
    pub(crate) fn repair_all(&mut self, session: u32) -> Result<()> {
        self.sessions.may_write(session, Datastore::Running)?;
        self.reconcile()?;
        // What the kernel refused before is tried again: the cause may be gone without an event.
        let keys = self.drift.differing.keys().chain(self.kernel.skipped());
        self.restore_objects(keys.cloned().collect())?;
        self.notify_less_drift();
        let errors = self.refused_objects();
        if errors.is_empty() { Ok(()) } else { Err(Errors::listed(errors)) }
    }

    /// What the kernel has refused of running. What depends on it, and what waits for something missing, is not named.
    fn refused_objects(&self) -> Vec<Error> {
        let refused = self.kernel.skipped().iter().filter_map(|key| {
            let reason = self.kernel.reason(key).filter(|reason| reason.refused)?;
            let path = self.running.intent.path(key).to_string();
            Some(Error::NotRepaired { path, message: reason.message.clone() })
        });
        refused.collect()
    }

    /// Restores running for these objects, for what was lost with them, and for what was lost with
    /// a link that has returned. One plan restores all of them, because they may need each other.
    fn repair(&mut self, keys: BTreeSet<Key>, lost: BTreeSet<Key>) {
        let now = self.now();
        keys.iter().for_each(|key| self.drift.count_repair(key, now));
        let waits = |differing: &Differing| {
            differing.waits_for.as_ref().is_some_and(|link| keys.contains(link))
        };
        let with = self.drift.differing.iter().filter(|(_, differing)| waits(differing));
        let all: BTreeSet<Key> =
            with.map(|(key, _)| key).chain(&keys).chain(&lost).cloned().collect();
        match self.restore_objects(all) {
            Ok(()) => tracing::info!(repaired = keys.len(), restored = lost.len(), "repaired"),
            Err(errors) if keys.is_empty() => {
                tracing::error!(errors = errors.describe(), "not restored");
            }
            Err(errors) => self.postpone(&keys, &errors),
        }
    }

    /// Restores running for these objects. Objects that the kernel refuses stay as they are.
    fn restore_objects(&mut self, keys: BTreeSet<Key>) -> Result<()> {
        let touched = self.touched();
        self.converge(&touched, Affected::Named(keys.clone()))?;
        let restored = keys.iter().filter(|key| !self.kernel.skipped().contains(key));
        self.drift.forget(restored);
        Ok(())
    }

    /// Leaves these objects as they are for now, and reports why.
    pub(super) fn postpone(&mut self, keys: &BTreeSet<Key>, errors: &Errors) {
        let now = self.now();
        let message = errors.describe();
        for key in keys {
            let failed = self.drift.failed.entry(key.clone()).or_default();
            if *failed == 0 {
                tracing::error!(errors = message, "not repaired");
            }
            let pause = AGAIN * 2u32.saturating_pow(*failed);
            *failed = failed.saturating_add(1);
            self.drift.again.insert(key.clone(), now + pause.min(CONTESTED));
            if let Some(differing) = self.drift.differing.get_mut(key) {
                differing.reason = Some(message.clone());
            }
        }
    }
}
