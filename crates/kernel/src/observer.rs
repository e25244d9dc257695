//! Reading from a namespace, and resolving numbers to names.
//!
//! Messages contain the indexes of links, and identifiers of namespaces that are valid only in the
//! link's namespace. The observer resolves both to names. It looks up each of them once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::os::fd::AsRawFd;

use netstate::attribute::{Value, put_value};
use netstate::link::{Link, Master, NamedPort, Place};
use netstate::{Key, LinkName, NetnsName, Object, ObserveError, Wanted};

use crate::fault::Fault;
use crate::message::{Message, fixed};
use crate::namespaces::Namespaces;
use crate::noun::link::read::{Seen, decode, decode_name, named};
use crate::uapi::{NETNSA_FD, NETNSA_NSID, RTEXT_FILTER_SKIP_STATS};

pub(crate) type Result<T> = std::result::Result<T, ObserveError>;

/// `AF_INET` and `AF_INET6`.
pub(crate) const FAMILIES: [u8; 2] = [2, 10];

/// The maximum number of links that are read one by one, instead of reading all objects on links.
pub(crate) const FEW: usize = 8;

/// The maximum number of places in a namespace that are read one by one.
const FEW_PLACES: usize = 128;

/// What was read so far, and the names for the numbers.
pub(crate) struct Observer<'a> {
    pub(crate) namespaces: &'a mut Namespaces,
    /// The plural name of the objects that a request reads.
    plural: fn(u16) -> &'static str,
    /// The objects that were read. If one was read twice, the first counts.
    pub(crate) found: Vec<(Key, Object)>,
    /// Names of links by index; none for an index without a link.
    pub(crate) names: HashMap<NetnsName, HashMap<u32, Option<LinkName>>>,
    /// The links of namespaces that were read as a whole.
    read: HashMap<NetnsName, HashMap<LinkName, Seen>>,
    /// Indexes of links by name.
    indexes: HashMap<Place, u32>,
    /// The namespaces of the identifiers, for each namespace.
    identifiers: HashMap<NetnsName, Identifiers>,
    /// The names of all namespaces, if they have been needed.
    all: Vec<NetnsName>,
}

/// The known identifiers of one namespace.
#[derive(Default)]
struct Identifiers {
    known: HashMap<i32, NetnsName>,
    asked: BTreeSet<NetnsName>,
}

impl<'a> Observer<'a> {
    pub(crate) fn new(namespaces: &'a mut Namespaces, plural: fn(u16) -> &'static str) -> Self {
        Self {
            namespaces,
            plural,
            found: Vec::new(),
            names: HashMap::new(),
            read: HashMap::new(),
            indexes: HashMap::new(),
            identifiers: HashMap::new(),
            all: Vec::new(),
        }
    }

    /// Calls `read` with each namespace and each address family.
    pub(crate) fn each_family(
        &mut self,
        namespaces: &[NetnsName],
        read: impl Fn(&mut Self, &NetnsName, u8) -> Result<()>,
    ) -> Result<()> {
        for netns in namespaces {
            for family in FAMILIES {
                read(self, netns, family)?;
            }
        }
        Ok(())
    }

    pub(crate) fn insert(&mut self, key: Key, object: Object) {
        self.found.push((key, object));
    }

    pub(crate) fn exists(&self, netns: &NetnsName) -> bool {
        self.namespaces.exists(netns)
    }

    /// Forgets which links were read.
    pub(crate) fn forget_links(&mut self) {
        self.names.clear();
        self.read.clear();
        self.indexes.clear();
    }

    /// Reads all links of the namespaces in which many are wanted. Returns the namespace in which
    /// two links were read under one name, because others renamed them meanwhile.
    pub(crate) fn read_links(&mut self, wanted: &Wanted) -> Result<Option<NetnsName>> {
        let mut counts: BTreeMap<&NetnsName, usize> = BTreeMap::new();
        for place in wanted.links.values().flatten() {
            *counts.entry(&place.netns).or_default() += 1;
        }
        for (netns, _) in counts.into_iter().filter(|(_, count)| *count > FEW_PLACES) {
            let all = |out: &mut Vec<u8>| {
                fixed::link(out, 0, 0, 0);
                put_value(out, libc::IFLA_EXT_MASK, &RTEXT_FILTER_SKIP_STATS);
            };
            let decode = |message: Message<'_>| decode(message, netns);
            let seen: Vec<Seen> = self.dump((netns, libc::RTM_GETLINK), all, decode)?;
            seen.iter().for_each(|seen| self.number(&seen.link.place, seen.index));
            let count = seen.len();
            let by_name = seen.into_iter().map(|seen| (seen.link.place.ifname.clone(), seen));
            let by_name: HashMap<LinkName, Seen> = by_name.collect();
            if by_name.len() < count {
                return Ok(Some(netns.clone()));
            }
            self.read.insert(netns.clone(), by_name);
        }
        Ok(None)
    }

