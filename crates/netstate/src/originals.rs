//! What there was before the configuration touched it.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::noun::link::{Link, Place, link_objects};
use crate::noun::{self, Key, Object, Removal, Renaming};
use crate::state::{Dependents, State, side_by_side};

/// Objects that existed before they were first configured, as they were then. An object that is configured
/// and is not in here was made by the configuration, and goes when the configuration no longer has it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Originals {
    /// The objects, in pairs on disk: keys are no texts.
    #[serde(with = "crate::state::pairs")]
    pub objects: BTreeMap<Key, Object>,
}

impl Originals {
    /// Adds what `desired` is about to touch for the first time: what exists under its keys and is not in
    /// `touched`. A link that is about to change may go down or elsewhere, and then what is on it goes.
    pub fn remember(&mut self, desired: &State, touched: &State, observed: &State) {
        let dependents = OnceCell::new();
        let seen = side_by_side(&desired.objects, &observed.objects)
            .filter_map(|(key, wanted, seen)| Some((key, (wanted?, seen?))));
        for (key, seen, before) in side_by_side(seen, &touched.objects) {
            let Some((wanted, seen)) = seen else { continue };
            if before.is_none()
                && !self.objects.contains_key(key)
                && !self.is_part_of_ours(key, seen, touched)
            {
                let original = self.before_set_along(key, seen, touched);
                self.objects.insert(key.clone(), original.unwrap_or_else(|| seen.restorable()));
            }
            let Some(seen) = seen.link().filter(|_| before != Some(wanted)) else { continue };
            let Some(home) = self.objects.get(key).and_then(Object::link) else { continue };
            if seen.place.netns != home.place.netns {
                continue;
            }
            let home = home.place.ifname.clone();
            let names = Renaming { old: &seen.place.ifname, new: &home };
            for (key, object) in dependents.get_or_init(|| Dependents::of(observed)).at(&seen.place)
            {
                let configured =
                    desired.objects.contains_key(key) || touched.objects.contains_key(key);
                if !configured && !object.is_automatic() {
                    let (key, object) = noun::renamed(key, &object.restorable(), names);
                    // What an attempt has set along with others is not as it was.
                    match key.noun().facts().sets_others {
                        true => drop(self.objects.entry(key).or_insert(object)),
                        false => drop(self.objects.insert(key, object)),
                    }
                }
            }
        }
    }

    /// Whether an object is there for as long as its link, which the configuration has made.
    fn is_part_of_ours(&self, key: &Key, object: &Object, touched: &State) -> bool {
        if key.noun().facts().removal != Removal::Reset {
            return false;
        }
        let is_made = |place: Place| {
            let mut links = link_objects(&touched.objects);
            let link = links.find(|(_, link)| link.place == place);
            link.is_some_and(|(id, link)| !link.is_adopted() && !self.objects.contains_key(id))
        };
        noun::places(key, object).any(is_made)
    }

    /// What an object was before it was set along with another that has been touched.
    fn before_set_along(&self, key: &Key, seen: &Object, touched: &State) -> Option<Object> {
        if !key.noun().facts().sets_others {
            return None;
        }
        let setters = touched.objects.iter().filter(|(of, _)| of.noun() == key.noun());
        setters.into_iter().find_map(|(of, value)| {
            let set = noun::sets(of, value, key)?;
            let before = self.objects.get(of).filter(|_| noun::satisfies(key, seen, &set))?;
            noun::sets(of, before, key)
        })
    }

    /// Drops what `desired` has given back, and what is on links that it leaves where they were: that is there,
    /// and in nobody's hands but its owner's. So are routes of routing daemons, wherever their link is.
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
        self.forget(|key| desired.objects.contains_key(key));
        self.objects.retain(|key, object| {
            let mut places = noun::places(key, object).peekable();
            let is_on_link = key.netns().is_some() && places.peek().is_some();
            !is_on_link
                || desired.objects.contains_key(key)
                || !(object.is_of_daemon() || places.all(|place| undisturbed.contains(&place)))
        });
    }

    /// Drops what has nothing to do with the objects that are `configured`.
    pub fn forget(&mut self, configured: impl Fn(&Key) -> bool) {
        let away: BTreeSet<Place> = self
            .links()
            .filter(|(key, _)| configured(key))
            .map(|(_, link)| link.place.clone())
            .collect();
        self.objects.retain(|key, object| {
            let is_on_link_away = key.netns().is_some()
                && noun::places(key, object).any(|place| away.contains(&place));
            configured(key) || is_on_link_away
        });
    }

    /// The links that were there before.
    pub(crate) fn links(&self) -> impl Iterator<Item = (&Key, &Link)> {
        link_objects(&self.objects)
    }
}
