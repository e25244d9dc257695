//! The account of a growing plan: its operations, and their effects.

mod mtu;
mod needing;

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use self::mtu::{Keeps, observed_keeps};
use self::needing::Needing;
use super::target::Target;
use crate::name::{LinkId, NetnsName};
use crate::noun::link::{Link, Place, link, links};
use crate::noun::{self, Key, Lasts, Loss, Object};
use crate::operation::{Action, Because, Op};
use crate::state::{Dependents, Entry, Sorted, State, side_by_side};

/// The observed objects that depend on an IP address, on any link, by address; and the addresses
/// themselves.
type BySource<'a> = BTreeMap<(&'a NetnsName, IpAddr), (Vec<&'a Key>, Vec<Entry<'a>>)>;

/// The addresses of the target, by namespace and IP address.
type ByAddress<'a> = BTreeMap<(&'a NetnsName, IpAddr), Vec<&'a Key>>;

/// The account of a plan.
pub(super) struct Account<'a> {
    pub(super) target: &'a Sorted<'a>,
    /// The target of the plan.
    origin: &'a Target<'a>,
    pub(super) observed: &'a State,
    /// The objects of the target, without links, that were not observed or differ.
    pub(super) unsettled: Sorted<'a>,
    /// The observed objects that are not in the target.
    pub(super) surplus: Sorted<'a>,
    dependents: OnceCell<Dependents<'a>>,
    sourced: OnceCell<BySource<'a>>,
    needing: OnceCell<Needing<'a>>,
    /// The links after the operations so far.
    pub(super) links: BTreeMap<LinkId, Cow<'a, Link>>,
    /// The link at each place.
    pub(super) places: BTreeMap<Place, LinkId>,
    /// The link that was observed at each place.
    pub(super) observed_places: BTreeMap<&'a Place, &'a LinkId>,
    /// The link that is desired at each place.
    pub(super) target_places: BTreeMap<&'a Place, &'a LinkId>,
    /// The links that have the link at a place below them, or as their master.
    pub(super) linked: BTreeMap<Place, BTreeSet<LinkId>>,
    /// The bridges of which it is known whether they keep their MTU, or follow their ports.
    pub(super) keeps_mtu: Keeps,
    /// The observed objects that were lost with something, and why.
    pub(super) lost: BTreeMap<&'a Key, Because>,
    /// The observed objects that were changed with something, and why.
    pub(super) altered: BTreeMap<&'a Key, Because>,
    /// Observed objects of which a part was lost with something, with the rest.
    pub(super) shrunk: BTreeMap<&'a Key, Object>,
    /// The objects that the kernel has set with something, with their present values.
    pub(super) set_along: BTreeMap<&'a Key, Object>,
    /// The places of links that come up with the link below, and are taken down again.
    pub(super) to_take_down: BTreeSet<Place>,
    /// The places of links that have come up.
    pub(super) raised: BTreeSet<Place>,
    /// The addresses that have been awaited.
    pub(super) awaited: BTreeSet<&'a Key>,
    addresses: OnceCell<ByAddress<'a>>,
    /// Links that have lost their last IPv4 address, or are down.
    pub(super) without_routes: BTreeSet<Place>,
    /// The objects that followed a renamed link: the observed key, and the present one.
    pub(super) brought: BTreeMap<&'a Key, Key>,
    /// The present keys of these, and the keys of objects that were created because others need
    /// them.
    pub(super) present: BTreeSet<Key>,
    pub(super) ops: Vec<Op>,
}

