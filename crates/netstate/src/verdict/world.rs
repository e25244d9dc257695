//! The state under a configuration: links with what is on them, addresses, and parameters.
//!
//! Answers are cached, so that a hundred thousand routes over one link ask about it once.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::answer::{Answer, NexthopState};
use super::{Contradiction, Environment, Hold};
use crate::desired::Desired;
use crate::name::{LinkId, LinkName, NetnsName};
use crate::noun::address::{Address, AddressKey};
use crate::noun::link::{self, IPV6_MIN_MTU, Link, Place, follows_ports, link_objects};
use crate::noun::netns::as_phrase;
use crate::noun::nexthop::NexthopKey;
use crate::noun::sysctl::{SysctlKey, SysctlPath};
use crate::noun::{self, Condition, Gateway, Key, Noun, Object};
use crate::state::State;
use crate::uapi::IFA_F_DADFAILED;

/// A configuration in its environment.
pub(super) struct World<'a> {
    pub(super) desired: &'a Desired,
    pub(super) environment: &'a Environment<'a>,
    links: BTreeMap<Place, LinkState<'a>>,
    /// The links that are being examined, so that a loop of links ends.
    visiting: BTreeSet<Place>,
    /// The addresses on links, by IP address.
    holders: BTreeMap<NetnsName, BTreeMap<IpAddr, Vec<&'a AddressKey>>>,
    /// The ports of each master; none until somebody asks.
    ports: Option<BTreeMap<Place, Vec<&'a LinkId>>>,
    /// The desired places of links that are moved or renamed.
    moves: BTreeMap<Place, Place>,
    /// The gateways that were asked about.
    pub(super) gateways: BTreeMap<Gateway, Answer>,
    /// The same, for those that are `onlink`.
    pub(super) onlink: BTreeMap<Gateway, Answer>,
    /// The nexthop objects that were asked about; none for those that are not configured.
    pub(super) nexthops: BTreeMap<NexthopKey, Option<NexthopState>>,
    /// The sources that were asked about.
    sources: BTreeMap<(NetnsName, IpAddr), Answer>,
    /// The links of loops that are refused already: a loop is one error.
    pub(super) in_loop: BTreeSet<Place>,
    /// The namespaces that are known to have an IPv4 address.
    pub(super) with_ipv4: BTreeSet<NetnsName>,
}

/// The properties of a link that matter to the objects on it.
#[derive(Clone, Debug)]
pub(super) struct LinkState<'a> {
    /// Why it does not exist.
    pub(super) absent: Option<Hold>,
    /// Why it is not up; also set if it does not exist.
    pub(super) down: Option<Hold>,
    /// The parameter that switches IPv6 off on it.
    ipv6_off: Option<SysctlKey>,
    /// Its MTU as far as it is configured, and the link with that configuration: itself, the link
    /// below, or a port.
    mtu: Option<(LinkId, u32)>,
    /// The addresses that are configured on it.
    pub(super) addresses: Vec<(&'a AddressKey, &'a Address)>,
}

impl<'a> World<'a> {
    pub(super) fn new(desired: &'a Desired, environment: &'a Environment<'a>) -> Self {
        Self {
            desired,
            environment,
            links: BTreeMap::new(),
            visiting: BTreeSet::new(),
            holders: BTreeMap::new(),
            ports: None,
            moves: moves(desired, environment),
            gateways: BTreeMap::new(),
            onlink: BTreeMap::new(),
            nexthops: BTreeMap::new(),
            sources: BTreeMap::new(),
            in_loop: BTreeSet::new(),
            with_ipv4: BTreeSet::new(),
        }
    }

    /// Why a link does not exist; none for other objects.
    pub(super) fn absence(&mut self, key: &Key, object: &Object) -> Option<Hold> {
        match (key, object) {
            (Key::Link(_), Object::Link(link)) => self.link(&link.place).absent.clone(),
            _ => None,
        }
    }

