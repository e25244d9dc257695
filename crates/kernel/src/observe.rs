//! Observing the kernel: everything, or certain objects with as few requests as possible.

use std::collections::{BTreeMap, BTreeSet};

use netstate::{
    Key, LinkId, LinkName, NetnsName, Noun, Object, ObserveError, Part, Place, State, SysctlKey,
    Wanted,
};

use crate::fault::Fault;
use crate::namespaces::Namespaces;
use crate::noun::link::identity::Identities;
use crate::noun::link::read::Seen;
use crate::noun::route::Filter;
use crate::noun::{self, neighbor, route};
use crate::observer::{FAMILIES, FEW, Observer, Result};

const AF_INET6: u8 = FAMILIES[1];

/// The maximum number of attempts to read links while others rename them.
const ATTEMPTS: usize = 16;

/// The number of attempts with the same result after which one more such result counts.
const SETTLED: usize = 2;

/// Reads a part of everything, including state and statistics.
pub(crate) fn part(namespaces: &mut Namespaces, part: &Part) -> Result<State> {
    let all = namespaces.names();
    let names: Vec<NetnsName> = all.iter().filter(|name| part.has_netns(name)).cloned().collect();
    // The name of a link depends on other links with this name in all namespaces.
    let names_only =
        !part.nouns.contains(&Noun::Link) && part.nouns.iter().any(|noun| *noun != Noun::Netns);
    open_all(namespaces, if names_only { &all } else { &names })?;
    let mut observer = Observer::new(namespaces, noun::plural);
    if names_only {
        observer.link_names(&all, part)?;
    }
    noun::observe_part(&mut observer, &names, part)?;
    Ok(state(observer))
}

/// Reads certain objects. Links that others have renamed or moved are found by their identities.
pub(crate) fn only(
    namespaces: &mut Namespaces,
    identities: &mut Identities,
    wanted: &Wanted,
) -> Result<State> {
    open_all(namespaces, concerned(wanted))?;
    let (mut observer, links) = links(namespaces, identities, wanted)?;
    let mut on_links: BTreeMap<NetnsName, BTreeMap<u32, LinkName>> = BTreeMap::new();
    let own = NetnsName::own();
    for (id, seen) in links {
        let likely = wanted.outcome.get(id).and_then(|link| link.reaches_into()).unwrap_or(&own);
        let Place { netns, ifname } = seen.link.place.clone();
        if wanted.wants_parameters(id, &seen.link.place) {
            observer.own_parameters(&seen.link.place)?;
        }
        on_links.entry(netns).or_default().insert(seen.index, ifname);
        let mut seen = seen;
        if wanted.vlans.contains(id) {
            seen.link.vlans = observer.vlans_of(&seen)?;
            observer.add_default_vlan(&mut seen)?;
        }
        let mut link = observer.resolve(seen, likely)?;
        observer.add_defaults(wanted, (id, &mut link))?;
        observer.insert(Key::Link(id.clone()), Object::Link(Box::new(link)));
    }
    let found = observer.found.iter().filter_map(|(key, object)| match (key, object) {
        (Key::Link(id), Object::Link(link)) => Some((id, &**link)),
        _ => None,
    });
    if wanted.wants_dependents(found) {
        for (netns, links) in on_links {
            dependents(&mut observer, &netns, &links)?;
        }
    }
    observer.occupants(wanted)?;
    reached(&mut observer, wanted)?;
    noun::by_key(&mut observer, wanted)?;
    Ok(state(observer))
}

/// Finds the wanted links. Links are read one after the other, so that others may rename them
/// between two readings. Then two links were read in one place, or one link twice: they are read
/// again.
fn links<'n, 'w>(
    namespaces: &'n mut Namespaces,
    identities: &mut Identities,
    wanted: &'w Wanted,
) -> Result<(Observer<'n>, Vec<(&'w LinkId, Seen)>)> {
    let mut observer = Observer::new(namespaces, noun::plural);
    let mut doubts: Vec<Doubt> = Vec::new();
    while doubts.len() < ATTEMPTS {
        observer.forget_links();
        let doubt = match observer.read_links(wanted)? {
            Some(netns) => Doubt { netns, twice: None },
            None => {
                let links = identities.find(&mut observer, wanted)?;
                match doubt(&links) {
                    // The kernel may also be such that two configured links are taken for one.
                    Some(doubt) if doubt.twice.is_none() || !is_settled(&doubts, &doubt) => doubt,
                    Some(_) | None => {
                        identities.remember(wanted, &links);
                        return Ok((observer, links));
                    }
                }
            }
        };
        doubts.push(doubt);
    }
    let of = doubts.last().map(|doubt| format!(" of namespace {}", doubt.netns));
    Err(ObserveError {
        doing: format!("read links{}", of.unwrap_or_default()),
        cause: "others rename them again and again".into(),
    })
}

/// Why what was read may never have been so.
#[derive(PartialEq)]
struct Doubt {
    netns: NetnsName,
    /// The index of a link that was read twice; none if two links were read in one place.
    twice: Option<u32>,
}

/// Whether the last attempts have raised the same doubt.
fn is_settled(doubts: &[Doubt], doubt: &Doubt) -> bool {
    doubts.len() >= SETTLED && doubts.iter().rev().take(SETTLED).all(|other| other == doubt)
}

