//! The part of a plan that makes and alters objects, each stage after the other.

use super::account::Account;
use crate::noun::{self, Key, Need, Object, Replaced, Stage};
use crate::operation::{Action, Because};
use crate::state::{Entry, together};

impl<'a> Account<'a> {
    /// Makes or alters the objects of a stage, each after those that it needs by their keys.
    pub(super) fn settle(&mut self, stage: Stage) {
        let mut objects = self.unsettled_in(stage);
        objects.sort_by_key(|(key, object)| noun::stage(key, object).1);
        for (key, object) in objects {
            self.settle_with_needs(key, object);
        }
    }

    fn settle_with_needs(&mut self, key: &'a Key, object: &'a Object) {
        for need in noun::needs(key, object).iter().filter_map(Need::key) {
            if let Some((key, object)) = self.target.entry(need) {
                self.settle_with_needs(key, object);
            }
        }
        self.settle_object(key, object);
    }

    /// What of the target is not there, or is otherwise, and made in this stage: from the beginning, or lost since.
    fn unsettled_in(&self, stage: Stage) -> Vec<Entry<'a>> {
        let is_in = |(key, object): &Entry<'_>| noun::stage(key, object).0 == stage;
        let lost = self.lost.keys().filter_map(|key| Some((*key, self.target.at(key)?)));
        together(self.unsettled.iter().filter(is_in), lost.filter(is_in)).collect()
    }

    /// Makes an object what it is to be, if it is not.
    fn settle_object(&mut self, key: &'a Key, wanted: &Object) {
        if wanted.is_automatic() || self.present.contains(key) {
            return;
        }
        let lost = self.lost.get(key).cloned();
        let because = lost.clone().unwrap_or_else(|| self.reason(key));
        let seen = self.observed.objects.get(key).filter(|_| lost.is_none());
        match seen {
            None => self.push(key, Action::Create(wanted.clone()), because),
            Some(seen) if noun::satisfies(key, seen, wanted) => return,
            Some(seen) => match key.replaced() {
                Replaced::Anew => {
                    self.push(key, Action::Delete(seen.clone()), Because::Replaced);
                    self.push(key, Action::Create(wanted.clone()), because);
                }
                Replaced::InPlace => {
                    let (from, change) = (seen.clone(), wanted.clone());
                    self.push(key, Action::Update { from, change }, because);
                }
            },
        }
        if noun::is_needed(key) {
            self.present.insert(key.clone());
        }
    }
}
