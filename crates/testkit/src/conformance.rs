//! Checks the whole kernel after a commit: configured objects are as configured, objects that are
//! no longer configured are given back or removed, and objects of others are unchanged.
//!
//! A planner that observes only a part of the kernel does not see what it forgot to observe.
//! Therefore this check starts from the whole state before the commit, and compares by the rules of
//! [`checker`]. Objects on a link follow it when it is renamed, and are lost when it is removed or
//! moved: the kernel does this, and it is documented.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use netstate::nexthop::NexthopKind;
use netstate::plan::wanted;
use netstate::uapi::NUD_NOARP;
use netstate::{
    Address, AddressKey, AddressOptions, Key, Link, LinkId, LinkKind, Master, NetnsName, Nexthop,
    Object, Originals, Place, Plan, Route, Scope, Southbound, State, SysctlKey, Wanted, checker,
};

/// The whole state of a kernel, with the configuration's identities of links.
#[derive(Clone, Debug)]
pub(crate) struct Everything {
    state: State,
    places: BTreeMap<LinkId, Place>,
}

/// The smallest MTU with IPv6 (RFC 8200 section 5).
const IPV6_MIN_MTU: u32 = 1280;

/// A step from one configuration to another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step<'a> {
    pub(crate) touched: &'a State,
    pub(crate) desired: &'a State,
    pub(crate) originals: &'a Originals,
}

impl Step<'_> {
    fn is_ours(&self, key: &Key) -> bool {
        let sets = [&self.touched.objects, &self.desired.objects, &self.originals.objects];
        sets.iter().any(|objects| objects.contains_key(key))
    }
}

/// Reads everything. `places` are the places where links are looked for, the most likely first. A
/// place that belongs to another link is skipped.
pub(crate) fn observe(
    southbound: &mut impl Southbound,
    places: impl IntoIterator<Item = (LinkId, Vec<Place>)>,
    parameters: BTreeSet<Key>,
) -> Everything {
    let scope = Scope::Everything { known: BTreeMap::new() };
    let mut all = southbound.observe(&scope).expect("everything can be observed");
    let only = Scope::Only(Wanted { keys: parameters, ..Wanted::default() });
    all.objects.extend(southbound.observe(&only).expect("parameters can be observed").objects);
    let there: BTreeSet<Place> = links(&all).map(|(_, link)| link.place.clone()).collect();
    let mut known: BTreeMap<Place, LinkId> = BTreeMap::new();
    for (id, places) in places {
        let free = |place: &&Place| there.contains(*place) && !known.contains_key(*place);
        if !known.values().any(|other| *other == id)
            && let Some(place) = places.iter().find(free)
        {
            known.insert(place.clone(), id);
        }
    }
    let rekey = |(key, object): (Key, Object)| {
        let id = object.link().map(|link| match known.get(&link.place) {
            Some(id) => id.clone(),
            None => foreign_id(&link.place),
        });
        let key = id.map_or(key, Key::Link);
        (key, object)
    };
    let state = State { objects: all.objects.into_iter().map(rekey).collect() };
    let places = links(&state).map(|(id, link)| (id.clone(), link.place.clone())).collect();
    Everything { state, places }
}

/// The places of a step's links after it.
pub(crate) fn places_after(step: Step<'_>) -> Vec<(LinkId, Vec<Place>)> {
    let states = [step.desired, &State { objects: step.originals.objects.clone() }, step.touched];
    let found = states.into_iter().flat_map(|state| links(state).map(at).collect::<Vec<_>>());
    // A link that was missing before and exists now is where others have put it.
    found.chain(wanted(step.desired, step.touched, step.originals).links).collect()
}

/// The places of a step's links before it.
pub(crate) fn places_before(step: Step<'_>) -> Vec<(LinkId, Vec<Place>)> {
    let touched = links(step.touched).map(at);
    let sought = wanted(step.desired, step.touched, step.originals).links;
    touched.chain(sought).collect()
}