impl<'a> Account<'a> {
    pub(super) fn new(target: &'a Sorted<'a>, origin: &'a Target<'a>, observed: &'a State) -> Self {
        let (unsettled, surplus) = differences(target, observed);
        let at = |(id, link): (&LinkId, &Link)| (link.place.clone(), id.clone());
        Self {
            target,
            origin,
            observed,
            unsettled,
            surplus,
            dependents: OnceCell::new(),
            sourced: OnceCell::new(),
            needing: OnceCell::new(),
            links: links(&observed.objects)
                .map(|(id, link)| (id.clone(), Cow::Borrowed(link)))
                .collect(),
            places: links(&observed.objects).map(at).collect(),
            observed_places: links(&observed.objects).map(|(id, link)| (&link.place, id)).collect(),
            target_places: target.links().map(|(id, link)| (&link.place, id)).collect(),
            linked: linked(observed),
            keeps_mtu: observed_keeps(observed),
            lost: BTreeMap::new(),
            altered: BTreeMap::new(),
            shrunk: BTreeMap::new(),
            set_along: BTreeMap::new(),
            to_take_down: BTreeSet::new(),
            raised: BTreeSet::new(),
            awaited: BTreeSet::new(),
            addresses: OnceCell::new(),
            without_routes: BTreeSet::new(),
            brought: BTreeMap::new(),
            present: BTreeSet::new(),
            ops: Vec::new(),
        }
    }

    /// Appends an operation.
    pub(super) fn push(&mut self, key: &Key, action: Action, because: Because) {
        self.ops.push(Op { key: key.clone(), action, because });
    }

    /// Whether an object goes back to its original.
    pub(super) fn is_given_back(&self, key: &Key) -> bool {
        self.origin.is_given_back(key)
    }

