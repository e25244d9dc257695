//! Reading what the kernel holds: all of it, or certain objects with as little as the kernel lets one ask for.
//!
//! Messages speak of links by number, of other namespaces by numbers that hold in the link's namespace only. Both
//! are turned into names here, and looked up once.

mod exact;
mod observer;
mod parameters;
mod route;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use netstate::address::AddressKey;
use netstate::attribute::put_value;
use netstate::link::Place;
use netstate::{
    Key, LinkId, LinkName, NetnsName, Object, ObserveError, RouteKey, State, SysctlKey, Wanted,
};

use crate::fault::Fault;
use crate::link;
use crate::message::fixed;
use crate::netns::Namespaces;
use crate::route::Filter;
use crate::socket::NetlinkSocket;
use crate::uapi::RTEXT_FILTER_SKIP_STATS;
use observer::Observer;

type Result<T> = std::result::Result<T, ObserveError>;

/// `AF_INET` and `AF_INET6`.
const FAMILIES: [u8; 2] = [2, 10];

/// How many links are asked about one by one at most where the answers tell of all that hangs on them.
const FEW: usize = 8;

/// At how many places of a namespace links are asked for one by one at most.
const FEW_PLACES: usize = 128;

/// Reads everything, state and statistics too.
pub(crate) fn everything(
    namespaces: &mut Namespaces,
    known: &BTreeMap<Place, LinkId>,
) -> Result<State> {
    let netnses = namespaces.names();
    open_all(namespaces, &netnses)?;
    let mut observer = Observer::new(namespaces);
    let mut links = Vec::new();
    for netns in &netnses {
        if !netns.is_own() {
            observer.insert(Key::Netns(netns.clone()), Object::Netns);
        }
        links.extend(observer.links(netns)?);
    }
    observer.foreign_links(links, known, known.values().cloned().collect())?;
    for netns in &netnses {
        observer.addresses(netns, 0, |_, _| true)?;
        for family in FAMILIES {
            observer.routes(netns, Filter { family, ..Filter::default() }, |_| true)?;
            observer.neighbors(netns, (family, 0), |_, _| true)?;
        }
        observer.fdb(netns)?;
    }
    Ok(observer.state())
}

/// Reads certain objects.
pub(crate) fn only(namespaces: &mut Namespaces, wanted: &Wanted) -> Result<State> {
    open_all(namespaces, concerned(wanted))?;
    let mut observer = Observer::new(namespaces);
    let mut hung: BTreeMap<&NetnsName, BTreeMap<u32, &LinkName>> = BTreeMap::new();
    let own = NetnsName::own();
    observer.read_links(wanted)?;
    for (id, places) in &wanted.links {
        let likely = wanted.outcome.get(id).and_then(|link| link.reaches_into()).unwrap_or(&own);
        for place in places {
            let Some(seen) = observer.link(place)? else { continue };
            hung.entry(&place.netns).or_default().insert(seen.index, &place.ifname);
            if wanted.wants_parameters(id, place) {
                observer.parameters(place)?;
            }
            let link = observer.resolve(seen, likely)?;
            observer.insert(Key::Link(id.clone()), Object::Link(Box::new(link)));
            break;
        }
    }
    let found = observer.found.iter().filter_map(|(key, object)| match (key, object) {
        (Key::Link(id), Object::Link(link)) => Some((id, &**link)),
        _ => None,
    });
    if wanted.wants_dependents(found) {
        for (netns, links) in hung {
            observer.hangers(netns, &links)?;
        }
    }
    observer.occupants(wanted)?;
    let mut routes = Vec::new();
    let mut addresses: BTreeMap<&NetnsName, BTreeSet<&LinkName>> = BTreeMap::new();
    let mut sysctls: BTreeMap<&NetnsName, Vec<&SysctlKey>> = BTreeMap::new();
    for key in &wanted.keys {
        match key {
            Key::Netns(name) => {
                if observer.exists(name) {
                    observer.insert(key.clone(), Object::Netns);
                }
            }
            Key::Sysctl(sysctl) => sysctls.entry(&sysctl.netns).or_default().push(sysctl),
            Key::Address(AddressKey { netns, dev, .. }) => {
                addresses.entry(netns).or_default().insert(dev);
            }
            Key::Neighbor(key) => observer.neighbor(key)?,
            Key::Route(key) => routes.push(key),
            // Links are wanted by place; forwarding entries are state, and read with everything.
            Key::Link(_) | Key::Fdb(_) => {}
        }
    }
    for (netns, devs) in addresses {
        // The kernel is asked for each of a few links, for all where there are more.
        let asked = match devs.len() {
            0..=FEW => {
                let indexes = devs.iter().map(|dev| observer.index(netns, dev));
                indexes.collect::<Result<Vec<_>>>()?
            }
            _ => vec![Some(0)],
        };
        for index in asked.into_iter().flatten() {
            observer.addresses(netns, index, |_, key| wanted.keys.contains(key))?;
        }
    }
    let table = |key: &RouteKey| (key.netns.clone(), key.table, key.prefix.addr().is_ipv6());
    for routes in routes.chunk_by(|a, b| table(a) == table(b)) {
        observer.wanted_routes(routes, wanted)?;
    }
    for (netns, keys) in sysctls {
        observer.sysctls(netns, &keys)?;
    }
    Ok(observer.state())
}

fn open_all<'n>(
    namespaces: &mut Namespaces,
    names: impl IntoIterator<Item = &'n NetnsName>,
) -> Result<()> {
    let failed =
        |fault: Fault| ObserveError { doing: "open namespaces".into(), cause: fault.to_string() };
    namespaces.open_all(names).map_err(failed)
}

/// The namespaces that are to be looked into.
fn concerned(wanted: &Wanted) -> BTreeSet<&NetnsName> {
    let places = wanted.links.values().flatten().map(|place| &place.netns);
    let keys = wanted.keys.iter().filter_map(Key::netns);
    places.chain(keys).chain(&wanted.occupants).collect()
}

/// The names of the links of a namespace by their indexes, read with `socket`.
pub(crate) fn link_names(
    socket: &mut NetlinkSocket,
) -> std::result::Result<HashMap<u32, LinkName>, Fault> {
    Ok(socket.dump(libc::RTM_GETLINK, ask_for_links, link::decode_name)?.into_iter().collect())
}

/// What a request for all links says.
pub(crate) fn ask_for_links(out: &mut Vec<u8>) {
    fixed::link(out, 0, 0, 0);
    put_value(out, libc::IFLA_EXT_MASK, &RTEXT_FILTER_SKIP_STATS);
}