/// A VLAN of others follows the link below: its MTU is limited, and it goes up and down with it
/// (`vlan_device_event`, net/8021q/vlan.c).
fn bound_to_below(mut link: Link, after: &Everything) -> Link {
    let Some(LinkKind::Vlan(vlan)) = &link.kind else { return link };
    let below = links(&after.state).find(|(_, below)| Some(&below.place) == link.device.as_ref());
    let Some((_, below)) = below else { return link };
    let (attributes, flags) = (&mut link.attributes, &mut link.flags);
    attributes.mtu = attributes.mtu.into_iter().chain(below.attributes.mtu).min();
    if vlan.loose_binding != Some(true) {
        flags.up = below.flags.up;
    }
    link
}

/// Panics if the kernel is not as expected.
pub(crate) fn check(step: Step<'_>, before: &Everything, after: &Everything, plan: &Plan) {
    let expected = expected(step, before, after);
    let nothing = Plan::default();
    if let Err(violation) = checker::check(&after.state, &nothing, &expected.objects) {
        panic!("the kernel as a whole is not as it is to be: {violation}\nafter\n{plan}");
    }
}

fn expected(step: Step<'_>, before: &Everything, after: &Everything) -> State {
    let mut expected = step.desired.clone();
    let renamed = step.originals.present(|key| step.desired.objects.get(key));
    for (home, original) in &step.originals.objects {
        let here = (home.clone(), original.clone());
        let (key, original) = renamed.get(home).unwrap_or(&here);
        if let Some(object) = expected.objects.get_mut(key) {
            *object = with_options(key, original, Some(object)).unwrap_or_else(|| object.clone());
        }
    }
    let mut add = |key: Key, object: Object| {
        let object = with_options(&key, &object, None).unwrap_or(object);
        expected.objects.entry(key).or_insert(object);
    };
    let seen: BTreeMap<&Place, &LinkId> =
        before.places.iter().map(|(id, place)| (place, id)).collect();
    // An original has the place of its link before the configuration.
    let mut homes = seen.clone();
    homes.extend(step.originals.objects.iter().filter_map(|(key, object)| match (key, object) {
        (Key::Link(id), Object::Link(link)) => Some((&link.place, id)),
        _ => None,
    }));
    for (key, object) in &step.originals.objects {
        match (key, object) {
            // It follows a configured parameter.
            (Key::Sysctl(at), _) if is_set_along(at, step.desired) => {}
            // A link that somebody has removed is not created again.
            (Key::Link(id), _) if !after.places.contains_key(id) => {}
            (_, Object::Link(link)) => {
                let at = |place: &Place| homes.get(place).copied();
                add(key.clone(), Object::Link(Box::new(with_ties(link, at, after))));
            }
            _ => {
                let at = |place: &Place| homes.get(place).copied();
                let moved = moved(key, object, at, after);
                if let Some((key, object)) = moved.filter(|(key, _)| has_ip(key, step, after)) {
                    add(key, object);
                }
            }
        }
    }
    let mut given_back = State { objects: step.originals.objects.clone() };
    given_back.objects.retain(|key, _| !step.desired.objects.contains_key(key));
    for (key, object) in before.state.objects.iter().filter(|(key, _)| !step.is_ours(key)) {
        let at = |place: &Place| seen.get(place).copied();
        match (key, object.link()) {
            // It follows a configured parameter, under another name than its original.
            (Key::Sysctl(at), _) if is_set_along(at, step.desired) => {}
            // The parameter of a link that has appeared since follows one that is given back.
            (Key::Sysctl(at), _) if is_set_along(at, &given_back) => {}
            (_, Some(link)) if goes_with_ours(link, before, after) => {}
            (_, Some(link)) => {
                let link = bound_to_below(with_ties(link, at, after), after);
                add(key.clone(), Object::Link(Box::new(link)));
            }
            (_, None) => {
                let moved = moved(key, object, at, after);
                if let Some((key, object)) = moved.filter(|(key, _)| has_ip(key, step, after)) {
                    add(key, object);
                }
            }
        }
    }
    // Objects that nobody has named: links that were never created, other ends of veth pairs, and
    // the devices of a new namespace.
    for (id, link) in links(&after.state) {
        let key = Key::Link(id.clone());
        let is_new = !before.state.objects.contains_key(&key) && !step.is_ours(&key);
        let mate = link.peer.as_ref().and_then(|peer| id_at(after, peer));
        let has_come_along = mate.is_some_and(|id| step.is_ours(&Key::Link(id.clone())));
        let never_made = step.touched.objects.get(&key).and_then(Object::link);
        let never_made = never_made.is_some_and(Link::is_adopted);
        if never_made || (is_new && (has_come_along || link.belongs_to_namespace())) {
            add(key, Object::Link(Box::new(link.clone())));
        }
    }
    // The other end of a pair that is no longer configured is as a new one.
    for (id, touched) in links(step.touched) {
        let key = Key::Link(id.clone());
        let is_mate = |(_, mate): &(&LinkId, &Link)| mate.peer.as_ref() == Some(&touched.place);
        let was_made = !touched.is_adopted() && !step.originals.objects.contains_key(&key);
        if let Some((_, mate)) = links(step.desired).find(is_mate).filter(|_| was_made) {
            let mut end = Link::at(touched.place.clone());
            (end.kind, end.peer) = (touched.kind.clone(), Some(mate.place.clone()));
            end.restore(touched, &touched.kernel_default());
            add(key, Object::Link(Box::new(end)));
        }
    }
    // A link without ARP gets neighbours as soon as something is sent (`arp_constructor`,
    // net/ipv4/arp.c).
    for (key, object) in after.state.objects.iter().filter(|(key, _)| !step.is_ours(key)) {
        if matches!(object, Object::Neighbor(neighbor) if neighbor.nud == Some(NUD_NOARP)) {
            add(key.clone(), object.clone());
        }
    }
    expected
}

