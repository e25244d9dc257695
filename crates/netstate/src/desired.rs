//! The desired state as a persistent value: a copy is cheap, and a comparison costs only the
//! differences.

use std::collections::BTreeSet;

use imbl::ordmap::DiffItem;
use imbl::{OrdMap, OrdSet};
use ipnet::{IpNet, Ipv4Net};

use crate::name::{LinkId, LinkName, NetnsName};
use crate::noun::address::{Address, AddressKey};
use crate::noun::link::{Link, Place};
use crate::noun::nexthop::{NexthopKey, used};
use crate::noun::route::{Route, RouteKey};
use crate::noun::sysctl::{SysctlKey, SysctlPath};
use crate::noun::{Key, Noun, Object};
use crate::state::State;

/// If at least one in this many objects is needed, one pass over all is faster.
const MANY: usize = 8;

/// The desired state of a configuration: objects by key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Desired {
    objects: OrdMap<Key, Object>,
    /// The link that is desired at each place.
    places: OrdMap<Place, LinkId>,
    /// The nexthops that routes and groups use, each with one of these.
    uses: OrdSet<(NexthopKey, Key)>,
}

impl Desired {
    fn with_places(objects: OrdMap<Key, Object>) -> Self {
        let mut desired = Self { objects, ..Self::default() };
        let places = desired.links().map(|(id, link)| (link.place.clone(), id.clone())).collect();
        let uses = desired.objects.iter().flat_map(|(key, object)| uses(key, object));
        (desired.uses, desired.places) = (uses.collect(), places);
        desired
    }

    /// The number of objects.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// The object under this key.
    pub fn get(&self, key: &Key) -> Option<&Object> {
        self.objects.get(key)
    }

    /// Whether both are the same value in memory, and therefore equal.
    pub fn shares(&self, other: &Desired) -> bool {
        self.objects.ptr_eq(&other.objects)
    }

    /// Whether there is an object under this key.
    pub fn contains(&self, key: &Key) -> bool {
        self.objects.contains_key(key)
    }

    /// Adds an object, and returns the one that it replaces.
    pub fn insert(&mut self, key: Key, object: Object) -> Option<Object> {
        let place = match (&key, &object) {
            (Key::Link(id), Object::Link(link)) => Some((link.place.clone(), id.clone())),
            _ => None,
        };
        let uses: Vec<_> = uses(&key, &object).collect();
        let before = self.objects.insert(key.clone(), object);
        self.forget_uses(&key, before.as_ref());
        self.uses.extend(uses);
        if let Some((place, id)) = place {
            self.leave(&id, before.as_ref());
            self.places.insert(place, id);
        }
        before
    }

    /// Removes an object.
    pub fn remove(&mut self, key: &Key) -> Option<Object> {
        let before = self.objects.remove(key);
        self.forget_uses(key, before.as_ref());
        if let Key::Link(id) = key {
            self.leave(id, before.as_ref());
        }
        before
    }

    /// Notes that an object does not use any nexthops any more.
    fn forget_uses(&mut self, key: &Key, before: Option<&Object>) {
        for used in before.into_iter().flat_map(|object| uses(key, object)) {
            self.uses.remove(&used);
        }
    }

    /// The routes and groups that use a nexthop.
    pub fn users_of(&self, nexthop: &NexthopKey) -> impl Iterator<Item = &Key> {
        // No namespace uses a nexthop, and the keys of namespaces come first.
        let least = (nexthop.clone(), Key::Netns(NetnsName::own()));
        let nexthop = nexthop.clone();
        let users = self.uses.range(least..).take_while(move |(used, _)| *used == nexthop);
        users.map(|(_, user)| user)
    }

    /// Notes that a link has left its place.
    fn leave(&mut self, id: &LinkId, before: Option<&Object>) {
        if let Some(Object::Link(link)) = before
            && self.places.get(&link.place) == Some(id)
        {
            self.places.remove(&link.place);
        }
    }

    /// The link that is desired at a place.
    pub fn link_at(&self, place: &Place) -> Option<(&LinkId, &Link)> {
        let key = Key::Link(self.places.get(place)?.clone());
        match self.objects.get_key_value(&key)? {
            (Key::Link(id), Object::Link(link)) => Some((id, link)),
            _ => None,
        }
    }

    /// The addresses on the link at a place.
    pub fn addresses_of(&self, place: &Place) -> impl Iterator<Item = (&AddressKey, &Address)> {
        let own = place.clone();
        self.addresses_from(&place.netns, Some(&place.ifname))
            .take_while(move |(key, _)| key.netns == own.netns && key.dev == own.ifname)
    }

