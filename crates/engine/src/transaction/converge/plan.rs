//! Planning a transition: what it affects, how that is observed, and which operations are needed.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use netstate::noun::{is_needed, places, takes_along};
use netstate::plan::{self, Goal, wanted, wanted_again};
use netstate::uapi::IFF_LOWER_UP;
use netstate::verdict::Environment;
use netstate::{Action, Desired, Key, Link, Op, Originals, Place, Plan, PlanError, Scope, State};

use crate::error::{Error, Result};
use crate::transaction::affected::{
    Affected, bridges, by_gateways, in_same_subnets, links_below, needed, on_addresses, other_ends,
    parameters_of_adopted, parameters_over, place_of, ports_with_vlans, set_along, sources,
    undetermined_links, with_carriers, with_dependents,
};
use crate::transaction::converge::Kernel;
use crate::transaction::transition::{Transition, TransitionPlan, is_of_others};

impl Kernel {
    /// Observes what a transition affects, and plans. This changes nothing.
    pub(crate) fn plan(&mut self, transition: &Transition<'_>) -> Result<TransitionPlan> {
        let keys = self.affected(transition);
        let mut desired = Arc::new(transition.to.desired().part(&keys));
        // After a restart and for a repair, there may be a million objects, and both are the same.
        let touched = match transition.touched.shares(transition.to.desired()) {
            true => Arc::clone(&desired),
            false => Arc::new(transition.touched.part(&keys)),
        };
        let mut originals = self.originals.clone();
        originals.forget(&[&*desired, &*touched]);
        // What is configured is not given back, even if this transition does not look at it.
        let all = transition.to.desired();
        let present = originals.present_keys(|key| all.get(key));
        originals.objects.retain(|key, _| {
            let key = present.get(key).unwrap_or(key);
            keys.contains(key) || !all.contains(key)
        });
        let mut scope = Scope::Only(wanted(&desired, &touched, &originals));
        let mut observed = match keys.is_empty() {
            true => State::default(),
            false => self.southbound.observe(&scope)?,
        };
        if let Some(more) = wanted_again(&desired, &touched, &originals, &observed) {
            scope = Scope::Only(more);
            observed = self.southbound.observe(&scope)?;
        }
        self.note_displaced(&scope, &observed);
        let environment = Environment {
            observed: &observed,
            looked_for: &keys,
            touched: &touched,
            originals: &originals,
            answers: None,
        };
        let verdict = self.judge(transition, &keys, environment)?;
        if !verdict.partly.is_empty() {
            verdict.amend(Arc::make_mut(&mut desired));
        }
        let ours = self.known_touched(&desired, &touched);
        let mut adopted = self.originals.clone();
        for originals in [&mut originals, &mut adopted] {
            originals.remember(&desired, &ours, &observed);
            originals.remember_taken(&desired, &ours, &observed);
            let states = (&*desired, &*ours);
            originals.remember_beside(states, &observed, |key| {
                all.contains(key) || transition.touched.contains(key)
            });
        }
        let adopted = Some(adopted).filter(|adopted| *adopted != self.originals);
        let scope = match adopted {
            Some(_) => Scope::Only(wanted(&desired, &touched, &originals)),
            None => scope,
        };
        let goal = Goal { desired: &desired, held: &verdict.held };
        let planned = checked_plan(goal, &touched, &originals, &observed);
        let plan = planned.map_err(|error| transition.impossible(error))?;
        let (links, without_carrier) = (links_up(&observed), without_carrier(&observed));
        let others = match plan.ops.iter().any(may_take_along) {
            true => of_others(observed, [&*desired, &*touched]),
            false => State::default(),
        };
        let ports = self.ports_of_others(&plan, [&*desired, &*touched])?;
        Ok(TransitionPlan {
            keys,
            desired,
            verdict,
            touched,
            originals,
            scope,
            plan,
            others,
            ports,
            links,
            without_carrier,
            adopted,
        })
    }