    pub(super) fn ask(&mut self, condition: &Condition, of: (&Key, &Object)) -> Answer {
        match condition {
            Condition::Link(place) | Condition::Master(place) => {
                held(self.link(place).absent.clone())
            }
            Condition::LinkUp(place) => held(self.link(place).down.clone()),
            Condition::Takes(master) => self.takes(master, of),
            Condition::NoLoop(below) => self.no_loop(below, of),
            Condition::Ipv6(place) => self.ipv6(place, of.0, false),
            Condition::Ipv6Parameters(place) => self.ipv6(place, of.0, true),
            Condition::MtuWithin(place, mtu) => self.mtu_within(place, *mtu, of.0),
            Condition::MtuLimits(mtu) => self.mtu_limits(*mtu, of),
            Condition::Carrier(place) => self.carrier(place),
            Condition::Loopback(netns) => self.loopback(netns, of.0),
            Condition::Nexthop(nexthop) => self.nexthop(nexthop, of),
            Condition::Source(netns, address) => self.source(netns, *address, of.0),
            Condition::Gateway(gateway) => self.gateway(gateway, of.0),
            Condition::Onlink(gateway) => self.onlink(gateway, of.0),
            Condition::SameValue(other) => self.same_value(other, of),
        }
    }

    /// The state of the link at a place.
    pub(super) fn link(&mut self, place: &Place) -> &LinkState<'a> {
        if !self.links.contains_key(place) {
            let state = match self.visiting.insert(place.clone()) {
                true => self.link_state(place),
                // A loop of links is refused elsewhere.
                false => LinkState::unknown(),
            };
            self.visiting.remove(place);
            self.links.insert(place.clone(), state);
        }
        &self.links[place]
    }

    fn link_state(&mut self, place: &Place) -> LinkState<'a> {
        let Some((id, link)) = self.desired.link_at(place) else { return LinkState::unknown() };
        let key = Key::Link(id.clone());
        let name = &place.ifname;
        let below = link.device.clone().map(|device| (self.link(&device).clone(), device));
        let seen = self.environment.observed.objects.get(&key).and_then(Object::link);
        let is_looked_for = self.is_looked_for(&key);
        let absent = match (&link.kind, &below) {
            (_, Some((LinkState { absent: Some(hold), .. }, device))) => Some(Hold {
                reason: format!(
                    "{name} is on {}, which is not there: {}",
                    device.ifname, hold.reason
                ),
                waits_for: hold.waits_for.clone(),
            }),
            (None, _) if is_looked_for && seen.is_none() && !is_of_namespace(place) => {
                let netns = as_phrase(&place.netns);
                let reason =
                    format!("there is no link {name} in {netns}, and no type to make it by");
                Some(Hold { reason, waits_for: key.clone() })
            }
            (Some(_) | None, _) => None,
        };
        let down = absent.clone().or_else(|| self.down(&key, link, below.as_ref()));
        let mtu = match (link.attributes.mtu, &below) {
            (Some(mtu), _) => Some((id.clone(), mtu)),
            (None, Some((below, _))) if link::below(link).mtu_within => below.mtu.clone(),
            (None, _) if follows_ports(link) => self.least_mtu_of_ports(place),
            (None, _) => None,
        };
        LinkState {
            down,
            absent,
            ipv6_off: self.ipv6_off(link),
            mtu,
            addresses: self.desired.addresses_of(place).collect(),
        }
    }

    /// Why an existing link is not up.
    fn down(&self, key: &Key, link: &Link, below: Option<&(LinkState<'a>, Place)>) -> Option<Hold> {
        let seen = self.environment.observed.objects.get(key).and_then(Object::link);
        let name = &link.place.ifname;
        let hold = |reason| Some(Hold { reason, waits_for: key.clone() });
        match (link.flags.up, &link.kind) {
            (Some(false), _) => return hold(format!("{name} is down, as it is configured")),
            (Some(true), _) => {}
            (None, Some(kind)) if kind.is_made() => {
                return hold(format!("{name} is down: its admin-status is not configured"));
            }
            (None, _) => {
                let original = self.environment.originals.objects.get(key).and_then(Object::link);
                let touched = self.environment.touched.objects.get(key).and_then(Object::link);
                let is_set_back = touched.is_none_or(|touched| {
                    touched.flags.up.is_some() || touched.place != link.place
                });
                let goes_back = |original: &&Link| is_set_back || original.place != link.place;
                // The same as in the plan ([`target`](crate::plan::target)).
                let up = match original.filter(goes_back) {
                    Some(original) => original.flags.up,
                    // The loopback of a new namespace is down.
                    None => match (seen, Link::loopback(&link.place)) {
                        (Some(seen), _) => seen.flags.up,
                        (None, new) => new.and_then(|new| new.flags.up),
                    },
                };
                if up == Some(false) {
                    return hold(format!("{name} is down"));
                }
            }
        }
        let needs_up = link.kind.as_ref().is_some_and(|kind| kind.below().needs_up);
        let (below, device) = below.filter(|_| needs_up)?;
        let hold = below.down.as_ref()?;
        Some(Hold {
            reason: format!(
                "{name} is down with {}, which it is on: {}",
                device.ifname, hold.reason
            ),
            waits_for: hold.waits_for.clone(),
        })
    }

    /// Whether the link was looked for. If it was not found then, it does not exist.
    fn is_looked_for(&self, key: &Key) -> bool {
        self.environment.looked_for.contains(key)
    }

    /// Whether another host has the address.
    pub(super) fn duplicate(&self, key: &Key) -> Option<Hold> {
        if key.noun() != Noun::Address {
            return None;
        }
        let Object::Address(seen) = self.environment.observed.objects.get(key)? else {
            return None;
        };
        let failed = seen.status.as_ref()?.flags & IFA_F_DADFAILED != 0;
        failed.then(|| Hold {
            reason: "another host on the link has the address: duplicate address detection failed"
                .into(),
            waits_for: key.clone(),
        })
    }

    fn ipv6(&mut self, place: &Place, key: &Key, is_parameter: bool) -> Answer {
        let name = &place.ifname;
        let LinkState { ipv6_off, mtu, .. } = self.link(place).clone();
        let small = mtu.filter(|(_, mtu)| *mtu < IPV6_MIN_MTU);
        let (reason, other) = match (ipv6_off.filter(|_| !is_parameter), small) {
            (Some(parameter), _) => {
                let path = parameter.path.dotted();
                let reason = format!("IPv6 is switched off on {name} by {path} = 1");
                (reason, (Key::Sysctl(parameter), None))
            }
            (None, Some((id, mtu))) => {
                let reason =
                    format!("mtu: {mtu} of {name} is below {IPV6_MIN_MTU}, which IPv6 needs");
                (reason, (Key::Link(id), Some("mtu")))
            }
            (None, None) => return Answer::Met,
        };
        refused(key, reason, Some(other))
    }

    /// The configured parameter that switches IPv6 off on a link.
    fn ipv6_off(&self, link: &Link) -> Option<SysctlKey> {
        let Place { netns, ifname } = &link.place;
        let value = |name: &str| {
            let path = format!("net/ipv6/conf/{name}/disable_ipv6").parse::<SysctlPath>().ok()?;
            let key = SysctlKey { netns: netns.clone(), path };
            let Object::Sysctl(value) = self.desired.get(&Key::Sysctl(key.clone()))? else {
                return None;
            };
            Some((key, value.trim() != "0"))
        };
        let of_new = || value("default").filter(|_| !link.is_adopted());
        let parameter = value(ifname.as_str()).or_else(|| value("all")).or_else(of_new);
        parameter.and_then(|(key, is_off)| is_off.then_some(key))
    }

    fn mtu_within(&mut self, below: &Place, mtu: u32, key: &Key) -> Answer {
        match self.link(below).mtu.clone() {
            Some((id, limit)) if mtu > limit => {
                let name = &below.ifname;
                let reason =
                    format!("mtu: {mtu} is more than {limit}, the mtu of {name}, which it is on");
                refused(key, reason, Some((Key::Link(id), Some("mtu"))))
            }
            _ => Answer::Met,
        }
    }

    fn mtu_limits(&self, mtu: u32, (key, object): (&Key, &Object)) -> Answer {
        let Some(link) = object.link() else { return Answer::Met };
        let seen = self.environment.observed.objects.get(key).and_then(Object::link);
        // A link of another kind is about to be replaced.
        let status = seen
            .filter(|seen| link.kind.is_none() || seen.kind == link.kind)
            .and_then(|seen| seen.status.as_ref());
        let (least, most) = match (status, &link.kind) {
            (Some(status), _) => (status.min_mtu, status.max_mtu),
            (None, Some(kind)) => kind.facts().mtu_limits.unzip(),
            (None, None) => (None, None),
        };
        let (least, most) = (least.unwrap_or(0), most.unwrap_or(u32::MAX));
        if (least..=most).contains(&mtu) {
            return Answer::Met;
        }
        let name = &link.place.ifname;
        let limits = match most {
            u32::MAX => format!("at least {least}"),
            _ => format!("{least} to {most}"),
        };
        let reason = format!("{mtu} is not possible on {name}, whose driver allows {limits}");
        let key = key.clone();
        Answer::Refused(Contradiction { key, field: Some("mtu"), other: None, reason })
    }

    /// The least MTU that is configured for a port. A port without one does not limit the bridge.
    fn least_mtu_of_ports(&mut self, bridge: &Place) -> Option<(LinkId, u32)> {
        let ports = self.ports_of(bridge);
        let mtus = ports.iter().filter_map(|port| self.link(port).mtu.clone());
        mtus.min_by_key(|(_, mtu)| *mtu)
    }

    /// The places of the ports of a link.
    pub(super) fn ports_of(&mut self, master: &Place) -> Vec<Place> {
        let desired = self.desired;
        let ports = self.ports.get_or_insert_with(|| {
            let mut ports: BTreeMap<Place, Vec<&LinkId>> = BTreeMap::new();
            for (id, link) in desired.links() {
                if let Some(master) = link.master_place() {
                    ports.entry(master).or_default().push(id);
                }
            }
            ports
        });
        let ports = ports.get(master).into_iter().flatten();
        let link = |id: &&LinkId| desired.get(&Key::Link((*id).clone()))?.link();
        ports.filter_map(link).map(|port| port.place.clone()).collect()
    }

    fn same_value(&self, other: &SysctlKey, (key, object): (&Key, &Object)) -> Answer {
        let other = Key::Sysctl(other.clone());
        match (self.desired.get(&other), object, &other) {
            (Some(Object::Sysctl(set)), Object::Sysctl(value), Key::Sysctl(alias))
                if set != value =>
            {
                let path = alias.path.dotted();
                let reason =
                    format!("the kernel keeps one value for this and {path}, which is to be {set}");
                refused(key, reason, Some((other, None)))
            }
            _ => Answer::Met,
        }
    }

    fn source(&mut self, netns: &NetnsName, address: IpAddr, key: &Key) -> Answer {
        let asked = (netns.clone(), address);
        if let Some(answer) = self.sources.get(&asked) {
            return answer.about(key);
        }
        let answer = self.judge_source(netns, address, key);
        self.sources.insert(asked, answer.clone());
        answer
    }

    fn judge_source(&mut self, netns: &NetnsName, address: IpAddr, key: &Key) -> Answer {
        let holders = self.holders(netns, address);
        let mut first = None;
        for holder in &holders {
            let state = self.link(&holder.place()).clone();
            // IPv4 addresses stay on a link that is down. IPv6 addresses are not used there.
            let hold = match address {
                IpAddr::V4(_) => state.absent.clone(),
                IpAddr::V6(_) => {
                    state.down.clone().or_else(|| self.without_carrier(&holder.place()))
                }
            };
            match hold {
                None => return Answer::Met,
                Some(hold) => drop(first.get_or_insert_with(|| Hold {
                    reason: format!("its source {address} is on {}: {}", holder.dev, hold.reason),
                    waits_for: hold.waits_for.clone(),
                })),
            }
        }
        if let Some(hold) = first {
            return Answer::Held(hold);
        }
        let Some(answers) = self.environment.answers else { return Answer::Unknown(netns.clone()) };
        let is_held = |key: &AddressKey| {
            key.netns == *netns
                && key.address.addr() == address
                && self.called(netns, &key.dev).is_some()
        };
        let has = |key: &Key| matches!(key, Key::Address(key) if is_held(key));
        if self.others(answers).any(|(key, _)| has(key)) {
            return Answer::Met;
        }
        let reason = format!(
            "its source {address} is no address of {}: configure it on a link there",
            as_phrase(netns)
        );
        refused(key, reason, None)
    }

    /// The observed objects of others, and those that return with a link that is given back to its
    /// place.
    pub(super) fn others<'o>(
        &self,
        observed: &'o State,
    ) -> impl Iterator<Item = (&'o Key, &'o Object)> + use<'o, 'a>
    where
        'a: 'o,
    {
        let Environment { touched, originals, observed: seen_links, .. } = *self.environment;
        let desired = self.desired;
        let is_ours = move |key: &Key| desired.contains(key) || touched.objects.contains_key(key);
        // A link that does not exist does not bring its objects back.
        let homes: BTreeMap<&Place, &Key> = (originals.links())
            .filter(|(key, _)| seen_links.objects.contains_key(*key))
            .map(|(key, original)| (&original.place, key))
            .collect();
        let is_home = move |place: &Place| {
            let link = homes.get(place).and_then(|key| desired.get(key)?.link());
            link.is_some_and(|link| link.place.netns == place.netns)
        };
        let comes_back = move |(key, object): &(&Key, &Object)| {
            let mut places = noun::places(key, object).peekable();
            key.netns().is_some() && places.peek().is_some() && places.all(|place| is_home(&place))
        };
        let seen = observed.objects.iter();
        seen.chain(originals.objects.iter().filter(comes_back))
            .filter(move |(key, _)| !is_ours(key))
    }

    /// The desired name of a link on which others have objects; none if it moves to another
    /// namespace, and leaves them behind.
    pub(super) fn called(&self, netns: &NetnsName, dev: &LinkName) -> Option<LinkName> {
        let place = Place { netns: netns.clone(), ifname: dev.clone() };
        match self.moves.get(&place) {
            None => Some(place.ifname),
            Some(to) => (to.netns == *netns).then(|| to.ifname.clone()),
        }
    }

    /// The configured addresses with this IP address.
    fn holders(&mut self, netns: &NetnsName, address: IpAddr) -> Vec<&'a AddressKey> {
        let desired = self.desired;
        let by_address = self.holders.entry(netns.clone()).or_insert_with(|| {
            let mut by_address: BTreeMap<IpAddr, Vec<&AddressKey>> = BTreeMap::new();
            for (key, _) in desired.addresses_in(netns) {
                by_address.entry(key.address.addr()).or_default().push(key);
            }
            by_address
        });
        by_address.get(&address).cloned().unwrap_or_default()
    }

    /// The configured addresses of a namespace that make another one reachable.
    pub(super) fn reaching(&self, netns: &NetnsName, via: IpAddr) -> Vec<&'a AddressKey> {
        let desired = self.desired;
        let reaching =
            desired.addresses_in(netns).filter(|(key, address)| address.reaches(key, via));
        reaching.map(|(key, _)| key).collect()
    }
}

