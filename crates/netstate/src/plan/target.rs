//! The target of a plan: the configured objects, the originals that are restored, and the objects
//! of others.

mod links;
mod mtus;
mod needed;
mod past;
mod vlans;

use std::collections::{BTreeMap, BTreeSet};

use self::mtus::History;
use self::needed::{Before, drop_what_lacks};
use self::past::{Past, Renamed};
use super::PlanError;
use crate::name::NetnsName;
use crate::noun::link::{Link, Place, link_objects, must_recreate};
use crate::noun::without_ip::WithoutIp;
use crate::noun::{self, FoundBy, How, Key, Lasts, Object, Removal, Renaming};
use crate::originals::Originals;
use crate::state::{Entry, Goes, Moves, Sorted, State, Stays, setters, together, without};
use crate::verdict::Hold;

/// What the kernel must hold.
#[derive(Debug, Default)]
pub struct Target<'a> {
    /// Objects that are as desired, or as observed.
    kept: Vec<Entry<'a>>,
    /// Objects that are neither, or only in part.
    made: BTreeMap<Key, Object>,
    /// Those of `made` that get their original state.
    given_back: BTreeSet<Key>,
    /// The configured objects, held or not.
    desired: Option<&'a State>,
}

impl<'a> Target<'a> {
    /// Everything that the kernel must hold, as far as it was observed.
    pub fn entries(&self) -> impl Iterator<Item = (&Key, &Object)> {
        together(&self.made, self.kept.iter().copied())
    }

    pub(super) fn objects(&self) -> Sorted<'_> {
        Sorted::of(self.entries())
    }

    /// Whether an object is configured. Otherwise it belongs to others.
    pub(super) fn is_configured(&self, key: &Key) -> bool {
        self.configured(key).is_some()
    }

    /// The configuration of an object, if it is configured.
    pub(super) fn configured(&self, key: &Key) -> Option<&'a Object> {
        self.desired?.objects.get(key)
    }

    /// Whether an object must be as it was before it was configured.
    pub(super) fn is_given_back(&self, key: &Key) -> bool {
        self.given_back.contains(key)
    }
}

/// The goal of a plan.
#[derive(Clone, Copy, Debug)]
pub struct Goal<'a> {
    /// The configured objects.
    pub desired: &'a State,
    /// The held objects among them ([`Verdict`](crate::Verdict)).
    pub held: &'a BTreeMap<Key, Hold>,
}

impl<'a> From<&'a State> for Goal<'a> {
    /// Everything that is configured.
    fn from(desired: &'a State) -> Self {
        static NOTHING: BTreeMap<Key, Hold> = BTreeMap::new();
        Goal { desired, held: &NOTHING }
    }
}

