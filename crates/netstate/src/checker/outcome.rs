//! Whether a state is the target: every object of the target is there as desired, and nothing else.

use std::collections::BTreeMap;

use super::needs::name;
use super::nexthops;
use super::nouns::{agrees, nature, same_value};
use super::world::{Presence, World, is_built_in, master};
use crate::attribute::Fields;
use crate::name::{LinkId, LinkName};
use crate::noun::link::{Link, LinkBelow, LinkKind, Master, Place};
use crate::noun::route::Route;
use crate::noun::{Key, Object};
use crate::state::State;

/// An object that is not as desired, and the reason.
pub(super) type Fault = (Key, String);

/// Compares the resulting state with the target.
pub(super) struct Outcome<'w, 'a> {
    pub(super) observed: &'w State,
    /// The observed link at each place.
    pub(super) seen: BTreeMap<&'w Place, &'w LinkId>,
    pub(super) now: &'w World<'a>,
    pub(super) end: &'w World<'a>,
}

impl Outcome<'_, '_> {
    pub(super) fn fault(&self, target: &BTreeMap<&Key, &Object>) -> Option<Fault> {
        let missed = target.iter().find_map(|(key, object)| {
            let reason = self.missed(key, object)?;
            Some(((*key).clone(), reason))
        });
        missed.or_else(|| self.left(target))
    }

    /// Why an object of the target is missing.
    fn missed(&self, key: &Key, wanted: &Object) -> Option<String> {
        if nature(key, wanted).is_automatic {
            return None;
        }
        match (key, wanted) {
            (Key::Netns(netns), _) => {
                (self.now.netns(netns) != Presence::Here(())).then(|| self.absent(key))
            }
            (Key::Link(id), Object::Link(wanted)) => {
                let Some(place) = self.now.places.get(id) else {
                    let at = &wanted.place;
                    let went_home = self.end.netns(&at.netns) == Presence::Missing
                        && is_built_in(at.ifname.as_str());
                    return (!went_home).then(|| self.absent(key));
                };
                self.differs(key, wanted, &self.now.node(place)?.link)
            }
            (_, wanted) => match self.now.objects.get(key) {
                Some(seen) => (!agrees(key, wanted, seen))
                    .then(|| format!("it is not as it is to be, but {seen:?}")),
                // If no plan could create the object, the kernel must refuse it.
                None => self.end.missing(key, wanted, false).is_none().then(|| self.absent(key)),
            },
        }
    }

    fn absent(&self, key: &Key) -> String {
        match self.now.lost.get(key) {
            Some(why) => format!("it is to be there, but went along with {why}"),
            None => "it is to be there, and was not made".into(),
        }
    }

    /// The differences of a link from the desired one.
    fn differs(&self, key: &Key, wanted: &Link, seen: &Link) -> Option<String> {
        if wanted.place != seen.place {
            let [to, at] = [&wanted.place, &seen.place].map(name);
            return Some(format!("it is to be {to}, and is {at}"));
        }
        let mut fields = kind_differs(wanted.kind.as_ref(), seen.kind.as_ref());
        fields.extend(wanted.attributes.changes(&seen.attributes).set_fields());
        fields.extend(wanted.flags.changes(&seen.flags).set_fields());
        if matches!(wanted.master, Some(Master::Of(_))) && wanted.master == seen.master {
            fields.extend(wanted.port.changes(&seen.port).set_fields());
        }
        if wanted.vlans.is_some() && wanted.vlans != seen.vlans {
            fields.push("vlan");
        }
        // An unchanged link still refers to other links by their observed names.
        let is_left = self.observed.objects.get(key).and_then(Object::link) == Some(wanted);
        fields.extend(self.ties_differ(wanted, seen, is_left));
        (!fields.is_empty()).then(|| format!("it is not as it is to be in {}", fields.join(", ")))
    }

