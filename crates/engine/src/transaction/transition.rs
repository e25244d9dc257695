//! A transition of the kernel: from what may be in it to what a configuration desires.

use std::collections::{BTreeMap, BTreeSet};

use netstate::noun::is_deleted_alone;
use netstate::plan::Goal;
use netstate::{Desired, Key, Originals, Plan, Scope, State, Verdict};

use crate::intent::Intent;
use crate::transaction::affected::Affected;

/// Where to go, and from where.
#[derive(Clone)]
pub(crate) struct Transition<'a> {
    /// What may have been applied before.
    pub(crate) touched: &'a Desired,
    pub(crate) to: &'a Intent,
    /// The configuration in force, which has paths for what `to` no longer has.
    pub(crate) running: &'a Intent,
    pub(crate) affected: Affected,
    /// Whether somebody waits for a verdict: what contradicts itself is refused then, and held otherwise.
    pub(crate) is_commit: bool,
}

impl<'a> Transition<'a> {
    /// From running to a configuration that differs from it.
    pub(crate) fn from_running(running: &'a Intent, to: &'a Intent) -> Self {
        let (touched, affected) = (running.desired(), Affected::Change);
        Transition { touched, to, running, affected, is_commit: true }
    }

    /// To a configuration from what an attempt that could not be taken back has left.
    pub(crate) fn from_diverged(touched: &'a Desired, running: &'a Intent, to: &'a Intent) -> Self {
        Transition { touched, to, running, affected: Affected::Everything, is_commit: true }
    }

    /// Back to running, in these objects: what others have changed of them.
    pub(crate) fn within(running: &'a Intent, keys: BTreeSet<Key>) -> Self {
        let (touched, affected) = (running.desired(), Affected::Named(keys));
        Transition { touched, to: running, running, affected, is_commit: false }
    }
}

/// How a transition is made: the affected part of the world, and what to do there.
pub(crate) struct TransitionPlan {
    /// The objects that are affected.
    pub(crate) keys: BTreeSet<Key>,
    /// What is configured of them, as far as it can be.
    pub(crate) desired: State,
    /// Which of them are active.
    pub(crate) verdict: Verdict,
    pub(crate) touched: State,
    pub(crate) originals: Originals,
    pub(crate) scope: Scope,
    pub(crate) plan: Plan,
    /// What others have on links that the plan may take down, or away.
    pub(crate) others: State,
    /// The links that were seen, and whether each is up.
    pub(crate) links: BTreeMap<Key, bool>,
    /// All originals, where the transition adds to them.
    pub(crate) adopted: Option<Originals>,
}

impl TransitionPlan {
    /// Where it is to lead.
    pub(crate) fn goal(&self) -> Goal<'_> {
        Goal { desired: &self.desired, held: &self.verdict.held }
    }

    /// Whether the object depends on links and nobody has configured it.
    pub(crate) fn is_of_others(&self, key: &Key) -> bool {
        is_of_others(key, [&self.desired, &self.touched])
    }
}

/// Whether an object depends on links and is in none of these.
pub(crate) fn is_of_others(key: &Key, configured: [&State; 2]) -> bool {
    is_deleted_alone(key) && !configured.iter().any(|state| state.objects.contains_key(key))
}