/// An address that was there before with the options that it had, where none are configured. Others renew lifetimes, and
/// the kernel renames labels.
fn with_options(key: &Key, object: &Object, configured: Option<&Object>) -> Option<Object> {
    let (Key::Address(at), Object::Address(address)) = (key, object) else { return None };
    let status = address.status.as_ref().filter(|_| !address.is_automatic())?;
    let kept = AddressOptions {
        label: None,
        valid_lft: None,
        preferred_lft: None,
        ..AddressOptions::of(at, status)
    };
    let options = match configured {
        Some(Object::Address(configured)) => configured.set_options().or(kept),
        _ => kept,
    };
    Some(Object::Address(Address { status: Some(status.clone()), ..options.into() }))
}

/// Whether the link of an IPv6 address has IPv6: its MTU is not too small, and the configuration does
/// not switch it off. Others lose their addresses with it.
fn has_ip(key: &Key, Step { desired, .. }: Step<'_>, after: &Everything) -> bool {
    let Key::Address(AddressKey { netns, dev, address, .. }) = key else { return true };
    let switch = |holder: &str| {
        let path = format!("net/ipv6/conf/{holder}/disable_ipv6").parse().ok()?;
        desired.objects.get(&Key::Sysctl(SysctlKey { netns: netns.clone(), path }))
    };
    let switch = switch(dev.as_str()).or_else(|| switch("all"));
    let place = Place { netns: netns.clone(), ifname: dev.clone() };
    let link = links(&after.state).find(|(_, link)| link.place == place);
    let is_small =
        link.is_some_and(|(_, link)| link.attributes.mtu.is_some_and(|mtu| mtu < IPV6_MIN_MTU));
    address.addr().is_ipv4() || !is_small && switch != Some(&Object::Sysctl("1".into()))
}

/// Whether the kernel may set a parameter together with a configured one.
fn is_set_along(at: &SysctlKey, desired: &State) -> bool {
    let sets = |of: &SysctlKey| of.netns == at.netns && of.path.sets("", &at.path).is_some();
    desired.objects.keys().any(|key| matches!(key, Key::Sysctl(of) if sets(of)))
}

