//! Looking at objects of running: which of them differ from the configuration, and why.

use std::collections::{BTreeMap, BTreeSet};

use netstate::link::displacement;
use netstate::{Action, Desired, Key, Noun, Op};

use crate::clock::Moment;
use crate::datastore::intent::Intent;
use crate::engine::Engine;
use crate::error::Error;
use crate::kernel_state::drift::Differing;
use crate::kernel_state::drift::cause::{
    Cause, Causes, Disturbed, has_moved, moves_link, with_loose_routes,
};
use crate::session::notice::By;
use crate::transaction::affected::{place_of, with_dependents};
use crate::transaction::converge::{Reason, SKIPPED};
use crate::transaction::transition::{Transition, TransitionPlan};

/// The result of a look, grouped by the reaction that is needed.
#[derive(Debug, Default)]
struct Findings {
    /// Objects that are as configured.
    right: BTreeSet<Key>,
    /// Objects that were lost with something that is missing.
    waiting: BTreeMap<Key, (Differing, Key)>,
    /// Objects that were lost with something that has returned.
    lost: BTreeSet<Key>,
    changed: BTreeMap<Key, Differing>,
}

impl Engine {
    /// Looks again at objects that could not be observed or repaired before.
    pub(crate) fn look_again(&mut self, now: Moment) {
        let due = self.drift.again.iter().filter(|(_, at)| **at <= now);
        let keys: BTreeSet<Key> = due.map(|(key, _)| key.clone()).collect();
        self.drift.again.retain(|key, _| !keys.contains(key));
        self.look_at_objects(keys, &Disturbed::default(), &BTreeSet::new());
    }

    /// Looks at these objects of running and at the dependents of the links among them, and reacts
    /// to differences. Changes by the engine itself are no differences. A link in `disturbed` may
    /// have been missing for a time. Objects in `verified` are known to be as configured.
    pub(crate) fn look_at_objects(
        &mut self,
        keys: BTreeSet<Key>,
        disturbed: &Disturbed,
        verified: &BTreeSet<Key>,
    ) {
        // While the kernel is diverged, each attempt to restore it looks at everything.
        if keys.is_empty() || self.diverged.is_some() {
            return;
        }
        let running = self.running.intent.clone();
        let desired = running.desired();
        let mut keys = with_loose_routes(with_dependents(keys, &[desired]), disturbed, desired);
        keys.retain(|key| !verified.contains(key));
        if keys.is_empty() {
            return;
        }
        let Some(plan) = self.plan_for_what_is_there(&running, &keys) else { return };
        let findings = self.findings(&running, &plan, disturbed);
        let Findings { right, waiting, lost, changed } = findings;
        self.note_verdict(&plan);
        self.notify_held(By::Daemon);
        self.drift.forget(&right);
        self.note_waiting(waiting);
        self.apply_policies(&running, changed, lost);
        self.notify_less_drift();
    }

    /// Plans for these objects. A link that existed before the configuration and is missing waits
    /// until it returns, and its dependents wait with it.
    fn plan_for_what_is_there(
        &mut self,
        running: &Intent,
        keys: &BTreeSet<Key>,
    ) -> Option<TransitionPlan> {
        for _ in 0..SKIPPED {
            let errors = match self.kernel.plan(&Transition::within(running, keys.clone())) {
                Ok(plan) => return Some(plan),
                Err(errors) => errors,
            };
            tracing::warn!(errors = errors.describe(), "object skipped");
            match errors.0.iter().find_map(Error::key).cloned() {
                Some(key) => {
                    let gone = with_dependents(BTreeSet::from([key.clone()]), &[running.desired()]);
                    self.drift.forget(&gone);
                    self.kernel.skip(key, Reason::of(&errors), gone);
                }
                None => {
                    let at = self.again();
                    self.drift.again.extend(keys.iter().map(|key| (key.clone(), at)));
                    return None;
                }
            }
        }
        None
    }

