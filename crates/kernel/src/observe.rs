//! Reading what the kernel holds: all of it, or certain objects with as little as the kernel lets one ask for.
//!
//! Messages speak of links by number, of other namespaces by numbers that hold in the link's namespace only. Both
//! are turned into names here, and looked up once.

mod observer;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use netstate::attribute::put_value;
use netstate::{
    Key, LinkName, NetnsName, Noun, Object, ObserveError, Part, State, Wanted, with_nouns,
};

use crate::fault::Fault;
use crate::message::fixed;
use crate::noun::link;
use crate::noun::netns::Namespaces;
use crate::socket::NetlinkSocket;
use crate::uapi::RTEXT_FILTER_SKIP_STATS;
pub(crate) use observer::{Observer, failed};

pub(crate) type Result<T> = std::result::Result<T, ObserveError>;

/// `AF_INET` and `AF_INET6`.
pub(crate) const FAMILIES: [u8; 2] = [2, 10];

/// How many links are asked about one by one at most where the answers tell of all that is on them.
pub(crate) const FEW: usize = 8;

/// At how many places of a namespace links are asked for one by one at most.
const FEW_PLACES: usize = 128;

macro_rules! observe {
    ($($(#[$doc:meta])* $noun:ident $stem:ident ($key:ty) [$($object:ty)?];)*) => {
        /// Reads a part of all that there is, state and statistics too.
        pub(crate) fn part(namespaces: &mut Namespaces, part: &Part) -> Result<State> {
            let all = namespaces.names();
            let names: Vec<NetnsName> =
                all.iter().filter(|name| part.has_netns(name)).cloned().collect();
            // What a link is called depends on who else has its name, in whatever namespace.
            let names_only = !part.nouns.contains(&Noun::Link)
                && part.nouns.iter().any(|noun| *noun != Noun::Netns);
            open_all(namespaces, if names_only { &all } else { &names })?;
            let mut observer = Observer::new(namespaces);
            if names_only {
                observer.link_names(&all, part)?;
            }
            $(if part.nouns.contains(&Noun::$noun) {
                crate::noun::$stem::observe_part(&mut observer, &names, part)?;
            })*
            Ok(observer.state())
        }

        /// What a request of that kind asks for.
        fn plural(get: u16) -> &'static str {
            let asked_for = [$(crate::noun::$stem::WIRE),*].into_iter().find(|wire| wire.get == get);
            asked_for.map_or("identifiers", |wire| wire.plural)
        }

        /// Reads the objects that have these keys.
        fn by_key(observer: &mut Observer<'_>, wanted: &Wanted) -> Result<()> {
            $(let mut $stem: Vec<&$key> = Vec::new();)*
            for key in &wanted.keys {
                match key {
                    $(Key::$noun(key) => $stem.push(key),)*
                }
            }
            $(if !$stem.is_empty() {
                crate::noun::$stem::observe(observer, &$stem, wanted)?;
            })*
            Ok(())
        }
    };
}

with_nouns!(observe);

/// Reads certain objects.
pub(crate) fn only(namespaces: &mut Namespaces, wanted: &Wanted) -> Result<State> {
    open_all(namespaces, concerned(wanted))?;
    let mut observer = Observer::new(namespaces);
    let mut on_links: BTreeMap<&NetnsName, BTreeMap<u32, &LinkName>> = BTreeMap::new();
    let own = NetnsName::own();
    observer.read_links(wanted)?;
    for (id, places) in &wanted.links {
        let likely = wanted.outcome.get(id).and_then(|link| link.reaches_into()).unwrap_or(&own);
        for place in places {
            let Some(seen) = observer.link(place)? else { continue };
            on_links.entry(&place.netns).or_default().insert(seen.index, &place.ifname);
            if wanted.wants_parameters(id, place) {
                observer.own_parameters(place)?;
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
        for (netns, links) in on_links {
            observer.dependents(netns, &links)?;
        }
    }
    observer.occupants(wanted)?;
    by_key(&mut observer, wanted)?;
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
