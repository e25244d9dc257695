//! Why an object differs: it was lost with what it depends on, or somebody has changed it.

use std::collections::{BTreeMap, BTreeSet};

use netstate::noun::{Need, goes_with_address, goes_with_down, needs};
use netstate::{Action, Desired, How, Key, NetnsName, Object, Op, Place};

use crate::transaction::affected::{netns_of, place_of};
use crate::transaction::transition::TransitionPlan;

/// The links that something may have been lost with since they were last looked at.
#[derive(Debug, Default)]
pub(crate) struct Disturbed {
    /// Those that may have been away: everything.
    pub(crate) links: BTreeSet<Key>,
    /// Those that an address has gone from: routes.
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

/// What the objects of a plan depend on: links that are away, that an event has named, or that are just there.
pub(super) struct Causes<'a> {
    links: BTreeMap<&'a Place, Key>,
    away: BTreeSet<Key>,
    /// Those that are down, though nobody has configured that.
    down: BTreeSet<Key>,
    disturbed: &'a Disturbed,
    desired: &'a Desired,
}

pub(super) enum Cause {
    /// It was lost with this, which is away.
    Away(Key),
    /// It was lost with a link that may have been away meanwhile.
    Back,
    /// Somebody has changed it.
    Changed,
}

impl<'a> Causes<'a> {
    pub(super) fn of(
        skipped: &BTreeSet<Key>,
        plan: &TransitionPlan,
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
        Causes { links, away, down, disturbed, desired }
    }

    pub(super) fn cause(&self, op: &Op, object: &Object) -> Cause {
        let netns = netns_of(&op.key, object).map(|netns| Key::Netns(netns.clone()));
        if let Some(netns) = netns.filter(|netns| self.away.contains(netns)) {
            return Cause::Away(netns);
        }
        if !matches!(op.action, Action::Create(_)) {
            return Cause::Changed;
        }
        let links = self.links_below(&op.key, object);
        let goes_with_down = goes_with_down(&op.key, object);
        let is_away = |link: &&Key| {
            self.away.contains(*link) || (goes_with_down && self.down.contains(*link))
        };
        if let Some(away) = links.iter().find(is_away) {
            return Cause::Away(away.clone());
        }
        match links.iter().any(|link| self.disturbed.lost_with(link, (&op.key, object))) {
            true => Cause::Back,
            false => Cause::Changed,
        }
    }

    /// The links that an object is lost with: those that it cannot be without, and those that it may be lost with without
    /// naming them.
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

/// Whether what an operation is to bring back cannot carry anything until then.
fn is_away(op: &Op) -> bool {
    match (&op.key, &op.action) {
        (Key::Netns(_) | Key::Link(_), Action::Create(_)) => true,
        (_, Action::Create(_) | Action::Update { .. } | Action::Delete(_) | Action::Await) => {
            moves_link(op)
        }
    }
}

/// Whether an operation renames a link, or moves it to another namespace.
pub(super) fn moves_link(op: &Op) -> bool {
    match &op.action {
        Action::Update { from, change: Object::Link(change) } => {
            place_of(from) != Some(&change.place)
        }
        Action::Create(_) | Action::Update { .. } | Action::Delete(_) | Action::Await => false,
    }
}

/// Whether a link that was there before the configuration is somewhere else: it has gone and come back.
pub(super) fn has_moved(op: &Op, desired: &Desired) -> bool {
    match (&op.action, desired.get(&op.key)) {
        (Action::Update { from, change }, Some(Object::Link(link))) => {
            link.is_adopted() && place_of(from) != place_of(change)
        }
        (Action::Update { .. } | Action::Create(_) | Action::Delete(_) | Action::Await, _) => false,
    }
}

/// These, and the routes that may go over one of the links without saying so.
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
