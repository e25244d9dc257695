//! The objects that a change affects: those that differ, and all their dependents.
//!
//! Objects that are not affected are neither observed nor planned, so that the cost of a commit
//! depends on the size of the change. A link that is moved or recreated affects all its dependents,
//! configured or not.

mod ports;

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use netstate::noun::{Anchor, Condition, Need, is_needed, needs, places};
use netstate::verdict::conditions_of;
use netstate::{
    Address, AddressKey, Desired, Key, Link, LinkName, NetnsName, Object, Place, Route, RouteKey,
    SysctlKey, SysctlPath,
};

pub(crate) use ports::{bridges, ports_with_vlans};

/// The objects that a transition affects.
#[derive(Clone, Debug)]
pub(crate) enum Affected {
    /// The objects in which the two states differ, and their dependents.
    Change,
    /// These objects, except skipped ones.
    Named(BTreeSet<Key>),
    /// All objects, except skipped ones.
    Everything,
}

/// These objects and all that need them, in any of the states.
pub(crate) fn with_dependents(keys: BTreeSet<Key>, states: &[&Desired]) -> BTreeSet<Key> {
    if !keys.iter().any(is_needed) {
        return keys;
    }
    // Only links and namespaces have dependents for which there is no index.
    let dependents = OnceCell::new();
    let mut next: Vec<Key> = keys.iter().filter(|key| is_needed(key)).cloned().collect();
    let mut found = keys;
    while let Some(key) = next.pop() {
        let add = |dependent: &Key| {
            if found.insert(dependent.clone()) && is_needed(dependent) {
                next.push(dependent.clone());
            }
        };
        if let Key::Nexthop(nexthop) = &key {
            states.iter().flat_map(|state| state.users_of(nexthop)).for_each(add);
        } else {
            let dependents = dependents.get_or_init(|| Dependents::of(states));
            dependents.on(&key, states).into_iter().for_each(add);
        }
    }
    found
}

/// The objects that depend on one of these addresses, on any link. The kernel also searches all
/// routes when an address is removed.
pub(crate) fn on_addresses(
    keys: &BTreeSet<Key>,
    touched: &Desired,
    desired: &Desired,
) -> BTreeSet<Key> {
    let addresses: BTreeSet<(&NetnsName, IpAddr)> = keys
        .iter()
        .filter_map(|key| {
            let Key::Address(at) = key else { return None };
            touched.contains(key).then(|| (&at.netns, at.address.addr()))
        })
        .collect();
    if addresses.is_empty() {
        return BTreeSet::new();
    }
    let depends = |key: &Key, object: &Object| {
        let address = object.loose().address;
        address.zip(key.netns()).is_some_and(|(at, netns)| addresses.contains(&(netns, at)))
    };
    let on = desired.iter().filter(|(key, object)| depends(key, object));
    on.map(|(key, _)| key.clone()).collect()
}

/// The IPv4 addresses in the subnet of one of these addresses, on the same link: the kernel removes the later ones with the first
/// (`__inet_del_ifa`, net/ipv4/devinet.c).
pub(crate) fn in_same_subnets(
    keys: &BTreeSet<Key>,
    touched: &Desired,
    desired: &Desired,
) -> BTreeSet<Key> {
    let mut subnets: BTreeMap<Place, BTreeSet<IpNet>> = BTreeMap::new();
    for key in keys {
        if let Key::Address(at) = key
            && at.address.addr().is_ipv4()
            && touched.contains(key)
        {
            subnets.entry(at.place()).or_default().insert(at.subnet());
        }
    }
    let beside = subnets.iter().flat_map(|(place, subnets)| {
        let all = desired.addresses_of(place).map(|(at, _)| at);
        all.filter(|at| subnets.contains(&at.subnet()))
    });
    beside.cloned().map(Key::Address).collect()
}

/// The parameters that the kernel sets as well when one of these parameters changes, and the
/// objects for which this switches IPv6 on or off.
pub(crate) fn set_along(
    keys: &BTreeSet<Key>,
    touched: &Desired,
    desired: &Desired,
) -> BTreeSet<Key> {
    let changed: Vec<&SysctlKey> = keys
        .iter()
        .filter_map(|key| if let Key::Sysctl(at) = key { Some((key, at)) } else { None })
        .filter(|(_, at)| at.path.sets_others() || at.path.switches_ipv6())
        .filter(|(key, _)| touched.get(key) != desired.get(key))
        .map(|(_, at)| at)
        .collect();
    if changed.is_empty() {
        return BTreeSet::new();
    }
    let is_met = |(key, object): &(&Key, &Object)| {
        changed.iter().any(|parameter| {
            if key.netns() != Some(&parameter.netns) {
                return false;
            }
            if let Key::Sysctl(other) = key {
                return parameter.path.sets("", &other.path).is_some();
            }
            let dev = parameter.path.dev();
            parameter.path.switches_ipv6()
                && is_ipv6(key)
                && dev.is_none_or(|dev| places(key, object).any(|place| place.ifname == dev))
        })
    };
    desired.iter().filter(is_met).map(|(key, _)| key.clone()).collect()
}

