//! A plan in the making: the operations so far, and what they leave behind.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use super::hangers::{self, Hangers};
use super::sorted::{Entry, Sorted, side_by_side, together};
use super::{Action, Op, PlanError};
use crate::address::{Address, AddressKey};
use crate::link::{Link, Place};
use crate::name::LinkId;
use crate::neighbor::Neighbor;
use crate::route::Route;
use crate::state::{Key, Object, State};
use crate::sysctl::SysctlKey;
use crate::uapi::{IFA_F_SECONDARY, NUD_NOARP, NUD_PERMANENT, RTPROT_KERNEL, RTPROT_RA};

/// The account of a plan.
pub(super) struct Work<'a> {
    pub(super) target: &'a Sorted<'a>,
    pub(super) observed: &'a State,
    /// What of the target was not observed, or is otherwise; but for links.
    unsettled: Sorted<'a>,
    /// What was observed and is not in the target.
    surplus: Sorted<'a>,
    hangers: OnceCell<Hangers<'a>>,
    /// The links as the operations so far leave them.
    pub(super) links: BTreeMap<LinkId, Cow<'a, Link>>,
    /// Who is where.
    pub(super) places: BTreeMap<Place, LinkId>,
    /// Who was seen where.
    pub(super) observed_places: BTreeMap<&'a Place, &'a LinkId>,
    /// Who is to be where.
    pub(super) target_places: BTreeMap<&'a Place, &'a LinkId>,
    /// What was observed to stand on a link, or to be its port.
    pub(super) dependents: BTreeMap<Place, Vec<&'a LinkId>>,
    /// What was observed, and has gone along with its link.
    pub(super) lost: BTreeSet<&'a Key>,
    /// Links that have lost their last IPv4 address, or are down.
    pub(super) bare: BTreeSet<Place>,
    /// Addresses that renamed links have brought along: the observed key, and the present one.
    pub(super) brought: BTreeMap<&'a Key, Key>,
    /// The present keys of these.
    pub(super) present: BTreeSet<Key>,
    pub(super) ops: Vec<Op>,
}

impl<'a> Work<'a> {
    pub(super) fn new(target: &'a Sorted<'a>, observed: &'a State) -> Self {
        let (unsettled, surplus) = differences(target, observed);
        let at = |(id, link): (&LinkId, &Link)| (link.place.clone(), id.clone());
        Self {
            target,
            observed,
            unsettled,
            surplus,
            hangers: OnceCell::new(),
            links: links(observed).map(|(id, link)| (id.clone(), Cow::Borrowed(link))).collect(),
            places: links(observed).map(at).collect(),
            observed_places: links(observed).map(|(id, link)| (&link.place, id)).collect(),
            target_places: target.links().map(|(id, link)| (&link.place, id)).collect(),
            dependents: dependents(observed),
            lost: BTreeSet::new(),
            bare: BTreeSet::new(),
            brought: BTreeMap::new(),
            present: BTreeSet::new(),
            ops: Vec::new(),
        }
    }

