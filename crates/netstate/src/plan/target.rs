//! What the kernel is to hold: what is configured, what goes back to how it was, and what others made.

mod links;
mod past;

use std::collections::{BTreeMap, BTreeSet};

use self::links::FreeMtu;
use self::past::Past;
use super::PlanError;
use crate::name::{LinkName, NetnsName};
use crate::noun::link::{IPV6_MIN_MTU, Link, Place, below, link_objects};
use crate::noun::{self, Condition, FoundBy, How, Key, Lasts, Loss, Object, Removal, Renaming};
use crate::originals::Originals;
use crate::state::{Entry, Sorted, State, together, without};
use crate::verdict::Hold;

/// What the kernel is to hold.
#[derive(Debug, Default)]
pub struct Target<'a> {
    /// What is as it is desired, or as it was observed.
    kept: Vec<Entry<'a>>,
    /// What is neither, or only in part.
    made: BTreeMap<Key, Object>,
    /// Those of what is made that go back to how they were.
    given_back: BTreeSet<Key>,
    /// What is configured, held or not.
    desired: Option<&'a State>,
}

impl Target<'_> {
    /// Everything that the kernel is to hold, as far as it was observed.
    pub fn entries(&self) -> impl Iterator<Item = (&Key, &Object)> {
        together(&self.made, self.kept.iter().copied())
    }

    pub(super) fn objects(&self) -> Sorted<'_> {
        Sorted::of(self.entries())
    }

    /// Whether an object is configured, rather than left as others made it.
    pub(super) fn is_configured(&self, key: &Key) -> bool {
        self.desired.is_some_and(|desired| desired.objects.contains_key(key))
    }

    /// Whether an object is to be as it was before it was configured.
    pub(super) fn is_given_back(&self, key: &Key) -> bool {
        self.given_back.contains(key)
    }
}

/// Where a plan is to lead.
#[derive(Clone, Copy, Debug)]
pub struct Goal<'a> {
    /// What is configured.
    pub desired: &'a State,
    /// What of that is left out ([`Verdict`](crate::Verdict)).
    pub held: &'a BTreeMap<Key, Hold>,
}

impl<'a> From<&'a State> for Goal<'a> {
    /// Everything that is configured.
    fn from(desired: &'a State) -> Self {
        static NOTHING: BTreeMap<Key, Hold> = BTreeMap::new();
        Goal { desired, held: &NOTHING }
    }
}

