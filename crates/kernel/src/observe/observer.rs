//! Asking a namespace, and putting names where its answers have numbers.

use std::collections::btree_map::{BTreeMap, Entry};
use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::AsRawFd;

use netstate::address::AddressKey;
use netstate::attribute::{Value, put_value};
use netstate::fdb::{FdbEntry, FdbKey};
use netstate::link::{Link, LinkKind, Master, Place};
use netstate::neighbor::{Neighbor, NeighborKey};
use netstate::uapi::NUD_PERMANENT;
use netstate::{
    Key, LinkId, LinkName, NetnsName, Object, ObserveError, Route, RouteKey, State, SysctlKey,
    Wanted,
};

use super::{FAMILIES, Result};
use crate::fault::Fault;
use crate::link::Seen;
use crate::message::fixed;
use crate::netns::Namespaces;
use crate::socket::Dump;
use crate::uapi::{NETNSA_FD, NETNSA_NSID, RTEXT_FILTER_SKIP_STATS};
use crate::{address, link, neighbor, route, sysctl};

/// What was read so far, and what numbers stand for.
pub(super) struct Observer<'a> {
    pub(super) namespaces: &'a mut Namespaces,
    pub(super) state: State,
    /// Names of links by index; none for an index that no link has.
    names: HashMap<NetnsName, HashMap<u32, Option<LinkName>>>,
    /// Indexes of links by name.
    indexes: HashMap<Place, u32>,
    /// Which namespace an identifier stands for, in a namespace.
    identifiers: HashMap<NetnsName, HashMap<i32, NetnsName>>,
}

impl<'a> Observer<'a> {
    pub(super) fn new(namespaces: &'a mut Namespaces) -> Self {
        Self {
            namespaces,
            state: State::default(),
            names: HashMap::new(),
            indexes: HashMap::new(),
            identifiers: HashMap::new(),
        }
    }

    pub(super) fn insert(&mut self, key: Key, object: Object) {
        self.state.objects.insert(key, object);
    }

    pub(super) fn exists(&mut self, netns: &NetnsName) -> Result<bool> {
        let found = self.namespaces.find(netns).map(|namespace| namespace.is_some());
        found.map_err(failed("open", netns))
    }

    /// All links of a namespace.
    pub(super) fn links(&mut self, netns: &NetnsName) -> Result<Vec<Seen>> {
        let dump = self.dump(netns, libc::RTM_GETLINK, |out| fixed::link(out, 0, 0, 0))?;
        let seen: Vec<Seen> =
            dump.messages().filter_map(|message| link::decode(message, netns)).collect();
        let names = self.names.entry(netns.clone()).or_default();
        names.extend(seen.iter().map(|seen| (seen.index, Some(seen.link.place.ifname.clone()))));
        Ok(seen)
    }

    /// Takes links in under their kernel names, or as `NAME@NETNS` where that is taken, but for `known` places.
    pub(super) fn foreign_links(
        &mut self,
        links: Vec<Seen>,
        known: &BTreeMap<Place, LinkId>,
        mut taken: BTreeSet<LinkId>,
    ) -> Result<()> {
        for seen in links {
            let place = &seen.link.place;
            let id = known.get(place).cloned().or_else(|| {
                let alone = place.ifname.as_str().parse::<LinkId>().ok()?;
                match taken.contains(&alone) {
                    false => Some(alone),
                    true => format!("{}@{}", place.ifname, place.netns).parse().ok(),
                }
            });
            let Some(id) = id else { continue };
            taken.insert(id.clone());
            let link = self.resolve(seen)?;
            self.insert(Key::Link(id), Object::Link(Box::new(link)));
        }
        Ok(())
    }

    /// Every link of the namespaces that are to go.
    pub(super) fn occupants(&mut self, wanted: &Wanted) -> Result<()> {
        let found = |object: &Object| match object {
            Object::Link(link) => Some(link.place.clone()),
            Object::Netns
            | Object::Sysctl(_)
            | Object::Address(_)
            | Object::Neighbor(_)
            | Object::Fdb(_)
            | Object::Route(_) => None,
        };
        let found: BTreeSet<Place> = self.state.objects.values().filter_map(found).collect();
        let mut links = Vec::new();
        for netns in &wanted.occupants {
            links.extend(self.links(netns)?);
        }
        links.retain(|seen| !found.contains(&seen.link.place));
        self.foreign_links(links, &BTreeMap::new(), wanted.links.keys().cloned().collect())
    }