    /// Notes the index of the link at a place.
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
        let ask = |out: &mut Vec<u8>| {
            named(out, &place.ifname);
            put_value(out, libc::IFLA_EXT_MASK, &RTEXT_FILTER_SKIP_STATS);
        };
        let decode = |message: Message<'_>| decode(message, &place.netns);
        let seen = self.get((&place.netns, libc::RTM_GETLINK), ask, decode)?;
        // The namespace may have been given an identifier just now.
        if let Some(identifiers) = self.identifiers.get_mut(&place.netns) {
            identifiers.asked.clear();
        }
        // The kernel also finds a link by an alternative name, but that is not its name.
        let seen = seen.filter(|seen| seen.link.place == *place);
        if let Some(seen) = &seen {
            self.number(place, seen.index);
        }
        Ok(seen)
    }

    /// The link with an index, under any name.
    pub(crate) fn link_of_index(&mut self, netns: &NetnsName, index: u32) -> Result<Option<Seen>> {
        if let Some(read) = self.read.get(netns) {
            let name = self.names.get(netns).and_then(|names| names.get(&index)?.as_ref());
            return Ok(name.and_then(|name| read.get(name)).cloned());
        }
        let numbered = |out: &mut Vec<u8>| {
            fixed::link(out, index, 0, 0);
            put_value(out, libc::IFLA_EXT_MASK, &RTEXT_FILTER_SKIP_STATS);
        };
        let decode = |message: Message<'_>| decode(message, netns);
        let seen = self.get((netns, libc::RTM_GETLINK), numbered, decode)?;
        if let Some(seen) = &seen {
            self.number(&seen.link.place, seen.index);
        }
        Ok(seen)
    }

    /// The names of all namespaces.
    pub(crate) fn all_namespaces(&mut self) -> Vec<NetnsName> {
        if self.all.is_empty() {
            self.all = self.namespaces.names();
        }
        self.all.clone()
    }

    /// Resolves the numbers of a message to names. The other end of a veth pair, or the link below,
    /// is probably in namespace `likely`.
    pub(crate) fn resolve(&mut self, seen: Seen, likely: &NetnsName) -> Result<Link> {
        let mut link = seen.link;
        let netns = link.place.netns.clone();
        if let Some(master) = seen.master {
            link.master = self.name(&netns, master)?.map(Master::Of);
        }
        if let Some(kind) = link.kind.as_mut().filter(|kind| kind.names_port().is_some()) {
            let name = match seen.named_port {
                Some(index) => self.name(&netns, index)?,
                None => None,
            };
            kind.set_named_port(name.map_or(NamedPort::None, NamedPort::Port));
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

    /// The name of the link with an index.
    pub(crate) fn name(&mut self, netns: &NetnsName, index: u32) -> Result<Option<LinkName>> {
        if let Some(name) = self.names.get(netns).and_then(|names| names.get(&index)) {
            return Ok(name.clone());
        }
        let numbered = |out: &mut Vec<u8>| {
            fixed::link(out, index, 0, 0);
            put_value(out, libc::IFLA_EXT_MASK, &RTEXT_FILTER_SKIP_STATS);
        };
        let seen = self.get((netns, libc::RTM_GETLINK), numbered, decode_name)?;
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

    /// The namespace for `identifier` in `netns`; none if it has no name.
    pub(crate) fn netns_of(
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
            for name in self.all_namespaces() {
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

    /// Reads which identifier `netns` has for namespace `name`, unless it is known.
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

    /// Dumps the objects that `read` accepts from a namespace; nothing if the namespace, table or
    /// family does not exist.
    pub(crate) fn dump<T>(
        &mut self,
        (netns, kind): (&NetnsName, u16),
        body: impl Fn(&mut Vec<u8>),
        read: impl FnMut(Message<'_>) -> Option<T>,
    ) -> Result<Vec<T>> {
        Ok(self.dump_if_supported((netns, kind), body, read)?.unwrap_or_default())
    }

    /// The same; none if the kernel does not know such requests.
    pub(crate) fn dump_if_supported<T>(
        &mut self,
        (netns, kind): (&NetnsName, u16),
        body: impl Fn(&mut Vec<u8>),
        read: impl FnMut(Message<'_>) -> Option<T>,
    ) -> Result<Option<Vec<T>>> {
        let Some(namespace) = self.namespaces.find(netns).map_err(failed("open", netns))? else {
            return Ok(None);
        };
        match namespace.socket.dump(kind, body, read) {
            Ok(found) => Ok(Some(found)),
            Err(fault) if is_unsupported(&fault) => Ok(None),
            Err(fault) if fault.is_absence() => Ok(Some(Vec::new())),
            Err(fault) => Err(failed(&format!("dump {} of", (self.plural)(kind)), netns)(fault)),
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
        answer.map_err(|fault| failed(&format!("read {} of", (self.plural)(kind)), netns)(fault))
    }
}

fn is_unsupported(fault: &Fault) -> bool {
    [libc::EOPNOTSUPP, libc::EAFNOSUPPORT].contains(&fault.errno)
}

pub(crate) fn failed(doing: &str, netns: &NetnsName) -> impl Fn(Fault) -> ObserveError {
    let doing = format!("{doing} namespace {netns}");
    move |fault| ObserveError { doing: doing.clone(), cause: fault.to_string() }
}