/// The target for `goal`. Objects that are desired and not held must exist. Objects that `touched`
/// (the merged states that may have been applied before) contains and `desired` does not are
/// restored to their originals, or removed. Held objects are removed. Everything else in `observed`
/// stays as it is.
pub fn target<'a>(
    goal: impl Into<Goal<'a>>,
    touched: &'a State,
    originals: &'a Originals,
    observed: &'a State,
) -> Result<Target<'a>, PlanError> {
    let Goal { desired, held } = goal.into();
    let named = Renamed::of(originals, desired);
    let before = Renamed::of(originals, touched);
    let mut made = BTreeMap::new();
    let mut configured = Vec::with_capacity(desired.objects.len());
    let seen_at = places_of(&observed.objects);
    let to = |seen: &Place| Some(&desired.objects.get(*seen_at.get(seen)?)?.link()?.place);
    let homes = places_of(&originals.objects);
    let from = |home: &Place| Some(&desired.objects.get(*homes.get(home)?)?.link()?.place);
    let desired_at = places_of(&desired.objects);
    let is_missing =
        |at: &Place| desired_at.get(at).is_some_and(|key| !observed.objects.contains_key(key));
    let was_made = |key: &Key| {
        let touched = touched.objects.get(key).and_then(Object::link);
        touched.is_some_and(|link| !link.is_adopted()) && !originals.objects.contains_key(key)
    };
    let kind_at = |place: &Place| {
        let key = desired_at.get(place).copied();
        let configured = key.and_then(|key| desired.objects.get(key)?.link()?.kind.as_ref());
        let key = key.or_else(|| seen_at.get(place).copied());
        configured.or_else(|| observed.objects.get(key?)?.link()?.kind.as_ref())
    };
    for (key, object) in desired.objects.iter().filter(|(key, _)| !held.contains_key(*key)) {
        match (key, object) {
            (Key::Link(id), Object::Link(link)) => {
                let past = |key| Past::of(key, touched, originals, observed);
                let configured =
                    links::configured(id, link, &past(key), (to, from, is_missing, kind_at))?;
                // The other end of a pair stays if only that is no longer configured.
                let end = links::other_end(link);
                let end = end.and_then(|end| Some((*seen_at.get(&end.place)?, end)));
                if let Some((mate @ Key::Link(id), end)) = end
                    && !desired.objects.contains_key(mate)
                    && was_made(mate)
                {
                    let stays = |seen: &Link| !must_recreate(&configured, seen, to, is_missing);
                    let end = match past(key).observed_link().is_some_and(stays) {
                        true => links::configured(
                            id,
                            &end,
                            &past(mate),
                            (to, from, is_missing, kind_at),
                        )?,
                        false => links::made(end, false),
                    };
                    made.insert(mate.clone(), Object::Link(Box::new(end)));
                }
                made.insert(key.clone(), Object::Link(Box::new(configured)));
            }
            (_, Object::Link(_)) => {}
            _ => match named.completed((key, object), (&before, touched)) {
                Some(completed) => drop(made.insert(key.clone(), completed)),
                None => configured.push((key, object)),
            },
        }
    }
    let ours = |key: &Key| {
        let sets = [&desired.objects, &touched.objects, &originals.objects];
        sets.iter().any(|set| set.contains_key(key))
    };
    // The other end of a veth pair of ours that is not configured was created with the pair, and is
    // removed with it.
    let goes_with_mate = |object: &Object| {
        let mate = object.link().and_then(|link| seen_at.get(link.peer.as_ref()?));
        let is_active = |key| desired.objects.contains_key(key) && !held.contains_key(key);
        mate.is_some_and(|mate| was_made(mate) && !is_active(*mate))
    };
    let stays = |seen: &Object| !goes_with_mate(seen);
    let given_back = give_back(&mut made, (desired, touched, originals, observed), (ours, stays));
    let left = Moves::of(&observed.objects, |key| match made.get(key) {
        Some(Object::Link(link)) => Some(Goes::To(&link.place)),
        Some(_) => Some(Goes::Away),
        None => {
            let goes_along = || observed.objects.get(key).is_some_and(goes_with_mate);
            (ours(key) || goes_along()).then_some(Goes::Away)
        }
    });
    let places = places(&made, observed, ours);
    // A link that was not observed is not ours, and stays.
    let unseen = |place: &Place| (!seen_at.contains_key(place)).then_some(true);
    let is_up = |place: &Place| places.get(place).copied().or_else(|| unseen(place));
    let foreign = without(&observed.objects, &desired.objects);
    let foreign = without(without(foreign, &touched.objects), &originals.objects);
    let without_ip = WithoutIp::of(&made, &desired.objects);
    let mut others = Vec::new();
    let was_applied = |key: &Key| {
        touched.objects.contains_key(key)
            && !desired.objects.contains_key(key)
            && !originals.objects.contains_key(key)
    };
    let is_setter = |(key, _): &Entry<'_>| key.is_setter();
    let setting: Vec<Entry<'_>> = setters(&desired.objects)
        .filter(|entry| is_setter(entry) && !held.contains_key(entry.0))
        .collect();
    let follows = |key: &Key| {
        let sets = |(of, value): (&Key, &Object)| {
            of.noun() == key.noun()
                && noun::sets(of, value, key).is_some()
                && observed.objects.get(of).is_none_or(|seen| !noun::satisfies(of, seen, value))
        };
        setting.iter().copied().any(sets)
            || given_back.iter().filter_map(|of| made.get_key_value(of)).filter(is_setter).any(sets)
    };
    // Values that others have set change if the kernel sets them together with a configured one.
    let following: BTreeSet<&Key> = setters(&observed.objects)
        .map(|(key, _)| key)
        .filter(|key| !ours(key) && follows(key))
        .collect();
    let foreign = foreign.filter(|(key, _)| !following.contains(key));
    for (key, object) in foreign.filter(|(_, object)| !goes_with_mate(object)) {
        // Where it will be decides, because `without_ip` names the links as they will be.
        let stays = |key: &Key, object: &Object| {
            has_home(key, object, is_up) && !without_ip.takes(key, object)
        };
        match left.follow(key, object) {
            Stays::Here if stays(key, object) => others.push((key, object)),
            // If others have renamed the link, its objects are still ours, under the link's old
            // name, which it gets again.
            Stays::As(key, _) if was_applied(&key) => {}
            Stays::As(key, object) if stays(&key, &object) => {
                if !desired.objects.contains_key(&key) {
                    made.entry(key).or_insert(object);
                }
            }
            Stays::Here | Stays::As(..) | Stays::Not => {}
        }
    }
    let (row, others_row) = (&configured, &mut others);
    drop_what_lacks(Before {
        configured: row,
        others: others_row,
        made: &mut made,
        observed,
        touched,
    });
    mtus::fit_mtus(&mut made, &mut others, History { desired, touched, originals, observed });
    let kept = together(configured, others).collect();
    Ok(Target { kept, made, given_back, desired: Some(desired) })
}

