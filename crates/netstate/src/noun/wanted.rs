//! The objects that are to be observed for a change.

use std::collections::{BTreeMap, BTreeSet};

use super::link::{Link, Mark, Place};
use super::route::{Route, RouteKey};
use super::{Key, Object};
use crate::name::{LinkId, NetnsName};

/// A change: where to go, what may have been applied before, and what there was before that.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change<'a> {
    pub(crate) desired: &'a BTreeMap<Key, Object>,
    pub(crate) touched: &'a BTreeMap<Key, Object>,
    pub(crate) originals: &'a BTreeMap<Key, Object>,
}

impl<'a> Change<'a> {
    /// The states that it is about, the likeliest to be found first.
    pub(crate) fn states(&self) -> [&'a BTreeMap<Key, Object>; 3] {
        [self.touched, self.originals, self.desired]
    }
}

/// The objects that a change concerns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    /// The objects, but for links.
    pub keys: BTreeSet<Key>,
    /// What routes among `keys` may be like, given where they are few: a kernel that tells all routes of a table or
    /// none can still be asked whether it holds just this one. What exists is told, expected or not.
    pub expected: BTreeMap<RouteKey, Vec<Route>>,
    /// Who made the routes among `keys` (`rtm_protocol`), where they are all to be of one maker: those of others may be
    /// passed over, but for what has one of these keys.
    pub protocol: Option<u8>,
    /// The links, each with the places where it may be, the likeliest first.
    pub links: BTreeMap<LinkId, Vec<Place>>,
    /// Those of the links that may have been applied before: one that is at none of its places may be elsewhere, where it is
    /// the same link. What is on it is told under the name that it has there.
    pub marks: BTreeMap<LinkId, Mark>,
    /// The namespaces that links are to be in for the first time. Of one that is found elsewhere, the parameters are wanted
    /// that are not those of a new link: it loses them as it moves.
    pub homes: BTreeMap<LinkId, NetnsName>,
    /// What links are to be. Unless all that are found become so without being disturbed, their addresses, routes and
    /// static neighbours are wanted too, all of them, whoever made them: a link that is disturbed may take these along.
    pub outcome: BTreeMap<LinkId, Box<Link>>,
    /// The namespaces of which all links are wanted, whoever made them: they are to go. Links that are not
    /// among `links` are keyed as by [`Scope::Everything`](crate::southbound::Scope::Everything).
    pub occupants: BTreeSet<NetnsName>,
}

impl Wanted {
    /// Whether a link that was found at `place` is to go elsewhere, so that its parameters are wanted too.
    pub fn wants_parameters(&self, id: &LinkId, place: &Place) -> bool {
        self.homes.get(id).is_some_and(|home| *home != place.netns)
    }

    /// Whether what is on links is wanted too, given those that were found.
    pub fn wants_dependents<'l>(
        &self,
        found: impl IntoIterator<Item = (&'l LinkId, &'l Link)>,
    ) -> bool {
        let is_left = |(id, link): (&LinkId, &Link)| {
            self.outcome.get(id).is_some_and(|outcome| !outcome.disturbs(link))
        };
        !found.into_iter().all(is_left)
    }
}