    /// The link at a place.
    pub(super) fn link(&mut self, place: &Place) -> Result<Option<Seen>> {
        let answer = self.get(&place.netns, libc::RTM_GETLINK, |out| {
            link::named(out, &place.ifname);
            put_value(out, libc::IFLA_EXT_MASK, &RTEXT_FILTER_SKIP_STATS);
        })?;
        let seen = answer.and_then(|answer| link::decode(answer.messages().next()?, &place.netns));
        // An alternative name finds a link too, but is not the name that it has.
        let seen = seen.filter(|seen| seen.link.place == *place);
        if let Some(seen) = &seen {
            let names = self.names.entry(place.netns.clone()).or_default();
            names.insert(seen.index, Some(place.ifname.clone()));
            self.indexes.insert(place.clone(), seen.index);
        }
        Ok(seen)
    }

    /// Puts names where a message has numbers.
    pub(super) fn resolve(&mut self, seen: Seen) -> Result<Link> {
        let mut link = seen.link;
        let netns = link.place.netns.clone();
        if let Some(master) = seen.master {
            link.master = self.name(&netns, master)?.map(Master::Of);
        }
        let below_netns = match seen.below_netns {
            Some(identifier) => self.netns_of(&netns, identifier)?,
            None => Some(netns),
        };
        if let (Some(netns), Some(below)) = (below_netns, seen.below) {
            let below = self.name(&netns, below)?.map(|ifname| Place { netns, ifname });
            match &mut link.kind {
                Some(LinkKind::Veth { peer }) => *peer = below,
                Some(
                    LinkKind::Dummy
                    | LinkKind::Ifb
                    | LinkKind::Tun(_)
                    | LinkKind::Bridge(_)
                    | LinkKind::Vxlan(_)
                    | LinkKind::Other(_),
                )
                | None => link.device = below,
            }
        }
        Ok(link)
    }

    /// What hangs on links: their addresses, the routes over them, and their neighbours that were not learned. The
    /// kernel is asked for each of a few links, for everything where there are more.
    pub(super) fn hangers(
        &mut self,
        netns: &NetnsName,
        links: &BTreeMap<u32, &LinkName>,
    ) -> Result<()> {
        const FEW: usize = 8;
        let names: BTreeSet<&LinkName> = links.values().copied().collect();
        let asked = match links.len() {
            0..=FEW => links.keys().copied().collect(),
            _ => vec![0],
        };
        for index in asked {
            self.addresses(netns, index, |index, _| links.contains_key(&index))?;
            for family in FAMILIES {
                self.routes(netns, (family, 0, index), |_, route| {
                    let mut devs = route.nexthops.iter().filter_map(|nexthop| nexthop.dev.as_ref());
                    devs.any(|dev| names.contains(dev))
                })?;
                self.neighbors(netns, (family, index), |key, neighbor| {
                    names.contains(&key.dev) && is_static(key, neighbor)
                })?;
            }
        }
        Ok(())
    }

    /// The addresses of a namespace that `wanted` wants, of one link only where `index` is not zero.
    pub(super) fn addresses(
        &mut self,
        netns: &NetnsName,
        index: u32,
        wanted: impl Fn(u32, &Key) -> bool,
    ) -> Result<()> {
        for family in FAMILIES {
            let dump = self.dump(netns, libc::RTM_GETADDR, |out| {
                address::dump(out, family, index);
            })?;
            for (index, address, object) in dump.messages().filter_map(address::decode) {
                if let Some(dev) = self.name(netns, index)? {
                    let key = Key::Address(AddressKey { netns: netns.clone(), dev, address });
                    if wanted(index, &key) {
                        self.insert(key, Object::Address(object));
                    }
                }
            }
        }
        Ok(())
    }

    /// The routes of a family that `wanted` wants, of one table or over one link only where these are not zero.
    pub(super) fn routes(
        &mut self,
        netns: &NetnsName,
        (family, table, index): (u8, u32, u32),
        wanted: impl Fn(&RouteKey, &Route) -> bool,
    ) -> Result<()> {
        let dump = self.dump(netns, libc::RTM_GETROUTE, |out| {
            route::dump(out, family, table, index);
        })?;
        for message in dump.messages() {
            let decoded = loop {
                let names = self.names.entry(netns.clone()).or_default();
                let mut unnamed = None;
                let decoded = route::decode(message, netns, |index| match names.get(&index) {
                    Some(name) => name.clone(),
                    None => {
                        unnamed = Some(index);
                        None
                    }
                });
                match unnamed {
                    Some(index) => {
                        self.name(netns, index)?;
                    }
                    None => break decoded,
                }
            };
            let Some((key, route)) = decoded.filter(|(key, route)| wanted(key, route)) else {
                continue;
            };
            match self.state.objects.entry(Key::Route(key)) {
                Entry::Vacant(entry) => {
                    entry.insert(Object::Route(route));
                }
                // IPv6 tells routes of one key that share no load one by one, IPv4 those that another hides.
                Entry::Occupied(mut entry) => {
                    if let (Object::Route(known), 10) = (entry.get_mut(), family) {
                        known.nexthops.extend(route.nexthops);
                        known.nexthops.sort();
                        known.nexthops.dedup();
                    }
                }
            }
        }
        Ok(())
    }

