//! What the kernel is to hold: what is configured, what goes back to how it was, and what others made.

use std::collections::BTreeMap;

use smallvec::SmallVec;

use super::PlanError;
use super::hangers::{devs, renamed, stands_on};
use super::links::is_anew;
use super::multipath::refuse_lost_legs;
use super::scope;
use super::sorted::{Entry, Sorted, together, without};
use super::work::link_objects;
use crate::link::{BridgePort, Link, LinkKind, Master, Place};
use crate::name::{LinkId, NetnsName};
use crate::originals::Originals;
use crate::state::{Key, Object, State};

/// What the kernel is to hold.
#[derive(Debug, Default)]
pub struct Target<'a> {
    /// What is as it is desired, or as it was observed.
    kept: Vec<Entry<'a>>,
    /// What is neither, or only in part.
    made: BTreeMap<Key, Object>,
}

impl Target<'_> {
    pub(super) fn objects(&self) -> Sorted<'_> {
        Sorted::of(together(&self.made, self.kept.iter().copied()))
    }
}

/// What the kernel is to hold once `desired` applies: `desired` itself; what `touched` (the states that
/// may have been applied before, merged) had and `desired` has not goes back to its original, or goes;
/// everything else in `observed` stays as it is.
pub fn target<'a>(
    desired: &'a State,
    touched: &'a State,
    originals: &'a Originals,
    observed: &'a State,
) -> Result<Target<'a>, PlanError> {
    let mut made = BTreeMap::new();
    let mut configured = Vec::with_capacity(desired.objects.len());
    let seen_at = places_of(&observed.objects);
    let to = |seen: &Place| Some(&desired.objects.get(*seen_at.get(seen)?)?.link()?.place);
    for (key, object) in &desired.objects {
        match (key, object) {
            (Key::Link(id), Object::Link(link)) => {
                let past = Past::of(key, touched, originals, observed);
                let link = configured_link(id, link, &past, to)?;
                made.insert(key.clone(), Object::Link(Box::new(link)));
            }
            (_, Object::Link(_)) => {}
            _ => configured.push((key, object)),
        }
    }
    refuse_lost_legs(&made, observed, &configured)?;
    let ours = |key: &Key| {
        let sets = [&desired.objects, &touched.objects, &originals.objects];
        sets.iter().any(|set| set.contains_key(key))
    };
    give_back(&mut made, (desired, touched, originals, observed), ours);
    let left = places_left(&made, observed, ours);
    let places = places(&made, observed, ours);
    // A link that was not observed is none of ours, and stays.
    let unseen = |place: &Place| (!seen_at.contains_key(place)).then_some(true);
    let is_up = |place: &Place| places.get(place).copied().or_else(|| unseen(place));
    let foreign = without(&observed.objects, &desired.objects);
    let foreign = without(without(foreign, &touched.objects), &originals.objects);
    let mut others = Vec::new();
    let was_made = |key: &Key| {
        let touched = touched.objects.get(key).and_then(Object::link);
        touched.is_some_and(|link| link.kind.is_some()) && !originals.objects.contains_key(key)
    };
    // The end of a cable of ours that is not configured has come with the other, and goes with it.
    let goes_with_mate = |object: &Object| {
        let mate = object.link().and_then(|link| seen_at.get(link.peer.as_ref()?));
        mate.is_some_and(|mate| was_made(mate) && !desired.objects.contains_key(*mate))
    };
    for (key, object) in foreign.filter(|(_, object)| !goes_with_mate(object)) {
        match foreign_object(key, object, &left) {
            Stays::Here if has_home(key, object, is_up) => others.push((key, object)),
            Stays::As(key, object) if has_home(&key, &object, is_up) => {
                if !desired.objects.contains_key(&key) {
                    made.entry(key).or_insert(object);
                }
            }
            Stays::Here | Stays::As(..) | Stays::Not => {}
        }
    }
    let kept = together(configured, others).collect();
    Ok(Target { kept, made })
}

/// What was configured, or came along with what was, goes back to where and how it was before.
fn give_back(
    made: &mut BTreeMap<Key, Object>,
    (desired, touched, originals, observed): (&State, &State, &Originals, &State),
    ours: impl Fn(&Key) -> bool,
) {
    let released = together(&touched.objects, &originals.objects);
    let released: Vec<&Key> = without(released, &desired.objects).map(|(key, _)| key).collect();
    let homes = places_of(&originals.objects);
    let former = places_of(&touched.objects);
    // Links come first, for what hangs on them can go back only to where one is.
    let seen_at = places_of(&observed.objects);
    let (links, others): (Vec<_>, Vec<_>) =
        released.into_iter().partition(|key| matches!(key, Key::Link(_)));
    for keys in [links, others] {
        let places = places(made, observed, &ours);
        for key in keys {
            let past = Past::of(key, touched, originals, observed);
            let Some(object) = released_object(key, &past, observed) else { continue };
            // As long as it is there, so are those of its links that were not observed.
            let unseen = |place: &Place| {
                (past.observed.is_some() && !seen_at.contains_key(place)).then_some(true)
            };
            let is_up = |place: &Place| places.get(place).copied().or_else(|| unseen(place));
            // What was there before its link was renamed, or only after.
            let was_at = if past.original.is_some() { [&homes, &former] } else { [&former; 2] };
            let (key, object) = at_home(key, object, was_at, made);
            let lasts = |netns| netns_lasts(netns, [&desired.objects, made], touched);
            if key.netns().is_none_or(lasts)
                && has_home(&key, &object, is_up)
                && !desired.objects.contains_key(&key)
            {
                made.entry(key).or_insert(object);
            }
        }
    }
}