/// The expected object, given the link that was at each place. None if its links are removed or
/// moved, or if it is a route without a link that is up.
fn moved<'i>(
    key: &Key,
    object: &Object,
    at: impl Fn(&Place) -> Option<&'i LinkId>,
    after: &Everything,
) -> Option<(Key, Object)> {
    let Some(netns) = key.netns() else { return Some((key.clone(), object.clone())) };
    has_netns(after, netns).then_some(())?;
    let new = |dev: &netstate::LinkName| {
        let place = Place { netns: netns.clone(), ifname: dev.clone() };
        // A link that is not ours stays where it was, unless somebody has removed it.
        let Some(id) = at(&place) else { return id_at(after, &place).map(|_| place.ifname) };
        let to = after.places.get(id)?;
        (to.netns == place.netns).then(|| to.ifname.clone())
    };
    let mut key = key.clone();
    let mut object = object.clone();
    match &mut key {
        Key::Netns(_) | Key::Link(_) | Key::Rule(_) => {}
        Key::Sysctl(key) => {
            if let Some(dev) = key.path.dev() {
                key.path = key.path.of_dev(&new(&dev)?)?;
            }
        }
        Key::Nexthop(_) => {
            if let Object::Nexthop(nexthop) = &mut object
                && let NexthopKind::Single(single) = &mut nexthop.kind
                && let Some(dev) = &mut single.dev
            {
                *dev = new(dev)?;
            }
        }
        Key::Address(key) => key.dev = new(&key.dev)?,
        Key::Neighbor(key) => key.dev = new(&key.dev)?,
        Key::Fdb(key) => key.dev = new(&key.dev)?,
        Key::Route(_) => {
            if let Object::Route(route) = &mut object {
                let Route { nexthops, .. } = Arc::make_mut(route);
                for Nexthop { dev, .. } in nexthops.iter_mut() {
                    if let Some(dev) = dev {
                        *dev = new(dev)?;
                    }
                }
                nexthops.sort();
            }
        }
    }
    Some((key, object))
}

/// A link with the present names of its master, device and peer. A removed one is not expected.
fn with_ties<'i>(
    link: &Link,
    at: impl Fn(&Place) -> Option<&'i LinkId>,
    after: &Everything,
) -> Link {
    let to = |place: Place| match at(&place) {
        Some(id) => after.places.get(id).cloned(),
        None => Some(place),
    };
    let master = link.master_place().and_then(to);
    let master = master.filter(|master| master.netns == link.place.netns);
    Link {
        master: match link.master {
            Some(Master::Of(_)) => master.map(|master| Master::Of(master.ifname)),
            _ => link.master.clone(),
        },
        device: link.device.clone().and_then(to),
        peer: link.peer.clone().and_then(to),
        ..link.clone()
    }
}

/// Whether a link is the other end of a removed one of ours, or exists as long as its namespace.
fn goes_with_ours(link: &Link, before: &Everything, after: &Everything) -> bool {
    if link.belongs_to_namespace() && !has_netns(after, &link.place.netns) {
        return true;
    }
    let mate = link.peer.as_ref().and_then(|peer| id_at(before, peer));
    mate.is_some_and(|id| !after.places.contains_key(id))
}

fn has_netns(all: &Everything, netns: &NetnsName) -> bool {
    netns.is_own() || all.state.objects.contains_key(&Key::Netns(netns.clone()))
}

fn id_at<'e>(all: &'e Everything, place: &Place) -> Option<&'e LinkId> {
    all.places.iter().find_map(|(id, at)| (at == place).then_some(id))
}

fn at((id, link): (&LinkId, &Link)) -> (LinkId, Vec<Place>) {
    (id.clone(), vec![link.place.clone()])
}

/// A name for a link that the configuration has none for.
fn foreign_id(place: &Place) -> LinkId {
    let text = format!("{}@{}", place.ifname, place.netns);
    text.parse().expect("a name without control characters")
}

fn links(state: &State) -> impl Iterator<Item = (&LinkId, &Link)> {
    state.objects.iter().filter_map(|(key, object)| match (key, object) {
        (Key::Link(id), Object::Link(link)) => Some((id, &**link)),
        _ => None,
    })
}
