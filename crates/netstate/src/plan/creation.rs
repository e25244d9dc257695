//! The part of a plan that creates and changes objects, stage by stage.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::account::Account;
use crate::noun::{self, Key, Need, Object, Replaced, Stage};
use crate::operation::{Action, Because};
use crate::state::{Entry, together};

impl<'a> Account<'a> {
    /// Creates or changes the objects of a stage, each after those that it needs by key.
    pub(super) fn settle(&mut self, stage: Stage) {
        let mut objects = self.unsettled_in(stage);
        objects.sort_by_key(|(key, object)| noun::stage(key, object).1);
        let lost = self.lost.len();
        for (key, object) in &objects {
            self.settle_with_needs(key, object);
        }
        // An earlier stage may have changed objects that were settled already, which are not among
        // these.
        if self.lost.len() > lost {
            let known: BTreeSet<&Key> = objects.iter().map(|(key, _)| *key).collect();
            for (key, object) in self.unsettled_in(stage) {
                if !known.contains(key) {
                    self.settle_with_needs(key, object);
                }
            }
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

    /// The objects of the target that are missing or differ, and are created in this stage. They
    /// may be missing from the beginning, or lost since.
    fn unsettled_in(&self, stage: Stage) -> Vec<Entry<'a>> {
        let is_in = |(key, object): &Entry<'_>| self.stage_of(key, object) == stage;
        let lost = self.lost.keys().filter_map(|key| Some((*key, self.target.at(key)?)));
        let altered = self.altered.keys().filter_map(|key| Some((*key, self.target.at(key)?)));
        let unsettled = self.unsettled.iter().filter(is_in);
        together(together(unsettled, lost.filter(is_in)), altered.filter(is_in)).collect()
    }

    /// The stage in which an object is created. An object that would be lost when its link is taken
    /// down again is created after that.
    fn stage_of(&self, key: &Key, object: &Object) -> Stage {
        let stage = noun::stage(key, object).0;
        let is_taken_along = || {
            noun::goes_with_down(key, object)
                && noun::places(key, object).any(|place| self.to_take_down.contains(&place))
        };
        if stage == Stage::BeforeUp && !self.to_take_down.is_empty() && is_taken_along() {
            return Stage::AfterUp;
        }
        stage
    }

    /// Creates or changes an object, unless it is as desired.
    fn settle_object(&mut self, key: &'a Key, wanted: &Object) {
        // An automatic object among the originals is one that the kernel does not create again.
        let is_automatic = wanted.is_automatic() && !self.is_given_back(key);
        if is_automatic || self.present.contains(key) {
            return;
        }
        // The kernel may have set it to the desired value together with another object.
        if self.set_along.remove(key).is_some_and(|set| noun::satisfies(key, &set, wanted)) {
            return;
        }
        let lost = self.lost.get(key).cloned();
        let altered = self.altered.get(key).cloned();
        let because = lost.clone().or(altered.clone()).unwrap_or_else(|| self.reason(key));
        let seen = self.present_object(key).cloned();
        let is_unaltered = altered.is_none() || self.shrunk.contains_key(key);
        let is_settled = |seen: &Object| is_unaltered && noun::satisfies(key, seen, wanted);
        if seen.as_ref().is_none_or(|seen| !is_settled(seen)) {
            self.await_source(key, wanted);
        }
        match seen {
            None => self.push(key, Action::Create(wanted.clone()), because),
            Some(seen) if is_settled(&seen) => return,
            Some(seen) => match noun::replaced(key, &seen, wanted) {
                Replaced::Recreated => {
                    self.push(key, Action::Delete(seen), Because::Replaced);
                    self.push(key, Action::Create(wanted.clone()), because);
                    self.lose_recreated(key);
                }
                Replaced::InPlace => {
                    let (from, change) = (seen, wanted.clone());
                    self.push(key, Action::Update { from, change }, because);
                }
            },
        }
        if noun::is_needed(key) {
            self.present.insert(key.clone());
        }
        if key.noun().facts().sets_others {
            self.lose_what_is_set(key, wanted);
            self.lose_with_ipv6(key, wanted);
        }
        if let Key::Netns(netns) = key {
            self.bring_loopback(netns);
        }
    }

    /// Notes what is lost with an object that is created again.
    fn lose_recreated(&mut self, key: &Key) {
        if let Key::Nexthop(nexthop) = key {
            self.lose_needing(key, &Because::NexthopRemoved(nexthop.id));
        }
    }

    /// An IPv6 address can be a source only after duplicate address detection (`ipv6_chk_addr`,
    /// net/ipv6/addrconf.c).
    fn await_source(&mut self, key: &Key, object: &Object) {
        let Some(source @ IpAddr::V6(_)) = object.loose().address else { return };
        let Some(netns) = key.netns() else { return };
        let holders = self.holders(netns, source);
        let is_usable = |holder: &&Key| {
            let seen =
                self.observed.objects.get(*holder).filter(|_| !self.lost.contains_key(*holder));
            let is_there = seen.is_some_and(|seen| !seen.is_tentative());
            let raised = |seen: &Object| {
                noun::places(holder, seen).any(|place| self.raised.contains(&place))
            };
            self.awaited.contains(*holder) || is_there && !seen.is_some_and(raised)
        };
        if let Some(first) = holders.first().filter(|_| !holders.iter().any(is_usable)) {
            self.push(first, Action::Await, Because::Configured);
            self.awaited.insert(first);
        }
    }
}
