//! The part of a plan that removes objects that are not desired.

use std::collections::{BTreeMap, BTreeSet};

use super::PlanError;
use super::account::Account;
use crate::noun::link::{Link, Place, links};
use crate::noun::{self, How, Key, Loss, Need, Object, Removal, Renaming, Replaced};
use crate::operation::{Action, Because};
use crate::state::Entry;

impl<'a> Account<'a> {
    /// Removes objects on links that stay, and objects that are lost only with all of their links.
    /// Dependents come first.
    pub(super) fn remove_surplus(&mut self) {
        let leaving = self.leaving();
        let mut doubtful: Vec<Entry<'a>> = self.surplus.iter().collect();
        for place in self.vacated(&leaving) {
            let on_link = self.dependents(place);
            doubtful.extend(on_link.into_iter().filter(|(key, _)| self.target.at(key).is_some()));
        }
        doubtful.extend(self.recreated());
        doubtful.retain(|(key, _)| key.noun().facts().removal == Removal::Deleted);
        doubtful.sort_by_key(|(key, _)| *key);
        doubtful.dedup_by_key(|(key, _)| *key);
        let mut needed_by: BTreeMap<Key, Vec<Entry<'a>>> = BTreeMap::new();
        for (key, object) in &doubtful {
            for need in noun::needs(key, object).iter().filter_map(Need::key) {
                needed_by.entry(need.clone()).or_default().push((key, object));
            }
        }
        for (key, object) in doubtful.into_iter().rev() {
            self.remove_doubtful((key, object), &leaving, &needed_by);
        }
    }