    /// The addresses in a namespace.
    pub fn addresses_in(&self, netns: &NetnsName) -> impl Iterator<Item = (&AddressKey, &Address)> {
        let own = netns.clone();
        self.addresses_from(netns, None).take_while(move |(key, _)| key.netns == own)
    }

    fn addresses_from(
        &self,
        netns: &NetnsName,
        dev: Option<&LinkName>,
    ) -> impl Iterator<Item = (&AddressKey, &Address)> {
        let least = AddressKey {
            netns: netns.clone(),
            dev: dev.cloned().unwrap_or_else(LinkName::least),
            address: IpNet::V4(Ipv4Net::default()),
            far_subnet: None,
        };
        let from = self.objects.range(Key::Address(least)..);
        from.map_while(|(key, object)| match (key, object) {
            (Key::Address(key), Object::Address(address)) => Some((key, address)),
            _ => None,
        })
    }

    /// Whether a table has a route.
    pub fn has_routes(&self, netns: &NetnsName, table: u32) -> bool {
        let least = IpNet::V4(Ipv4Net::default());
        self.routes_from(netns, table, least).next().is_some()
    }

    /// The routes of a table to exactly this prefix. Those with the same TOS are sorted by metric.
    pub fn routes_to(
        &self,
        netns: &NetnsName,
        table: u32,
        prefix: IpNet,
    ) -> impl Iterator<Item = (&Key, &Route)> {
        let to =
            move |(key, _): &(&Key, &Route)| key.route().is_some_and(|key| key.prefix == prefix);
        self.routes_from(netns, table, prefix).take_while(to)
    }

    fn routes_from(
        &self,
        netns: &NetnsName,
        table: u32,
        prefix: IpNet,
    ) -> impl Iterator<Item = (&Key, &Route)> {
        let netns = netns.clone();
        let least = RouteKey { netns: netns.clone(), table, prefix, tos: 0, metric: 0 };
        self.objects.range(Key::Route(least)..).map_while(move |(key, object)| {
            match (key.route()?, object) {
                (of, Object::Route(route)) if of.netns == netns && of.table == table => {
                    Some((key, &**route))
                }
                _ => None,
            }
        })
    }

    /// All objects, in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &Object)> {
        self.objects.iter()
    }

    /// The namespaces.
    pub fn namespaces(&self) -> impl Iterator<Item = &NetnsName> {
        self.of(Noun::Netns)
            .filter_map(|(key, _)| if let Key::Netns(netns) = key { Some(netns) } else { None })
    }

    /// The links.
    pub fn links(&self) -> impl Iterator<Item = (&LinkId, &Link)> {
        self.of(Noun::Link).filter_map(|entry| match entry {
            (Key::Link(id), Object::Link(link)) => Some((id, &**link)),
            _ => None,
        })
    }

    /// The kernel parameters.
    pub fn parameters(&self) -> impl Iterator<Item = &SysctlKey> {
        self.of(Noun::Sysctl)
            .filter_map(|(key, _)| if let Key::Sysctl(key) = key { Some(key) } else { None })
    }

    /// The kernel parameters of a namespace.
    pub fn parameters_in(&self, netns: &NetnsName) -> impl Iterator<Item = &SysctlKey> {
        let least = SysctlKey { netns: netns.clone(), path: SysctlPath::least() };
        let own = netns.clone();
        let from = self.objects.range(Key::Sysctl(least)..);
        from.map_while(|(key, _)| if let Key::Sysctl(key) = key { Some(key) } else { None })
            .take_while(move |key| key.netns == own)
    }

    /// The objects of a noun. Keys are sorted by noun, so the cost includes the nouns before this
    /// one.
    fn of(&self, noun: Noun) -> impl Iterator<Item = (&Key, &Object)> {
        let entries = self.objects.iter().skip_while(move |(key, _)| key.noun() < noun);
        entries.take_while(move |(key, _)| key.noun() == noun)
    }

    /// The keys of the objects in which the two states differ.
    pub fn differing(&self, other: &Desired) -> BTreeSet<Key> {
        let differences = self.objects.diff(&other.objects);
        let keys = differences.map(|difference| match difference {
            DiffItem::Add(key, _) | DiffItem::Remove(key, _) => key.clone(),
            DiffItem::Update { old: (key, _), .. } => key.clone(),
        });
        keys.collect()
    }

    /// The objects with these keys, in the order of the keys.
    pub fn among<'a>(
        &'a self,
        keys: &'a BTreeSet<Key>,
    ) -> impl Iterator<Item = (&'a Key, &'a Object)> {
        // For many keys, one pass over both is faster than a look-up for each.
        let are_many = keys.len() > self.len() / MANY;
        let pass = are_many.then(|| both(keys, &self.objects));
        let look_ups =
            (!are_many).then(|| keys.iter().filter_map(|key| Some((key, self.get(key)?))));
        pass.into_iter().flatten().chain(look_ups.into_iter().flatten())
    }

    /// A copy of the objects with these keys.
    pub fn part(&self, keys: &BTreeSet<Key>) -> State {
        let objects = self.among(keys).map(|(key, object)| (key.clone(), object.clone()));
        State { objects: objects.collect() }
    }

    /// The union of both. A link in both gets the fields of both, and its place from `other`. Any
    /// other object in both is taken from `other`.
    pub fn merged(&self, other: &Desired) -> Desired {
        let mut merged = self.clone();
        for key in self.differing(other) {
            let Some(object) = other.get(&key) else { continue };
            let mut both = object.clone();
            if let Some(before) = merged.get(&key) {
                both = before.clone();
                both.overlay(object);
            }
            merged.insert(key, both);
        }
        merged
    }
}