/// The configured parameters of links that this change adopts. They may have been configured before
/// the link, and giving the link back must not give them back.
pub(crate) fn parameters_of_adopted(
    changed: &BTreeSet<Key>,
    touched: &Desired,
    desired: &Desired,
) -> BTreeSet<Key> {
    let new = desired.among(changed).filter(|(key, _)| !touched.contains(key));
    let adopted = new.filter_map(|(_, object)| object.link()).filter(|link| link.is_adopted());
    let mut names: BTreeMap<NetnsName, BTreeSet<&LinkName>> = BTreeMap::new();
    for Place { netns, ifname } in adopted.map(|link| &link.place) {
        // It comes from the host's namespace.
        for netns in [netns.clone(), NetnsName::own()] {
            names.entry(netns).or_default().insert(ifname);
        }
    }
    let on_these = |(netns, names): (&NetnsName, &BTreeSet<&LinkName>)| {
        let parameters =
            [touched, desired].into_iter().flat_map(|state| state.parameters_in(netns));
        let on = parameters.filter(|at| at.path.dev().is_some_and(|dev| names.contains(&dev)));
        on.cloned().map(Key::Sysctl).collect::<Vec<_>>()
    };
    names.iter().flat_map(on_these).collect()
}

fn is_ipv6(key: &Key) -> bool {
    match key {
        Key::Address(key) => key.address.addr().is_ipv6(),
        Key::Route(key) => key.prefix.addr().is_ipv6(),
        Key::Netns(_)
        | Key::Link(_)
        | Key::Sysctl(_)
        | Key::Neighbor(_)
        | Key::Fdb(_)
        | Key::Nexthop(_)
        | Key::Rule(_) => false,
    }
}

/// The routes and nexthops whose gateway is reached through one of these objects: the subnet of an
/// address, or the prefix of a route. If a link changes, this includes the routes that name only a
/// gateway, and those with an `onlink` gateway.
pub(crate) fn by_gateways(
    keys: &BTreeSet<Key>,
    touched: &Desired,
    desired: &Desired,
) -> BTreeSet<Key> {
    let mut led: BTreeMap<&NetnsName, BTreeSet<IpNet>> = BTreeMap::new();
    let (mut links, mut without_address) = (BTreeSet::new(), BTreeSet::new());
    for (key, before) in touched.among(keys) {
        match (key, before) {
            (Key::Address(of), Object::Address(address)) => {
                led.entry(&of.netns).or_default().extend(subnets(of, address));
                if of.address.addr().is_ipv4() {
                    without_address.insert(&of.netns);
                }
            }
            (Key::Route(of), Object::Route(route)) => {
                let leads = route.nexthops.iter().any(|hop| hop.via.is_none());
                if leads && desired.get(key) != Some(before) {
                    led.entry(&of.netns).or_default().insert(of.prefix);
                }
            }
            (Key::Link(_), Object::Link(link)) if desired.get(key) != Some(before) => {
                links.insert(&link.place.netns);
            }
            _ => {}
        }
    }
    for (key, after) in desired.among(keys) {
        match (key, after) {
            (Key::Address(of), Object::Address(address)) => {
                led.entry(&of.netns).or_default().extend(subnets(of, address));
            }
            (Key::Route(of), Object::Route(route))
                if is_within_subnet(of, route, desired) && !touched.contains(key) =>
            {
                led.entry(&of.netns).or_default().insert(of.prefix);
            }
            _ => {}
        }
    }
    if led.is_empty() && links.is_empty() {
        return BTreeSet::new();
    }
    let lengths: BTreeSet<(bool, u8)> =
        led.values().flatten().map(|net| (net.addr().is_ipv4(), net.prefix_len())).collect();
    let mut found = BTreeSet::new();
    for (key, object) in desired.iter() {
        let gateways = object.gateways();
        let Some(netns) = key.netns().filter(|_| !gateways.is_empty()) else { continue };
        let led = led.get(netns);
        let is_led = |via: IpAddr| {
            let holding = lengths
                .iter()
                .filter(|(ipv4, _)| *ipv4 == via.is_ipv4())
                .filter_map(|(_, length)| Some(IpNet::new(via, *length).ok()?.trunc()));
            led.is_some_and(|led| holding.into_iter().any(|net| led.contains(&net)))
        };
        let by_any = object.loose().links && links.contains(netns);
        // Any address of the namespace lets the kernel take an `onlink` gateway.
        let is_onlink = || gateways.iter().any(|(_, onlink)| *onlink);
        let by_address = || links.contains(netns) || without_address.contains(netns);
        if by_any || by_address() && is_onlink() || gateways.iter().any(|(via, _)| is_led(*via)) {
            found.insert(key.clone());
        }
    }
    found
}