/// What the kernel is to hold once `goal` applies: what is desired and not held; what `touched` (the states that
/// may have been applied before, merged) had and `desired` has not goes back to its original, or goes; what is held goes;
/// everything else in `observed` stays as it is.
pub fn target<'a>(
    goal: impl Into<Goal<'a>>,
    touched: &'a State,
    originals: &'a Originals,
    observed: &'a State,
) -> Result<Target<'a>, PlanError> {
    let Goal { desired, held } = goal.into();
    let mut made = BTreeMap::new();
    let mut configured = Vec::with_capacity(desired.objects.len());
    let seen_at = places_of(&observed.objects);
    let to = |seen: &Place| Some(&desired.objects.get(*seen_at.get(seen)?)?.link()?.place);
    let desired_at = places_of(&desired.objects);
    let is_missing =
        |at: &Place| desired_at.get(at).is_some_and(|key| !observed.objects.contains_key(key));
    for (key, object) in desired.objects.iter().filter(|(key, _)| !held.contains_key(*key)) {
        match (key, object) {
            (Key::Link(id), Object::Link(link)) => {
                let past = Past::of(key, touched, originals, observed);
                let link = links::configured(id, link, &past, (to, is_missing))?;
                made.insert(key.clone(), Object::Link(Box::new(link)));
            }
            (_, Object::Link(_)) => {}
            _ => configured.push((key, object)),
        }
    }
    let ours = |key: &Key| {
        let sets = [&desired.objects, &touched.objects, &originals.objects];
        sets.iter().any(|set| set.contains_key(key))
    };
    let given_back = give_back(&mut made, (desired, touched, originals, observed), ours);
    let left = places_left(&made, observed, ours);
    let places = places(&made, observed, ours);
    // A link that was not observed is none of ours, and stays.
    let unseen = |place: &Place| (!seen_at.contains_key(place)).then_some(true);
    let is_up = |place: &Place| places.get(place).copied().or_else(|| unseen(place));
    let foreign = without(&observed.objects, &desired.objects);
    let foreign = without(without(foreign, &touched.objects), &originals.objects);
    let without_ipv6 = WithoutIpv6::of(&made, desired);
    let mut others = Vec::new();
    let was_made = |key: &Key| {
        let touched = touched.objects.get(key).and_then(Object::link);
        touched.is_some_and(|link| !link.is_adopted()) && !originals.objects.contains_key(key)
    };
    // The end of a cable of ours that is not configured has come with the other, and goes with it.
    let goes_with_mate = |object: &Object| {
        let mate = object.link().and_then(|link| seen_at.get(link.peer.as_ref()?));
        mate.is_some_and(|mate| was_made(mate) && !desired.objects.contains_key(*mate))
    };
    let was_applied = |key: &Key| {
        touched.objects.contains_key(key)
            && !desired.objects.contains_key(key)
            && !originals.objects.contains_key(key)
    };
    let follows = |key: &Key| {
        let sets = |(of, value): (&Key, &Object)| {
            of.noun() == key.noun()
                && noun::sets(of, value, key).is_some()
                && observed.objects.get(of).is_none_or(|seen| !noun::satisfies(of, seen, value))
        };
        configured.iter().copied().any(sets)
            || given_back.iter().filter_map(|of| made.get_key_value(of)).any(sets)
    };
    // What others have set follows what the kernel sets it along with.
    let following: BTreeSet<&Key> = (observed.objects.keys())
        .filter(|key| key.noun().facts().sets_others && !ours(key) && follows(key))
        .collect();
    let foreign = foreign.filter(|(key, _)| !following.contains(key));
    for (key, object) in foreign.filter(|(_, object)| !goes_with_mate(object)) {
        if without_ipv6.takes(key, object) {
            continue;
        }
        match foreign_object(key, object, &left) {
            Stays::Here if has_home(key, object, is_up) => others.push((key, object)),
            // What others have renamed a link with is still ours, by the name that the link has again.
            Stays::As(key, _) if was_applied(&key) => {}
            Stays::As(key, object) if has_home(&key, &object, is_up) => {
                if !desired.objects.contains_key(&key) {
                    made.entry(key).or_insert(object);
                }
            }
            Stays::Here | Stays::As(..) | Stays::Not => {}
        }
    }
    let mtu_in = |state: &State, key: &Key| state.objects.get(key)?.link()?.attributes.mtu;
    // One that we make has the MTU of the link below, for as long as nobody gives it another.
    let follows = |key: &Key| {
        let is_made = desired.objects.get(key).and_then(Object::link);
        let is_made = is_made.is_some_and(|link| !link.is_adopted());
        let below = |link: &Link| mtu_in(observed, seen_at.get(link.device.as_ref()?)?);
        let seen = observed.objects.get(key).and_then(Object::link);
        is_made && seen.is_none_or(|seen| seen.attributes.mtu == below(seen))
    };
    let free_mtu = |key: &Key| match (mtu_in(desired, key), mtu_in(touched, key)) {
        (Some(_), _) => None,
        (None, _) if originals.objects.contains_key(key) => Some(FreeMtu::Left),
        (None, None) if !follows(key) => Some(FreeMtu::Left),
        (None, _) => Some(FreeMtu::Follows),
    };
    links::fit_mtus(&mut made, &mut others, free_mtu);
    let kept = together(configured, others).collect();
    Ok(Target { kept, made, given_back, desired: Some(desired) })
}

