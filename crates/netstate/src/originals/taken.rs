//! What a configuration takes from others on any link: objects that are lost with IPv4 or IPv6, and
//! parameters that the kernel sets together with a changing one.
//!
//! Such an original has the original name of its link. On a link that the configuration has created,
//! or that has left its original namespace, it has the link's configured name.

use std::collections::{BTreeMap, BTreeSet};

use super::{Originals, Past};
use crate::noun::link::{Link, Place, link_objects};
use crate::noun::without_ip::WithoutIp;
use crate::noun::{self, Key, Loss, Object, Removal};
use crate::state::{Entry, Goes, Moves, State, Stays, setters};

impl Originals {
    /// Adds the objects that `desired` takes from others on any link: those that are lost with IPv4
    /// or IPv6, and the parameters that the kernel sets together with a changing one.
    pub fn remember_taken(&mut self, desired: &State, touched: &State, observed: &State) {
        self.follow_links(desired, touched);
        let past = Past::of(touched);
        let without_ip = WithoutIp::of(&desired.objects, &desired.objects).meanwhile();
        let is_in_either =
            |key: &Key| [desired, touched].iter().any(|state| state.objects.contains_key(key));
        let changing: Vec<Entry<'_>> = setters(&desired.objects)
            .filter(|(key, value)| {
                let seen = observed.objects.get(*key);
                seen.is_some_and(|seen| !noun::satisfies(key, seen, value))
            })
            .collect();
        if without_ip.is_empty() && changing.is_empty() {
            return;
        }
        let to_desired = Moves::of(&observed.objects, |key| {
            is_in_either(key).then(|| self.goes(key, desired, touched)).flatten()
        });
        let to_touched = Moves::between(&observed.objects, &touched.objects);
        let to_kept = Moves::of(&observed.objects, |key| {
            let seen = observed.objects.get(key)?.link()?;
            let home = self.home(key).filter(|home| home.netns == seen.place.netns);
            Some(Goes::To(home.or_else(|| place_in(desired, key))?))
        });
        let made_at: BTreeSet<&Place> = (link_objects(&observed.objects))
            .filter(|(key, _)| {
                let before = touched.objects.get(*key).and_then(Object::link);
                before.is_some_and(|link| !link.is_adopted()) && self.home(key).is_none()
            })
            .map(|(_, link)| &link.place)
            .collect();
        let is_part_of_made = |key: &Key, seen: &Object| {
            key.noun().facts().removal == Removal::Reset
                && noun::places(key, seen).any(|place| made_at.contains(&place))
        };
        // An object on a link that others have renamed is observed under the new name.
        let is_configured = |followed: &Stays| match followed {
            Stays::As(key, _) => is_in_either(key),
            Stays::Here | Stays::Not => false,
        };
        for (key, seen) in observed.objects.iter().filter(|(key, _)| !is_in_either(key)) {
            let will_be = to_desired.follow(key, seen);
            // It is lost with its link, or exists as long as a link that the configuration has created.
            if matches!(will_be, Stays::Not)
                || is_part_of_made(key, seen)
                || self.is_part_of_ours(key, seen, &past)
                || is_configured(&will_be)
                || is_configured(&to_touched.follow(key, seen))
            {
                continue;
            }
            let kept_as = |object: Object| match to_kept.follow(key, &object) {
                Stays::As(key, object) => (key, object),
                Stays::Here | Stays::Not => (key.clone(), object),
            };
            // The kernel adds the addresses of the loopback only when it comes up, and ::1 also when
            // IPv6 is switched on again, but not when the MTU grows (`addrconf_notify`,
            // net/ipv6/addrconf.c).
            let is_made_again = seen.is_automatic() && !is_address_of_loopback(key);
            if !is_made_again && takes(&without_ip, will_be, (key, seen)) {
                let (key, object) = kept_as(self.before_ours(key, seen, &past));
                match key.noun().facts().sets_others {
                    true => drop(self.objects.entry(key).or_insert(object)),
                    false => drop(self.objects.insert(key, object)),
                }
            }
            let goes_along = |(of, value): &&Entry<'_>| noun::sets(of, value, key).is_some();
            let Some((of, _)) = changing.iter().find(goes_along) else { continue };
            // The kernel restores it together with the parameter.
            let back = self.objects.get(*of).and_then(|before| noun::sets(of, before, key));
            let is_back = back.is_some_and(|back| noun::satisfies(key, seen, &back));
            if !is_back {
                let (key, object) = kept_as(self.before_ours(key, seen, &past));
                self.objects.entry(key).or_insert(object);
            }
        }
    }

