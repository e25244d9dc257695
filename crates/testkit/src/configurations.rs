//! Random configurations whose objects depend on each other, in a random environment.
//!
//! Most configurations are valid, because contradictions are removed from them. Some keep their
//! contradictions. In many, a part is held, because a link that a route needs is down or missing.

pub mod addresses;
mod nexthops;
mod random;
mod shown;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use netstate::link::{Bridge, Dummy, LinkAttributes, LinkFlags, Master, Veth, Vlan};
use netstate::uapi::IFA_F_PERMANENT;
use netstate::{
    Address, AddressKey, AddressStatus, Key, Link, LinkKind, NetnsName, Nexthop, Object, Place,
    Route, RouteKey, RouteKind, State, SysctlKey,
};

use self::nexthops::{RandomGroup, RandomNexthop};
pub use self::random::{configuration, surroundings};
pub use self::shown::{comparable, described};

/// The links: an adopted NIC, the ends of a veth pair, and so on.
const LINKS: [&str; 7] = ["nic", "left", "right", "dum", "br", "vlan", "loop"];
const NIC: usize = 0;
const LEFT: usize = 1;
const RIGHT: usize = 2;
const DUMMY: usize = 3;
const BRIDGE: usize = 4;
const VLAN: usize = 5;
const LOOPBACK: usize = 6;

/// The namespaces, indexed by whether a link is in the second one.
const NETNS: [&str; 2] = ["1", "red"];

/// The parameters of a link that are configured, or not.
const OF_LINK: [&str; 5] = [
    "net/ipv4/conf/LINK/forwarding",
    "net/ipv4/conf/LINK/accept_redirects",
    "net/ipv4/conf/LINK/proxy_arp",
    "net/ipv6/conf/LINK/disable_ipv6",
    "net/ipv6/conf/LINK/forwarding",
];

/// Parameters of a namespace. Values that links take from `default` are left out, because they
/// depend on when a link was created.
const OF_NAMESPACE: [&str; 5] = [
    "net/ipv4/ip_forward",
    "net/ipv4/conf/all/forwarding",
    "net/ipv4/conf/all/accept_redirects",
    "net/ipv6/conf/all/disable_ipv6",
    "net/ipv6/conf/all/forwarding",
];

/// A random configuration.
#[derive(Clone)]
pub struct Configuration {
    links: Vec<Option<RandomLink>>,
    routes: Vec<RandomRoute>,
    nexthops: Vec<RandomNexthop>,
    groups: Vec<RandomGroup>,
    parameters: Vec<[Option<bool>; 5]>,
    /// Whether contradictions are removed.
    is_sound: bool,
}

/// The state of the host apart from the configuration.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings {
    /// Whether the NIC is up; none if it is missing.
    pub nic: Option<bool>,
    /// Whether others have given it addresses, of IPv4 and of IPv6.
    pub has_address: bool,
}

#[derive(Clone, Debug)]
struct RandomLink {
    is_in_red: bool,
    is_renamed: bool,
    up: Option<bool>,
    mtu: Option<u32>,
    /// The host numbers of its addresses.
    ipv4: Vec<u8>,
    ipv6: Vec<u8>,
    is_port: bool,
    parameters: [Option<bool>; 5],
    /// The link below, if it is a VLAN.
    below: usize,
}

#[derive(Clone, Debug)]
struct RandomRoute {
    is_ipv6: bool,
    prefix: u8,
    hops: Vec<(usize, Way)>,
    source: Option<(usize, u8)>,
    table: u32,
    is_blackhole: bool,
    /// The nexthop object that it uses.
    nexthop: Option<usize>,
}

/// How a nexthop is written.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    OverLink,
    Gateway,
    Onlink,
    LinkLocal,
    /// By a gateway in a subnet of others.
    Foreign,
}

impl Surroundings {
    /// What a kernel holds before anything is configured.
    pub fn state(self) -> State {
        let own = |name: &str| Place { netns: NetnsName::own(), ifname: parsed(name) };
        let link = |place, mtu, up| Link {
            kind: Some(LinkKind::Other(String::new())),
            attributes: LinkAttributes { mtu: Some(mtu), ..LinkAttributes::default() },
            flags: LinkFlags { up: Some(up), ..LinkFlags::default() },
            master: Some(Master::Free),
            ..Link::at(place)
        };
        let mut objects = BTreeMap::new();
        let loopback = Object::Link(Box::new(link(own("lo"), 65_536, false)));
        objects.insert(Key::Link(parsed("lo")), loopback);
        if let Some(up) = self.nic {
            let nic = Object::Link(Box::new(link(own("nic"), 1500, up)));
            objects.insert(Key::Link(parsed("nic")), nic);
            let theirs = ["172.16.0.1/16", "2001:db8:a0::1/64"];
            for address in theirs.into_iter().filter(|_| self.has_address) {
                let address = parsed(address);
                let key = AddressKey::new(NetnsName::own(), parsed("nic"), address);
                let status = AddressStatus { flags: IFA_F_PERMANENT, ..AddressStatus::default() };
                let address =
                    Object::Address(Address { status: Some(status.into()), ..Address::default() });
                objects.insert(Key::Address(key), address);
            }
        }
        State { objects }
    }
}