/// What there is to say of an object besides what is desired.
struct Past<'a> {
    touched: Option<&'a Object>,
    original: Option<&'a Object>,
    observed: Option<&'a Object>,
}

impl<'a> Past<'a> {
    fn of(key: &Key, touched: &'a State, originals: &'a Originals, observed: &'a State) -> Self {
        Self {
            touched: touched.objects.get(key),
            original: originals.objects.get(key),
            observed: observed.objects.get(key),
        }
    }

    fn link(object: Option<&'a Object>) -> Option<&'a Link> {
        match object {
            Some(Object::Link(link)) => Some(link),
            _ => None,
        }
    }
}

/// A configured link: what is observed of it, with what was configured and is no longer put back, and what
/// is configured laid over that.
fn configured_link<'a>(
    id: &LinkId,
    desired: &'a Link,
    past: &Past<'_>,
    to: impl Fn(&Place) -> Option<&'a Place>,
) -> Result<Link, PlanError> {
    let refuse = |reason| Err(PlanError { key: Key::Link(id.clone()), reason });
    let Some(observed) = Past::link(past.observed) else {
        return match &desired.kind {
            Some(_) => Ok(desired.clone()),
            None => refuse(format!(
                "there is no link {} in {}, and no type to make it by",
                desired.place.ifname,
                super::render::netns(&desired.place.netns),
            )),
        };
    };
    if let (Some(wanted), Some(seen)) = (&desired.kind, &observed.kind)
        && wanted.name() != seen.name()
        && (past.original.is_some() || past.touched.is_none())
    {
        return refuse(format!(
            "{} exists already in {}, as {}, and is not ours to make anew as {}",
            observed.place.ifname,
            super::render::netns(&observed.place.netns),
            seen.with_article(),
            wanted.with_article(),
        ));
    }
    let mut link = observed.clone();
    let mut new = Link {
        kind: observed.kind.as_ref().map(LinkKind::plain),
        ..Link::at(desired.place.clone())
    };
    if let Some(touched) = Past::link(past.touched) {
        let base = Past::link(past.original).cloned().unwrap_or_else(|| observed.kernel_default());
        link.restore(touched, &base);
        new.restore(touched, &base);
    }
    new.overlay(desired);
    if is_anew(&new, observed, to) {
        return match past.original {
            None => Ok(new),
            Some(_) => refuse(format!(
                "{} was there before in {} and is not ours to make anew, as {} would need",
                observed.place.ifname,
                super::render::netns(&observed.place.netns),
                new.changes(observed).created_by(),
            )),
        };
    }
    let touched_place = Past::link(past.touched).map(|link| &link.place);
    if let Some(original) = Past::link(past.original)
        && (original.place != desired.place || touched_place != Some(&desired.place))
    {
        // Moving and renaming it takes it down, and moving it out of its master's hands.
        link.flags.up = original.flags.up;
        if observed.place.netns != desired.place.netns {
            link.master = None;
        }
    }
    link.overlay(desired);
    // What it has as a port it has of its bridge, and of another bridge it has it anew.
    link.port = match &link.master {
        Some(Master::Of(_)) if link.master == observed.master => new.port,
        Some(Master::Of(_)) => desired.port.clone(),
        Some(Master::Free) | None => BridgePort::default(),
    };
    Ok(link)
}

/// An object that was configured: as it was before, or nothing where we made it.
fn released_object(key: &Key, past: &Past<'_>, observed: &State) -> Option<Object> {
    let Some(original) = past.original else {
        // What cannot have been made has not been touched either: it was missing, and others have brought it.
        if Past::link(past.touched).is_some_and(|link| link.kind.is_none()) {
            return past.observed.cloned();
        }
        // A parameter cannot go; that of a link that we made takes the value that a new link has.
        let Key::Sysctl(sysctl) = key else { return None };
        let default = scope::default_of(sysctl).map(Key::Sysctl)?;
        return observed.objects.get(&default).cloned();
    };
    let (Object::Link(original), Some(Object::Link(observed))) = (original, past.observed) else {
        // A link that somebody took away is not made again; anything else is.
        return match original {
            Object::Link(_) => None,
            Object::Netns
            | Object::Sysctl(_)
            | Object::Address(_)
            | Object::Neighbor(_)
            | Object::Fdb(_)
            | Object::Route(_) => Some(original.clone()),
        };
    };
    let mut link = (**observed).clone();
    if let Some(touched) = Past::link(past.touched) {
        link.restore(touched, original);
    }
    // A move takes these along, configured or not.
    link.flags.up = original.flags.up;
    link.master = original.master.clone();
    link.place = original.place.clone();
    Some(Object::Link(Box::new(link)))
}