    fn findings(&self, running: &Intent, plan: &TransitionPlan, disturbed: &Disturbed) -> Findings {
        let desired = running.desired();
        let mut findings = Findings::default();
        let off: BTreeSet<&Key> = plan.plan.ops.iter().map(|op| &op.key).collect();
        findings.right.extend(plan.keys.iter().filter(|key| !off.contains(key)).cloned());
        if off.is_empty() {
            return findings;
        }
        let now = (self.settings.clock.wall)();
        let causes = Causes::of(self.kernel.skipped(), plan, desired, disturbed);
        let returned = self.returned(plan, desired);
        let moves = plan.plan.ops.iter().rev().filter(|op| moves_link(op));
        let moves: BTreeMap<&Key, &Op> = moves.map(|op| (&op.key, op)).collect();
        for op in &plan.plan.ops {
            let key = &op.key;
            let Some(object) = desired.get(key) else { continue };
            let policy = running.policies.at(&running.path(key));
            let change = self.kernel.displaced().get(key).zip(place_of(object));
            // A link that moves back to its place may have to go down first.
            let difference = moves.get(key).filter(|_| change.is_some()).unwrap_or(&op);
            let differing = Differing {
                since: self.drift.differing.get(key).map_or(now, |known| known.since),
                change: change.map(|(now, wanted)| displacement(wanted, now)),
                difference: difference.to_string(),
                missing: match key.noun() == Noun::Link {
                    true => !plan.links.contains_key(key),
                    false => matches!(op.action, Action::Create(_)),
                },
                policy,
                waits_for: None,
                reason: None,
            };
            let cause = causes.cause(op, object);
            // Nobody has changed an object that was held and can be applied now, one that must be
            // removed because it is held now, or one that has waited for what is there now. That may
            // be seen before its event arrives.
            let known = self.drift.differing.get(key);
            let back = matches!(cause, Cause::Back)
                || known.is_some_and(|known| known.waits_for.is_some())
                || returned.contains(key)
                || self.kernel.held().contains(key)
                || plan.verdict.holds_any(key);
            match cause {
                Cause::Away(link) => {
                    findings.waiting.entry(key.clone()).or_insert((differing, link));
                }
                Cause::Back | Cause::Changed if back && !self.is_reported(key) => {
                    findings.lost.insert(key.clone());
                }
                Cause::Back | Cause::Changed => {
                    // The first difference of a link is the one that is reported.
                    findings.changed.entry(key.clone()).or_insert(differing);
                }
            }
        }
        findings.changed.retain(|key, _| !findings.waiting.contains_key(key));
        // The dependents of a link that is restored are restored with it.
        loop {
            let is_back = |_: &Key, (_, link): &mut (_, Key)| findings.lost.contains(link);
            let back: Vec<Key> =
                findings.waiting.extract_if(.., is_back).map(|(key, _)| key).collect();
            if back.is_empty() {
                break;
            }
            findings.lost.extend(back);
        }
        findings
    }

    /// Whether the object is already reported as changed by somebody. The return of its link is
    /// then no reason to repair it.
    fn is_reported(&self, key: &Key) -> bool {
        self.drift.differing.get(key).is_some_and(|known| {
            known.waits_for.is_none() && !(known.missing && key.noun() == Noun::Link)
        })
    }

    /// The links that were missing or displaced and are there now, with all their dependents.
    fn returned(&self, plan: &TransitionPlan, desired: &Desired) -> BTreeSet<Key> {
        let is_missing = |key: &&Key| {
            let held = self.kernel.held().get(key);
            self.drift.is_missing(key) || held.is_some_and(|held| !held.partly)
        };
        let back = plan.links.keys().filter(is_missing);
        let moved = plan.plan.ops.iter().filter(|op| has_moved(op, desired)).map(|op| &op.key);
        // A link that others have renamed or moved was not missing.
        let displaced = self.kernel.displaced();
        let back = back.chain(moved).filter(|key| !displaced.contains_key(*key));
        let back: BTreeSet<Key> = back.cloned().collect();
        if back.is_empty() { back } else { with_dependents(back, &[desired]) }
    }
}