impl fmt::Debug for Configuration {
    /// One object per line, because objects are easier to read than the random values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&described(&self.state()))
    }
}

impl Configuration {
    /// The same without links of a kind that a kernel does not support.
    pub fn without(mut self, kind: &str) -> Self {
        match kind {
            "vlan" => self.links[VLAN] = None,
            "dummy" => self.links[DUMMY] = None,
            _ => {}
        }
        self
    }

    /// Its desired state.
    pub fn state(&self) -> State {
        let mut objects = BTreeMap::new();
        for index in 0..LINKS.len() {
            self.add_link(index, &mut objects);
        }
        let in_red = |key: &Key, object: &Object| {
            let place = object.link().map(|link| &link.place.netns);
            key.netns().or(place).is_some_and(|netns| !netns.is_own())
        };
        let has_red = objects.iter().any(|(key, object)| in_red(key, object));
        if has_red {
            objects.insert(Key::Netns(parsed("red")), Object::Netns);
        }
        for (netns, values) in NETNS.iter().zip(&self.parameters) {
            if *netns != NETNS[0] && !has_red {
                continue;
            }
            for (path, value) in OF_NAMESPACE.iter().zip(values) {
                if let Some(value) = value {
                    add_parameter(netns, path, *value, &mut objects);
                }
            }
        }
        if self.is_sound {
            make_parameters_sound(&mut objects);
            make_links_sound(&mut objects);
            make_addresses_sound(&mut objects);
        }
        self.add_nexthops(&mut objects);
        for route in &self.routes {
            self.add_route(route, &mut objects);
        }
        State { objects }
    }

    fn link(&self, index: usize) -> Option<&RandomLink> {
        let link = self.links[index].as_ref()?;
        match index {
            LEFT => self.links[RIGHT].as_ref().map(|_| link),
            RIGHT => self.links[LEFT].as_ref().map(|_| link),
            VLAN => self.link(link.below).map(|_| link),
            _ => Some(link),
        }
    }

    fn place(&self, index: usize) -> Option<Place> {
        let link = self.link(index)?;
        let netns = parsed(NETNS[usize::from(link.is_in_red)]);
        let ifname = match (index, link.is_renamed) {
            (LOOPBACK, _) => parsed("lo"),
            (_, true) => parsed(&format!("{}x", LINKS[index])),
            (_, false) => parsed(LINKS[index]),
        };
        Some(Place { netns, ifname })
    }

    fn add_link(&self, index: usize, objects: &mut BTreeMap<Key, Object>) {
        let (Some(random), Some(place)) = (self.link(index), self.place(index)) else { return };
        let (netns, dev) = (place.netns.clone(), place.ifname.clone());
        let bridge = self.place(BRIDGE).filter(|bridge| {
            bridge.netns == netns && random.is_port && ![BRIDGE, LOOPBACK, VLAN].contains(&index)
        });
        let is_loopback = index == LOOPBACK;
        let link = Link {
            kind: match index {
                NIC | LOOPBACK => None,
                LEFT | RIGHT => Some(LinkKind::Veth(Veth::default())),
                BRIDGE => Some(LinkKind::Bridge(Bridge::default())),
                VLAN => Some(LinkKind::Vlan(Vlan { id: Some(10), ..Vlan::default() })),
                _ => Some(LinkKind::Dummy(Dummy::default())),
            },
            peer: match index {
                LEFT => self.place(RIGHT),
                RIGHT => self.place(LEFT),
                _ => None,
            },
            device: if index == VLAN { self.place(random.below) } else { None },
            attributes: LinkAttributes {
                mtu: random.mtu.filter(|_| !is_loopback),
                ..LinkAttributes::default()
            },
            flags: LinkFlags { up: random.up, ..LinkFlags::default() },
            master: bridge.map(|bridge| Master::Of(bridge.ifname)),
            ..Link::at(place)
        };
        // Each namespace has its own loopback.
        let id = match (index, netns.is_own()) {
            (LOOPBACK, false) => "loop-red",
            _ => LINKS[index],
        };
        objects.insert(Key::Link(parsed(id)), Object::Link(Box::new(link)));
        for (path, value) in OF_LINK.iter().zip(random.parameters) {
            if let Some(value) = value {
                let path = path.replace("LINK", dev.as_str());
                add_parameter(netns.as_str(), &path, value, objects);
            }
        }
        let ipv4 = random.ipv4.iter().map(|host| format!("10.{index}.0.{host}/24"));
        let ipv6 = random.ipv6.iter().map(|host| format!("2001:db8:{index}::{host}/64"));
        for address in ipv4.chain(ipv6) {
            let address = parsed(&address);
            let key = AddressKey::new(netns.clone(), dev.clone(), address);
            objects.insert(Key::Address(key), Object::Address(Address::default()));
        }
    }