    /// The objects that a transition affects.
    fn affected(&self, transition: &Transition<'_>) -> BTreeSet<Key> {
        let desired = transition.to.desired();
        let mut keys = self.affected_itself(transition);
        self.add_links_in_the_way(&mut keys, transition);
        keys.extend(self.original_masters(&keys, desired));
        keys.extend(needed(&keys, desired).difference(&self.skipped).cloned());
        keys.extend(with_carriers(&keys, desired).difference(&self.skipped).cloned());
        keys.extend(sources(&keys, desired));
        keys.extend(parameters_over(&keys, &[transition.touched, desired]));
        let undetermined = undetermined_links(&keys, desired);
        keys.extend(undetermined.into_iter().filter(|key| !self.skipped.contains(key)));
        keys
    }

    /// The configured links that were the masters of these links: they may have other names now.
    fn original_masters(&self, keys: &BTreeSet<Key>, desired: &Desired) -> BTreeSet<Key> {
        let original = |key: &Key| self.originals.objects.get(key)?.link()?.master_place();
        let masters: BTreeSet<Place> = keys.iter().filter_map(original).collect();
        if masters.is_empty() {
            return BTreeSet::new();
        }
        let homes = self.originals.links().filter(|(_, link)| masters.contains(&link.place));
        homes.map(|(key, _)| key).filter(|key| desired.contains(key)).cloned().collect()
    }

    /// The same, without the objects that are only needed to judge the others.
    fn affected_itself(&self, transition: &Transition<'_>) -> BTreeSet<Key> {
        let Transition { touched, to, affected, .. } = transition;
        let desired = to.desired();
        match affected {
            Affected::Everything => {
                let keys = touched.iter().chain(desired.iter()).map(|(key, _)| key);
                keys.filter(|key| !self.skipped.contains(key)).cloned().collect()
            }
            Affected::Named(keys) => {
                let mut keys = keys | &other_ends(keys, desired);
                keys.extend(ports_with_vlans(&keys, touched, desired));
                keys.extend(in_same_subnets(&keys, touched, desired));
                // Others may have changed any of these.
                keys.extend(set_along(&keys, &Desired::default(), desired));
                keys.retain(|key| !self.skipped.contains(key));
                keys
            }
            Affected::Change => {
                let changed = touched.differing(desired);
                let below = links_below(&changed, touched, desired);
                let skipped_below = self.skipped_below(&changed, desired);
                // Skipped objects that do not change are left alone, except for a link on which a
                // new object depends.
                let left_alone: BTreeSet<Key> =
                    self.skipped.difference(&changed).cloned().collect();
                // Only new objects can depend on new objects.
                let mut keys =
                    match changed.iter().any(|key| is_needed(key) && touched.contains(key)) {
                        true => with_dependents(changed, &[touched, desired]),
                        false => changed,
                    };
                keys.extend(parameters_of_adopted(&keys, touched, desired));
                let bridges = bridges(&keys, touched, desired);
                if !bridges.is_subset(&keys) {
                    keys.extend(with_dependents(bridges, &[touched, desired]));
                }
                keys.extend(in_same_subnets(&keys, touched, desired));
                keys.extend(on_addresses(&keys, touched, desired));
                keys.extend(set_along(&keys, touched, desired));
                let by_gateways = by_gateways(&keys, touched, desired);
                keys.extend(with_dependents(by_gateways, &[touched, desired]));
                if !left_alone.is_empty() {
                    keys.retain(|key| !left_alone.contains(key));
                }
                keys.extend(skipped_below);
                keys.extend(below.into_iter().filter(|key| !self.skipped.contains(key)));
                keys
            }
        }
    }

    /// Adds the links that others have moved to the places of these links: those move back first.
    fn add_links_in_the_way(&self, keys: &mut BTreeSet<Key>, transition: &Transition<'_>) {
        let Transition { touched, to, .. } = transition;
        let desired = to.desired();
        while !self.displaced.is_empty() {
            let links = keys.iter().flat_map(|key| [desired.get(key), touched.get(key)]);
            let places: BTreeSet<&Place> = links.flatten().filter_map(place_of).collect();
            let in_the_way =
                |(key, at): &(&Key, &Place)| !keys.contains(key) && places.contains(at);
            let found: BTreeSet<Key> =
                self.displaced.iter().filter(in_the_way).map(|(key, _)| key.clone()).collect();
            if found.is_empty() {
                return;
            }
            keys.extend(with_dependents(found, &[touched, desired]));
        }
    }