/// What was configured, or came along with what was, goes back to where and how it was before.
fn give_back(
    made: &mut BTreeMap<Key, Object>,
    (desired, touched, originals, observed): (&State, &State, &Originals, &State),
    ours: impl Fn(&Key) -> bool,
) -> BTreeSet<Key> {
    let mut given_back = BTreeSet::new();
    let released = together(&touched.objects, &originals.objects);
    let released: Vec<&Key> = without(released, &desired.objects).map(|(key, _)| key).collect();
    let has_noun = |key: &Key| key.noun().facts().sets_others;
    let setters: Vec<Entry<'_>> = match released.iter().any(|key| has_noun(key)) {
        true => desired.objects.iter().filter(|(key, _)| has_noun(key)).collect(),
        false => Vec::new(),
    };
    let homes = places_of(&originals.objects);
    let former = places_of(&touched.objects);
    // Links come first, for what is on them can go back only to where one is.
    let seen_at = places_of(&observed.objects);
    let (links, others): (Vec<_>, Vec<_>) =
        released.into_iter().partition(|key| key.noun().facts().found_by == FoundBy::Place);
    // Defaults follow what goes back to how it was.
    let (known, others): (Vec<_>, Vec<_>) =
        others.into_iter().partition(|key| originals.objects.contains_key(*key));
    for keys in [links, known, others] {
        let places = places(made, observed, &ours);
        let without_ipv6 = WithoutIpv6::of(made, desired);
        for key in keys {
            let past = Past::of(key, touched, originals, observed);
            let default = |key: &Key| {
                let is_setter = |(key, _): &Entry<'_>| has_noun(key) && given_back.contains(*key);
                let setters = made.iter().filter(is_setter).chain(setters.iter().copied());
                default_value(key, setters, observed)
            };
            let released = || released_object(key, &past, default);
            let Some(object) = set_along(key, &setters, originals).or_else(released) else {
                continue;
            };
            // As long as it is there, so are those of its links that were not observed.
            let unseen = |place: &Place| {
                (past.observed.is_some() && !seen_at.contains_key(place)).then_some(true)
            };
            let is_up = |place: &Place| places.get(place).copied().or_else(|| unseen(place));
            // What was there before its link was renamed, or only after.
            let was_at = if past.original.is_some() { [&homes, &former] } else { [&former; 2] };
            let (key, object) = at_home(key, object, was_at, made);
            let lasts = |netns| netns_lasts(netns, [&desired.objects, made], touched);
            let netns = object.link().map(|link| &link.place.netns);
            if key.netns().or(netns).is_none_or(lasts)
                && has_home(&key, &object, is_up)
                && !without_ipv6.takes(&key, &object)
                && !desired.objects.contains_key(&key)
            {
                given_back.insert(key.clone());
                made.entry(key).or_insert(object);
            }
        }
    }
    given_back
}

/// What the kernel sets an object to along with one that is configured to be otherwise than it was.
fn set_along(key: &Key, setters: &[Entry<'_>], originals: &Originals) -> Option<Object> {
    setters.iter().find_map(|(of, value)| {
        let before = originals.objects.get(*of)?;
        noun::sets(of, value, key).filter(|_| !noun::satisfies(of, before, value))
    })
}

/// What a default is once these objects are as they are to be.
fn default_value<'o>(
    key: &Key,
    mut setters: impl Iterator<Item = Entry<'o>>,
    observed: &State,
) -> Option<Object> {
    let set = setters.find_map(|(of, value)| {
        if of == key {
            return Some(value.clone());
        }
        let before = observed.objects.get(of)?;
        noun::sets(of, value, key).filter(|_| !noun::satisfies(of, before, value))
    });
    set.or_else(|| observed.objects.get(key).cloned())
}