    fn add_route(&self, random: &RandomRoute, objects: &mut BTreeMap<Key, Object>) {
        let Some(first) = random.hops.iter().find_map(|(link, _)| self.place(*link)) else {
            return;
        };
        let netns = first.netns.clone();
        let first = self.index_at(&first);
        let is_ipv6 = random.is_ipv6;
        // The last ones are in the subnets of links.
        let prefix = match (is_ipv6, random.prefix) {
            (false, 3) => format!("10.{first}.0.96/27"),
            (true, 3) => format!("2001:db8:{first}::/112"),
            (false, 4) => "10.4.0.0/16".into(),
            (true, 4) => "2001:db8:4::/48".into(),
            (false, number) => format!("192.168.{number}.0/24"),
            (true, number) => format!("2001:db8:f{number}::/48"),
        };
        let mut hops: Vec<Nexthop> = Vec::new();
        let onlink = random.hops.first().is_some_and(|(_, way)| *way == Way::Onlink);
        for (index, way) in &random.hops {
            let Some(place) = self.place(*index).filter(|place| place.netns == netns) else {
                continue;
            };
            if hops.iter().any(|hop| hop.dev.as_ref() == Some(&place.ifname)) {
                continue;
            }
            hops.extend(self.hop(*index, (place, onlink, *way, is_ipv6), objects));
        }
        if is_ipv6 && hops.len() > 1 {
            hops.retain(|hop| hop.via.is_some());
        }
        let used = |number| self.used(number, (&netns, is_ipv6), objects);
        let nhid = random.nexthop.filter(|_| !random.is_blackhole).and_then(used);
        if hops.is_empty() && !random.is_blackhole && nhid.is_none() {
            return;
        }
        if random.is_blackhole || nhid.is_some() {
            hops.clear();
        }
        hops.sort();
        let key = RouteKey {
            netns: netns.clone(),
            table: random.table,
            prefix: parsed(&prefix),
            tos: 0,
            metric: if is_ipv6 { 1024 } else { 0 },
        };
        let source = random.source.filter(|_| !random.is_blackhole).and_then(|(index, host)| {
            let source: IpAddr = match is_ipv6 {
                true => parsed(&format!("2001:db8:{index}::{host}")),
                false => parsed(&format!("10.{index}.0.{host}")),
            };
            let is_there = objects.keys().any(|key| {
                matches!(key, Key::Address(key) if key.netns == netns && key.address.addr() == source)
            });
            (is_there || !self.is_sound).then_some(source)
        });
        let kind = match random.is_blackhole {
            true => RouteKind::Blackhole,
            false => RouteKind::Unicast,
        };
        let mut route = Route {
            kind,
            protocol: Some(4),
            source,
            nexthops: hops.into(),
            nhid,
            ..Route::default()
        };
        if !is_ipv6 {
            route.scope = Some(route.natural_scope());
        }
        objects.insert(Key::Route(key), Object::Route(route.into()));
    }

    fn hop(
        &self,
        index: usize,
        (place, onlink, way, is_ipv6): (Place, bool, Way, bool),
        objects: &BTreeMap<Key, Object>,
    ) -> Option<Nexthop> {
        let via: Option<IpAddr> = match (is_ipv6, way) {
            (_, Way::OverLink) if !onlink => None,
            (true, Way::LinkLocal) => Some(parsed("fe80::99")),
            (false, Way::Foreign) => Some(parsed("172.16.0.99")),
            (true, _) => Some(parsed(&format!("2001:db8:{index}::99"))),
            (false, _) => Some(parsed(&format!("10.{index}.0.99"))),
        };
        if self.is_sound && !onlink && way == Way::Gateway || way == Way::LinkLocal && !is_ipv6 {
            let is_reached = objects.keys().any(|key| {
                matches!(key, Key::Address(key) if key.netns == place.netns
                    && key.dev == place.ifname
                    && via.is_some_and(|via| key.address.contains(&via)))
            });
            is_reached.then_some(())?;
        }
        if self.is_sound && onlink && !is_ipv6 && !has_ipv4(&place.netns, objects) {
            return None;
        }
        if self.is_sound && is_ipv6 && is_ipv6_off(&place, objects) {
            return None;
        }
        Some(Nexthop { dev: Some(place.ifname), via, weight: 1, onlink, pervasive: false })
    }

    fn index_at(&self, place: &Place) -> usize {
        (0..LINKS.len()).find(|index| self.place(*index).as_ref() == Some(place)).unwrap_or(0)
    }
}

