//! Originals: objects as they were before the configuration touched them.

mod taken;

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::noun::link::{Link, Place, link_objects};
use crate::noun::{self, Change, Key, Object, Removal, Renaming};
use crate::originals::taken::Taken;
use crate::state::{Dependents, Entry, Goes, Moves, State, Stays, setters, side_by_side, without};

/// Objects that existed before they were first configured, as they were then. A configured object
/// that is not in here was created by the configuration, and is removed with it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Originals {
    /// The objects, as pairs on disk, because keys are not strings.
    #[serde(with = "crate::state::pairs")]
    pub objects: BTreeMap<Key, Object>,
}

impl Originals {
    /// Adds what `desired` is about to touch for the first time: existing objects with its keys
    /// that are not in `touched`. It also adds the objects of others on a link that may go down or
    /// move, because they may be lost.
    pub fn remember(&mut self, desired: &State, touched: &State, observed: &State) {
        let dependents = OnceCell::new();
        let past = Past::of(touched);
        let seen = side_by_side(&desired.objects, &observed.objects)
            .filter_map(|(key, wanted, seen)| Some((key, (wanted?, seen?))));
        for (key, seen, before) in side_by_side(seen, &touched.objects) {
            let Some((wanted, seen)) = seen else { continue };
            if before.is_none()
                && !self.objects.contains_key(key)
                && !self.is_part_of_ours(key, seen, &past)
            {
                self.objects.insert(key.clone(), self.before_ours(key, seen, &past));
            }
            if before != Some(wanted) {
                self.remember_on((key, seen), (desired, touched), (&dependents, observed));
            }
        }
        // A link that is given back may go down, and come up again if the change fails.
        let seen = side_by_side(&touched.objects, &observed.objects)
            .filter_map(|(key, before, seen)| Some((key, before.and(seen)?)));
        let given_back = without(seen, &desired.objects);
        for (key, seen) in given_back {
            self.remember_on((key, seen), (desired, touched), (&dependents, observed));
        }
    }

    /// Adds the objects of others that may be lost with an object on their link which is removed, or made anew.
    /// `is_configured` returns whether an object of that link is not of others, although these states lack it.
    pub fn remember_beside(
        &mut self,
        (desired, touched): (&State, &State),
        observed: &State,
        is_configured: impl Fn(&Key) -> bool,
    ) {
        let disturbed = self.disturbed(desired, touched, observed);
        if disturbed.is_empty() {
            return;
        }
        let dependents = Dependents::of(observed);
        let is_ours = |key: &Key| {
            desired.objects.contains_key(key)
                || touched.objects.contains_key(key)
                || is_configured(key)
        };
        for (link_key, seen) in disturbed {
            let home = self.objects.get(link_key).and_then(Object::link);
            let Some(home) = home.filter(|home| home.place.netns == seen.place.netns) else {
                continue;
            };
            let home = home.place.ifname.clone();
            let names = Renaming { old: &seen.place.ifname, new: &home };
            for (key, object) in dependents.at(&seen.place) {
                // A parameter is not lost, and may have been set along with one of ours.
                let may_be_lost = noun::is_deleted_alone(key) && !object.is_automatic();
                if may_be_lost && !is_ours(key) {
                    let (key, object) = noun::renamed(key, &object.restorable(), names);
                    self.objects.entry(key).or_insert(object);
                }
            }
        }
    }