    /// The skipped links on which these objects depend.
    fn skipped_below(&self, keys: &BTreeSet<Key>, desired: &Desired) -> Vec<Key> {
        let skipped_at = |key: &Key| Some((place_of(desired.get(key)?)?.clone(), key.clone()));
        let skipped: Vec<_> = self.skipped.iter().filter_map(skipped_at).collect();
        if skipped.is_empty() {
            return Vec::new();
        }
        let new = keys.iter().filter_map(|key| Some((key, desired.get(key)?)));
        let places: BTreeSet<_> = new.flat_map(|(key, object)| places(key, object)).collect();
        let needed = skipped.into_iter().filter(|(place, _)| places.contains(place));
        needed.map(|(_, key)| key).collect()
    }

    /// The part of `touched` that has really been touched. An adopted link without an original has
    /// not been touched: it was missing, and is as others left it. The exception is the loopback of
    /// a namespace, which is created with the namespace.
    fn known_touched<'t>(&self, desired: &State, touched: &'t State) -> Cow<'t, State> {
        let is_unknown = |(key, link): &(&Key, &Link)| {
            let is_there = !link.is_adopted() || Link::loopback(&link.place).is_some();
            !is_there && !self.originals.objects.contains_key(*key)
        };
        let mut known = Cow::Borrowed(touched);
        for (key, _) in desired.links().filter(is_unknown) {
            if touched.objects.contains_key(key) {
                known.to_mut().objects.remove(key);
            }
        }
        known
    }
}

impl Transition<'_> {
    pub(super) fn impossible(&self, error: PlanError) -> Error {
        let PlanError { key, reason } = error;
        let path = self.path(&key, None);
        Error::Impossible { path, key, reason }
    }

    /// The path at which an object is configured: in the target of the transition, or else in
    /// running.
    pub(super) fn path(&self, key: &Key, field: Option<&str>) -> String {
        let tree = &self.to.tree;
        let new = mapping::path(key, field, tree);
        let there = tree.node(&new).is_some();
        let path = match there || !self.running.desired().contains(key) {
            true => new,
            false => mapping::path(key, field, &self.running.tree),
        };
        path.to_string()
    }
}

/// The plan of a transition. A plan that breaks a rule is a bug in the planner. It fails a test of this crate. A daemon logs
/// it, and the kernel decides.
pub(super) fn checked_plan(
    goal: Goal<'_>,
    touched: &State,
    originals: &Originals,
    observed: &State,
) -> std::result::Result<Plan, PlanError> {
    let (plan, broken) = plan::checked_plan(goal, touched, originals, observed)?;
    if let Some(rule) = broken {
        tracing::error!(%rule, %plan, "plan breaks a rule");
        #[cfg(test)]
        unreachable!("plan breaks a rule: {rule}\n{plan}");
    }
    Ok(plan)
}

/// Whether the operation may remove objects of others on a link.
fn may_take_along(op: &Op) -> bool {
    takes_along(&op.key) && !matches!(op.action, Action::Create(_) | Action::Await)
}

/// The dependents of links that are in none of these states.
fn of_others(mut observed: State, configured: [&State; 2]) -> State {
    observed.objects.retain(|key, _| is_of_others(key, configured));
    observed
}

fn without_carrier(observed: &State) -> BTreeSet<Key> {
    let has_none = |(_, link): &(&Key, &Link)| {
        let flags = link.status.as_ref().map(|status| status.flags);
        link.flags.up == Some(true) && flags.is_some_and(|flags| flags & IFF_LOWER_UP == 0)
    };
    observed.links().filter(has_none).map(|(key, _)| key.clone()).collect()
}

fn links_up(observed: &State) -> BTreeMap<Key, bool> {
    observed.links().map(|(key, link)| (key.clone(), link.flags.up == Some(true))).collect()
}