/// The nexthops that an object uses, each with the object.
fn uses(key: &Key, object: &Object) -> impl Iterator<Item = (NexthopKey, Key)> {
    used(key, object).into_iter().map(|used| (used, key.clone()))
}

/// The objects with one of these keys; both are sorted.
fn both<'a>(
    keys: &'a BTreeSet<Key>,
    objects: &'a OrdMap<Key, Object>,
) -> impl Iterator<Item = (&'a Key, &'a Object)> {
    let mut keys = keys.iter().peekable();
    objects.iter().filter(move |(at, _)| {
        while keys.next_if(|key| key < at).is_some() {}
        keys.next_if(|key| key == at).is_some()
    })
}

impl FromIterator<(Key, Object)> for Desired {
    fn from_iter<I: IntoIterator<Item = (Key, Object)>>(objects: I) -> Self {
        Self::with_places(objects.into_iter().collect())
    }
}

impl From<State> for Desired {
    /// A full node of the map is split into halves. If objects were added in their order, the first
    /// half would stay as it is, and half of the memory would be empty. So every second object is
    /// added first, and the others fill the halves.
    fn from(state: State) -> Self {
        let (mut objects, mut between) = (OrdMap::new(), Vec::new());
        for (at, (key, object)) in state.objects.into_iter().enumerate() {
            match at % 2 {
                0 => drop(objects.insert(key, object)),
                _ => between.push((key, object)),
            }
        }
        objects.extend(between);
        Self::with_places(objects)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noun::route::Route;

    fn route(prefix: &str, nhid: Option<u32>) -> (Key, Object) {
        let (netns, prefix) = (NetnsName::own(), prefix.parse().unwrap());
        let key = RouteKey { netns, table: 254, prefix, tos: 0, metric: 0 };
        (Key::Route(key), Object::Route(Route { nhid, ..Route::default() }.into()))
    }

    fn users<'d>(desired: &'d Desired, of: &NexthopKey) -> Vec<&'d Key> {
        desired.users_of(of).collect()
    }

    #[test]
    fn the_users_of_a_nexthop_follow_each_change() {
        let [first, second] = [1, 2].map(|id| NexthopKey { netns: NetnsName::own(), id });
        let (a, b) = (route("10.1.0.0/16", Some(1)), route("10.2.0.0/16", Some(1)));
        let mut desired: Desired = [a.clone(), b.clone()].into_iter().collect();
        assert_eq!(users(&desired, &first), [&a.0, &b.0]);
        let (key, object) = route("10.1.0.0/16", Some(2));
        desired.insert(key, object);
        assert_eq!(users(&desired, &first), [&b.0]);
        assert_eq!(users(&desired, &second), [&a.0]);
        let (key, object) = route("10.1.0.0/16", None);
        desired.insert(key, object);
        desired.remove(&b.0);
        assert!(users(&desired, &first).is_empty() && users(&desired, &second).is_empty());
        assert_eq!(desired, desired.iter().map(|(k, o)| (k.clone(), o.clone())).collect());
    }
}
