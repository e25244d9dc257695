//! Observing the kernel: everything, or certain objects with as few requests as possible.

use std::collections::{BTreeMap, BTreeSet};

use netstate::{Key, LinkName, NetnsName, Noun, Object, ObserveError, Part, Place, State, Wanted};

use crate::fault::Fault;
use crate::namespaces::Namespaces;
use crate::noun::link::identity::Identities;
use crate::noun::route::Filter;
use crate::noun::{self, neighbor, route};
use crate::observer::{FAMILIES, FEW, Observer, Result};

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
    let mut observer = Observer::new(namespaces, noun::plural);
    let mut on_links: BTreeMap<NetnsName, BTreeMap<u32, LinkName>> = BTreeMap::new();
    let own = NetnsName::own();
    observer.read_links(wanted)?;
    let mut links = Vec::new();
    for (id, places) in &wanted.links {
        for place in places {
            if let Some(seen) = observer.link(place)? {
                links.push((id, seen));
                break;
            }
        }
    }
    identities.find(&mut observer, wanted, &mut links)?;
    for (id, seen) in links {
        let likely = wanted.outcome.get(id).and_then(|link| link.reaches_into()).unwrap_or(&own);
        let Place { netns, ifname } = seen.link.place.clone();
        if wanted.wants_parameters(id, &seen.link.place) {
            observer.own_parameters(&seen.link.place)?;
        }
        on_links.entry(netns).or_default().insert(seen.index, ifname);
        let link = observer.resolve(seen, likely)?;
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
    noun::by_key(&mut observer, wanted)?;
    Ok(state(observer))
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
    places.chain(keys).chain(&wanted.occupants).collect()
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
    for index in asked {
        observer.addresses(netns, index, |index, _| links.contains_key(&index))?;
        for family in FAMILIES {
            let filter = Filter { family, index, ..Filter::default() };
            observer.routes(netns, filter, |seen| {
                seen.indexes.iter().any(|index| links.contains_key(index))
            })?;
        }
        observer.neighbors(netns, index, |key, neighbor| {
            names.contains(&key.dev) && neighbor::is_static(key, neighbor)
        })?;
    }
    Ok(())
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
