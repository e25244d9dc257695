//! A transition of the kernel: from what may be in it to what a configuration desires.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use netstate::noun::{is_deleted_alone, places};
use netstate::plan::Goal;
use netstate::{
    Action, Because, Desired, Key, Link, Object, Op, Originals, Place, Plan, Scope, State, Verdict,
};

use crate::datastore::intent::Intent;
use crate::transaction::affected::Affected;

/// The start and the target of a transition.
#[derive(Clone)]
pub(crate) struct Transition<'a> {
    /// What may have been applied before.
    pub(crate) touched: &'a Desired,
    pub(crate) to: &'a Intent,
    /// The running configuration, which has paths for objects that `to` does not contain.
    pub(crate) running: &'a Intent,
    pub(crate) affected: Affected,
    /// Whether this is a commit: a contradiction is then refused, and held otherwise.
    pub(crate) is_commit: bool,
}

impl<'a> Transition<'a> {
    /// From running to a configuration that differs from it.
    pub(crate) fn from_running(running: &'a Intent, to: &'a Intent) -> Self {
        let (touched, affected) = (running.desired(), Affected::Change);
        Transition { touched, to, running, affected, is_commit: true }
    }

    /// To a configuration from the remains of an attempt that could not be undone.
    pub(crate) fn from_diverged(touched: &'a Desired, running: &'a Intent, to: &'a Intent) -> Self {
        Transition { touched, to, running, affected: Affected::Everything, is_commit: true }
    }

    /// Back to running, for these objects that others have changed.
    pub(crate) fn within(running: &'a Intent, keys: BTreeSet<Key>) -> Self {
        let (touched, affected) = (running.desired(), Affected::Named(keys));
        Transition { touched, to: running, running, affected, is_commit: false }
    }
}

/// The plan of a transition: the affected objects, and the operations.
pub(crate) struct TransitionPlan {
    /// The affected objects.
    pub(crate) keys: BTreeSet<Key>,
    /// Their desired state, without what is held.
    pub(crate) desired: Arc<State>,
    /// Which of them are active.
    pub(crate) verdict: Verdict,
    pub(crate) touched: Arc<State>,
    pub(crate) originals: Originals,
    pub(crate) scope: Scope,
    pub(crate) plan: Plan,
    /// The objects of others on links that the plan may take down or remove.
    pub(crate) others: State,
    /// The links of others that are ports of bridges that the plan deletes.
    pub(crate) ports: Vec<(Key, Link)>,
    /// The observed links, and whether each is up.
    pub(crate) links: BTreeMap<Key, bool>,
    /// The observed links that are up and have no carrier.
    pub(crate) without_carrier: BTreeSet<Key>,
    /// All originals, if the transition adds to them.
    pub(crate) adopted: Option<Originals>,
}

impl TransitionPlan {
    /// The target of the plan.
    pub(crate) fn goal(&self) -> Goal<'_> {
        Goal { desired: &self.desired, held: &self.verdict.held }
    }

    /// What the kernel may hold of the plan: what is configured, with what the operations set on these links. A bridge without an MTU of
    /// its own gets one that follows from its ports, and a link may be down for a change.
    pub(crate) fn applied(&self) -> State {
        let mut applied = State::clone(&self.desired);
        for op in &self.plan.ops {
            let Action::Update { change: Object::Link(change), .. } = &op.action else { continue };
            if let Some(Object::Link(link)) = applied.objects.get_mut(&op.key) {
                let (attributes, flags) = (change.attributes.clone(), change.flags.clone());
                link.overlay(&Link { attributes, flags, ..Link::at(link.place.clone()) });
            }
        }
        applied
    }

    /// Forgets the operations that have been executed, except those that an undo asks for
    /// ([`TransitionPlan::applied`]). Those of many routes take as much memory as the routes.
    pub(crate) fn forget_executed(&mut self) {
        self.plan
            .ops
            .retain(|op| matches!(op.action, Action::Update { change: Object::Link(_), .. }));
        self.plan.ops.shrink_to_fit();
    }

    /// Whether the object depends on links and is not configured.
    pub(crate) fn is_of_others(&self, key: &Key) -> bool {
        is_of_others(key, [&*self.desired, &*self.touched])
    }
}

impl TransitionPlan {
    /// The objects of others that are lost with a link that the plan deletes or moves to another namespace, as the
    /// operations that this amounts to.
    pub(crate) fn taken_along(&self) -> Vec<Op> {
        let gone: BTreeMap<Place, Because> = self.plan.ops.iter().filter_map(leaves).collect();
        let created: BTreeSet<&Key> = self
            .plan
            .ops
            .iter()
            .filter(|op| matches!(op.action, Action::Create(_)))
            .map(|op| &op.key)
            .collect();
        // What the kernel has made by itself, nobody misses.
        let is_lost =
            |(key, object): &(&Key, &Object)| !created.contains(key) && !object.is_automatic();
        let others = self.others.objects.iter().filter(is_lost);
        let lost = others.filter_map(|(key, object)| {
            let because = places(key, object).find_map(|place| gone.get(&place))?.clone();
            Some(Op { key: key.clone(), action: Action::Delete(object.clone()), because })
        });
        lost.collect()
    }
}

/// The place that a link leaves for good, and how.
fn leaves(op: &Op) -> Option<(Place, Because)> {
    match &op.action {
        Action::Delete(Object::Link(link)) => {
            let because = Because::LinkRemoved(link.place.ifname.clone());
            Some((link.place.clone(), because))
        }
        Action::Update { from: Object::Link(from), change: Object::Link(change) }
            if from.place.netns != change.place.netns =>
        {
            Some((from.place.clone(), Because::LinkMoved(from.place.ifname.clone())))
        }
        Action::Create(_) | Action::Update { .. } | Action::Delete(_) | Action::Await => None,
    }
}

/// Whether an object depends on links and is in none of these states.
pub(crate) fn is_of_others(key: &Key, configured: [&State; 2]) -> bool {
    is_deleted_alone(key) && !configured.iter().any(|state| state.objects.contains_key(key))
}