    /// What hangs on links. Most plans do not ask.
    pub(super) fn hangers(&self) -> &Hangers<'a> {
        self.hangers.get_or_init(|| Hangers::of(self.observed))
    }

    pub(super) fn make_namespaces(&mut self) {
        for (key, _) in self.unsettled(|key| matches!(key, Key::Netns(_))) {
            self.push(key, Action::Create(Object::Netns));
        }
    }

    pub(super) fn remove_namespaces(&mut self) -> Result<(), PlanError> {
        let surplus: Vec<&Key> = self.surplus.iter().map(|(key, _)| key).collect();
        for key in surplus {
            let Key::Netns(netns) = key else { continue };
            let within = self.places.keys().filter(|place| place.netns == *netns);
            let names: Vec<&str> =
                within.map(|place| place.ifname.as_str()).filter(|name| *name != "lo").collect();
            if !names.is_empty() {
                return Err(PlanError {
                    key: key.clone(),
                    reason: format!("namespace {netns} is in use: it holds {}", names.join(", ")),
                });
            }
            self.push(key, Action::Delete(Object::Netns));
        }
        Ok(())
    }

    /// Sets the kernel parameters that `which` takes.
    pub(super) fn set_parameters(&mut self, which: impl Fn(&SysctlKey) -> bool) {
        self.hang(|key| matches!(key, Key::Sysctl(sysctl) if which(sysctl)));
    }

    /// Removes what hangs on links that stay, and what only part of its links would take along.
    pub(super) fn prune(&mut self) {
        let leaving = self.leaving();
        let mut doubtful: Vec<Entry<'a>> = self.surplus.iter().collect();
        for place in self.vacated(&leaving) {
            let hang = self.hangers().at(place).iter();
            doubtful.extend(hang.filter(|(key, _)| self.target.at(key).is_some()));
        }
        doubtful.sort_by_key(|(key, _)| *key);
        doubtful.dedup_by_key(|(key, _)| *key);
        for (key, object) in doubtful.into_iter().rev() {
            let hangs = matches!(key, Key::Address(_) | Key::Neighbor(_) | Key::Route(_));
            if !hangs || is_kernels(object) || self.lost.contains(key) {
                continue;
            }
            let places = hangers::stands_on(key, object);
            let gone = places.iter().filter(|at| leaving.contains(at)).count();
            let goes_by_itself = gone > 0 && gone == places.len();
            if !goes_by_itself && (gone > 0 || !self.stays(key, object, &places)) {
                self.remove(key, object);
            }
        }
    }

    /// The places whose links are to be elsewhere, if anywhere, or others.
    fn vacated(&self, leaving: &BTreeSet<Place>) -> impl Iterator<Item = &'a Place> {
        links(self.observed).filter_map(|(id, seen)| {
            let stays = self.target.link(id).is_some_and(|wanted| wanted.place == seen.place);
            (!stays || leaving.contains(&seen.place)).then_some(&seen.place)
        })
    }

    /// Removes an object, after what the kernel would remove along with it only sometimes.
    fn remove(&mut self, key: &'a Key, object: &Object) {
        if let Key::Address(address) = key {
            self.remove_secondaries(address, object);
        }
        self.push(key, Action::Delete(object.clone()));
        self.lost.insert(key);
        if let Key::Address(address) = key {
            self.lose_with_address(address);
        }
    }

    /// An IPv4 address takes along the later ones of its subnet, unless `promote_secondaries` says otherwise.
    fn remove_secondaries(&mut self, gone: &AddressKey, object: &Object) {
        if gone.address.addr().is_ipv6() || is_secondary(object) {
            return;
        }
        let place = Place { netns: gone.netns.clone(), ifname: gone.dev.clone() };
        for (key, object) in self.hangers().at(&place).to_vec() {
            let Key::Address(other) = key else { continue };
            let same_subnet = other.address.trunc() == gone.address.trunc() && other != gone;
            if same_subnet && is_secondary(object) && !self.lost.contains(key) {
                self.push(key, Action::Delete(object.clone()));
                self.lost.insert(key);
                self.lose_with_address(other);
            }
        }
    }

    /// Without its source an IPv4 route is gone (`fib_sync_down_addr`), and without an IPv4 address a link has no IPv4
    /// at all (`fib_disable_ip`, net/ipv4/fib_frontend.c).
    fn lose_with_address(&mut self, gone: &AddressKey) {
        let source = gone.address.addr();
        if source.is_ipv6() {
            return;
        }
        let place = Place { netns: gone.netns.clone(), ifname: gone.dev.clone() };
        let hangers = self.hangers().at(&place).to_vec();
        let is_last = !hangers.iter().any(|(key, _)| {
            matches!(key, Key::Address(key) if key.address.addr().is_ipv4())
                && !self.lost.contains(key)
        });
        if is_last {
            self.bare.insert(place);
        }
        for (key, object) in hangers {
            let lost = match (key, object) {
                (Key::Route(_), Object::Route(route)) => {
                    route.source == Some(source)
                        || (is_ipv4(key)
                            && hangers::stands_on(key, object)
                                .iter()
                                .all(|place| self.is_bare(place)))
                }
                (Key::Neighbor(_), _) => is_last && is_ipv4(key),
                _ => false,
            };
            if lost {
                self.lost.insert(key);
            }
        }
    }

    /// Makes or alters the objects that `which` takes.
    pub(super) fn hang(&mut self, which: impl Fn(&Key) -> bool) {
        for (key, object) in self.unsettled(which) {
            self.set(key, object);
        }
    }

    /// Makes addresses: before their links are up, but for those that the kernel gives a prefix route only on a link
    /// that is (`fixup_permanent_addr`, net/ipv6/addrconf.c). Which one is secondary follows from the order.
    pub(super) fn hang_addresses(&mut self, up: bool) {
        let mut addresses = self.unsettled(|key| matches!(key, Key::Address(_)));
        addresses.retain(|(key, object)| (!is_ipv4(key) && has_end(object)) == up);
        addresses.sort_by_key(|(_, object)| is_secondary(object));
        for (key, object) in addresses {
            self.set(key, object);
        }
    }

    /// Routes with a gateway come after those that lead to the gateway.
    pub(super) fn hang_routes(&mut self) {
        let routes = self.unsettled(|key| matches!(key, Key::Route(_)));
        for by_gateway in [false, true] {
            for (key, object) in &routes {
                let Object::Route(route) = object else { continue };
                if route.nexthops.iter().any(|hop| hop.via.is_some()) == by_gateway {
                    self.set(key, object);
                }
            }
        }
    }

    /// What of the target that `which` takes is not there, or is otherwise: from the beginning, or lost since.
    fn unsettled(&self, which: impl Fn(&Key) -> bool) -> Vec<Entry<'a>> {
        let lost = self.lost.iter().filter(|key| which(key));
        let lost = lost.filter_map(|key| Some((*key, self.target.at(key)?)));
        let unsettled = self.unsettled.iter().filter(|(key, _)| which(key));
        together(unsettled, lost).collect()
    }

    pub(super) fn push(&mut self, key: &Key, action: Action) {
        self.ops.push(Op { key: key.clone(), action });
    }

    /// Makes an object what it is to be, if it is not.
    fn set(&mut self, key: &Key, wanted: &Object) {
        if is_kernels(wanted) || self.present.contains(key) {
            return;
        }
        let seen = self.observed.objects.get(key).filter(|_| !self.lost.contains(key));
        match seen {
            None => self.push(key, Action::Create(wanted.clone())),
            Some(seen) if satisfies(key, seen, wanted) => {}
            // The kernel replaces an IPv6 route nexthop by nexthop.
            Some(seen @ Object::Route(_)) if is_ipv6_route(key) => {
                self.push(key, Action::Delete(seen.clone()));
                self.push(key, Action::Create(wanted.clone()));
            }
            Some(seen) => {
                let (from, change) = (seen.clone(), wanted.clone());
                self.push(key, Action::Update { from, change });
            }
        }
    }

    /// Whether the target has the object that hangs on `places`, under the names that its links will have.
    fn stays(&self, key: &Key, object: &Object, places: &[Place]) -> bool {
        let mut moved: Option<(Key, Object)> = None;
        for place in places {
            let to = self.places.get(place).and_then(|id| self.target.link(id));
            if let Some(to) = to.filter(|to| to.place != *place) {
                let (key, object) =
                    moved.as_ref().map_or((key, object), |(key, object)| (key, object));
                let names = (&place.ifname, &to.place.ifname);
                moved = Some(hangers::renamed(key, object, names));
            }
        }
        self.target.at(moved.as_ref().map_or(key, |(key, _)| key)).is_some()
    }
}

