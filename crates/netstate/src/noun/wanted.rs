//! The objects that must be observed for a change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::link::{Link, Mark, Place};
use super::route::{Route, RouteKey};
use super::sysctl::SysctlKey;
use super::{FoundBy, Key, Object, Replaced};
use crate::name::{LinkId, NetnsName};
use crate::noun;

/// A change: the target, what may have been applied before, and the originals.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change<'a> {
    pub(crate) desired: &'a BTreeMap<Key, Object>,
    pub(crate) touched: &'a BTreeMap<Key, Object>,
    pub(crate) originals: &'a BTreeMap<Key, Object>,
    /// What was observed, if it was: others may have changed what does not change otherwise.
    pub(crate) seen: Option<&'a BTreeMap<Key, Object>>,
}

impl<'a> Change<'a> {
    /// The states of the change, the one with the most likely places first.
    pub(crate) fn states(&self) -> [&'a BTreeMap<Key, Object>; 3] {
        [self.touched, self.originals, self.desired]
    }

    /// Whether objects of others may be lost with an object that is removed, or made anew because it was seen with
    /// what cannot be changed in place.
    pub(crate) fn may_take_along(&self, key: &Key) -> bool {
        let facts = key.noun().facts();
        if !facts.takes_along || facts.found_by != FoundBy::Key {
            return false;
        }
        let Some(wanted) = self.desired.get(key) else { return self.touched.contains_key(key) };
        let Some(seen) = self.seen.and_then(|seen| seen.get(key)) else { return false };
        let completed = self.originals.get(key).and_then(|original| {
            noun::completed(key, Some(wanted), self.touched.get(key), original)
        });
        let wanted = completed.as_ref().unwrap_or(wanted);
        !noun::satisfies(key, seen, wanted)
            && noun::replaced(key, seen, wanted) == Replaced::Recreated
    }
}

/// The objects that a change concerns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    /// The objects, without links.
    pub keys: BTreeSet<Key>,
    /// The parameters in `keys` that are also wanted if their namespace does not exist. They are then
    /// reported as they are in a new namespace, because they go back to these values.
    pub initial: BTreeSet<SysctlKey>,
    /// The possible forms of the routes in `keys`, if there are few routes. The kernel can only
    /// report all routes of a table, but it can be asked whether it holds exactly this route.
    /// Existing routes are reported in any form.
    pub expected: BTreeMap<RouteKey, Vec<Arc<Route>>>,
    /// The protocol of the routes in `keys` (`rtm_protocol`), if all have the same one. Routes with
    /// other protocols may be left out, unless they have one of these keys.
    pub protocol: Option<u8>,
    /// The links with their possible places, the most likely first.
    pub links: BTreeMap<LinkId, Vec<Place>>,
    /// The links that may have been applied before. If such a link is at none of its places, it is
    /// searched elsewhere, and is the same link there. Objects on it are reported under its name
    /// there.
    pub marks: BTreeMap<LinkId, Mark>,
    /// The namespaces in which links must be for the first time. For a link that is found
    /// elsewhere, its parameters that differ from those of a new link are reported: it loses them
    /// when it moves.
    pub homes: BTreeMap<LinkId, NetnsName>,
    /// The desired form of links. If the change may disturb one that is found, all addresses,
    /// routes and static neighbours on it are reported, with those of others, because they may be
    /// lost.
    pub outcome: BTreeMap<LinkId, Box<Link>>,
    /// The namespaces that must be removed. All their links are reported, with those of others.
    /// Links that are not in `links` have the keys of
    /// [`Scope::Everything`](crate::southbound::Scope::Everything).
    pub occupants: BTreeSet<NetnsName>,
    /// Changing parameters that affect objects that are not configured: the same parameter of links,
    /// and the addresses, routes and static neighbours of IPv6. These are reported, of all links of the
    /// namespace unless the parameter belongs to one link.
    pub reach: BTreeSet<SysctlKey>,
    /// The links that lose IPv6 because of their MTU. Their parameters that differ from those of a
    /// new link are reported.
    pub small: BTreeSet<LinkId>,
    /// The links whose speed is reported, because attributes of theirs as ports return to defaults that
    /// follow from it.
    pub speeds: BTreeSet<LinkId>,
    /// The links whose VLANs are reported, if they are ports of bridges or bridges.
    pub vlans: BTreeSet<LinkId>,
    /// The links whose numbers of queues return to those of a new link. What these are on this host is
    /// reported too.
    pub queues: BTreeSet<LinkId>,
}

impl Wanted {
    /// Whether a link that was found at `place` must move or loses IPv6, so that its parameters are
    /// reported too.
    pub fn wants_parameters(&self, id: &LinkId, place: &Place) -> bool {
        self.homes.get(id).is_some_and(|home| *home != place.netns) || self.small.contains(id)
    }

    /// Whether the objects on links are reported too, given the links that were found.
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