/// Gives back objects that were configured, or that were created with these: each gets its original
/// place and state. `stays` returns whether an observed object does not go with another one.
fn give_back(
    made: &mut BTreeMap<Key, Object>,
    (desired, touched, originals, observed): (&State, &State, &Originals, &State),
    (ours, stays): (impl Fn(&Key) -> bool, impl Fn(&Object) -> bool),
) -> BTreeSet<Key> {
    let mut given_back = BTreeSet::new();
    let released = together(&touched.objects, &originals.objects);
    let released: Vec<&Key> = without(released, &desired.objects).map(|(key, _)| key).collect();
    let setters: Vec<Entry<'_>> = match released.iter().any(|key| key.noun().facts().sets_others) {
        true => setters(&desired.objects).filter(|(key, _)| key.is_setter()).collect(),
        false => Vec::new(),
    };
    let mut setters_back: BTreeSet<Key> = BTreeSet::new();
    let homes = places_of(&originals.objects);
    let former = places_of(&touched.objects);
    // Links come first, because objects on them can be restored only where a link is.
    let seen_at = places_of(&observed.objects);
    let (links, others): (Vec<_>, Vec<_>) =
        released.into_iter().partition(|key| key.noun().facts().found_by == FoundBy::Place);
    // Defaults depend on the restored values.
    let (known, mut others): (Vec<_>, Vec<_>) =
        others.into_iter().partition(|key| originals.objects.contains_key(*key));
    // Without an original, only what cannot be removed comes back, or what others set.
    others.retain(|key| {
        let facts = key.noun().facts();
        facts.removal == Removal::Reset || facts.sets_others
    });
    let desired_at = places_of(&desired.objects);
    let wanted = |key: &Key| Some(&desired.objects.get(key)?.link()?.place);
    let to = |seen: &Place| {
        let key = *seen_at.get(seen)?;
        wanted(key).or_else(|| Some(&originals.objects.get(key)?.link()?.place))
    };
    let from = |home: &Place| wanted(homes.get(home)?);
    let is_ours_at =
        |place: &Place| [&homes, &former, &desired_at].iter().any(|at| at.contains_key(place));
    let before = Renamed::of(originals, touched);
    for keys in [links, known, others] {
        let places = places(made, observed, &ours);
        let without_ip = WithoutIp::of(made, &desired.objects);
        for key in keys {
            let past = Past::of(key, touched, originals, observed);
            if past.observed.is_some_and(|seen| !stays(seen)) {
                continue;
            }
            let default = |key: &Key| {
                let back = made.get(key).filter(|_| given_back.contains(key));
                let setters_back = setters_back.iter().filter_map(|key| made.get_key_value(key));
                let setters = setters_back.chain(setters.iter().copied());
                let itself = desired.objects.get(key).or(back).cloned();
                itself.or_else(|| default_value(key, setters, observed))
            };
            let released = || match key.noun().facts().found_by {
                FoundBy::Place => links::released(&past, to, from),
                FoundBy::Key => {
                    let back = |original: &Object| before.given_back(key, touched, original);
                    released_object(key, &past, (back, default))
                }
            };
            let Some(object) = set_along(key, &setters, originals).or_else(released) else {
                continue;
            };
            // A link that was not observed belongs to others, and may still exist.
            let unseen = |place: &Place| {
                let is_foreign = past.touched.is_none() && noun::is_deleted_alone(key);
                let is_theirs = past.observed.is_some() || is_foreign && !is_ours_at(place);
                (is_theirs && !seen_at.contains_key(place)).then_some(true)
            };
            let is_up = |place: &Place| places.get(place).copied().or_else(|| unseen(place));
            // An original may be from before or from after its link was renamed.
            let was_at = if past.original.is_some() { [&homes, &former] } else { [&former; 2] };
            let (key, object) = at_home(key, object, was_at, made);
            let lasting = [&desired.objects, &originals.objects];
            let lasts = |netns| netns_lasts(netns, lasting, touched);
            let netns = object.link().map(|link| &link.place.netns);
            if key.netns().or(netns).is_none_or(lasts)
                && has_home(&key, &object, is_up)
                && !without_ip.takes(&key, &object)
                && !desired.objects.contains_key(&key)
            {
                given_back.insert(key.clone());
                if key.is_setter() {
                    setters_back.insert(key.clone());
                }
                made.entry(key).or_insert(object);
            }
        }
    }
    given_back
}

