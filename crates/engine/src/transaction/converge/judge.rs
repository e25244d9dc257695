//! The verdict on the objects that a transition affects.

use std::collections::{BTreeMap, BTreeSet};

use netstate::verdict::{Contradiction, Environment};
use netstate::{Key, LinkId, Noun, Part, Place, Scope, Verdict};

use crate::error::{Error, Errors, Result};
use crate::transaction::affected::Affected;
use crate::transaction::converge::Kernel;
use crate::transaction::transition::Transition;

impl Kernel {
    /// Judges the objects of these keys. Objects of others are read only if the configuration does
    /// not answer a question.
    pub(super) fn judge(
        &mut self,
        transition: &Transition<'_>,
        keys: &BTreeSet<Key>,
        environment: Environment<'_>,
    ) -> Result<Verdict> {
        let desired = transition.to.desired();
        let mut verdict = Verdict::of(desired, keys, &environment);
        // Links and addresses answer most questions, and there may be very many routes.
        let mut nouns = BTreeSet::from([Noun::Link, Noun::Address]);
        while nouns.len() <= 3 && !verdict.questions.is_empty() {
            let part = Part {
                known: BTreeMap::<Place, LinkId>::new(),
                nouns: nouns.clone(),
                namespaces: Some(verdict.questions.namespaces.clone()),
                links: None,
            };
            let answers = self.observe(&Scope::Part(part))?;
            let environment = Environment { answers: Some(&answers), ..environment };
            let questions = std::mem::take(&mut verdict.questions);
            verdict = Verdict::of(desired, keys, &environment);
            if nouns.contains(&Noun::Route) || verdict.refused.is_empty() {
                break;
            }
            nouns.insert(Noun::Route);
            verdict.questions = questions;
        }
        if transition.is_commit {
            let (refused, tolerated): (Vec<_>, Vec<_>) = std::mem::take(&mut verdict.refused)
                .into_iter()
                .partition(|contradiction| self.concerns(transition, contradiction));
            if !refused.is_empty() {
                let errors = refused.into_iter().map(|error| transition.contradiction(error));
                return Err(Errors::listed(errors));
            }
            verdict.refused = tolerated;
        }
        // If the kernel has taken an object before, the kernel decides about it.
        verdict.hold_refused(desired, environment.observed);
        Ok(verdict)
    }
}

impl Kernel {
    /// Whether a contradiction is caused by this commit. If others have taken something away from
    /// an object before, a commit that does not change the object is not refused.
    fn concerns(&self, transition: &Transition<'_>, contradiction: &Contradiction) -> bool {
        let (running, desired) = (transition.running.desired(), transition.to.desired());
        let other = contradiction.other.as_ref().map(|(key, _)| key);
        let is_changed = |key: &Key| running.get(key) != desired.get(key);
        match transition.affected {
            _ if is_changed(&contradiction.key) || other.is_some_and(is_changed) => true,
            Affected::Everything => false,
            Affected::Change | Affected::Named(_) => !self.held.contains(&contradiction.key),
        }
    }
}

impl Transition<'_> {
    fn contradiction(&self, contradiction: Contradiction) -> Error {
        let Contradiction { key, field, other, reason } = contradiction;
        let path = self.path(&key, field);
        let other = other.map(|(key, field)| self.path(&key, field));
        let reason = match other {
            Some(other) if other != path => format!("{reason} ({other})"),
            Some(_) | None => reason,
        };
        Error::Contradiction { path, key, reason }
    }
}
