//! The cause of a difference: the object was lost with something it depends on, or somebody has
//! changed it.

use std::collections::{BTreeMap, BTreeSet};

use netstate::noun::{Need, goes_with_address, goes_with_down, needs};
use netstate::{Action, Desired, How, Key, NetnsName, Object, Op, Place};

use crate::transaction::affected::{netns_of, place_of};
use crate::transaction::transition::TransitionPlan;

/// The links with which objects may have been lost since the last look.
#[derive(Debug, Default)]
pub(crate) struct Disturbed {
    /// Links that may have been missing. Everything on them may be lost.
    pub(crate) links: BTreeSet<Key>,
    /// Links that have lost an address. Routes on them may be lost.
    pub(crate) without_address: BTreeSet<Key>,
}

impl Disturbed {
    fn all(&self) -> impl Iterator<Item = &Key> {
        self.links.iter().chain(&self.without_address)
    }

    /// Whether an object on this link may have been lost with it.
    fn lost_with(&self, link: &Key, (key, object): (&Key, &Object)) -> bool {
        self.links.contains(link)
            || (goes_with_address(key, object) && self.without_address.contains(link))
    }
}

/// The links that the objects of a plan depend on: those that are missing, those that an event has
/// named, and those that exist.
pub(super) struct Causes<'a> {
    links: BTreeMap<&'a Place, Key>,
    away: BTreeSet<Key>,
    /// Links that are down without being configured so.
    down: BTreeSet<Key>,
    without_carrier: &'a BTreeSet<Key>,
    disturbed: &'a Disturbed,
    desired: &'a Desired,
}

pub(super) enum Cause {
    /// The object was lost with this one, which is missing.
    Away(Key),
    /// The object was lost with a link that may have been missing for a time.
    Back,
    /// Somebody has changed the object.
    Changed,
}

impl<'a> Causes<'a> {
    pub(super) fn of(
        skipped: &BTreeSet<Key>,
        plan: &'a TransitionPlan,
        desired: &'a Desired,
        disturbed: &'a Disturbed,
    ) -> Self {
        let links: BTreeMap<&Place, Key> =
            desired.links().map(|(id, link)| (&link.place, Key::Link(id.clone()))).collect();
        let ops = plan.plan.ops.iter().filter(|op| is_away(op)).map(|op| op.key.clone());
        let skipped = links.values().filter(|key| skipped.contains(*key)).cloned();
        let is_missing = |key: &&Key| plan.keys.contains(*key) && !plan.links.contains_key(*key);
        let missing = links.values().filter(is_missing).cloned();
        let away = ops.chain(skipped).chain(missing).collect();
        let is_to_be_down = |key: &Key| {
            desired.get(key).and_then(Object::link).is_some_and(|link| link.flags.up == Some(false))
        };
        let down = links.values().filter(|key| plan.links.get(key) == Some(&false));
        let down = down.filter(|key| !is_to_be_down(key)).cloned().collect();
        let without_carrier = &plan.without_carrier;
        Causes { links, away, down, without_carrier, disturbed, desired }
    }

    pub(super) fn cause(&self, op: &Op, object: &Object) -> Cause {
        let netns = netns_of(&op.key, object).map(|netns| Key::Netns(netns.clone()));
        if let Some(netns) = netns.filter(|netns| self.away.contains(netns)) {
            return Cause::Away(netns);
        }
        // A group or a route was lost, in part or completely, with a nexthop that is missing.
        let needs = needs(&op.key, object);
        if let Some(needed) = needs.iter().filter_map(Need::key).find(|key| self.away.contains(key))
        {
            return Cause::Away(needed.clone());
        }
        // An object that is held in part is created without that part, and does not wait for its links.
        let Action::Create(object) = &op.action else { return Cause::Changed };
        let links = self.links_below(&op.key, object);
        let goes_with_down = goes_with_down(&op.key, object);
        let is_away = |link: &&Key| {
            self.away.contains(*link)
                || (goes_with_down && self.down.contains(*link))
                || (object.needs_carrier() && self.without_carrier.contains(*link))
        };
        if let Some(away) = links.iter().find(is_away) {
            return Cause::Away(away.clone());
        }
        match links.iter().any(|link| self.disturbed.lost_with(link, (&op.key, object))) {
            true => Cause::Back,
            false => Cause::Changed,
        }
    }

    /// The links that an object is lost with: those that it needs, and those that it does not name
    /// but may be lost with.
    fn links_below(&self, key: &Key, object: &Object) -> Vec<Key> {
        let needs = needs(key, object);
        let places = needs.iter().filter(|need| need.how != How::Mentioned).filter_map(Need::place);
        let own = places.filter_map(|place| self.links.get(place).cloned());
        let loose = object.loose();
        if !loose.is_any() {
            return own.collect();
        }
        let netns = |link: &Key| place_of(self.desired.get(link)?).map(|at| &at.netns);
        let beside = |link: &&Key| netns(link).is_some_and(|at| Some(at) == key.netns());
        let away = self.away.iter().chain(&self.down);
        let any = loose.links.then(|| away.chain(&self.disturbed.links));
        let others = any.into_iter().flatten().chain(&self.disturbed.without_address);
        own.chain(others.filter(beside).cloned()).collect()
    }
}

/// Whether the operation restores something that can carry nothing until then.
fn is_away(op: &Op) -> bool {
    match (&op.key, &op.action) {
        (Key::Netns(_) | Key::Link(_) | Key::Nexthop(_), Action::Create(_)) => true,
        (_, Action::Create(_) | Action::Update { .. } | Action::Delete(_) | Action::Await) => {
            moves_link(op)
        }
    }
}

/// Whether the operation renames a link, or moves it to another namespace.
pub(super) fn moves_link(op: &Op) -> bool {
    match &op.action {
        Action::Update { from, change: Object::Link(change) } => {
            place_of(from) != Some(&change.place)
        }
        Action::Create(_) | Action::Update { .. } | Action::Delete(_) | Action::Await => false,
    }
}

/// Whether a link that existed before the configuration is in another place. Such a link was
/// missing and has returned.
pub(super) fn has_moved(op: &Op, desired: &Desired) -> bool {
    match (&op.action, desired.get(&op.key)) {
        (Action::Update { from, change }, Some(Object::Link(link))) => {
            link.is_adopted() && place_of(from) != place_of(change)
        }
        (Action::Update { .. } | Action::Create(_) | Action::Delete(_) | Action::Await, _) => false,
    }
}

/// These objects, and the routes that may use one of the links without naming it.
pub(super) fn with_loose_routes(
    mut keys: BTreeSet<Key>,
    disturbed: &Disturbed,
    desired: &Desired,
) -> BTreeSet<Key> {
    let netns = |link: &Key| place_of(desired.get(link)?).map(|place| &place.netns);
    let namespaces: BTreeSet<&NetnsName> = disturbed.all().filter_map(netns).collect();
    if !namespaces.is_empty() {
        let beside = |key: &Key| key.netns().is_some_and(|netns| namespaces.contains(netns));
        let loose = desired.iter().filter(|(key, object)| beside(key) && object.loose().is_any());
        keys.extend(loose.map(|(key, _)| key.clone()).collect::<Vec<_>>());
    }
    keys
}
