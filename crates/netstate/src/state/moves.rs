//! Links that get from their places in one state to those in another, and what becomes of the objects
//! on them.

use std::collections::BTreeMap;

use crate::noun::link::{Place, link_objects};
use crate::noun::{self, Key, Object, Renaming};

/// The places that links leave, with the new place if it is in the same namespace.
#[derive(Debug, Default)]
pub(crate) struct Moves(BTreeMap<Place, Option<Place>>);

/// Where a link goes.
pub(crate) enum Goes<'a> {
    To(&'a Place),
    /// It is removed.
    Away,
}

/// What becomes of an object on a link.
pub(crate) enum Stays {
    /// It stays as it is.
    Here,
    /// It is on a renamed link.
    As(Key, Object),
    /// It is lost with a link that moves to another namespace or is removed.
    Not,
}

impl Moves {
    /// From the places in a state to those that `to` names. A link for which it names none stays
    /// where it is.
    pub(crate) fn of<'a>(
        from: &BTreeMap<Key, Object>,
        to: impl Fn(&Key) -> Option<Goes<'a>>,
    ) -> Self {
        let mut left = BTreeMap::new();
        for (key, link) in link_objects(from) {
            let to = match to(key) {
                None => continue,
                Some(Goes::To(place)) if *place == link.place => continue,
                Some(Goes::To(place)) => Some(place).filter(|to| to.netns == link.place.netns),
                Some(Goes::Away) => None,
            };
            left.insert(link.place.clone(), to.cloned());
        }
        Self(left)
    }

    /// To the places of the same links in another state.
    pub(crate) fn between(from: &BTreeMap<Key, Object>, to: &BTreeMap<Key, Object>) -> Self {
        Self::of(from, |key| Some(Goes::To(&to.get(key)?.link()?.place)))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What becomes of an object.
    pub(crate) fn follow(&self, key: &Key, object: &Object) -> Stays {
        if key.netns().is_none() || self.0.is_empty() {
            return Stays::Here;
        }
        let mut moved: Option<(Key, Object)> = None;
        for place in noun::places(key, object) {
            let Some(to) = self.0.get(&place) else { continue };
            let Some(to) = to else { return Stays::Not };
            let (key, object) = moved.as_ref().map_or((key, object), |(key, object)| (key, object));
            let names = Renaming { old: &place.ifname, new: &to.ifname };
            moved = Some(noun::renamed(key, object, names));
        }
        moved.map_or(Stays::Here, |(key, object)| Stays::As(key, object))
    }
}