    /// The neighbours of a family that `wanted` wants, of one link only where `index` is not zero.
    pub(super) fn neighbors(
        &mut self,
        netns: &NetnsName,
        (family, index): (u8, u32),
        wanted: impl Fn(&NeighborKey, &Neighbor) -> bool,
    ) -> Result<()> {
        for proxies in [false, true] {
            let dump = self.dump(netns, libc::RTM_GETNEIGH, |out| {
                neighbor::dump(out, family, index, proxies);
            })?;
            for (at, address, proxy, neighbor) in dump.messages().filter_map(neighbor::decode) {
                if is_implied(&address) {
                    continue;
                }
                if let Some(dev) = self.name(netns, at)? {
                    let key = NeighborKey { netns: netns.clone(), dev, address, proxy };
                    if wanted(&key, &neighbor) {
                        self.insert(Key::Neighbor(key), Object::Neighbor(neighbor));
                    }
                }
            }
        }
        Ok(())
    }

    /// One neighbour.
    pub(super) fn neighbor(&mut self, key: &NeighborKey) -> Result<()> {
        let Some(index) = self.index(&key.netns, &key.dev)? else { return Ok(()) };
        let answer = self.get(&key.netns, libc::RTM_GETNEIGH, |out| {
            neighbor::named(out, index, &key.address, key.proxy);
        })?;
        if let Some((_, _, _, neighbor)) =
            answer.and_then(|answer| neighbor::decode(answer.messages().next()?))
        {
            self.insert(Key::Neighbor(key.clone()), Object::Neighbor(neighbor));
        }
        Ok(())
    }

    /// The forwarding entries of all bridges and tunnels of a namespace.
    pub(super) fn fdb(&mut self, netns: &NetnsName) -> Result<()> {
        let dump = self.dump(netns, libc::RTM_GETNEIGH, neighbor::dump_fdb)?;
        for seen in dump.messages().filter_map(neighbor::decode_fdb) {
            let Some(dev) = self.name(netns, seen.index)? else { continue };
            let key = FdbKey {
                netns: netns.clone(),
                dev,
                lladdr: seen.lladdr,
                vlan: seen.vlan,
                own: seen.entry.flags & libc::NTF_SELF != 0,
                dst: seen.dst,
            };
            let master = match seen.master {
                Some(master) => self.name(netns, master)?,
                None => None,
            };
            let via = match seen.via {
                Some(via) => self.name(netns, via)?,
                None => None,
            };
            let entry = FdbEntry { master, via, ..seen.entry };
            self.insert(Key::Fdb(key.into()), Object::Fdb(entry));
        }
        Ok(())
    }

    pub(super) fn sysctls(&mut self, netns: &NetnsName, keys: &[&SysctlKey]) -> Result<()> {
        let Some(namespace) = self.namespaces.find(netns).map_err(failed("open", netns))? else {
            return Ok(());
        };
        let values = namespace
            .inside(|| {
                keys.iter()
                    .map(|key| sysctl::read(&key.path))
                    .collect::<std::result::Result<Vec<_>, _>>()
            })
            .map_err(failed("read parameters of", netns))?;
        for (key, value) in keys.iter().zip(values) {
            if let Some(value) = value {
                self.insert(Key::Sysctl((*key).clone()), Object::Sysctl(value));
            }
        }
        Ok(())
    }

    /// What the link of an index is called.
    fn name(&mut self, netns: &NetnsName, index: u32) -> Result<Option<LinkName>> {
        if let Some(name) = self.names.get(netns).and_then(|names| names.get(&index)) {
            return Ok(name.clone());
        }
        let answer = self.get(netns, libc::RTM_GETLINK, |out| {
            fixed::link(out, index, 0, 0);
            put_value(out, libc::IFLA_EXT_MASK, &RTEXT_FILTER_SKIP_STATS);
        })?;
        let seen = answer.and_then(|answer| link::decode(answer.messages().next()?, netns));
        let name = seen.map(|seen| seen.link.place.ifname);
        self.names.entry(netns.clone()).or_default().insert(index, name.clone());
        Ok(name)
    }

