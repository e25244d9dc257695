//! Random addresses with options: those of others on a NIC, and configurations of addresses on that NIC and on a bridge.

use std::collections::BTreeMap;

use netstate::address::Lifetime;
use netstate::link::Bridge;
use netstate::uapi::{IFA_F_PERMANENT, IFA_F_SECONDARY, RT_SCOPE_LINK};
use netstate::{
    Address, AddressKey, AddressOptions, AddressStatus, Key, Link, LinkFlags, LinkKind, NetnsName,
    Nexthop, Object, Place, Route, RouteKey, State,
};
use proptest::collection::btree_map;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::{Surroundings, parsed};

/// Two addresses of a subnet, one of a host, and two of IPv6.
const POOL: [&str; 5] =
    ["10.0.0.1/24", "10.0.0.2/24", "10.0.1.1/32", "2001:db8::1/64", "2001:db8::2/64"];

/// Addresses by their place in the pool.
type Chosen = BTreeMap<usize, Random>;

/// Random options. Which of them an address has depends on its family.
#[derive(Clone, Debug)]
struct Random {
    peer: Option<bool>,
    metric: Option<u32>,
    proto: bool,
    valid: Option<u32>,
    preferred: Option<u32>,
    noprefixroute: Option<bool>,
    label: bool,
    broadcast: bool,
    scope: bool,
    home: Option<bool>,
}

/// The addresses of others on a NIC.
#[derive(Clone, Debug)]
pub struct Theirs(Chosen);

/// A configuration of addresses.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// The name of the NIC, if it is configured, and its addresses.
    nic: Option<(&'static str, Chosen)>,
    bridge: Option<Chosen>,
    has_route: bool,
}

/// Random addresses of others.
pub fn theirs() -> impl Strategy<Value = Theirs> {
    chosen().prop_map(Theirs)
}

/// Random configurations.
pub fn addresses() -> impl Strategy<Value = Addresses> {
    let nic = option::weighted(0.8, (select(vec!["nic", "nic", "lan"]), chosen()));
    (nic, option::of(chosen()), any::<bool>()).prop_map(|(nic, bridge, has_route)| Addresses {
        nic,
        bridge,
        has_route,
    })
}

fn chosen() -> impl Strategy<Value = Chosen> {
    btree_map(0..POOL.len(), random(), 0..4)
}

fn random() -> impl Strategy<Value = Random> {
    fn rare<T: Clone + std::fmt::Debug + 'static>(
        values: &[T],
    ) -> impl Strategy<Value = Option<T>> + use<T> {
        option::weighted(0.3, select(values.to_vec()))
    }
    let truths = &[true, false];
    let is_rare = || prop::bool::weighted(0.2);
    (
        (rare(truths), rare(&[5_u32, 77]), is_rare()),
        (rare(&[5000_u32, 9000]), rare(&[0_u32, 3000])),
        (rare(truths), is_rare(), is_rare()),
        (is_rare(), rare(truths)),
    )
        .prop_map(
            |(
                (peer, metric, proto),
                (valid, preferred),
                (noprefixroute, label, broadcast),
                more,
            )| {
                let (scope, home) = more;
                Random {
                    peer,
                    metric,
                    proto,
                    valid,
                    preferred,
                    noprefixroute,
                    label,
                    broadcast,
                    scope,
                    home,
                }
            },
        )
}

impl Random {
    /// The options of an address of a link.
    fn of(&self, address: usize, dev: &str) -> AddressOptions {
        let is_ipv4 = address < 3;
        // The far end may be in the subnet of the address.
        let peer = match (is_ipv4, self.peer) {
            (_, None) => None,
            (true, Some(true)) => Some(parsed("10.0.0.9")),
            (true, Some(false)) => Some(parsed("10.7.0.1")),
            (false, Some(true)) => Some(parsed("2001:db8::9")),
            (false, Some(false)) => Some(parsed("2001:db8:7::9")),
        };
        let valid = self.valid;
        let lasts = valid.is_some() || !is_ipv4;
        let preferred = self.preferred.filter(|preferred| *preferred == 0 || lasts);
        AddressOptions {
            peer,
            scope: (self.scope && address == 2).then_some(RT_SCOPE_LINK),
            broadcast: (self.broadcast && is_ipv4).then(|| parsed("10.0.0.255")),
            label: (self.label && is_ipv4).then(|| format!("{dev}:x")),
            metric: self.metric,
            proto: self.proto.then_some(99),
            valid_lft: valid.map(Lifetime::Seconds),
            preferred_lft: preferred.map(Lifetime::Seconds),
            noprefixroute: self.noprefixroute,
            home: self.home.filter(|_| !is_ipv4),
            // Detection takes its time.
            nodad: (!is_ipv4).then_some(true),
            mngtmpaddr: None,
            autojoin: None,
        }
    }
}

fn key(dev: &str, address: usize, options: &AddressOptions) -> AddressKey {
    let key = AddressKey::new(NetnsName::own(), parsed(dev), parsed(POOL[address]));
    key.with_peer(options.peer)
}

