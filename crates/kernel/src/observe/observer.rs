//! Asking a namespace, and putting names where its answers have numbers.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::os::fd::AsRawFd;

use netstate::attribute::{Value, put_value};
use netstate::link::{Link, Master, Place};
use netstate::{Key, LinkName, NetnsName, Object, ObserveError, State, Wanted};

use super::{FAMILIES, FEW, FEW_PLACES, Result, plural};
use crate::fault::Fault;
use crate::message::{Message, fixed};
use crate::noun::link::Seen;
use crate::noun::netns::Namespaces;
use crate::noun::route::Filter;
use crate::noun::{link, neighbor, route};
use crate::uapi::{NETNSA_FD, NETNSA_NSID, RTEXT_FILTER_SKIP_STATS};

/// What was read so far, and what numbers stand for.
pub(crate) struct Observer<'a> {
    pub(crate) namespaces: &'a mut Namespaces,
    /// What was read, in the order of reading; of what was read twice the first is taken.
    pub(crate) found: Vec<(Key, Object)>,
    /// Names of links by index; none for an index that no link has.
    pub(crate) names: HashMap<NetnsName, HashMap<u32, Option<LinkName>>>,
    /// The links of namespaces that were read together.
    read: HashMap<NetnsName, HashMap<LinkName, Seen>>,
    /// Indexes of links by name.
    indexes: HashMap<Place, u32>,
    /// Which namespace an identifier stands for, in a namespace.
    identifiers: HashMap<NetnsName, Identifiers>,
    /// The names of all namespaces, once they were needed.
    all: Vec<NetnsName>,
}

/// What identifiers stand for in one namespace, as far as that was asked.
#[derive(Default)]
struct Identifiers {
    known: HashMap<i32, NetnsName>,
    asked: BTreeSet<NetnsName>,
}

impl<'a> Observer<'a> {
    pub(super) fn new(namespaces: &'a mut Namespaces) -> Self {
        Self {
            namespaces,
            found: Vec::new(),
            names: HashMap::new(),
            read: HashMap::new(),
            indexes: HashMap::new(),
            identifiers: HashMap::new(),
            all: Vec::new(),
        }
    }

    pub(crate) fn insert(&mut self, key: Key, object: Object) {
        self.found.push((key, object));
    }

    /// What was read, as a state.
    pub(super) fn state(mut self) -> State {
        self.found.sort_by(|(a, _), (b, _)| a.cmp(b));
        self.found.dedup_by(|(key, object), (kept_key, kept)| {
            key == kept_key && {
                route::join(kept_key, kept, object);
                true
            }
        });
        State { objects: self.found.into_iter().collect() }
    }

    pub(crate) fn exists(&self, netns: &NetnsName) -> bool {
        self.namespaces.exists(netns)
    }

    /// Every link of the namespaces that are to go.
    pub(super) fn occupants(&mut self, wanted: &Wanted) -> Result<()> {
        let links = self.found.iter().filter_map(|(_, object)| object.link());
        let found: BTreeSet<Place> = links.map(|link| link.place.clone()).collect();
        let mut links = Vec::new();
        for netns in &wanted.occupants {
            links.extend(self.links(netns)?);
        }
        links.retain(|seen| !found.contains(&seen.link.place));
        self.foreign_links(links, &BTreeMap::new(), wanted.links.keys().cloned().collect())
    }

    /// Reads the links of namespaces of which many are wanted, all together.
    pub(super) fn read_links(&mut self, wanted: &Wanted) -> Result<()> {
        let mut counts: BTreeMap<&NetnsName, usize> = BTreeMap::new();
        for place in wanted.links.values().flatten() {
            *counts.entry(&place.netns).or_default() += 1;
        }
        for (netns, _) in counts.into_iter().filter(|(_, count)| *count > FEW_PLACES) {
            let all = |out: &mut Vec<u8>| {
                fixed::link(out, 0, 0, 0);
                put_value(out, libc::IFLA_EXT_MASK, &RTEXT_FILTER_SKIP_STATS);
            };
            let decode = |message: Message<'_>| link::decode(message, netns);
            let seen: Vec<Seen> = self.dump((netns, libc::RTM_GETLINK), all, decode)?;
            seen.iter().for_each(|seen| self.number(&seen.link.place, seen.index));
            let by_name = seen.into_iter().map(|seen| (seen.link.place.ifname.clone(), seen));
            self.read.insert(netns.clone(), by_name.collect());
        }
        Ok(())
    }