    /// The index of a link.
    pub(super) fn index(&mut self, netns: &NetnsName, dev: &LinkName) -> Result<Option<u32>> {
        let place = Place { netns: netns.clone(), ifname: dev.clone() };
        if let Some(index) = self.indexes.get(&place) {
            return Ok(Some(*index));
        }
        Ok(self.link(&place)?.map(|seen| seen.index))
    }

    /// The namespace that `identifier` stands for in `netns`; none where it has no name.
    fn netns_of(&mut self, netns: &NetnsName, identifier: i32) -> Result<Option<NetnsName>> {
        if !self.identifiers.contains_key(netns) {
            let mut identifiers = HashMap::new();
            for name in self.namespaces.names() {
                let found = self.namespaces.find(&name).map_err(failed("open", &name))?;
                let Some(descriptor) = found.map(|found| found.file.as_raw_fd()) else { continue };
                let answer = self.get(netns, libc::RTM_GETNSID, |out| {
                    out.extend([0; 4]);
                    put_value(out, NETNSA_FD, &descriptor);
                })?;
                let number = |answer: Dump| {
                    let mut attributes = answer.messages().next()?.attributes(4);
                    attributes
                        .find(|(number, _)| *number == NETNSA_NSID)
                        .and_then(|(_, value)| i32::take(value))
                };
                if let Some(number) = answer.and_then(number).filter(|number| *number >= 0) {
                    identifiers.insert(number, name);
                }
            }
            self.identifiers.insert(netns.clone(), identifiers);
        }
        Ok(self.identifiers.get(netns).and_then(|known| known.get(&identifier)).cloned())
    }

    /// Dumps from a namespace; nothing where there is no such namespace, table or family.
    fn dump(&mut self, netns: &NetnsName, kind: u16, body: impl Fn(&mut Vec<u8>)) -> Result<Dump> {
        let Some(namespace) = self.namespaces.find(netns).map_err(failed("open", netns))? else {
            return Ok(Dump::default());
        };
        match namespace.socket.dump(kind, body) {
            Ok(dump) => Ok(dump),
            Err(fault) if fault.is_absence() || is_unsupported(&fault) => Ok(Dump::default()),
            Err(fault) => Err(failed(&format!("dump {} of", what(kind)), netns)(fault)),
        }
    }

    fn get(
        &mut self,
        netns: &NetnsName,
        kind: u16,
        body: impl FnOnce(&mut Vec<u8>),
    ) -> Result<Option<Dump>> {
        let Some(namespace) = self.namespaces.find(netns).map_err(failed("open", netns))? else {
            return Ok(None);
        };
        namespace.socket.get(kind, body).map_err(failed(&format!("read {} of", what(kind)), netns))
    }
}

/// Whether somebody set a neighbour, rather than that it was learned or, of one that needs no ARP, that the kernel made
/// it to send there.
fn is_static(key: &NeighborKey, neighbor: &Neighbor) -> bool {
    key.proxy
        || neighbor.nud.is_some_and(|nud| nud & NUD_PERMANENT != 0)
        || neighbor.managed == Some(true)
        || neighbor.extern_learn == Some(true)
}

/// Whether the kernel makes a neighbour of an address whenever it sends there.
fn is_implied(address: &IpAddr) -> bool {
    address.is_multicast() || address.is_loopback() || *address == Ipv4Addr::BROADCAST
}

/// What a request of that kind asks for.
fn what(kind: u16) -> &'static str {
    match kind {
        libc::RTM_GETLINK => "links",
        libc::RTM_GETADDR => "addresses",
        libc::RTM_GETROUTE => "routes",
        libc::RTM_GETNEIGH => "neighbours",
        _ => "identifiers",
    }
}

fn is_unsupported(fault: &Fault) -> bool {
    [libc::EOPNOTSUPP, libc::EAFNOSUPPORT].contains(&fault.errno)
}

pub(super) fn failed(doing: &str, netns: &NetnsName) -> impl Fn(Fault) -> ObserveError {
    let doing = format!("{doing} namespace {netns}");
    move |fault| ObserveError { doing: doing.clone(), cause: fault.to_string() }
}