impl Theirs {
    fn options(&self) -> impl Iterator<Item = (usize, AddressOptions)> + '_ {
        let options = |address: usize, random: &Random| AddressOptions {
            proto: None,
            noprefixroute: random.noprefixroute.filter(|set| *set),
            home: random.of(address, "nic").home.filter(|set| *set),
            ..random.of(address, "nic")
        };
        self.0.iter().map(move |(address, random)| (*address, options(*address, random)))
    }

    /// What a kernel holds before anything is configured.
    pub fn state(&self) -> State {
        let mut state = Surroundings { nic: Some(true), has_address: false }.state();
        let mut subnets = Vec::new();
        for (address, options) in self.options() {
            let key = key("nic", address, &options);
            let seconds = |lifetime: Option<Lifetime>| match lifetime {
                Some(Lifetime::Seconds(seconds)) => Some(seconds),
                Some(Lifetime::Forever) | None => None,
            };
            let is_secondary = key.address.addr().is_ipv4() && subnets.contains(&key.subnet());
            subnets.push(key.subnet());
            let valid_left = seconds(options.valid_lft);
            let preferred_left = seconds(options.preferred_lft).or(valid_left);
            let rank = if is_secondary { IFA_F_SECONDARY } else { 0 };
            let lasts = if valid_left.is_none() { IFA_F_PERMANENT } else { 0 };
            let status = AddressStatus {
                flags: options.flags() | rank | lasts,
                scope: options.scope.unwrap_or_default(),
                peer: options.peer,
                broadcast: options.broadcast,
                label: options.label.clone(),
                metric: options.metric,
                valid_until: valid_left.map(u64::from),
                preferred_until: preferred_left.map(u64::from),
                valid_left,
                preferred_left,
                ..AddressStatus::default()
            };
            let address = Address { status: Some(status.into()), ..Address::default() };
            state.objects.insert(Key::Address(key), Object::Address(address));
        }
        state
    }

    /// The commands of ip(8) that make them on a link.
    pub fn commands(&self) -> Vec<String> {
        let command = |(address, options): (usize, AddressOptions)| {
            let text = POOL[address];
            let mut command = match options.peer {
                Some(peer) => {
                    let (local, length) = text.split_once('/').unwrap_or((text, ""));
                    format!("address add {local} peer {peer}/{length} dev nic")
                }
                None => format!("address add {text} dev nic"),
            };
            let AddressOptions { metric, label, broadcast, .. } = &options;
            for (word, value) in [
                ("metric", metric.map(|metric| metric.to_string())),
                ("label", label.clone()),
                ("broadcast", broadcast.map(|broadcast| broadcast.to_string())),
                ("scope", options.scope.map(|scope| scope.to_string())),
                ("valid_lft", options.valid_lft.map(|lifetime| lifetime.number().to_string())),
                (
                    "preferred_lft",
                    options.preferred_lft.map(|lifetime| lifetime.number().to_string()),
                ),
            ] {
                if let Some(value) = value {
                    command += &format!(" {word} {value}");
                }
            }
            // What ip(8) takes as preferred if only the other is given would be forever.
            if options.valid_lft.is_some() && options.preferred_lft.is_none() {
                let valid = options.valid_lft.map_or(0, Lifetime::number);
                command += &format!(" preferred_lft {valid}");
            }
            for (word, set) in [
                ("noprefixroute", options.noprefixroute),
                ("home", options.home),
                ("nodad", options.nodad),
            ] {
                if set == Some(true) {
                    command += &format!(" {word}");
                }
            }
            command
        };
        self.options().map(command).collect()
    }
}

impl Addresses {
    /// The configured objects.
    pub fn state(&self) -> State {
        let mut state = State::default();
        let mut add = |id: &str, kind: Option<LinkKind>, dev: &str, some: &Chosen| {
            let place = Place { netns: NetnsName::own(), ifname: parsed(dev) };
            let flags = LinkFlags { up: Some(true), ..LinkFlags::default() };
            let link = Link { kind, flags, ..Link::at(place) };
            state.objects.insert(Key::Link(parsed(id)), Object::Link(Box::new(link)));
            for (address, random) in some {
                let options = random.of(*address, dev);
                let key = Key::Address(key(dev, *address, &options));
                state.objects.insert(key, Object::Address(options.into()));
            }
        };
        if let Some((dev, some)) = &self.nic {
            add("nic", None, dev, some);
        }
        if let Some(some) = &self.bridge {
            add("br", Some(LinkKind::Bridge(Bridge::default())), "br", some);
        }
        if let Some((dev, some)) = self.nic.as_ref().filter(|_| self.has_route)
            && some.contains_key(&1)
        {
            let key = RouteKey {
                netns: NetnsName::own(),
                table: 254,
                prefix: parsed("10.50.0.0/16"),
                tos: 0,
                metric: 0,
            };
            let nexthop = Nexthop {
                dev: Some(parsed(dev)),
                via: None,
                weight: 1,
                onlink: false,
                pervasive: false,
            };
            let source = Some(parsed("10.0.0.2"));
            let route =
                Route { nexthops: [nexthop].into_iter().collect(), source, ..Route::default() };
            state.objects.insert(Key::Route(key), Object::Route(route.into()));
        }
        state
    }
}
