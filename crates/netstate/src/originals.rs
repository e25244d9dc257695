//! What there was before the configuration touched it.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::link::{Link, Place};
use crate::plan::hangers::{Hangers, devs, renamed, stands_on};
use crate::plan::sorted::side_by_side;
use crate::plan::{is_kernels, link_objects};
use crate::state::{Key, Object, State};

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
    /// `touched`. A link that is about to change may go down or elsewhere, and then what hangs on it goes.
    pub fn remember(&mut self, desired: &State, touched: &State, observed: &State) {
        let hangers = OnceCell::new();
        let seen = side_by_side(&desired.objects, &observed.objects)
            .filter_map(|(key, wanted, seen)| Some((key, (wanted?, seen?))));
        for (key, seen, before) in side_by_side(seen, &touched.objects) {
            let Some((wanted, seen)) = seen else { continue };
            if before.is_none() && !self.objects.contains_key(key) {
                self.objects.insert(key.clone(), without_status(seen));
            }
            let Some(seen) = seen.link().filter(|_| before != Some(wanted)) else { continue };
            let Some(home) = self.objects.get(key).and_then(Object::link) else { continue };
            if seen.place.netns != home.place.netns {
                continue;
            }
            let names = (&seen.place.ifname.clone(), &home.place.ifname.clone());
            for (key, object) in hangers.get_or_init(|| Hangers::of(observed)).at(&seen.place) {
                let configured =
                    desired.objects.contains_key(key) || touched.objects.contains_key(key);
                if !configured && !is_kernels(object) {
                    let (key, object) = renamed(key, &without_status(object), names);
                    self.objects.insert(key, object);
                }
            }
        }
    }

    /// Drops what `desired` has given back, and what hangs on links that it leaves where they were: that is there,
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
            let mut places = stands_on(key, object).into_iter().peekable();
            let hangs = !matches!(key, Key::Link(_)) && places.peek().is_some();
            let of_daemon = matches!(object, Object::Route(route) if route.is_of_daemon());
            !hangs
                || desired.objects.contains_key(key)
                || !(of_daemon || places.all(|place| undisturbed.contains(&place)))
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
            let hangs_on_link_away = key.netns().is_some_and(|netns| {
                let place = |ifname| Place { netns: netns.clone(), ifname };
                devs(key, object).into_iter().any(|dev| away.contains(&place(dev)))
            });
            configured(key) || hangs_on_link_away
        });
    }

    /// The links that were there before.
    pub(crate) fn links(&self) -> impl Iterator<Item = (&Key, &Link)> {
        link_objects(&self.objects)
    }
}

/// What can be restored of an object.
fn without_status(object: &Object) -> Object {
    match object {
        Object::Link(link) => Object::Link(Box::new(Link { status: None, ..(**link).clone() })),
        Object::Netns
        | Object::Address(_)
        | Object::Sysctl(_)
        | Object::Neighbor(_)
        | Object::Fdb(_)
        | Object::Route(_) => object.clone(),
    }
}
