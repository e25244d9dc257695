//! What has to be observed before it can be said what to do.

use std::collections::{BTreeMap, BTreeSet};

use super::work;
use crate::link::{Link, Place};
use crate::name::{LinkId, LinkName, NetnsName};
use crate::originals::Originals;
use crate::route::{Route, RouteKey};
use crate::southbound::Wanted;
use crate::state::{Key, Object, State};
use crate::sysctl::{SysctlKey, SysctlPath};

/// How many routes are asked for one by one at most. Asking for one costs what reading ten does (2-core host, Linux
/// 6.18), and how many there are is not known.
const FEW: usize = 1000;

/// Everything that going from `touched` to `desired` may concern.
pub fn wanted(desired: &State, touched: &State, originals: &Originals) -> Wanted {
    let states = [&touched.objects, &originals.objects, &desired.objects];
    let mut wanted = Wanted::default();
    let mut keys = Vec::new();
    let mut parameters = Vec::new();
    for (key, object) in states.iter().copied().flatten() {
        match (key, object) {
            (Key::Link(id), Object::Link(link)) => {
                let places = wanted.links.entry(id.clone()).or_default();
                for place in candidates(id, link) {
                    if !places.contains(&place) {
                        places.push(place);
                    }
                }
            }
            (Key::Sysctl(sysctl), _) => {
                keys.extend(default_of(sysctl).map(Key::Sysctl));
                keys.push(key.clone());
                parameters.extend(sysctl.path.dev().map(|dev| (sysctl, dev)));
            }
            _ => keys.push(key.clone()),
        }
    }
    keys.extend(of_other_names(&parameters, &states));
    // Of keys that are in order, as these are but for some, a set is made by one pass.
    wanted.keys = keys.into_iter().collect();
    wanted.expected = expected(&states, &wanted.keys);
    wanted.protocol = protocol(&states);
    let home = |(id, link): (&LinkId, &Link)| (id.clone(), link.place.netns.clone());
    let comes = |(id, link): &(&LinkId, &Link)| {
        work::link(touched, id).is_none_or(|before| before.place.netns != link.place.netns)
    };
    wanted.homes = work::links(desired).filter(comes).map(home).collect();
    wanted.occupants = namespaces(touched).difference(&namespaces(desired)).cloned().collect();
    let gone = |key: &Key| matches!(key, Key::Address(_)) && !desired.objects.contains_key(key);
    let given_up = touched.objects.keys().any(gone);
    // An address takes along others of its subnet, and the last one of a link every route over it.
    if wanted.occupants.is_empty() && !given_up {
        wanted.outcome = outcome(desired, touched, originals);
    }
    wanted
}

/// Parameters of links by the other names that the link has in some state: renamed, it takes them along.
fn of_other_names(
    parameters: &[(&SysctlKey, LinkName)],
    states: &[&BTreeMap<Key, Object>],
) -> Vec<Key> {
    let mut names: BTreeMap<&Key, BTreeSet<&Place>> = BTreeMap::new();
    let mut holders: BTreeMap<&Place, BTreeSet<&Key>> = BTreeMap::new();
    let links = states.iter().filter(|_| !parameters.is_empty());
    for (key, link) in links.flat_map(|objects| work::link_objects(objects)) {
        names.entry(key).or_default().insert(&link.place);
        holders.entry(&link.place).or_default().insert(key);
    }
    let mut keys = Vec::new();
    for (parameter, dev) in parameters {
        let netns = &parameter.netns;
        let place = Place { netns: netns.clone(), ifname: dev.clone() };
        let links = holders.get(&place).into_iter().flatten();
        let places = links.filter_map(|link| names.get(link)).flatten();
        for other in places.filter(|other| other.netns == *netns && ***other != place) {
            let path = parameter.path.of_dev(&other.ifname);
            keys.extend(path.map(|path| Key::Sysctl(SysctlKey { netns: netns.clone(), path })));
        }
    }
    keys
}