    /// Lets originals on links that do not have their original names follow the links: they are
    /// renamed, or lost with a link that leaves the namespace.
    fn follow_links(&mut self, desired: &State, touched: &State) {
        let moves = Moves::of(&touched.objects, |key| self.goes(key, desired, touched));
        if moves.is_empty() {
            return;
        }
        let homes: BTreeSet<Place> = self.links().map(|(_, link)| link.place.clone()).collect();
        let originals = std::mem::take(&mut self.objects).into_iter();
        let followed = originals.filter_map(|(key, object)| {
            if noun::places(&key, &object).any(|place| homes.contains(&place)) {
                return Some((key, object));
            }
            match moves.follow(&key, &object) {
                Stays::As(key, object) => Some((key, object)),
                Stays::Here => Some((key, object)),
                Stays::Not => None,
            }
        });
        self.objects = followed.collect();
    }

    /// Where a link of ours goes: to its desired place, or back. None if it stays, as the loopback of
    /// a namespace of ours does.
    fn goes<'a>(&'a self, key: &Key, desired: &'a State, touched: &State) -> Option<Goes<'a>> {
        let to = place_in(desired, key).or_else(|| self.home(key)).map(Goes::To);
        let link = touched.objects.get(key).and_then(Object::link);
        to.or_else(|| link.filter(|link| !link.is_adopted()).map(|_| Goes::Away))
    }

    /// The original place of a link.
    fn home(&self, key: &Key) -> Option<&Place> {
        Some(&self.objects.get(key)?.link()?.place)
    }
}

/// What configured objects take from others.
pub(super) struct Taken<'a> {
    /// With the links that have other names than originally.
    without_ip: Vec<(WithoutIp, Moves)>,
    setters: Vec<Entry<'a>>,
}

impl<'a> Taken<'a> {
    pub(super) fn by(originals: &BTreeMap<Key, Object>, states: &[&'a State]) -> Self {
        let without_ip = states.iter().map(|state| {
            let without_ip = WithoutIp::of(&state.objects, &state.objects);
            (without_ip, Moves::between(originals, &state.objects))
        });
        let setters = states.iter().flat_map(|state| setters(&state.objects)).collect();
        Self { without_ip: without_ip.collect(), setters }
    }

    /// Whether they take this original.
    pub(super) fn has(&self, key: &Key, object: &Object) -> bool {
        let is_lost = self
            .without_ip
            .iter()
            .any(|(of, moves)| takes(of, moves.follow(key, object), (key, object)));
        is_lost || self.setters.iter().any(|(of, value)| noun::sets(of, value, key).is_some())
    }
}

/// Whether an object is lost with IPv4 or IPv6 under the name that its link will have.
fn takes(without_ip: &WithoutIp, will_be: Stays, (key, object): Entry<'_>) -> bool {
    match will_be {
        Stays::Here => without_ip.takes(key, object),
        Stays::As(key, object) => without_ip.takes(&key, &object),
        Stays::Not => false,
    }
}

fn place_in<'a>(state: &'a State, key: &Key) -> Option<&'a Place> {
    state.objects.get(key).and_then(Object::link).map(|link: &Link| &link.place)
}

fn is_address_of_loopback(key: &Key) -> bool {
    matches!(key.loss(), Some(Loss::Address(address)) if address.dev.as_str() == "lo")
}