    /// The references of a link that lead to another link than desired.
    fn ties_differ(&self, wanted: &Link, seen: &Link, is_left: bool) -> Vec<&'static str> {
        let mut fields = Vec::new();
        let expected = |place: &Place| {
            let id = self.end.node(place).and_then(|node| node.id.as_ref());
            let same = self.seen.get(place).copied() == id;
            self.end.link(place) != Presence::Missing && (same || !is_left)
        };
        let is_free = matches!(seen.master, Some(Master::Free) | None);
        let other_master = match &wanted.master {
            Some(Master::Of(_)) => {
                seen.master != wanted.master && master(wanted).is_some_and(|at| expected(&at))
            }
            Some(Master::Free) => !is_free,
            None => false,
        };
        if other_master {
            fields.push("master");
        }
        if let Some(device) = &wanted.device
            && seen.device.as_ref() != Some(device)
            && expected(device)
        {
            fields.push("device");
        }
        let may_have_none =
            wanted.facts().is_some_and(|facts| matches!(facts.link_below, LinkBelow::Optional(_)));
        if may_have_none && wanted.device.is_none() && seen.device.is_some() {
            fields.push("device");
        }
        if let Some(peer) = &wanted.peer
            && seen.peer.as_ref() != Some(peer)
        {
            let is_stale = match self.end.link(peer) {
                Presence::Here(other) => other.peer.as_ref() != Some(&wanted.place),
                Presence::Missing => true,
                Presence::Unknown => false,
            };
            if !is_stale {
                fields.push("peer");
            }
        }
        fields
    }

    /// An object that exists although the target does not contain it. The end of a veth pair
    /// without a name belongs to the other end.
    fn left(&self, target: &BTreeMap<&Key, &Object>) -> Option<Fault> {
        let is_left = |key: &Key| !target.contains_key(key);
        let namespaces = self.now.namespaces().cloned().map(Key::Netns);
        let links = self.now.links().filter_map(|node| node.id.clone()).map(Key::Link);
        let objects = self.now.objects.iter().filter(|(key, object)| {
            let nature = nature(key, object);
            !nature.is_automatic && !nature.is_part_of_home
        });
        let all = namespaces.chain(links).chain(objects.map(|(key, _)| key.clone()));
        let left = all.into_iter().find(is_left)?;
        Some((left, "it is to go, and is still there".into()))
    }
}

/// The attributes of a kind that differ from the desired ones, or the kind itself.
pub(super) fn kind_differs(
    wanted: Option<&LinkKind>,
    seen: Option<&LinkKind>,
) -> Vec<&'static str> {
    match (wanted, seen) {
        (None, _) => Vec::new(),
        (Some(wanted), Some(seen)) if wanted.name() == seen.name() => {
            let changes = wanted.changes(seen);
            changes.iter().flat_map(LinkKind::set).map(|field| field.name).collect()
        }
        (Some(_), _) => vec!["type"],
    }
}

/// The fields in which `from` differs from the link. Unknown fields are skipped, and other links
/// may have their observed names.
pub(super) fn from_differs(from: &Link, now: &Link, world: &World<'_>) -> Vec<&'static str> {
    let mut fields = from.attributes.only(&now.attributes).changes(&now.attributes).set_fields();
    fields.extend(from.flags.only(&now.flags).changes(&now.flags).set_fields());
    fields.extend(from.port.only(&now.port).changes(&now.port).set_fields());
    let unknown = unset(now.kind.as_ref());
    let kind = from.kind.as_ref().filter(|_| now.kind.is_some());
    let differing = kind_differs(kind, now.kind.as_ref());
    fields.extend(differing.into_iter().filter(|name| !unknown.contains(name)));
    let other = |from: &Option<Place>, now: &Option<Place>| {
        from.as_ref().is_some_and(|from| {
            now.as_ref() != Some(from) && now.as_ref() != Some(world.now_at(from))
        })
    };
    let ties = [
        ("master", master(from), master(now)),
        ("device", from.device.clone(), now.device.clone()),
        ("peer", from.peer.clone(), now.peer.clone()),
    ];
    fields.extend(ties.iter().filter(|(_, from, now)| other(from, now)).map(|(name, ..)| *name));
    fields
}

/// Whether an object other than a link is as `from` describes it. The links of a route may have
/// their observed names.
pub(super) fn is_still(key: &Key, from: &Object, now: &Object, world: &World<'_>) -> bool {
    match (key, from, now) {
        (_, Object::Sysctl(from), Object::Sysctl(now)) => same_value(from, now),
        (Key::Route(key), Object::Route(from), Object::Route(now)) if from != now => {
            let mut from = Route::clone(from);
            for dev in from.nexthops.iter_mut().filter_map(|hop| hop.dev.as_mut()) {
                let seen = Place { netns: key.netns.clone(), ifname: dev.clone() };
                dev.clone_from(&world.now_at(&seen).ifname);
            }
            from.nexthops.sort();
            from == **now
        }
        (Key::Nexthop(key), from, now) if from != now => {
            let seen = |dev: &LinkName| Place { netns: key.netns.clone(), ifname: dev.clone() };
            let now_called = |dev: &LinkName| world.now_at(&seen(dev)).ifname.clone();
            nexthops::renamed(from, now_called).as_ref() == Some(now)
        }
        (_, from, now) => from == now,
    }
}

/// The attributes that are unknown.
fn unset(kind: Option<&LinkKind>) -> Vec<&'static str> {
    let Some(kind) = kind else { return Vec::new() };
    let set = kind.set();
    kind.fields().iter().filter(|field| !set.contains(field)).map(|field| field.name).collect()
}