/// The links that are to be as they are desired, with nothing else about them to be put back.
fn outcome(desired: &State, touched: &State, originals: &Originals) -> BTreeMap<LinkId, Box<Link>> {
    let is_all = |id: &LinkId, link: &Link| {
        let before = work::link(touched, id);
        let adds_nothing = before.is_none_or(|before| {
            let mut both = before.clone();
            both.overlay(link);
            both == *link
        });
        let at_home = originals.objects.get(&Key::Link(id.clone())).is_none_or(|original| {
            let places = [before, original.link()].map(|link| link.map(|link| &link.place));
            places == [Some(&link.place); 2]
        });
        adds_nothing && at_home
    };
    let links = work::links(desired).filter(|(id, link)| is_all(id, link));
    links.map(|(id, link)| (id.clone(), Box::new(link.clone()))).collect()
}

/// What each route may be like, unless they are so many that reading whole tables costs less.
fn expected(
    states: &[&BTreeMap<Key, Object>],
    keys: &BTreeSet<Key>,
) -> BTreeMap<RouteKey, Vec<Route>> {
    let routes = || keys.iter().filter_map(|key| Some((key, key.route()?)));
    if routes().nth(FEW).is_some() {
        return BTreeMap::new();
    }
    let known = |key: &Key| {
        let mut known: Vec<Route> = Vec::new();
        for objects in states {
            if let Some(Object::Route(route)) = objects.get(key)
                && !known.contains(route)
            {
                known.push(route.clone());
            }
        }
        known
    };
    routes().map(|(key, route)| (route.clone(), known(key))).collect()
}

/// Who made all routes of these states, if it is one.
fn protocol(states: &[&BTreeMap<Key, Object>]) -> Option<u8> {
    let routes = states.iter().copied().flatten();
    let mut protocols = routes.filter_map(|(_, object)| match object {
        Object::Route(route) => Some(route.protocol),
        Object::Netns
        | Object::Link(_)
        | Object::Sysctl(_)
        | Object::Address(_)
        | Object::Neighbor(_)
        | Object::Fdb(_) => None,
    });
    let first = protocols.next()??;
    protocols.all(|protocol| protocol == Some(first)).then_some(first)
}

/// The parameter that a new link takes this one's value from: what it goes back to.
pub(super) fn default_of(key: &SysctlKey) -> Option<SysctlKey> {
    let dev = key.path.dev()?;
    let path = key.path.as_str().replacen(&format!("/{dev}/"), "/default/", 1);
    Some(SysctlKey { netns: key.netns.clone(), path: path.parse::<SysctlPath>().ok()? })
}

/// The name of a link while another still has the one that it is to have.
pub(super) fn name_aside(id: &LinkId) -> Option<LinkName> {
    // FNV-1a: the same name in every process, so that a link is found again after a crash.
    let hash = id
        .as_str()
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("aside-{hash:08x}").parse().ok()
}

/// Where a link may be: where this state has it, under the name it has while another is in its way, and in
/// the namespace that links are born in and come back to.
fn candidates(id: &LinkId, link: &Link) -> Vec<Place> {
    let place = &link.place;
    let aside =
        |netns: &NetnsName| name_aside(id).map(|ifname| Place { netns: netns.clone(), ifname });
    let home = |ifname| Place { netns: NetnsName::own(), ifname };
    let mut places = vec![place.clone()];
    // Only what is there already comes from elsewhere, where it may still have the name that is its key.
    if link.kind.is_none() {
        places.push(home(place.ifname.clone()));
        places.extend(id.as_str().parse().ok().map(home));
    }
    places.extend(aside(&place.netns));
    places
}

fn namespaces(state: &State) -> BTreeSet<NetnsName> {
    let namespace = |key: &Key| {
        if let Key::Netns(netns) = key { Some(netns.clone()) } else { None }
    };
    state.objects.keys().filter_map(namespace).collect()
}