    /// The configuration of an object, if it is configured.
    pub(super) fn configured(&self, key: &Key) -> Option<&'a Object> {
        self.origin.configured(key)
    }

    /// The usual reason why an object of the target is created or changed.
    pub(super) fn reason(&self, key: &Key) -> Because {
        match self.origin.is_given_back(key) {
            true => Because::GivenBack,
            false => Because::Configured,
        }
    }

    /// The observed objects on the link that was observed at a place. Most plans do not need them.
    pub(super) fn dependents(&self, place: &Place) -> Vec<Entry<'a>> {
        self.dependents.get_or_init(|| Dependents::of(self.observed)).at(place).to_vec()
    }

    /// Notes that everything observed on the link at `place` is lost.
    pub(super) fn lose_all(&mut self, place: &Place, because: &Because) {
        let dependents = self.dependents(place);
        for (key, _) in &dependents {
            self.lost.entry(key).or_insert_with(|| because.clone());
            self.set_along.remove(key);
        }
        for (key, _) in dependents {
            self.lose_sourced(key);
            self.lose_needing(key, because);
        }
    }

    /// Notes that an address is removed. If no link has it any more, its dependents are lost.
    pub(super) fn lose_sourced(&mut self, key: &Key) {
        let Some(loss @ Loss::Address(gone)) = key.loss() else { return };
        let sourced = self.sourced.get_or_init(|| by_source(self.observed));
        let Some((held, objects)) = sourced.get(&(&gone.netns, gone.address.addr())) else {
            return;
        };
        if held.iter().any(|other| !self.lost.contains_key(other)) {
            return;
        }
        for (key, object) in objects {
            let because = || Because::AddressRemoved(gone.address);
            if noun::is_lost_with(key, object, &loss) {
                self.lost.entry(key).or_insert_with(because);
            } else if gone.address.addr().is_ipv6() {
                // The route stays, without its source (`fib6_remove_prefsrc`, net/ipv6/route.c).
                self.altered.entry(key).or_insert_with(because);
            }
        }
    }

    /// The links that have the one at `place` below them.
    pub(super) fn standing_on(&self, place: &Place) -> Vec<LinkId> {
        let linked = self.linked.get(place).into_iter().flatten();
        let stands = |id: &&LinkId| {
            self.links.get(*id).is_some_and(|link| link.device.as_ref() == Some(place))
        };
        linked.filter(stands).cloned().collect()
    }

    /// The addresses of the target with this IP address.
    pub(super) fn holders(&self, netns: &NetnsName, address: IpAddr) -> Vec<&'a Key> {
        let addresses = self.addresses.get_or_init(|| {
            let mut addresses = ByAddress::new();
            for (key, _) in self.target.iter() {
                if let Some(Loss::Address(held)) = key.loss() {
                    addresses.entry((&held.netns, held.address.addr())).or_default().push(key);
                }
            }
            addresses
        });
        addresses.get(&(netns, address)).cloned().unwrap_or_default()
    }

    /// Notes what the kernel changes when an object is set. It is set again to what is desired, and
    /// so are the values of others.
    pub(super) fn lose_what_is_set(&mut self, key: &Key, object: &Object) {
        let origin = self.origin;
        let configured = self.target.iter().filter(|(other, _)| {
            other.noun() == key.noun()
                && (origin.is_configured(other) || origin.is_given_back(other))
        });
        for (other, wanted) in configured {
            let Some(set) = noun::sets(key, object, other) else { continue };
            if !noun::satisfies(other, &set, wanted) {
                self.lost.entry(other).or_insert_with(|| Because::SetAlong(Box::new(key.clone())));
            }
            // A link that was not observed belongs to others, and stays.
            let stays =
                |place: Place| self.places.get(&place) == self.target_places.get(&place).copied();
            let seen = |key: &Key| self.observed.objects.get(key);
            // The kernel sets other parameters only if this one changes.
            let changes = seen(key).is_some_and(|seen| !noun::satisfies(key, seen, object));
            if changes && seen(other).is_some() && noun::places(other, wanted).all(stays) {
                self.set_along.insert(other, set);
            }
        }
    }

    /// Notes what is lost when an object switches IPv6 off on a link, or in a whole namespace. A
    /// link that must have IPv6 anyway gets it back by its own parameter, and its objects are
    /// created again.
    pub(super) fn lose_with_ipv6(&mut self, key: &Key, object: &Object) {
        let (Some(dev), Some(netns)) = (noun::switches_off_ipv6(key, object), key.netns()) else {
            return;
        };
        let place = dev.map(|ifname| Place { netns: netns.clone(), ifname });
        let seen = place.and_then(|place| {
            let id = self.places.get(&place)?;
            Some(link(&self.observed.objects, id)?.place.clone())
        });
        let objects: Vec<Entry<'a>> = match (&seen, noun::switches_off_ipv6(key, object)) {
            (Some(seen), _) => self.dependents(seen),
            (None, Some(None)) => self.observed.objects.iter().collect(),
            (None, _) => Vec::new(),
        };
        for (other, object) in objects {
            let is_gone = match &seen {
                Some(seen) => noun::places(other, object).all(|place| place == *seen),
                None => other.netns() == Some(netns),
            };
            if is_gone && noun::is_lost_with(other, object, &Loss::Ipv6) {
                let because = || Because::Ipv6Off(Box::new(key.clone()));
                self.lost.entry(other).or_insert_with(because);
                self.lose_sourced(other);
            }
        }
    }

    /// Notes what is lost when a link goes down. An object on several links is lost when all of
    /// them are down.
    pub(super) fn lose_with_down(&mut self, place: &Place) {
        let because = Because::LinkDown(place.ifname.clone());
        for (key, object) in self.dependents(place) {
            if noun::is_lost_with(key, object, &Loss::Down) && self.has_nothing(key, object) {
                self.lost.entry(key).or_insert_with(|| because.clone());
                self.lose_needing(key, &because);
            }
        }
        self.lose_brought(place);
    }

    /// Objects that a renamed link has kept are lost too if it goes down at its new place. They have
    /// their new keys by then.
    fn lose_brought(&mut self, place: &Place) {
        let is_lost = |now: &Key| {
            let object = self.target.at(now);
            object.is_some_and(|object| {
                noun::is_lost_with(now, object, &Loss::Down)
                    && noun::places(now, object).any(|at| at == *place)
            })
        };
        let lost = self.brought.iter().filter(|(_, now)| is_lost(now));
        let lost: Vec<(&Key, Key)> = lost.map(|(seen, now)| (*seen, now.clone())).collect();
        for (seen, now) in lost {
            self.brought.remove(seen);
            self.present.remove(&now);
        }
    }

    /// The neighbours of a link are lost.
    pub(super) fn lose_neighbors(&mut self, place: &Place) {
        let id = self.places.get(place);
        let Some(seen) = id.and_then(|id| link(&self.observed.objects, id)) else { return };
        let because = Because::LinkLayer(place.ifname.clone());
        for (key, object) in self.dependents(&seen.place) {
            if noun::is_lost_with(key, object, &Loss::LinkLayer) {
                self.lost.entry(key).or_insert_with(|| because.clone());
            }
        }
    }

    /// Notes what is lost with an object that is removed from its link. With an address, these are
    /// its dependents. With the last IPv4 address of a link, it is all of IPv4 on the link.
    pub(super) fn lose_with(&mut self, key: &Key, object: &Object) {
        let Some(Loss::Address(gone)) = key.loss() else { return };
        self.lose_sourced(key);
        if gone.address.addr().is_ipv6() {
            return;
        }
        for place in noun::places(key, object) {
            let dependents = self.dependents(&place);
            let is_ipv4 = |key: &Key| matches!(key.loss(), Some(Loss::Address(other)) if other.address.addr().is_ipv4());
            let is_last =
                !dependents.iter().any(|(key, _)| is_ipv4(key) && !self.lost.contains_key(key));
            if is_last {
                self.without_routes.insert(place);
            }
            for (key, object) in dependents.into_iter().filter(|_| is_last) {
                if noun::is_lost_with(key, object, &Loss::LastIpv4Address)
                    && self.has_nothing(key, object)
                {
                    self.lost.entry(key).or_insert(Because::AddressRemoved(gone.address));
                }
            }
        }
    }

    /// Whether the object has no link left that carries it, now that one of them does not.
    fn has_nothing(&self, key: &Key, object: &Object) -> bool {
        match key.noun().facts().lasts {
            Lasts::WithAll => true,
            Lasts::WithAny => noun::places(key, object).all(|place| self.has_no_routes(&place)),
        }
    }

    /// Whether a link carries nothing for routes.
    fn has_no_routes(&self, place: &Place) -> bool {
        let link = self.places.get(place).and_then(|id| self.links.get(id));
        self.without_routes.contains(place) || link.is_some_and(|link| link.flags.up == Some(false))
    }
}