    /// The observed objects that are replaced, and may take others along.
    fn recreated(&self) -> Vec<Entry<'a>> {
        let unsettled = self.unsettled.iter().filter(|(key, _)| key.noun().facts().takes_along);
        let seen = unsettled.filter_map(|(key, wanted)| {
            let (key, seen) = self.observed.objects.get_key_value(key)?;
            let replaced = noun::replaced(key, seen, wanted);
            (replaced == Replaced::Recreated).then_some((key, seen))
        });
        seen.collect()
    }

    fn remove_doubtful(
        &mut self,
        (key, object): Entry<'a>,
        leaving: &BTreeSet<Place>,
        needed_by: &BTreeMap<Key, Vec<Entry<'a>>>,
    ) {
        if object.is_automatic() || self.lost.contains_key(key) {
            return;
        }
        let places: Vec<Place> = noun::needs(key, object)
            .iter()
            .filter(|need| need.how != How::Mentioned)
            .filter_map(Need::place)
            .cloned()
            .collect();
        // IPv6 addresses are lost when their link goes down, unless `keep_addr_on_down` is set.
        let goes_down = !key.noun().facts().takes_along && noun::goes_with_down(key, object);
        let is_gone = |at: &&Place| leaving.contains(at) || goes_down && self.is_going_down(at);
        let gone = places.iter().filter(is_gone).count();
        let goes_by_itself = gone > 0 && gone == places.len();
        if !goes_by_itself && (gone > 0 || !self.stays(key, object, &places)) {
            for dependent in needed_by.get(key).into_iter().flatten() {
                self.remove_doubtful(*dependent, leaving, needed_by);
            }
            self.remove(key, object);
        }
    }

    /// Whether the link that was observed at a place stays there and goes down.
    fn is_going_down(&self, place: &Place) -> bool {
        let Some(id) = self.observed_places.get(place) else { return false };
        let is_up = |link: Option<&Link>| Some(link?.flags.up == Some(true));
        let seen = self.links.get(*id).map(|link| &**link);
        is_up(seen) == Some(true) && is_up(self.target.link(id)) == Some(false)
    }

    /// The places whose links must be elsewhere, removed, or replaced.
    fn vacated(&self, leaving: &BTreeSet<Place>) -> Vec<&'a Place> {
        let vacated = links(&self.observed.objects).filter_map(|(id, seen)| {
            let stays = self.target.link(id).is_some_and(|wanted| wanted.place == seen.place);
            (!stays || leaving.contains(&seen.place)).then_some(&seen.place)
        });
        vacated.collect()
    }

    /// Removes the objects that others have needed until now. Dependents come first.
    pub(super) fn remove_last(&mut self) {
        let is_last = |(key, _): &Entry<'_>| key.noun().facts().removal == Removal::DeletedLast;
        let surplus: Vec<Entry<'a>> = self.surplus.iter().filter(is_last).collect();
        let (needing, others): (Vec<_>, Vec<_>) = surplus
            .into_iter()
            .partition(|(key, object)| noun::needs(key, object).iter().any(|n| n.key().is_some()));
        for (key, _) in needing.into_iter().chain(others) {
            let Some(now) = self.present_object(key).cloned() else { continue };
            self.push(key, Action::Delete(now), Because::NotConfigured);
            self.lost.insert(key, Because::NotConfigured);
            self.lose_needing(key, &Because::NotConfigured);
        }
    }

    /// Removes an object, after those that the kernel may remove with it.
    fn remove(&mut self, key: &'a Key, object: &Object) {
        // If nothing is lost with the object, the other objects on its link need not be examined.
        if key.loss().is_some() {
            let beside: Vec<Entry<'a>> =
                noun::places(key, object).flat_map(|place| self.dependents(&place)).collect();
            for (other, object) in noun::removed_before(key, object, &beside) {
                if !self.lost.contains_key(other) {
                    self.remove_alone(other, object);
                }
            }
        }
        self.remove_alone(key, object);
    }

    fn remove_alone(&mut self, key: &'a Key, object: &Object) {
        let because = match self.target.at(key) {
            Some(_) => Because::Replaced,
            None => Because::NotConfigured,
        };
        self.push(key, Action::Delete(object.clone()), because.clone());
        let because = match key.loss() {
            Some(Loss::Address(address)) => Because::AddressRemoved(address.address),
            Some(
                Loss::Down
                | Loss::LastIpv4Address
                | Loss::Ipv4
                | Loss::Ipv6
                | Loss::Ipv6Parameters
                | Loss::LinkLayer,
            )
            | None => because,
        };
        self.lost.insert(key, because);
        self.lose_with(key, object);
    }

    /// Whether the target has the object, which is on links at `places`, under the names that these
    /// will have. An object that differs from the target does not follow a renamed link, and one that is replaced goes.
    fn stays(&self, key: &Key, object: &Object, places: &[Place]) -> bool {
        let mut moved: Option<(Key, Object)> = None;
        for place in places {
            let to = self.places.get(place).and_then(|id| self.target.link(id));
            if let Some(to) = to.filter(|to| to.place != *place) {
                let (key, object) =
                    moved.as_ref().map_or((key, object), |(key, object)| (key, object));
                let names = Renaming { old: &place.ifname, new: &to.place.ifname };
                moved = Some(noun::renamed(key, object, names));
            }
        }
        match moved {
            Some((key, object)) => {
                let follows = |wanted| {
                    !key.noun().facts().takes_along || noun::follows(&key, &object, wanted)
                };
                self.target.at(&key).is_some_and(follows)
            }
            None => self.target.at(key).is_some_and(|wanted| {
                !key.noun().facts().takes_along
                    || noun::satisfies(key, object, wanted)
                    || noun::replaced(key, object, wanted) == Replaced::InPlace
            }),
        }
    }

    /// Removes the namespaces that are not desired. A foreign link in one of them is an error.
    pub(super) fn remove_namespaces(&mut self) -> Result<(), PlanError> {
        let surplus: Vec<&Key> = self.surplus.iter().map(|(key, _)| key).collect();
        for key in surplus {
            let Key::Netns(netns) = key else { continue };
            let within = self.places.iter().filter(|(place, _)| place.netns == *netns);
            let in_the_way = within.filter(|(_, id)| {
                self.links.get(*id).is_none_or(|link| !link.belongs_to_namespace())
            });
            let names: Vec<&str> = in_the_way.map(|(place, _)| place.ifname.as_str()).collect();
            if !names.is_empty() {
                return Err(PlanError {
                    key: key.clone(),
                    reason: format!("namespace {netns} is in use: it holds {}", names.join(", ")),
                });
            }
            self.push(key, Action::Delete(Object::Netns), Because::NotConfigured);
        }
        Ok(())
    }
}
