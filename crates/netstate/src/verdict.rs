//! The meaning of a configuration: which objects are active, which are held, and whether it is
//! refused.
//!
//! The verdict depends on the configuration and on its environment. The environment is what others
//! have made: whether a foreign link exists and is up, and which addresses others have set. The
//! verdict does not depend on earlier configurations. The same configuration therefore has the same
//! verdict in an empty kernel, after any other configuration, at boot and after a restore. Each
//! object's noun states its [conditions](Condition). [`Rule`](crate::noun::Rule) states, once for
//! all nouns, what follows from an unmet condition.

mod answer;
mod carrier;
mod gateway;
mod loops;
mod master;
mod nexthop;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::desired::Desired;
use crate::name::NetnsName;
use crate::noun::{self, Condition, How, Key, Need, Object, Outcome};
use crate::originals::Originals;
use crate::state::State;
use answer::Answer;
use world::World;

/// The active part of a configuration, and the reasons against the rest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdict {
    /// The objects that are left out, with the reasons.
    pub held: BTreeMap<Key, Hold>,
    /// The objects that are partly applied: the possible part, and the reason.
    pub partly: BTreeMap<Key, (Object, Hold)>,
    /// Contradictions in the configuration or with the environment.
    pub refused: Vec<Contradiction>,
    /// What must be observed before the verdict is certain.
    pub questions: Questions,
}

/// Why an object is not active, or only in part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The reason as text.
    pub reason: String,
    /// The configured object for which it waits.
    pub waits_for: Key,
}

/// Why a configuration is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// The object that is not possible.
    pub key: Key,
    /// The faulty field, if there is one.
    pub field: Option<&'static str>,
    /// The configured object that it contradicts, with the field.
    pub other: Option<(Key, Option<&'static str>)>,
    /// The reason as text.
    pub reason: String,
}

/// What the configuration does not answer, but the environment may.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Questions {
    /// The namespaces whose addresses and routes must be known, including those of others.
    pub namespaces: BTreeSet<NetnsName>,
}

impl Questions {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.namespaces.is_empty()
    }
}

/// The observed part of what others have made.
#[derive(Clone, Copy, Debug)]
pub struct Environment<'a> {
    /// What was observed.
    pub observed: &'a State,
    /// The configured objects that were looked for. If one of these is not in `observed`, it does
    /// not exist.
    pub looked_for: &'a BTreeSet<Key>,
    /// What may have been applied before.
    pub touched: &'a State,
    /// The objects as they were before that.
    pub originals: &'a Originals,
    /// The answers to [`Questions`]; none if they have not been observed yet.
    pub answers: Option<&'a State>,
}

impl Verdict {
    /// Judges the objects of a configuration with these keys.
    ///
    /// While a question is open, the objects concerned count as active.
    pub fn of(desired: &Desired, keys: &BTreeSet<Key>, environment: &Environment<'_>) -> Verdict {
        let mut verdict = Verdict::default();
        let mut world = World::new(desired, environment);
        let (mut conditions, mut unmet) = (Vec::new(), Vec::new());
        for (key, object) in desired.among(keys) {
            conditions.clear();
            unmet.clear();
            conditions_of(key, object, &mut conditions);
            let mut first: Option<Hold> = world.absence(key, object);
            let is_absent = first.is_some();
            let mut is_refused = false;
            for condition in conditions.drain(..) {
                match world.ask(&condition, (key, object)) {
                    Answer::Met => {}
                    Answer::Held(hold) => {
                        debug_assert!(condition.allows(Outcome::Held), "{condition:?} of {key:?}");
                        first.get_or_insert(hold);
                        unmet.push(condition);
                    }
                    Answer::Refused(contradiction) => {
                        debug_assert!(
                            condition.allows(Outcome::Refused),
                            "{condition:?} of {key:?}"
                        );
                        is_refused = true;
                        verdict.refused.push(contradiction);
                    }
                    Answer::Unknown(netns) => drop(verdict.questions.namespaces.insert(netns)),
                }
            }
            if is_refused {
                continue;
            }
            let Some(hold) = first else {
                // The address exists, but cannot be used.
                let useless = world.duplicate(key).map(|hold| (object.clone(), hold));
                verdict.partly.extend(useless.map(|useless| (key.clone(), useless)));
                continue;
            };
            match noun::without(key, object, &unmet).filter(|_| !is_absent) {
                Some(less) => drop(verdict.partly.insert(key.clone(), (less, hold))),
                None => drop(verdict.held.insert(key.clone(), hold)),
            }
        }
        verdict
    }

    /// Changes the state to the desired one without the held parts.
    pub fn amend(&self, state: &mut State) {
        for (key, (less, _)) in &self.partly {
            if let Some(object) = state.objects.get_mut(key) {
                object.clone_from(less);
            }
        }
    }

    /// Holds what would be refused, unless the kernel has it already. This is for cases without a
    /// user who could get an error.
    pub fn hold_refused(&mut self, desired: &Desired, observed: &State) {
        for Contradiction { key, other, reason, .. } in std::mem::take(&mut self.refused) {
            let is_there = || {
                let wanted = desired.get(&key)?;
                Some(noun::satisfies(&key, observed.objects.get(&key)?, wanted))
            };
            if is_there() == Some(true) {
                continue;
            }
            let waits_for = other.map_or_else(|| key.clone(), |(key, _)| key);
            self.partly.remove(&key);
            self.held.entry(key).or_insert(Hold { reason, waits_for });
        }
    }

    /// Whether an object is held completely or in part.
    pub fn holds_any(&self, key: &Key) -> bool {
        self.held.contains_key(key) || self.partly.contains_key(key)
    }

    /// Whether nothing is held.
    pub fn is_all_active(&self) -> bool {
        self.held.is_empty() && self.partly.is_empty()
    }

    /// Everything that is held, completely or in part.
    pub fn holds(&self) -> impl Iterator<Item = (&Key, &Hold)> {
        self.held.iter().chain(self.partly.iter().map(|(key, (_, hold))| (key, hold)))
    }
}

/// The conditions of an object: of its links, and those that its noun states.
pub fn conditions_of(key: &Key, object: &Object, conditions: &mut Vec<Condition>) {
    for need in noun::needs(key, object) {
        let how = need.how;
        if let Some(place) = Need::into_place(need) {
            match how {
                How::There => conditions.push(Condition::Link(place)),
                How::Up => conditions.push(Condition::LinkUp(place)),
                How::Mentioned => {}
            }
        }
    }
    noun::conditions(key, object, conditions);
}