    /// Notes the number of the link at a place.
    fn number(&mut self, place: &Place, index: u32) {
        let names = self.names.entry(place.netns.clone()).or_default();
        names.insert(index, Some(place.ifname.clone()));
        self.indexes.insert(place.clone(), index);
    }

    /// The link at a place.
    pub(crate) fn link(&mut self, place: &Place) -> Result<Option<Seen>> {
        if let Some(read) = self.read.get(&place.netns) {
            return Ok(read.get(&place.ifname).cloned());
        }
        let named = |out: &mut Vec<u8>| {
            link::named(out, &place.ifname);
            put_value(out, libc::IFLA_EXT_MASK, &RTEXT_FILTER_SKIP_STATS);
        };
        let decode = |message: Message<'_>| link::decode(message, &place.netns);
        let seen = self.get((&place.netns, libc::RTM_GETLINK), named, decode)?;
        // A namespace that had no identifier here may have been given one just now.
        if let Some(identifiers) = self.identifiers.get_mut(&place.netns) {
            identifiers.asked.clear();
        }
        // An alternative name finds a link too, but is not the name that it has.
        let seen = seen.filter(|seen| seen.link.place == *place);
        if let Some(seen) = &seen {
            self.number(place, seen.index);
        }
        Ok(seen)
    }

    /// Puts names where a message has numbers.
    /// The other end of a cable, or the link below, is most likely in the namespace `likely`.
    pub(crate) fn resolve(&mut self, seen: Seen, likely: &NetnsName) -> Result<Link> {
        let mut link = seen.link;
        let netns = link.place.netns.clone();
        if let Some(master) = seen.master {
            link.master = self.name(&netns, master)?.map(Master::Of);
        }
        let below_netns = match seen.below_netns {
            Some(identifier) => self.netns_of(&netns, identifier, likely)?,
            None => Some(netns),
        };
        if let (Some(netns), Some(below)) = (below_netns, seen.below) {
            let below = self.name(&netns, below)?.map(|ifname| Place { netns, ifname });
            match link.facts().is_some_and(|facts| facts.paired) {
                true => link.peer = below,
                false => link.device = below,
            }
        }
        Ok(link)
    }

    /// What is on links: their addresses, the routes over them, and their neighbours that were not learned. The
    /// kernel is asked for each of a few links, for everything where there are more.
    pub(super) fn dependents(
        &mut self,
        netns: &NetnsName,
        links: &BTreeMap<u32, &LinkName>,
    ) -> Result<()> {
        let names: BTreeSet<&LinkName> = links.values().copied().collect();
        let asked = match links.len() {
            0..=FEW => links.keys().copied().collect(),
            _ => vec![0],
        };
        for index in asked {
            self.addresses(netns, index, |index, _| links.contains_key(&index))?;
            for family in FAMILIES {
                let filter = Filter { family, index, ..Filter::default() };
                self.routes(netns, filter, |seen| {
                    seen.indexes.iter().any(|index| links.contains_key(index))
                })?;
                self.neighbors(netns, (family, index), |key, neighbor| {
                    names.contains(&key.dev) && neighbor::is_static(key, neighbor)
                })?;
            }
        }
        Ok(())
    }

    /// What the link of an index is called.
    pub(crate) fn name(&mut self, netns: &NetnsName, index: u32) -> Result<Option<LinkName>> {
        if let Some(name) = self.names.get(netns).and_then(|names| names.get(&index)) {
            return Ok(name.clone());
        }
        let numbered = |out: &mut Vec<u8>| {
            fixed::link(out, index, 0, 0);
            put_value(out, libc::IFLA_EXT_MASK, &RTEXT_FILTER_SKIP_STATS);
        };
        let seen = self.get((netns, libc::RTM_GETLINK), numbered, link::decode_name)?;
        let name = seen.map(|(_, name)| name);
        self.names.entry(netns.clone()).or_default().insert(index, name.clone());
        Ok(name)
    }