/// The subnets of an address.
fn subnets(key: &AddressKey, address: &Address) -> impl Iterator<Item = IpNet> + use<> {
    address.subnets(key).into_iter().map(|subnet| subnet.trunc())
}

/// Whether an IPv6 route is more specific than the subnet of an address on its link. Gateways in
/// that subnet are then reached through the route.
fn is_within_subnet(key: &RouteKey, route: &Route, desired: &Desired) -> bool {
    let devs = route.nexthops.iter().filter_map(|hop| hop.dev.clone());
    let mut places = devs.map(|ifname| Place { netns: key.netns.clone(), ifname });
    key.prefix.addr().is_ipv6()
        && places.any(|place| {
            let mut held = desired.addresses_of(&place);
            held.any(|(at, held)| held.subnets(at).iter().any(|net| net.contains(&key.prefix)))
        })
}

/// The nexthop objects that these objects need, also through others.
pub(crate) fn needed(keys: &BTreeSet<Key>, desired: &Desired) -> BTreeSet<Key> {
    let mut found = BTreeSet::new();
    let mut next: Vec<Key> = Vec::new();
    for (key, object) in desired.among(keys) {
        next.extend(needs(key, object).iter().filter_map(Need::key).cloned());
        while let Some(needed) = next.pop() {
            if let Some(object) = desired.get(&needed).filter(|_| !found.contains(&needed)) {
                next.extend(needs(&needed, object).iter().filter_map(Need::key).cloned());
                found.insert(needed);
            }
        }
    }
    found
}

/// The links whose carriers these objects need, and their ports if they are bridges. Whether they have
/// a carrier is not configured.
pub(crate) fn with_carriers(keys: &BTreeSet<Key>, desired: &Desired) -> BTreeSet<Key> {
    let (mut places, mut conditions) = (BTreeSet::new(), Vec::new());
    for (key, object) in desired.among(keys).filter(|(key, _)| matches!(key, Key::Nexthop(_))) {
        conditions_of(key, object, &mut conditions);
        places.extend(conditions.drain(..).filter_map(|condition| {
            if let Condition::Carrier(place) = condition { Some(place) } else { None }
        }));
    }
    let link_at = |place: &Place| desired.link_at(place).map(|(id, _)| Key::Link(id.clone()));
    let mut found: BTreeSet<Key> = places.iter().filter_map(link_at).collect();
    if !found.is_empty() {
        let is_port = |link: &Link| link.master_place().is_some_and(|at| places.contains(&at));
        let ports = desired.links().filter(|(_, link)| is_port(link));
        found.extend(ports.map(|(id, _)| Key::Link(id.clone())));
    }
    found
}

/// The IPv6 source addresses of the routes among these objects, with their links. It must be known
/// whether these addresses are usable yet.
pub(crate) fn sources(keys: &BTreeSet<Key>, desired: &Desired) -> BTreeSet<Key> {
    let mut wanted: BTreeMap<&NetnsName, BTreeSet<IpAddr>> = BTreeMap::new();
    for (key, object) in desired.among(keys) {
        if let (Key::Route(of), Object::Route(route)) = (key, object)
            && let Some(source) = route.source.filter(IpAddr::is_ipv6)
        {
            wanted.entry(&of.netns).or_default().insert(source);
        }
    }
    let mut found = BTreeSet::new();
    for (netns, sources) in wanted {
        let held = desired.addresses_in(netns).map(|(key, _)| key);
        let held = held.filter(|key| sources.contains(&key.address.addr()));
        for key in held {
            found.extend(desired.link_at(&key.place()).map(|(id, _)| Key::Link(id.clone())));
            found.insert(Key::Address(key.clone()));
        }
    }
    found
}

/// The configured parameters that set those of these links, or switch off IPv6 on them: what a link that is given back gets depends on
/// them, and the objects of others on it are restored only if it has IPv6.
pub(crate) fn parameters_over(keys: &BTreeSet<Key>, states: &[&Desired]) -> BTreeSet<Key> {
    let links = keys.iter().filter(|key| matches!(key, Key::Link(_)));
    let objects = links.flat_map(|key| states.iter().filter_map(move |state| state.get(key)));
    let places: BTreeSet<&Place> = objects.filter_map(place_of).collect();
    let netnses: BTreeSet<&NetnsName> = places.iter().map(|place| &place.netns).collect();
    let of_all = netnses.into_iter().flat_map(|netns| {
        SysctlPath::of_all_links().map(|path| SysctlKey { netns: netns.clone(), path })
    });
    let switches = places.into_iter().filter_map(|Place { netns, ifname }| {
        let path = format!("net/ipv6/conf/{ifname}/disable_ipv6").parse().ok()?;
        Some(SysctlKey { netns: netns.clone(), path })
    });
    let parameters = of_all.chain(switches).map(Key::Sysctl);
    parameters.filter(|key| states.iter().any(|state| state.contains(key))).collect()
}