/// The objects of the target, without links, that were not observed or differ; and the observed
/// ones that are not in the target.
fn differences<'a>(target: &Sorted<'a>, observed: &'a State) -> (Sorted<'a>, Sorted<'a>) {
    let (mut unsettled, mut surplus) = (Vec::new(), Vec::new());
    for (key, wanted, seen) in side_by_side(target.iter(), &observed.objects) {
        match (wanted, seen) {
            (Some(Object::Link(_)), _) => {}
            (Some(wanted), Some(seen)) if noun::satisfies(key, seen, wanted) => {}
            (Some(wanted), _) => unsettled.push((key, wanted)),
            (None, Some(seen)) => surplus.push((key, seen)),
            (None, None) => {}
        }
    }
    (Sorted::of(unsettled), Sorted::of(surplus))
}

fn linked(observed: &State) -> BTreeMap<Place, BTreeSet<LinkId>> {
    let mut linked: BTreeMap<Place, BTreeSet<LinkId>> = BTreeMap::new();
    for (id, link) in links(&observed.objects) {
        for place in link.master_place().into_iter().chain(link.device.clone()) {
            linked.entry(place).or_default().insert(id.clone());
        }
    }
    linked
}

fn by_source(observed: &State) -> BySource<'_> {
    let mut sourced = BySource::new();
    for (key, object) in &observed.objects {
        if let (Some(address), Some(netns)) = (object.loose().address, key.netns()) {
            sourced.entry((netns, address)).or_default().1.push((key, object));
        }
    }
    if sourced.is_empty() {
        return sourced;
    }
    for key in observed.objects.keys() {
        if let Some(Loss::Address(held)) = key.loss()
            && let Some((holders, _)) = sourced.get_mut(&(&held.netns, held.address.addr()))
        {
            holders.push(key);
        }
    }
    sourced
}