/// The value to which the kernel sets an object together with a configured one that differs from
/// its original.
fn set_along(key: &Key, setters: &[Entry<'_>], originals: &Originals) -> Option<Object> {
    setters.iter().find_map(|(of, value)| {
        let before = originals.objects.get(*of)?;
        noun::sets(of, value, key).filter(|_| !noun::satisfies(of, before, value))
    })
}

/// The value of a default that is not set itself, after these objects have been set.
fn default_value<'o>(
    key: &Key,
    mut setters: impl Iterator<Item = Entry<'o>>,
    observed: &State,
) -> Option<Object> {
    let set = setters.find_map(|(of, value)| {
        let before = observed.objects.get(of)?;
        noun::sets(of, value, key).filter(|_| !noun::satisfies(of, before, value))
    });
    set.or_else(|| observed.objects.get(key).cloned())
}

/// An object other than a link that was configured: its original, or nothing if we created it.
fn released_object(
    key: &Key,
    past: &Past<'_>,
    (back, default): (impl Fn(&Object) -> Option<Object>, impl Fn(&Key) -> Option<Object>),
) -> Option<Object> {
    let facts = key.noun().facts();
    match (past.original, facts.removal) {
        _ if key.is_one_way() => past.observed.cloned(),
        (Some(original), _) => Some(back(original).unwrap_or_else(|| original.clone())),
        // An object that cannot be removed gets the value of a new one.
        (None, Removal::Reset) => past.observed.and_then(|_| default(&key.default_key()?)),
        (None, Removal::Deleted | Removal::DeletedLast | Removal::ByStep | Removal::Never) => None,
    }
}

/// The link at each place.
fn places_of(objects: &BTreeMap<Key, Object>) -> BTreeMap<&Place, &Key> {
    link_objects(objects).map(|(key, link)| (&link.place, key)).collect()
}

/// The objects on links as they are desired, under the present names of the links.
fn at_home(
    key: &Key,
    object: Object,
    was_at: [&BTreeMap<&Place, &Key>; 2],
    objects: &BTreeMap<Key, Object>,
) -> (Key, Object) {
    // A link does not depend on a place of another link.
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

/// The desired places of links, the places of foreign ones, and whether they are up.
fn places(
    objects: &BTreeMap<Key, Object>,
    observed: &State,
    ours: impl Fn(&Key) -> bool,
) -> BTreeMap<Place, bool> {
    let foreign = link_objects(&observed.objects).filter(|(key, _)| !ours(key));
    let links = foreign.chain(link_objects(objects)).map(|(_, link)| link);
    links.map(|link| (link.place.clone(), link.flags.up == Some(true))).collect()
}

/// Whether a namespace is desired, was there before it was configured, or was never configured.
fn netns_lasts(netns: &NetnsName, objects: [&BTreeMap<Key, Object>; 2], touched: &State) -> bool {
    let key = Key::Netns(netns.clone());
    netns.is_own()
        || objects.iter().any(|objects| objects.contains_key(&key))
        || !touched.objects.contains_key(&key)
}

/// Whether the links of an object exist, and are up if it needs that; `is_up` returns whether a
/// link is up.
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