/// The links of these objects, the links below those, and their ports, if the configuration does not
/// say whether they exist and are up.
pub(crate) fn undetermined_links(keys: &BTreeSet<Key>, desired: &Desired) -> BTreeSet<Key> {
    let is_undetermined = |link: &Link| link.is_adopted();
    if !desired.links().any(|(_, link)| is_undetermined(link)) {
        return BTreeSet::new();
    }
    let mut ports: BTreeMap<Place, Vec<&Place>> = BTreeMap::new();
    for (_, link) in desired.links() {
        if let Some(master) = link.master_place() {
            ports.entry(master).or_default().push(&link.place);
        }
    }
    let (mut found, mut seen) = (BTreeSet::new(), BTreeSet::new());
    let mut next: Vec<Place> = Vec::new();
    for (key, object) in desired.among(keys) {
        next.extend(places(key, object));
        next.extend(place_of(object).cloned());
        while let Some(place) = next.pop() {
            // Very many routes are over few links.
            if seen.contains(&place) {
                continue;
            }
            seen.insert(place.clone());
            let Some((id, link)) = desired.link_at(&place) else { continue };
            if is_undetermined(link) {
                found.insert(Key::Link(id.clone()));
            }
            next.extend(link.device.clone());
            next.extend(ports.get(&place).into_iter().flatten().copied().cloned());
        }
    }
    found
}

/// The links that removed objects depend on. If such a link stays, the originals on it can be
/// restored.
pub(crate) fn links_below(
    keys: &BTreeSet<Key>,
    touched: &Desired,
    desired: &Desired,
) -> BTreeSet<Key> {
    let before = keys.iter().filter_map(|key| Some((key, touched.get(key)?)));
    let given_up = before.filter(|(key, _)| !desired.contains(key));
    let places: BTreeSet<Place> = given_up.flat_map(|(key, object)| places(key, object)).collect();
    if places.is_empty() {
        return BTreeSet::new();
    }
    let links = touched.links().chain(desired.links());
    let at = links.filter(|(_, link)| places.contains(&link.place));
    at.map(|(id, _)| Key::Link(id.clone())).collect()
}

/// The other ends of the veth pairs among these. Creating one end creates the other as well, so
/// both are needed to know what is missing.
pub(crate) fn other_ends(keys: &BTreeSet<Key>, desired: &Desired) -> BTreeSet<Key> {
    let links = keys.iter().filter_map(|key| desired.get(key)?.link());
    let peers: BTreeSet<&Place> = links.filter_map(|link| link.peer.as_ref()).collect();
    if peers.is_empty() {
        return BTreeSet::new();
    }
    let at = desired.links().filter(|(_, link)| peers.contains(&link.place));
    at.map(|(id, _)| Key::Link(id.clone())).collect()
}

/// The dependents of the link at each place, and the objects in each namespace.
#[derive(Default)]
struct Dependents<'a> {
    by_place: BTreeMap<Place, Vec<&'a Key>>,
    by_netns: BTreeMap<NetnsName, Vec<&'a Key>>,
}

impl<'a> Dependents<'a> {
    fn of(states: &[&'a Desired]) -> Self {
        let mut dependents = Dependents::default();
        for (key, object) in states.iter().flat_map(|state| state.iter()) {
            for need in needs(key, object) {
                match need.of {
                    Anchor::Place(place) => dependents.by_place.entry(place).or_default().push(key),
                    Anchor::Key(_) => {}
                }
            }
            if let Some(netns) = netns_of(key, object) {
                dependents.by_netns.entry(netns.clone()).or_default().push(key);
            }
        }
        dependents
    }

    fn on(&self, key: &Key, states: &[&Desired]) -> Vec<&'a Key> {
        if let Key::Netns(netns) = key {
            return self.by_netns.get(netns).cloned().unwrap_or_default();
        }
        let places = states.iter().filter_map(|state| place_of(state.get(key)?));
        let at_places = places.filter_map(|place| self.by_place.get(place)).flatten();
        at_places.copied().collect()
    }
}

/// The namespace of an object.
pub(crate) fn netns_of<'a>(key: &'a Key, object: &'a Object) -> Option<&'a NetnsName> {
    key.netns().or_else(|| place_of(object).map(|place| &place.netns))
}

/// The place of a link; none for other objects.
pub(crate) fn place_of(object: &Object) -> Option<&Place> {
    if let Object::Link(link) = object { Some(&link.place) } else { None }
}