    /// The links on which an object is removed or made anew.
    fn disturbed<'o>(
        &self,
        desired: &State,
        touched: &State,
        observed: &'o State,
    ) -> Vec<(&'o Key, &'o Link)> {
        let change = Change {
            desired: &desired.objects,
            touched: &touched.objects,
            originals: &self.objects,
            seen: Some(&observed.objects),
        };
        let taking = observed.objects.iter().filter(|(key, _)| change.may_take_along(key));
        let places: BTreeSet<Place> =
            taking.flat_map(|(key, object)| noun::places(key, object)).collect();
        if places.is_empty() {
            return Vec::new();
        }
        link_objects(&observed.objects).filter(|(_, link)| places.contains(&link.place)).collect()
    }

    /// Adds the objects of others on a link in its original namespace.
    fn remember_on<'o>(
        &mut self,
        (link_key, seen): Entry<'_>,
        (desired, touched): (&State, &State),
        (dependents, observed): (&OnceCell<Dependents<'o>>, &'o State),
    ) {
        let past = Past::of(touched);
        let Some(seen) = seen.link() else { return };
        let Some(home) = self.objects.get(link_key).and_then(Object::link) else { return };
        if seen.place.netns != home.place.netns {
            return;
        }
        let home = home.place.ifname.clone();
        let names = Renaming { old: &seen.place.ifname, new: &home };
        for (key, object) in dependents.get_or_init(|| Dependents::of(observed)).at(&seen.place) {
            // It may be configured under another name of its link.
            let is_of = |state: &State| {
                let link = state.objects.get(link_key).and_then(Object::link);
                let link = link.filter(|link| link.place.netns == seen.place.netns);
                let named = link.map(|link| {
                    let names = Renaming { old: names.old, new: &link.place.ifname };
                    noun::renamed(key, object, names).0
                });
                state.objects.contains_key(named.as_ref().unwrap_or(key))
                    || state.objects.contains_key(key)
            };
            if desired.objects.contains_key(key) || is_of(touched) || object.is_automatic() {
                continue;
            }
            // An object that is configured under the new name of its link is about to be touched for the first time.
            let is_configured = is_of(desired);
            let object = self.before_ours(key, object, &past);
            let (key, object) = noun::renamed(key, &object, names);
            // A value that an earlier attempt has set indirectly is not the original.
            match key.noun().facts().sets_others || is_configured {
                true => drop(self.objects.entry(key).or_insert(object)),
                false => drop(self.objects.insert(key, object)),
            }
        }
    }

    /// Whether an object exists as long as its link, which the configuration has created.
    fn is_part_of_ours(&self, key: &Key, object: &Object, past: &Past<'_>) -> bool {
        if key.noun().facts().removal != Removal::Reset {
            return false;
        }
        let is_made = |place: Place| {
            let link = past.links().get(&place);
            link.is_some_and(|(id, link)| !link.is_adopted() && !self.objects.contains_key(*id))
        };
        noun::places(key, object).any(is_made)
    }

    /// An object of others as it was before Netloom changed anything. If it has the value that the
    /// kernel sets together with an object of ours, it had the value that the original of that object
    /// sets.
    fn before_ours(&self, key: &Key, seen: &Object, past: &Past<'_>) -> Object {
        let set_back = |(of, value): &Entry<'_>| {
            let set = noun::sets(of, value, key)?;
            let before = self.objects.get(*of).filter(|_| noun::satisfies(key, seen, &set))?;
            noun::sets(of, before, key)
        };
        let can_be_set = key.noun().facts().sets_others;
        let before = can_be_set.then(|| past.setters().iter().find_map(set_back)).flatten();
        before.unwrap_or_else(|| seen.restorable())
    }

    /// Removes what `desired` has given back, and objects on links that stay in their places: they
    /// exist, and belong to their owners. Routes of routing daemons are removed in any case. What
    /// `desired` still takes from others is kept.
    pub fn release(&mut self, desired: &State) {
        let undisturbed: BTreeSet<Place> = (self.links())
            .filter(|(key, original)| {
                let link = desired.objects.get(key).and_then(Object::link);
                link.is_some_and(|link| {
                    link.place.netns == original.place.netns && link.flags.up != Some(false)
                })
            })
            .map(|(_, original)| original.place.clone())
            .collect();
        self.forget(&[desired]);
        let taken = Taken::by(&self.objects, &[desired]);
        let present = self.present_keys(|key| desired.objects.get(key));
        self.objects.retain(|key, object| {
            let mut places = noun::places(key, object).peekable();
            let is_on_link = key.netns().is_some() && places.peek().is_some();
            !is_on_link
                || desired.objects.contains_key(present.get(key).unwrap_or(key))
                || taken.has(key, object)
                || !(object.is_of_daemon() || places.all(|place| undisturbed.contains(&place)))
        });
    }

    /// The keys under which a configuration names the objects on links that it renames, by the keys of their originals.
    pub fn present_keys<'a>(
        &self,
        configured: impl Fn(&Key) -> Option<&'a Object>,
    ) -> BTreeMap<Key, Key> {
        let renamed = self.present(configured).into_iter();
        renamed.map(|(key, (present, _))| (key, present)).collect()
    }

    /// The same, with the objects as they would be under these names.
    pub fn present<'a>(
        &self,
        configured: impl Fn(&Key) -> Option<&'a Object>,
    ) -> BTreeMap<Key, (Key, Object)> {
        let moves = Moves::of(&self.objects, |key| Some(Goes::To(&configured(key)?.link()?.place)));
        if moves.is_empty() {
            return BTreeMap::new();
        }
        let renamed =
            self.objects.iter().filter_map(|(key, object)| match moves.follow(key, object) {
                Stays::As(present, object) => Some((key.clone(), (present, object))),
                Stays::Here | Stays::Not => None,
            });
        renamed.collect()
    }

    /// Removes what does not concern the objects of these states: what is not on one of their links,
    /// and is not taken by one of them.
    pub fn forget(&mut self, configured: &[&State]) {
        let is_in = |key: &Key| configured.iter().any(|state| state.objects.contains_key(key));
        let away: BTreeSet<Place> = self
            .links()
            .filter(|(key, _)| is_in(key))
            .map(|(_, link)| link.place.clone())
            .collect();
        let taken = Taken::by(&self.objects, configured);
        self.objects.retain(|key, object| {
            let is_on_link_away = key.netns().is_some()
                && noun::places(key, object).any(|place| away.contains(&place));
            is_in(key) || is_on_link_away || taken.has(key, object)
        });
    }

    /// The links that existed before.
    pub fn links(&self) -> impl Iterator<Item = (&Key, &Link)> {
        link_objects(&self.objects)
    }
}

/// What may have been applied before, looked up in other ways than by keys. Most changes do not ask.
struct Past<'a> {
    touched: &'a State,
    links: OnceCell<BTreeMap<&'a Place, (&'a Key, &'a Link)>>,
    setters: OnceCell<Vec<Entry<'a>>>,
}

impl<'a> Past<'a> {
    fn of(touched: &'a State) -> Self {
        Past { touched, links: OnceCell::new(), setters: OnceCell::new() }
    }

    /// The links, by their places.
    fn links(&self) -> &BTreeMap<&'a Place, (&'a Key, &'a Link)> {
        let by_place = |(key, link): (&'a Key, &'a Link)| (&link.place, (key, link));
        self.links.get_or_init(|| link_objects(&self.touched.objects).map(by_place).collect())
    }

    /// The objects that the kernel sets others along with.
    fn setters(&self) -> &[Entry<'a>] {
        let is_setter = |(key, _): &Entry<'_>| key.is_setter();
        self.setters.get_or_init(|| setters(&self.touched.objects).filter(is_setter).collect())
    }
}