/// Which link was where.
fn places_of(objects: &BTreeMap<Key, Object>) -> BTreeMap<&Place, &Key> {
    link_objects(objects).map(|(key, link)| (&link.place, key)).collect()
}

/// What hung on links, as it is to be: there, though they may have other names than they had.
fn at_home(
    key: &Key,
    object: Object,
    was_at: [&BTreeMap<&Place, &Key>; 2],
    objects: &BTreeMap<Key, Object>,
) -> (Key, Object) {
    let places =
        if matches!(key, Key::Link(_)) { SmallVec::new() } else { stands_on(key, &object) };
    let mut at = (key.clone(), object);
    for place in places {
        let Some(key) = was_at.iter().find_map(|at| at.get(&place)) else { continue };
        let link = objects.get(key).and_then(Object::link);
        if let Some(link) = link.filter(|link| link.place.netns == place.netns) {
            at = renamed(&at.0, &at.1, (&place.ifname, &link.place.ifname));
        }
    }
    at
}

/// Where links are to be, and where foreign ones are; and whether they are up there.
fn places(
    objects: &BTreeMap<Key, Object>,
    observed: &State,
    ours: impl Fn(&Key) -> bool,
) -> BTreeMap<Place, bool> {
    let foreign = link_objects(&observed.objects).filter(|(key, _)| !ours(key));
    let links = foreign.chain(link_objects(objects)).map(|(_, link)| link);
    links.map(|link| (link.place.clone(), link.flags.up == Some(true))).collect()
}

/// Whether a namespace is to be there, or was never ours.
fn netns_lasts(netns: &NetnsName, objects: [&BTreeMap<Key, Object>; 2], touched: &State) -> bool {
    let key = Key::Netns(netns.clone());
    netns.is_own()
        || objects.iter().any(|objects| objects.contains_key(&key))
        || !touched.objects.contains_key(&key)
}

/// Whether the links are there that an object hangs on, and up as far as it needs that; `is_up` tells of a link whether it
/// is.
fn has_home(key: &Key, object: &Object, is_up: impl Fn(&Place) -> Option<bool>) -> bool {
    let Some(netns) = key.netns() else { return true };
    let needs_up = matches!(key, Key::Route(_));
    let place = |ifname| Place { netns: netns.clone(), ifname };
    let mut at = devs(key, object).into_iter().map(|dev| is_up(&place(dev))).peekable();
    if at.peek().is_none() {
        return true;
    }
    let all: Option<Vec<bool>> = at.collect();
    all.is_some_and(|up| !needs_up || up.contains(&true))
}

/// The places that a link is at and will not be at, with where it will be if that is in the same namespace.
fn places_left(
    objects: &BTreeMap<Key, Object>,
    observed: &State,
    ours: impl Fn(&Key) -> bool,
) -> BTreeMap<Place, Option<Place>> {
    let mut left = BTreeMap::new();
    for (key, link) in link_objects(&observed.objects) {
        let to = match objects.get(key) {
            Some(Object::Link(link)) => Some(&link.place),
            Some(_) => None,
            None if ours(key) => None,
            None => continue,
        };
        if to != Some(&link.place) {
            let renamed = to.filter(|to| to.netns == link.place.netns).cloned();
            left.insert(link.place.clone(), renamed);
        }
    }
    left
}

/// What becomes of a foreign object.
enum Stays {
    Here,
    As(Key, Object),
    Not,
}

/// A foreign object as it is to be, given the places that links leave: on a renamed link it stays, on one that goes
/// elsewhere it does not.
fn foreign_object(key: &Key, object: &Object, left: &BTreeMap<Place, Option<Place>>) -> Stays {
    let Some(netns) = key.netns().filter(|_| !left.is_empty()) else { return Stays::Here };
    let mut moved: Option<(Key, Object)> = None;
    for dev in devs(key, object) {
        let place = Place { netns: netns.clone(), ifname: dev };
        let Some(to) = left.get(&place) else { continue };
        let Some(to) = to else { return Stays::Not };
        let (key, object) = moved.as_ref().map_or((key, object), |(key, object)| (key, object));
        moved = Some(renamed(key, object, (&place.ifname, &to.ifname)));
    }
    moved.map_or(Stays::Here, |(key, object)| Stays::As(key, object))
}