/// An object that was configured: as it was before, or nothing where we made it.
fn released_object(
    key: &Key,
    past: &Past<'_>,
    default: impl Fn(&Key) -> Option<Object>,
) -> Option<Object> {
    let facts = key.noun().facts();
    match (facts.found_by, past.original, facts.removal) {
        (FoundBy::Place, _, _) => links::released(past),
        (FoundBy::Key, Some(original), _) => Some(original.clone()),
        // What cannot go takes the value that a new one has.
        (FoundBy::Key, None, Removal::Reset) => {
            past.observed.and_then(|_| default(&key.default_key()?))
        }
        (FoundBy::Key, None, Removal::Deleted | Removal::ByStep | Removal::Never) => None,
    }
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
    // A link is where it is, whatever it stands on.
    let places = key.netns().map(|_| noun::places(key, &object));
    let mut at = (key.clone(), object);
    for place in places.into_iter().flatten() {
        let Some(key) = was_at.iter().find_map(|at| at.get(&place)) else { continue };
        let link = objects.get(key).and_then(Object::link);
        if let Some(link) = link.filter(|link| link.place.netns == place.netns) {
            let names = Renaming { old: &place.ifname, new: &link.place.ifname };
            at = noun::renamed(&at.0, &at.1, names);
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

/// Whether the links are there that an object is on, and up as far as it needs that; `is_up` tells of a link whether it
/// is.
fn has_home(key: &Key, object: &Object, is_up: impl Fn(&Place) -> Option<bool>) -> bool {
    if key.netns().is_none() {
        return true;
    }
    let needs = noun::needs(key, object);
    let links = needs.iter().filter_map(|need| Some((need.place()?, need.how)));
    let mut all_there = true;
    let mut carried: Option<bool> = None;
    for (place, how) in links.filter(|(_, how)| *how != How::Mentioned) {
        let up = is_up(place);
        all_there &= up.is_some();
        if how == How::Up {
            let with_any = key.noun().facts().lasts == Lasts::WithAny;
            let up = up == Some(true);
            let before = carried.unwrap_or(!with_any);
            carried = Some(if with_any { before || up } else { before && up });
        }
    }
    all_there && carried != Some(false)
}

/// Where there is no IPv6.
#[derive(Default)]
struct WithoutIpv6 {
    /// The links whose MTU is below 1280, which have no parameters of IPv6 either.
    small: BTreeSet<Place>,
    /// The links that it is switched off on; all of a namespace where none is named.
    off: BTreeSet<(NetnsName, Option<LinkName>)>,
}

impl WithoutIpv6 {
    fn of(made: &BTreeMap<Key, Object>, desired: &State) -> Self {
        let is_small = |link: &&Link| link.attributes.mtu.is_some_and(|mtu| mtu < IPV6_MIN_MTU);
        let links = || link_objects(made).map(|(_, link)| link);
        let mut small: BTreeSet<Place> =
            links().filter(is_small).map(|link| link.place.clone()).collect();
        // A VLAN has no greater MTU than the link below.
        loop {
            let on_small = links().filter(|link| {
                let is_on_small = link.device.as_ref().is_some_and(|device| small.contains(device));
                is_on_small && below(link).mtu_within && !small.contains(&link.place)
            });
            let more: Vec<Place> = on_small.map(|link| link.place.clone()).collect();
            if more.is_empty() {
                break;
            }
            small.extend(more);
        }
        let off = desired.objects.iter().filter_map(|(key, object)| {
            Some((key.netns()?.clone(), noun::switches_off_ipv6(key, object)?))
        });
        Self { small, off: off.collect() }
    }

    /// Whether an object is on such a link and goes for that.
    fn takes(&self, key: &Key, object: &Object) -> bool {
        if self.small.is_empty() && self.off.is_empty() {
            return false;
        }
        let mut conditions = Vec::new();
        noun::conditions(key, object, &mut conditions);
        let is_lost = noun::is_lost_with(key, object, &Loss::Ipv6);
        let is_parameter =
            || conditions.iter().any(|condition| matches!(condition, Condition::Ipv6Parameters(_)));
        if !is_lost && !is_parameter() {
            return false;
        }
        let is_off = |Place { netns, ifname }: Place| {
            let of = |dev| self.off.contains(&(netns.clone(), dev));
            of(None) || of(Some(ifname))
        };
        noun::places(key, object)
            .any(|place| self.small.contains(&place) || is_lost && is_off(place))
    }
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
    if key.netns().is_none() || left.is_empty() {
        return Stays::Here;
    }
    let mut moved: Option<(Key, Object)> = None;
    for place in noun::places(key, object) {
        let Some(to) = left.get(&place) else { continue };
        let Some(to) = to else { return Stays::Not };
        let (key, object) = moved.as_ref().map_or((key, object), |(key, object)| (key, object));
        let names = Renaming { old: &place.ifname, new: &to.ifname };
        moved = Some(noun::renamed(key, object, names));
    }
    moved.map_or(Stays::Here, |(key, object)| Stays::As(key, object))
}