impl LinkState<'_> {
    /// A link of which nothing is known: no condition fails.
    fn unknown() -> Self {
        LinkState { absent: None, down: None, ipv6_off: None, mtu: None, addresses: Vec::new() }
    }
}

fn moves(desired: &Desired, environment: &Environment<'_>) -> BTreeMap<Place, Place> {
    let Environment { observed, originals, .. } = environment;
    let wanted = |key: &Key| desired.get(key).and_then(Object::link);
    let seen: Vec<_> = link_objects(&observed.objects).collect();
    // Objects that come back with a link have the name that it had.
    let homes = originals.links().filter(|(key, home)| {
        let is_there = observed.objects.contains_key(*key);
        is_there && wanted(key).is_some_and(|wanted| wanted.place.netns == home.place.netns)
    });
    let places =
        homes.chain(seen).filter_map(|(key, link)| Some((&link.place, &wanted(key)?.place)));
    let moves = places.filter(|(from, to)| from != to);
    moves.map(|(from, to)| (from.clone(), to.clone())).collect()
}

fn held(hold: Option<Hold>) -> Answer {
    hold.map_or(Answer::Met, Answer::Held)
}

pub(super) fn refused(
    key: &Key,
    reason: String,
    other: Option<(Key, Option<&'static str>)>,
) -> Answer {
    Answer::Refused(Contradiction { key: key.clone(), field: None, other, reason })
}

/// Whether a link exists as long as its namespace.
fn is_of_namespace(place: &Place) -> bool {
    Link::at(place.clone()).belongs_to_namespace()
}

/// Whether a link is administratively up.
pub(super) fn is_up(link: &Link) -> bool {
    link.flags.up == Some(true)
}
