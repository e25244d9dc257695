//! Originals: objects as they were before the configuration touched them.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::noun::link::{Link, Place, link_objects};
use crate::noun::{self, Key, Loss, Object, Removal, Renaming};
use crate::plan::WithoutIp;
use crate::state::{Dependents, Entry, State, side_by_side};

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
    /// that are not in `touched`. It also adds the objects on a link that may go down or move,
    /// because they may be lost.
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
            let Some(seen) = seen.link().filter(|_| before != Some(wanted)) else { continue };
            let Some(home) = self.objects.get(key).and_then(Object::link) else { continue };
            if seen.place.netns != home.place.netns {
                continue;
            }
            let home = home.place.ifname.clone();
            let names = Renaming { old: &seen.place.ifname, new: &home };
            let link_key = key;
            for (key, object) in dependents.get_or_init(|| Dependents::of(observed)).at(&seen.place)
            {
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
                if !is_of(desired) && !is_of(touched) && !object.is_automatic() {
                    let object = self.before_ours(key, object, &past);
                    let (key, object) = noun::renamed(key, &object, names);
                    // A value that an earlier attempt has set indirectly is not the original.
                    match key.noun().facts().sets_others {
                        true => drop(self.objects.entry(key).or_insert(object)),
                        false => drop(self.objects.insert(key, object)),
                    }
                }
            }
        }
    }

    /// Adds the objects that `desired` takes from others on any link: those that are lost with IPv4
    /// or IPv6, and the parameters that the kernel sets together with a changing one.
    pub fn remember_taken(&mut self, desired: &State, touched: &State, observed: &State) {
        let past = Past::of(touched);
        let without_ip = WithoutIp::of(&desired.objects, &desired.objects);
        let changing: Vec<Entry<'_>> = setters(&desired.objects)
            .filter(|(key, value)| {
                let seen = observed.objects.get(*key);
                seen.is_some_and(|seen| !noun::satisfies(key, seen, value))
            })
            .collect();
        let is_ours =
            |key: &Key| desired.objects.contains_key(key) || touched.objects.contains_key(key);
        for (key, seen) in observed.objects.iter().filter(|(key, _)| !is_ours(key)) {
            // The kernel adds the addresses of the loopback only when it comes up.
            let is_made_again = seen.is_automatic() && !is_address_of_loopback(key);
            if !is_made_again && without_ip.takes(key, seen) {
                match key.noun().facts().sets_others {
                    true => drop(self.objects.entry(key.clone()).or_insert(seen.restorable())),
                    false => drop(self.objects.insert(key.clone(), seen.restorable())),
                }
            }
            let goes_along = |(of, value): &&Entry<'_>| noun::sets(of, value, key).is_some();
            let Some((of, _)) = changing.iter().find(goes_along) else { continue };
            // The kernel restores it together with the parameter.
            let back = self.objects.get(*of).and_then(|before| noun::sets(of, before, key));
            let is_back = back.is_some_and(|back| noun::satisfies(key, seen, &back));
            if !is_back && !self.is_part_of_ours(key, seen, &past) {
                let original = self.before_ours(key, seen, &past);
                self.objects.entry(key.clone()).or_insert(original);
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
        let taken = Taken::by(&[desired]);
        self.objects.retain(|key, object| {
            let mut places = noun::places(key, object).peekable();
            let is_on_link = key.netns().is_some() && places.peek().is_some();
            !is_on_link
                || desired.objects.contains_key(key)
                || taken.has(key, object)
                || !(object.is_of_daemon() || places.all(|place| undisturbed.contains(&place)))
        });
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
        let taken = Taken::by(configured);
        self.objects.retain(|key, object| {
            let is_on_link_away = key.netns().is_some()
                && noun::places(key, object).any(|place| away.contains(&place));
            is_in(key) || is_on_link_away || taken.has(key, object)
        });
    }

    /// The links that existed before.
    pub(crate) fn links(&self) -> impl Iterator<Item = (&Key, &Link)> {
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
        self.setters.get_or_init(|| self.touched.objects.iter().filter(is_setter).collect())
    }
}
/// What configured objects take from others.
struct Taken<'a> {
    without_ip: Vec<WithoutIp>,
    setters: Vec<Entry<'a>>,
}

impl<'a> Taken<'a> {
    fn by(states: &[&'a State]) -> Self {
        let without_ip =
            states.iter().map(|state| WithoutIp::of(&state.objects, &state.objects)).collect();
        let setters = states.iter().flat_map(|state| setters(&state.objects)).collect();
        Self { without_ip, setters }
    }

    fn has(&self, key: &Key, object: &Object) -> bool {
        self.without_ip.iter().any(|without_ip| without_ip.takes(key, object))
            || self.setters.iter().any(|(of, value)| noun::sets(of, value, key).is_some())
    }
}

/// The objects with which the kernel may set others.
fn setters(objects: &BTreeMap<Key, Object>) -> impl Iterator<Item = Entry<'_>> {
    objects.iter().filter(|(key, _)| key.noun().facts().sets_others)
}

fn is_address_of_loopback(key: &Key) -> bool {
    matches!(key.loss(), Some(Loss::Address(address)) if address.dev.as_str() == "lo")
}