fn doubt(links: &[(&LinkId, Seen)]) -> Option<Doubt> {
    let mut at: BTreeMap<&Place, u32> = BTreeMap::new();
    let mut places: BTreeMap<(&NetnsName, u32), &Place> = BTreeMap::new();
    links.iter().find_map(|(_, seen)| {
        let place = &seen.link.place;
        let other = at.insert(place, seen.index);
        let elsewhere = places.insert((&place.netns, seen.index), place);
        let twice = match (other, elsewhere) {
            (Some(other), _) => (other == seen.index).then_some(seen.index),
            (None, Some(_)) => Some(seen.index),
            (None, None) => return None,
        };
        Some(Doubt { netns: place.netns.clone(), twice })
    })
}

fn open_all<'n>(
    namespaces: &mut Namespaces,
    names: impl IntoIterator<Item = &'n NetnsName>,
) -> Result<()> {
    let failed =
        |fault: Fault| ObserveError { doing: "open namespaces".into(), cause: fault.to_string() };
    namespaces.open_all(names).map_err(failed)
}

/// The namespaces that must be read.
fn concerned(wanted: &Wanted) -> BTreeSet<&NetnsName> {
    let places = wanted.links.values().flatten().map(|place| &place.netns);
    let keys = wanted.keys.iter().filter_map(Key::netns);
    let reached = wanted.reach.iter().map(|key| &key.netns);
    places.chain(keys).chain(&wanted.occupants).chain(reached).collect()
}

/// The objects on links: addresses, routes, and neighbours that were not learned. A few links are
/// read one by one; for more, everything is read.
fn dependents(
    observer: &mut Observer<'_>,
    netns: &NetnsName,
    links: &BTreeMap<u32, LinkName>,
) -> Result<()> {
    let names: BTreeSet<&LinkName> = links.values().collect();
    let asked = match links.len() {
        0..=FEW => links.keys().copied().collect(),
        _ => vec![0],
    };
    let nexthops = observer.nexthops_on(netns, links)?;
    let by_nexthop = |seen: &route::Seen| seen.route.nhid.is_some_and(|id| nexthops.contains(&id));
    for index in asked {
        observer.addresses(netns, index, |index, _| links.contains_key(&index))?;
        for family in FAMILIES {
            let filter = Filter { family, index, ..Filter::default() };
            // IPv6 routes without a nexthop are on the loopback.
            let holds_nowhere =
                family == AF_INET6 && names.iter().any(|name| name.as_str() == "lo");
            observer.routes(netns, filter, |seen| {
                let is_on_links = seen.indexes.iter().any(|index| links.contains_key(index));
                match seen.route.nhid {
                    Some(_) => by_nexthop(seen),
                    None => is_on_links || holds_nowhere && seen.indexes.is_empty(),
                }
            })?;
        }
        observer.neighbors(netns, index, |key, neighbor| {
            names.contains(&key.dev) && neighbor::is_static(key, neighbor)
        })?;
    }
    Ok(())
}

/// What changing parameters affect: the same parameter of all links, and the objects of IPv6.
fn reached(observer: &mut Observer<'_>, wanted: &Wanted) -> Result<()> {
    for parameter in &wanted.reach {
        let SysctlKey { netns, path } = parameter;
        let links: BTreeMap<u32, LinkName> = match path.dev() {
            Some(dev) => {
                let index = observer.index(netns, &dev)?;
                index.map(|index| (index, dev)).into_iter().collect()
            }
            None => observer.links(netns)?.into_iter().map(numbered).collect(),
        };
        let spread = links.values().filter_map(|dev| path.spread_to(dev));
        let spread = spread.map(|path| SysctlKey { path, ..parameter.clone() });
        let spread: Vec<SysctlKey> = spread.collect();
        observer.sysctls(netns, &spread.iter().collect::<Vec<_>>())?;
        if path.switches_ipv6() {
            of_ipv6(observer, netns, &links)?;
        }
    }
    Ok(())
}

fn numbered(seen: Seen) -> (u32, LinkName) {
    (seen.index, seen.link.place.ifname)
}

/// The addresses, routes and static neighbours of IPv6 on links.
fn of_ipv6(
    observer: &mut Observer<'_>,
    netns: &NetnsName,
    links: &BTreeMap<u32, LinkName>,
) -> Result<()> {
    let index = match links.keys().collect::<Vec<_>>()[..] {
        [] => return Ok(()),
        [index] => *index,
        _ => 0,
    };
    let is_ipv6 = |key: &Key| matches!(key, Key::Address(key) if key.address.addr().is_ipv6());
    observer.addresses(netns, index, |at, key| links.contains_key(&at) && is_ipv6(key))?;
    let filter = Filter { family: AF_INET6, index, ..Filter::default() };
    observer.routes(netns, filter, |_| true)?;
    observer.neighbors(netns, index, |key, neighbor| {
        key.address.is_ipv6() && neighbor::is_static(key, neighbor)
    })
}

/// The objects that were read, as a state.
fn state(mut observer: Observer<'_>) -> State {
    observer.found.sort_by(|(a, _), (b, _)| a.cmp(b));
    observer.found.dedup_by(|(key, object), (kept_key, kept)| {
        key == kept_key && {
            route::join(kept_key, kept, object);
            true
        }
    });
    State { objects: observer.found.into_iter().collect() }
}