    /// The index of a link.
    pub(crate) fn index(&mut self, netns: &NetnsName, dev: &LinkName) -> Result<Option<u32>> {
        let place = Place { netns: netns.clone(), ifname: dev.clone() };
        if let Some(index) = self.indexes.get(&place) {
            return Ok(Some(*index));
        }
        Ok(self.link(&place)?.map(|seen| seen.index))
    }

    /// The namespace that `identifier` stands for in `netns`; none where it has no name.
    fn netns_of(
        &mut self,
        netns: &NetnsName,
        identifier: i32,
        likely: &NetnsName,
    ) -> Result<Option<NetnsName>> {
        let own = NetnsName::own();
        let mut found = self.known(netns, identifier);
        for name in [likely, &own] {
            if found.is_none() {
                self.ask_identifier(netns, name)?;
                found = self.known(netns, identifier);
            }
        }
        if found.is_none() {
            if self.all.is_empty() {
                self.all = self.namespaces.names();
            }
            let all = self.all.clone();
            for name in all {
                self.ask_identifier(netns, &name)?;
                found = self.known(netns, identifier);
                if found.is_some() {
                    break;
                }
            }
        }
        Ok(found)
    }

    fn known(&self, netns: &NetnsName, identifier: i32) -> Option<NetnsName> {
        self.identifiers.get(netns)?.known.get(&identifier).cloned()
    }

    /// Asks in `netns` which identifier stands for the namespace `name`, unless it was asked before.
    fn ask_identifier(&mut self, netns: &NetnsName, name: &NetnsName) -> Result<()> {
        if !self.identifiers.entry(netns.clone()).or_default().asked.insert(name.clone()) {
            return Ok(());
        }
        let found = self.namespaces.find(name).map_err(failed("open", name))?;
        let Some(descriptor) = found.map(|found| found.file.as_raw_fd()) else { return Ok(()) };
        let request = |out: &mut Vec<u8>| {
            out.extend([0; 4]);
            put_value(out, NETNSA_FD, &descriptor);
        };
        let number = |answer: Message<'_>| {
            let found = |(number, _): &(u16, _)| *number == NETNSA_NSID;
            i32::take(answer.attributes(4).find(found)?.1)
        };
        let number = self.get((netns, libc::RTM_GETNSID), request, number)?;
        if let Some(number) = number.filter(|number| *number >= 0) {
            let identifiers = self.identifiers.entry(netns.clone()).or_default();
            identifiers.known.insert(number, name.clone());
        }
        Ok(())
    }

    /// Dumps from a namespace what `read` takes; nothing where there is no such namespace, table or family.
    pub(crate) fn dump<T>(
        &mut self,
        (netns, kind): (&NetnsName, u16),
        body: impl Fn(&mut Vec<u8>),
        read: impl FnMut(Message<'_>) -> Option<T>,
    ) -> Result<Vec<T>> {
        let Some(namespace) = self.namespaces.find(netns).map_err(failed("open", netns))? else {
            return Ok(Vec::new());
        };
        match namespace.socket.dump(kind, body, read) {
            Ok(found) => Ok(found),
            Err(fault) if fault.is_absence() || is_unsupported(&fault) => Ok(Vec::new()),
            Err(fault) => Err(failed(&format!("dump {} of", plural(kind)), netns)(fault)),
        }
    }

    pub(crate) fn get<T>(
        &mut self,
        (netns, kind): (&NetnsName, u16),
        body: impl FnOnce(&mut Vec<u8>),
        read: impl FnOnce(Message<'_>) -> Option<T>,
    ) -> Result<Option<T>> {
        let Some(namespace) = self.namespaces.find(netns).map_err(failed("open", netns))? else {
            return Ok(None);
        };
        let answer = namespace.socket.get(kind, body, read);
        answer.map_err(|fault| failed(&format!("read {} of", plural(kind)), netns)(fault))
    }
}

fn is_unsupported(fault: &Fault) -> bool {
    [libc::EOPNOTSUPP, libc::EAFNOSUPPORT].contains(&fault.errno)
}

pub(crate) fn failed(doing: &str, netns: &NetnsName) -> impl Fn(Fault) -> ObserveError {
    let doing = format!("{doing} namespace {netns}");
    move |fault| ObserveError { doing: doing.clone(), cause: fault.to_string() }
}
