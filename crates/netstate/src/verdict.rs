//! What a configuration means: which of its objects are active, which are held, and whether it is refused.
//!
//! The verdict follows from the configuration and from its environment, which is what others have made: whether a link that
//! Netloom does not make is there and up, and which addresses others have set. It does not depend on what was configured
//! before, so that the same configuration is accepted or refused alike from an empty kernel, from any other configuration,
//! at a boot and after a restore. Each object's noun states its [conditions](Condition); what follows from one that is not
//! met is stated once, in [`Rule`](crate::noun::Rule).

mod gateway;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::desired::Desired;
use crate::name::NetnsName;
use crate::noun::{self, Condition, How, Key, Need, Object, Outcome};
use crate::originals::Originals;
use crate::state::State;
use world::{Answer, World};

/// What of a configuration is active, and what stands against the rest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdict {
    /// The objects that are left out, and why.
    pub held: BTreeMap<Key, Hold>,
    /// The objects that are there only in part: as they can be, and what is missing.
    pub partly: BTreeMap<Key, (Object, Hold)>,
    /// What contradicts itself, or what the environment forbids.
    pub refused: Vec<Contradiction>,
    /// What has to be observed before the verdict is certain.
    pub questions: Questions,
}

/// Why an object is not active, or not all of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// In words.
    pub reason: String,
    /// The configured object that it waits for.
    pub waits_for: Key,
}

/// Why a configuration is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// The object that cannot be.
    pub key: Key,
    /// The field that is at fault, if it is one.
    pub field: Option<&'static str>,
    /// The configured object that it contradicts, with its field.
    pub other: Option<(Key, Option<&'static str>)>,
    /// In words.
    pub reason: String,
}

/// What the configuration does not tell and the environment may.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Questions {
    /// The namespaces whose addresses and routes have to be known, whoever made them.
    pub namespaces: BTreeSet<NetnsName>,
}

impl Questions {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.namespaces.is_empty()
    }
}

/// What others have made, as far as it was observed.
#[derive(Clone, Copy, Debug)]
pub struct Environment<'a> {
    /// What was observed.
    pub observed: &'a State,
    /// The configured objects that were looked for: what is not among `observed` of these is not there.
    pub looked_for: &'a BTreeSet<Key>,
    /// What may have been applied before.
    pub touched: &'a State,
    /// What there was before that.
    pub originals: &'a Originals,
    /// The answer to [`Questions`]; none where nobody has asked yet.
    pub answers: Option<&'a State>,
}

impl Verdict {
    /// Judges the objects of a configuration that have one of these keys.
    ///
    /// While a question is open the objects that it is about are taken to be active.
    pub fn of(desired: &Desired, keys: &BTreeSet<Key>, environment: &Environment<'_>) -> Verdict {
        let mut verdict = Verdict::default();
        let mut world = World::new(desired, environment);
        let (mut conditions, mut unmet) = (Vec::new(), Vec::new());
        for key in keys {
            let Some(object) = desired.get(key) else { continue };
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
                // It is there, and of no use.
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

    /// The objects of a state as they are to be, without those that are held.
    pub fn amend(&self, state: &mut State) {
        for (key, (less, _)) in &self.partly {
            if let Some(object) = state.objects.get_mut(key) {
                object.clone_from(less);
            }
        }
    }

    /// What is refused is held instead, unless the kernel has it already: nobody is there who could be told.
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

    /// Whether an object is held, or in part.
    pub fn holds_any(&self, key: &Key) -> bool {
        self.held.contains_key(key) || self.partly.contains_key(key)
    }

    /// Whether nothing is held.
    pub fn is_all_active(&self) -> bool {
        self.held.is_empty() && self.partly.is_empty()
    }

    /// Everything that is held, whole or in part.
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