/// Whether a namespace has an IPv4 address, so that it accepts `onlink` gateways.
fn has_ipv4(netns: &NetnsName, objects: &BTreeMap<Key, Object>) -> bool {
    objects.iter().any(|(key, object)| match (key, object) {
        (Key::Address(key), _) => key.netns == *netns && key.address.addr().is_ipv4(),
        (_, Object::Link(link)) => {
            let Place { netns: at, ifname } = &link.place;
            at == netns && ifname.as_str() == "lo" && link.flags.up == Some(true)
        }
        _ => false,
    })
}

/// Two names of the same value must have the same value.
fn make_parameters_sound(objects: &mut BTreeMap<Key, Object>) {
    for netns in NETNS {
        let value = |path: &str| parameter(netns, path);
        if objects.contains_key(&value("net/ipv4/ip_forward")) {
            objects.remove(&value("net/ipv4/conf/all/forwarding"));
        }
    }
}

/// A VLAN must not have a larger MTU than the link below.
fn make_links_sound(objects: &mut BTreeMap<Key, Object>) {
    let places = objects.values().filter_map(Object::link).map(|link| link.place.clone());
    let mtu = |place: Place| (place.clone(), mtu_at_most(&place, objects).unwrap_or(1500));
    let mtus: BTreeMap<Place, u32> = places.map(mtu).collect();
    for object in objects.values_mut() {
        let Object::Link(link) = object else { continue };
        if let Some(below) = &link.device {
            let limit = mtus.get(below).copied();
            link.attributes.mtu = link.attributes.mtu.filter(|mtu| Some(*mtu) <= limit);
        }
    }
}

/// IPv6 addresses and parameters are possible only on links with IPv6.
fn make_addresses_sound(objects: &mut BTreeMap<Key, Object>) {
    let places: BTreeSet<Place> =
        objects.values().filter_map(Object::link).map(|link| link.place.clone()).collect();
    let off: Vec<Place> = places.into_iter().filter(|place| is_ipv6_off(place, objects)).collect();
    let small: Vec<Place> =
        off.iter().filter(|place| mtu_is_small(place, objects)).cloned().collect();
    objects.retain(|key, _| match key {
        Key::Address(key) => {
            let is_on = |place: &Place| place.netns == key.netns && place.ifname == key.dev;
            key.address.addr().is_ipv4() || !off.iter().any(is_on)
        }
        Key::Sysctl(key) if key.path.as_str().starts_with("net/ipv6/") => {
            let dev = key.path.dev();
            !small
                .iter()
                .any(|place| place.netns == key.netns && Some(&place.ifname) == dev.as_ref())
        }
        Key::Sysctl(_)
        | Key::Netns(_)
        | Key::Link(_)
        | Key::Neighbor(_)
        | Key::Fdb(_)
        | Key::Nexthop(_)
        | Key::Route(_)
        | Key::Rule(_) => true,
    });
}

fn is_ipv6_off(place: &Place, objects: &BTreeMap<Key, Object>) -> bool {
    let netns = place.netns.as_str();
    let of =
        |name: &str| objects.get(&parameter(netns, &format!("net/ipv6/conf/{name}/disable_ipv6")));
    let value = of(place.ifname.as_str()).or_else(|| of("all"));
    value == Some(&Object::Sysctl("1".into())) || mtu_is_small(place, objects)
}

fn mtu_is_small(place: &Place, objects: &BTreeMap<Key, Object>) -> bool {
    mtu_at_most(place, objects).is_some_and(|mtu| mtu < 1280)
}

/// The configured MTU of a link: its own, that of the link below, or the least of its ports.
fn mtu_at_most(place: &Place, objects: &BTreeMap<Key, Object>) -> Option<u32> {
    let links = || objects.values().filter_map(Object::link);
    let link = links().find(|link| link.place == *place)?;
    let is_port = |port: &&Link| port.master_place().as_ref() == Some(place);
    match (link.attributes.mtu, &link.device) {
        (Some(mtu), _) => Some(mtu),
        (None, Some(below)) => mtu_at_most(below, objects),
        (None, None) => {
            links().filter(is_port).filter_map(|port| mtu_at_most(&port.place, objects)).min()
        }
    }
}

fn add_parameter(netns: &str, path: &str, value: bool, objects: &mut BTreeMap<Key, Object>) {
    let value = Object::Sysctl(u8::from(value).to_string());
    objects.insert(parameter(netns, path), value);
}

fn parameter(netns: &str, path: &str) -> Key {
    Key::Sysctl(SysctlKey { netns: parsed(netns), path: parsed(path) })
}

fn parsed<T: std::str::FromStr>(text: &str) -> T {
    match text.parse() {
        Ok(parsed) => parsed,
        Err(_) => panic!("{text} is none"),
    }
}