/// What of the target was not observed, or is otherwise, but for links; and what is not in the target.
fn differences<'a>(target: &Sorted<'a>, observed: &'a State) -> (Sorted<'a>, Sorted<'a>) {
    let (mut unsettled, mut surplus) = (Vec::new(), Vec::new());
    for (key, wanted, seen) in side_by_side(target.iter(), &observed.objects) {
        match (wanted, seen) {
            (Some(Object::Link(_)), _) => {}
            (Some(wanted), Some(seen)) if satisfies(key, seen, wanted) => {}
            (Some(wanted), _) => unsettled.push((key, wanted)),
            (None, Some(seen)) => surplus.push((key, seen)),
            (None, None) => {}
        }
    }
    (Sorted::of(unsettled), Sorted::of(surplus))
}

fn dependents(observed: &State) -> BTreeMap<Place, Vec<&LinkId>> {
    let mut dependents: BTreeMap<Place, Vec<&LinkId>> = BTreeMap::new();
    for (id, link) in links(observed) {
        for place in link.master_place().into_iter().chain(link.device.clone()) {
            dependents.entry(place).or_default().push(id);
        }
    }
    dependents
}

/// The links of a state.
pub(super) fn links(state: &State) -> impl Iterator<Item = (&LinkId, &Link)> {
    link_entries(&state.objects)
}

