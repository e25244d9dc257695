//! A plan in the making: the operations so far, and what they leave behind.

use std::collections::{BTreeMap, BTreeSet};

use super::addresses::is_secondary;
use super::hangers::{self, Hangers};
use super::{Action, Op, PlanError};
use crate::link::{Link, Master, Place};
use crate::name::LinkId;
use crate::neighbor::Neighbor;
use crate::route::Route;
use crate::state::{Key, Object, State};
use crate::sysctl::SysctlKey;
use crate::uapi::{NUD_NOARP, NUD_PERMANENT, RTPROT_KERNEL};

/// The account of a plan.
pub(super) struct Work<'a> {
    pub(super) target: &'a State,
    pub(super) observed: &'a State,
    pub(super) hangers: Hangers<'a>,
    /// The links as the operations so far leave them.
    pub(super) links: BTreeMap<LinkId, Link>,
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
    /// Addresses that a renamed link has brought along, under their new keys.
    pub(super) brought: BTreeSet<Key>,
    pub(super) ops: Vec<Op>,
}

impl<'a> Work<'a> {
    pub(super) fn new(target: &'a State, observed: &'a State) -> Self {
        let links: BTreeMap<LinkId, Link> =
            links(observed).map(|(id, link)| (id.clone(), link.clone())).collect();
        Self {
            target,
            observed,
            hangers: Hangers::of(observed),
            places: links.iter().map(|(id, link)| (link.place.clone(), id.clone())).collect(),
            observed_places: self::links(observed).map(|(id, link)| (&link.place, id)).collect(),
            target_places: self::links(target).map(|(id, link)| (&link.place, id)).collect(),
            dependents: dependents(observed),
            links,
            lost: BTreeSet::new(),
            brought: BTreeSet::new(),
            ops: Vec::new(),
        }
    }

    pub(super) fn make_namespaces(&mut self) {
        for key in self.target.objects.keys() {
            if matches!(key, Key::Netns(_)) && !self.observed.objects.contains_key(key) {
                self.push(key, Action::Create(Object::Netns));
            }
        }
    }

    pub(super) fn remove_namespaces(&mut self) -> Result<(), PlanError> {
        for key in self.observed.objects.keys() {
            let Key::Netns(netns) = key else { continue };
            if self.target.objects.contains_key(key) {
                continue;
            }
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
        for (key, object) in &self.target.objects {
            if matches!(key, Key::Sysctl(sysctl) if which(sysctl)) {
                self.set(key, object);
            }
        }
    }

    /// Removes what hangs on links that stay: the first address of a subnet last, since others may go with it.
    pub(super) fn prune(&mut self) {
        let leaving = self.leaving();
        let goes_by_itself = |key: &Key, object: &Object| {
            hangers::netns(key).is_some_and(|netns| {
                let place = |ifname| Place { netns: netns.clone(), ifname };
                hangers::devs(key, object).into_iter().any(|dev| leaving.contains(&place(dev)))
            })
        };
        let goes = |key: &Key, object: &Object| {
            let hangs = matches!(key, Key::Address(_) | Key::Neighbor(_) | Key::Route(_));
            hangs && !is_kernels(object) && !self.stays(key) && !goes_by_itself(key, object)
        };
        let falling = self.falling(goes);
        let mut going: Vec<(&'a Key, &'a Object)> = (self.observed.objects.iter().rev())
            .filter(|(key, object)| goes(key, object) || falling.contains(*key))
            .filter(|(key, object)| !goes_by_itself(key, object))
            .collect();
        going.sort_by_key(|(key, object)| matches!(key, Key::Address(_)) && !is_secondary(object));
        for (key, object) in going {
            self.push(key, Action::Delete(object.clone()));
            self.lost.insert(key);
        }
    }

    /// Makes or alters the objects that `which` takes.
    pub(super) fn hang(&mut self, which: impl Fn(&Key) -> bool) {
        for (key, object) in &self.target.objects {
            if which(key) {
                self.set(key, object);
            }
        }
    }

    /// Routes with a gateway come after those that lead to the gateway.
    pub(super) fn hang_routes(&mut self) {
        for by_gateway in [false, true] {
            for (key, object) in &self.target.objects {
                let Object::Route(route) = object else { continue };
                if route.nexthops.iter().any(|hop| hop.via.is_some()) == by_gateway {
                    self.set(key, object);
                }
            }
        }
    }

    pub(super) fn push(&mut self, key: &Key, action: Action) {
        self.ops.push(Op { key: key.clone(), action });
    }

    /// Makes an object what it is to be, if it is not.
    fn set(&mut self, key: &'a Key, wanted: &Object) {
        if is_kernels(wanted) || self.brought.contains(key) {
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

    /// Whether the target has the object, under the name that its link will have.
    fn stays(&self, key: &Key) -> bool {
        let Key::Address(address) = key else { return self.target.objects.contains_key(key) };
        let place = Place { netns: address.netns.clone(), ifname: address.dev.clone() };
        let target_place = (self.places.get(&place))
            .and_then(|id| link(self.target, id))
            .map_or(&place, |link| &link.place);
        hangers::on_link(key, &target_place.ifname)
            .is_some_and(|key| self.target.objects.contains_key(&key))
    }
}

fn dependents(observed: &State) -> BTreeMap<Place, Vec<&LinkId>> {
    let mut dependents: BTreeMap<Place, Vec<&LinkId>> = BTreeMap::new();
    for (id, link) in links(observed) {
        let master = match &link.master {
            Some(Master::Of(master)) => {
                Some(Place { netns: link.place.netns.clone(), ifname: master.clone() })
            }
            Some(Master::Free) | None => None,
        };
        for place in master.into_iter().chain(link.device.clone()) {
            dependents.entry(place).or_default().push(id);
        }
    }
    dependents
}

/// The links of a state.
pub(super) fn links(state: &State) -> impl Iterator<Item = (&LinkId, &Link)> {
    state.objects.iter().filter_map(|(key, object)| match (key, object) {
        (Key::Link(id), Object::Link(link)) => Some((id, &**link)),
        _ => None,
    })
}

/// The link of this identity.
pub(super) fn link<'a>(state: &'a State, id: &LinkId) -> Option<&'a Link> {
    match state.objects.get(&Key::Link(id.clone())) {
        Some(Object::Link(link)) => Some(link),
        _ => None,
    }
}

/// Whether the kernel made the object by itself, and makes it again when there is reason.
pub(crate) fn is_kernels(object: &Object) -> bool {
    match object {
        Object::Route(route) => route.protocol == Some(RTPROT_KERNEL),
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

fn is_ipv6_route(key: &Key) -> bool {
    matches!(key, Key::Route(route) if route.prefix.addr().is_ipv6())
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