/// The links among entries in the order of keys: those after the namespaces, without a look at what follows.
pub(super) fn link_entries<'a>(
    entries: impl IntoIterator<Item = Entry<'a>>,
) -> impl Iterator<Item = (&'a LinkId, &'a Link)> {
    let beyond = |(key, _): &Entry<'_>| matches!(key, Key::Netns(_));
    entries.into_iter().skip_while(beyond).map_while(|(key, object)| match (key, object) {
        (Key::Link(id), Object::Link(link)) => Some((id, &**link)),
        _ => None,
    })
}

/// The links among objects, under their keys.
pub(crate) fn link_objects(objects: &BTreeMap<Key, Object>) -> impl Iterator<Item = (&Key, &Link)> {
    let beyond = |(key, _): &Entry<'_>| matches!(key, Key::Netns(_));
    objects.iter().skip_while(beyond).map_while(|(key, object)| Some((key, object.link()?)))
}

/// The link of this identity.
pub(super) fn link<'a>(state: &'a State, id: &LinkId) -> Option<&'a Link> {
    state.objects.get(&Key::Link(id.clone()))?.link()
}

/// Whether the kernel made the object by itself, and makes it again when there is reason.
pub(crate) fn is_kernels(object: &Object) -> bool {
    match object {
        Object::Route(route) => [Some(RTPROT_KERNEL), Some(RTPROT_RA)].contains(&route.protocol),
        Object::Address(address) => address.is_automatic(),
        Object::Neighbor(neighbor) => {
            neighbor.nud.is_some_and(|nud| nud & (NUD_PERMANENT | NUD_NOARP) == 0)
                && neighbor.managed != Some(true)
                && neighbor.extern_learn != Some(true)
        }
        Object::Fdb(_) => true,
        Object::Netns | Object::Link(_) | Object::Sysctl(_) => false,
    }
}

fn is_secondary(object: &Object) -> bool {
    let Object::Address(Address { status: Some(status) }) = object else { return false };
    status.flags & IFA_F_SECONDARY != 0
}

fn has_end(object: &Object) -> bool {
    let Object::Address(Address { status: Some(status) }) = object else { return false };
    status.valid_until.is_some()
}

fn is_ipv6_route(key: &Key) -> bool {
    matches!(key, Key::Route(route) if route.prefix.addr().is_ipv6())
}

fn is_ipv4(key: &Key) -> bool {
    match key {
        Key::Address(key) => key.address.addr().is_ipv4(),
        Key::Neighbor(key) => key.address.is_ipv4(),
        Key::Route(key) => key.prefix.addr().is_ipv4(),
        Key::Netns(_) | Key::Link(_) | Key::Sysctl(_) | Key::Fdb(_) => false,
    }
}

/// Whether what is seen is all that is wanted.
fn satisfies(key: &Key, seen: &Object, wanted: &Object) -> bool {
    match (seen, wanted) {
        (Object::Route(seen), Object::Route(wanted)) => route_satisfies(key, seen, wanted),
        (Object::Neighbor(seen), Object::Neighbor(wanted)) => neighbor_satisfies(seen, wanted),
        (Object::Sysctl(seen), Object::Sysctl(wanted)) => {
            seen.split_whitespace().eq(wanted.split_whitespace())
        }
        (seen, wanted) => std::mem::discriminant(seen) == std::mem::discriminant(wanted),
    }
}

fn route_satisfies(key: &Key, seen: &Route, wanted: &Route) -> bool {
    let same = |seen: Option<u8>, wanted: Option<u8>| wanted.is_none() || seen == wanted;
    let ipv6 = is_ipv6_route(key);
    seen.kind == wanted.kind
        && same(seen.protocol, wanted.protocol)
        && (ipv6 || seen.scope == wanted.scope.or(Some(wanted.natural_scope())))
        && (seen.source, seen.mtu, seen.advmss) == (wanted.source, wanted.mtu, wanted.advmss)
        && wanted.same_nexthops(seen)
}

fn neighbor_satisfies(seen: &Neighbor, wanted: &Neighbor) -> bool {
    let flag = |seen: Option<bool>, wanted: Option<bool>| {
        wanted.is_none_or(|wanted| seen.unwrap_or_default() == wanted)
    };
    (wanted.lladdr.is_none() || seen.lladdr == wanted.lladdr)
        && (wanted.nud.is_none() || seen.nud == wanted.nud)
        && flag(seen.router, wanted.router)
        && flag(seen.managed, wanted.managed)
        && flag(seen.extern_learn, wanted.extern_learn)
}
