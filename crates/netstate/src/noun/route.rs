//! A route (`struct rtmsg`, rtnetlink(7), ip-route(8)).

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::attribute::Attributes;
use crate::name::{LinkName, NetnsName};
use crate::noun::daemons::is_protocol_of_daemon;
use crate::noun::link::Place;
use crate::noun::netns::as_phrase;
use crate::noun::nexthop::NexthopKey;
use crate::noun::{
    Change, Condition, Described, FoundBy, Gateway, How, Key, Lasts, Loose, Loss, Need, Needs,
    NounFacts, Object, Removal, Renaming, Replaced, Stage, Verb, Wanted,
};
use crate::uapi::{
    RT_SCOPE_HOST, RT_SCOPE_LINK, RT_SCOPE_UNIVERSE, RT_TABLE_MAIN, RTPROT_KERNEL, RTPROT_RA,
};

/// The key of a route: the kernel treats routes with the same key as the same route.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RouteKey {
    /// The namespace of its table.
    pub netns: NetnsName,
    /// `RTA_TABLE`, 32 bits.
    pub table: u32,
    /// `RTA_DST`, without host bits. Its family is that of the route. The default route is
    /// `0.0.0.0/0` or `::/0`.
    pub prefix: IpNet,
    /// `rtm_tos`.
    pub tos: u8,
    /// `RTA_PRIORITY`. For IPv6 the kernel reads zero as 1024, and so does this key.
    pub metric: u32,
}

/// What happens to packets that match a route (`rtm_type`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum RouteKind {
    /// `RTN_UNICAST`: forwards them to a nexthop.
    #[default]
    Unicast = 1,
    /// `RTN_LOCAL`: delivers them here.
    Local = 2,
    /// `RTN_BROADCAST`: delivers them here, and sends them as broadcast.
    Broadcast = 3,
    /// `RTN_ANYCAST`: delivers them here, and sends them as unicast.
    Anycast = 4,
    /// `RTN_MULTICAST`.
    Multicast = 5,
    /// `RTN_BLACKHOLE`: drops them silently.
    Blackhole = 6,
    /// `RTN_UNREACHABLE`: drops them, and reports that the host is unreachable.
    Unreachable = 7,
    /// `RTN_PROHIBIT`: drops them, and reports that this is prohibited.
    Prohibit = 8,
    /// `RTN_THROW`: ends the look-up in this table.
    Throw = 9,
    /// `RTN_NAT`, of old kernels.
    Nat = 10,
}

/// A route's attributes. If one is `None`, the kernel chooses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Attributes)]
#[serde(deny_unknown_fields, default)]
pub struct Route {
    /// `rtm_type`.
    #[attribute(plain)]
    pub kind: RouteKind,
    /// `rtm_protocol`: who made the route (`RTPROT_…`).
    pub protocol: Option<u8>,
    /// `rtm_scope`: `RT_SCOPE_…`.
    pub scope: Option<u8>,
    /// The preferred source address.
    #[attribute(RTA_PREFSRC)]
    pub source: Option<IpAddr>,
    /// The metrics for the destinations.
    #[attribute(RTA_METRICS, nested)]
    pub metrics: RouteMetrics,
    /// The nexthops of a unicast route. Several share the load by their weights. They are sorted by
    /// `dev`, then `via`.
    #[attribute(plain)]
    pub nexthops: Nexthops,
    /// The nexthop object that a unicast route uses instead, by its identifier.
    #[attribute(RTA_NH_ID)]
    pub nhid: Option<u32>,
}

/// A route's metrics (`RTAX_…`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Attributes)]
#[serde(deny_unknown_fields, default)]
pub struct RouteMetrics {
    /// In bytes.
    #[attribute(RTAX_MTU)]
    pub mtu: Option<u32>,
    /// In bytes.
    #[attribute(RTAX_ADVMSS)]
    pub advmss: Option<u32>,
}

impl RouteKind {
    /// The name in ip-route(8).
    pub fn name(self) -> &'static str {
        match self {
            RouteKind::Unicast => "unicast",
            RouteKind::Local => "local",
            RouteKind::Broadcast => "broadcast",
            RouteKind::Anycast => "anycast",
            RouteKind::Multicast => "multicast",
            RouteKind::Blackhole => "blackhole",
            RouteKind::Unreachable => "unreachable",
            RouteKind::Prohibit => "prohibit",
            RouteKind::Throw => "throw",
            RouteKind::Nat => "nat",
        }
    }
}

/// The nexthops of a route. There is usually one, which is stored in place.
pub type Nexthops = SmallVec<[Nexthop; 1]>;

/// One nexthop of a route.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Nexthop {
    /// The link, by the kernel's name in the route's namespace.
    pub dev: Option<LinkName>,
    /// The gateway, of either family (`RTA_GATEWAY`, `RTA_VIA`).
    pub via: Option<IpAddr>,
    /// 1 to 256 (`rtnh_hops` plus one).
    pub weight: u16,
    /// `RTNH_F_ONLINK`: the gateway is regarded as on the link, even without an address in its
    /// subnet.
    pub onlink: bool,
    /// `RTNH_F_PERVASIVE`.
    pub pervasive: bool,
}

impl Route {
    /// Moves it to the heap. If it equals `last`, both share memory: adjacent routes of a table are
    /// often alike.
    pub fn shared(self, last: &mut Arc<Route>) -> Arc<Route> {
        if **last != self {
            *last = self.into();
        }
        Arc::clone(last)
    }

    /// Whether a routing daemon created it. The daemon watches links, and knows which routes to
    /// restore with a link.
    pub fn is_of_daemon(&self) -> bool {
        self.protocol.is_some_and(is_protocol_of_daemon)
    }

    /// The scope of an IPv4 route that does not set one, as in ip-route(8) (`RT_SCOPE_…`).
    pub fn natural_scope(&self) -> u8 {
        let forwards = self.nhid.is_some() || self.nexthops.iter().any(|hop| hop.via.is_some());
        match self.kind {
            RouteKind::Local | RouteKind::Nat => RT_SCOPE_HOST,
            RouteKind::Broadcast | RouteKind::Multicast | RouteKind::Anycast => RT_SCOPE_LINK,
            RouteKind::Unicast if !forwards => RT_SCOPE_LINK,
            RouteKind::Unicast
            | RouteKind::Blackhole
            | RouteKind::Unreachable
            | RouteKind::Prohibit
            | RouteKind::Throw => RT_SCOPE_UNIVERSE,
        }
    }

    /// Whether `seen` has the nexthops of this route. If this one names only a gateway, the kernel
    /// chose the link. If it has no nexthop (a blackhole), the kernel may show its loopback.
    pub fn same_nexthops(&self, seen: &Route) -> bool {
        if self.nhid != seen.nhid {
            return false;
        }
        if self.nexthops.is_empty() {
            return self.kind != RouteKind::Unicast || seen.nexthops.is_empty();
        }
        let same = |(wanted, seen): (&Nexthop, &Nexthop)| {
            (wanted.dev.is_none() || wanted.dev == seen.dev)
                && (wanted.via, wanted.weight) == (seen.via, seen.weight)
                && (wanted.onlink, wanted.pervasive) == (seen.onlink, seen.pervasive)
        };
        self.nexthops.len() == seen.nexthops.len()
            && self.nexthops.iter().zip(&seen.nexthops).all(same)
    }
}

/// The maximum number of routes that are read one by one. Reading one costs as much as reading ten
/// of a table (2-core host, Linux 6.18), and the size of the table is not known.
const FEW: usize = 1000;

impl Key {
    /// The route's key, if it is one.
    pub fn route(&self) -> Option<&RouteKey> {
        if let Key::Route(key) = self { Some(key) } else { None }
    }
}

/// The facts of a route.
pub(crate) struct Facts;

impl NounFacts for Facts {
    type Key = RouteKey;
    type Object = Arc<Route>;

    const FACTS: crate::noun::Facts = crate::noun::Facts {
        name: "route",
        removal: Removal::Deleted,
        lasts: Lasts::WithAny,
        is_needed: false,
        takes_along: false,
        is_watched: false,
        sets_others: false,
        found_by: FoundBy::Key,
    };

    fn netns(key: &RouteKey) -> Option<&NetnsName> {
        Some(&key.netns)
    }

    /// Nexthops are sorted by link, so that each link is named once.
    fn needs(key: &RouteKey, route: &Arc<Route>) -> Needs {
        let mut needs = Needs::new();
        let mut last: Option<&LinkName> = None;
        for dev in route.nexthops.iter().filter_map(|hop| hop.dev.as_ref()) {
            if last.replace(dev) != Some(dev) {
                let place = Place { netns: key.netns.clone(), ifname: dev.clone() };
                needs.push(Need::of_place(place, How::Up));
            }
        }
        let nexthop = nexthop_of(key, route).map(Key::Nexthop);
        needs.extend(nexthop.map(|nexthop| Need::of_key(nexthop, How::There)));
        needs
    }

    /// A link, its IPv6, and a gateway on it are conditions of each nexthop. The source is a
    /// condition of the whole route.
    fn conditions(key: &RouteKey, route: &Arc<Route>, conditions: &mut Vec<Condition>) {
        if route.kind != RouteKind::Unicast {
            return;
        }
        let mut last: Option<&LinkName> = None;
        for hop in &route.nexthops {
            if let Some(dev) = hop.dev.as_ref().filter(|dev| last != Some(*dev)) {
                last = Some(dev);
                if key.prefix.addr().is_ipv6() {
                    let place = Place { netns: key.netns.clone(), ifname: dev.clone() };
                    conditions.push(Condition::Ipv6(place));
                }
            }
            if let Some(via) = hop.via {
                let (netns, dev) = (key.netns.clone(), hop.dev.clone());
                let gateway = Gateway { netns, table: key.table, dev, via };
                let of = if hop.onlink { Condition::Onlink } else { Condition::Gateway };
                conditions.push(of(gateway));
            }
        }
        conditions.extend(nexthop_of(key, route).map(Condition::Nexthop));
        let source = route.source.map(|source| Condition::Source(key.netns.clone(), source));
        conditions.extend(source);
    }

    /// It uses the links that are up.
    fn without(key: &RouteKey, route: &Arc<Route>, unmet: &[Condition]) -> Option<Arc<Route>> {
        let is_on = |hop: &Nexthop, place: &Place| {
            place.netns == key.netns && Some(&place.ifname) == hop.dev.as_ref()
        };
        let is_unmet = |hop: &Nexthop| {
            unmet.iter().any(|condition| match condition {
                Condition::Link(place) | Condition::LinkUp(place) => is_on(hop, place),
                Condition::Gateway(gateway) | Condition::Onlink(gateway) => {
                    gateway.dev == hop.dev && Some(gateway.via) == hop.via
                }
                Condition::Ipv6(_)
                | Condition::Carrier(_)
                | Condition::Loopback(_)
                | Condition::Nexthop(_)
                | Condition::Master(_)
                | Condition::Takes(_)
                | Condition::NoLoop(_)
                | Condition::Ipv6Parameters(_)
                | Condition::MtuWithin(..)
                | Condition::MtuLimits(_)
                | Condition::Source(..)
                | Condition::SameValue(_) => false,
            })
        };
        let is_of_nexthop = |condition: &Condition| {
            matches!(
                condition,
                Condition::Link(_)
                    | Condition::LinkUp(_)
                    | Condition::Gateway(_)
                    | Condition::Onlink(_)
            )
        };
        let mut less = Route::clone(route);
        less.nexthops.retain(|hop| !is_unmet(hop));
        (unmet.iter().all(is_of_nexthop) && !less.nexthops.is_empty()).then(|| less.into())
    }

    fn renamed(key: &RouteKey, route: &Arc<Route>, names: Renaming<'_>) -> (Key, Object) {
        let mut route = Route::clone(route);
        let devs = route.nexthops.iter_mut().filter_map(|hop| hop.dev.as_mut());
        devs.for_each(|dev| *dev = names.of(dev));
        route.nexthops.sort();
        (Key::Route(key.clone()), Object::Route(route.into()))
    }

    /// An IPv4 route of the main table is lost with its source address, when no link has that any
    /// more (`fib_sync_down_addr`, net/ipv4/fib_semantics.c). A route by a nexthop object is lost only with that
    /// (`fib6_ifdown`, net/ipv6/route.c).
    fn is_lost_with(key: &RouteKey, route: &Arc<Route>, loss: &Loss<'_>) -> bool {
        match loss {
            Loss::Down | Loss::LastIpv4Address | Loss::Ipv4 | Loss::Ipv6
                if route.nhid.is_some() =>
            {
                false
            }
            Loss::Down => true,
            Loss::Address(gone) => {
                let source = route.source.filter(IpAddr::is_ipv4);
                key.table == RT_TABLE_MAIN && source == Some(gone.address.addr())
            }
            Loss::LastIpv4Address | Loss::Ipv4 => key.prefix.addr().is_ipv4(),
            Loss::Ipv6 => key.prefix.addr().is_ipv6(),
            Loss::Ipv6Parameters | Loss::LinkLayer => false,
        }
    }

    /// If it names only a gateway, the kernel chooses the link. Its source may be an address of any
    /// link.
    fn loose(route: &Arc<Route>) -> Loose {
        Loose {
            links: route.nexthops.iter().any(|hop| hop.dev.is_none() && hop.via.is_some()),
            address: route.source,
        }
    }

    fn loss(_: &RouteKey) -> Option<Loss<'_>> {
        None
    }

    fn is_automatic(route: &Arc<Route>) -> bool {
        [Some(RTPROT_KERNEL), Some(RTPROT_RA)].contains(&route.protocol)
    }

    fn is_of_daemon(route: &Arc<Route>) -> bool {
        Route::is_of_daemon(route)
    }

    fn satisfies(key: &RouteKey, seen: &Arc<Route>, wanted: &Arc<Route>) -> bool {
        let same = |seen: Option<u8>, wanted: Option<u8>| wanted.is_none() || seen == wanted;
        let ipv6 = key.prefix.addr().is_ipv6();
        // The kernel reports a route as a blackhole if its nexthop object is one.
        let is_kind = seen.kind == wanted.kind
            || wanted.nhid.is_some()
                && (wanted.kind, seen.kind) == (RouteKind::Unicast, RouteKind::Blackhole);
        is_kind
            && same(seen.protocol, wanted.protocol)
            && (ipv6 || seen.scope == wanted.scope.or(Some(wanted.natural_scope())))
            && (seen.source, &seen.metrics) == (wanted.source, &wanted.metrics)
            && wanted.same_nexthops(seen)
    }

    /// The kernel replaces an IPv6 route nexthop by nexthop.
    fn replaced(key: &RouteKey, _: &Self::Object, _: &Self::Object) -> Replaced {
        if key.prefix.addr().is_ipv6() { Replaced::Recreated } else { Replaced::InPlace }
    }

    /// Routes with a gateway come after those through which the gateway is reached.
    fn stage(_: &RouteKey, route: &Arc<Route>) -> (Stage, u8) {
        let by_gateway = route.nhid.is_some() || route.nexthops.iter().any(|hop| hop.via.is_some());
        (Stage::AfterUp, if by_gateway { 4 } else { 3 })
    }

    fn sets(_: &RouteKey, _: &Arc<Route>, _: &Key) -> Option<Object> {
        None
    }

    fn removed_before<'a>(
        _: &RouteKey,
        _: &Arc<Route>,
        _: &[(&'a Key, &'a Object)],
    ) -> Vec<(&'a Key, &'a Object)> {
        Vec::new()
    }

    fn default_key(_: &RouteKey) -> Option<RouteKey> {
        None
    }

    /// Adds the possible forms of each route, unless reading whole tables is cheaper; and the
    /// common protocol of all of them, if there is one.
    fn wanted(wanted: &mut Wanted, change: &Change<'_>) {
        let states = change.states();
        let keys = || wanted.keys.iter().filter(|key| key.route().is_some());
        if keys().nth(FEW).is_none() {
            let known = |key: &Key| {
                let mut known: Vec<Arc<Route>> = Vec::new();
                for objects in states {
                    if let Some(Object::Route(route)) = objects.get(key)
                        && !known.contains(route)
                    {
                        known.push(route.clone());
                    }
                }
                known
            };
            let expected = keys().filter_map(|key| Some((key.route()?.clone(), known(key))));
            wanted.expected = expected.collect();
        }
        wanted.protocol = protocol(&states);
    }

    fn restorable(route: &Arc<Route>) -> Arc<Route> {
        Arc::clone(route)
    }

    fn overlay(route: &mut Arc<Route>, other: &Arc<Route>) {
        route.clone_from(other);
    }

    fn gateways(route: &Arc<Route>) -> Vec<(IpAddr, bool)> {
        route.nexthops.iter().filter_map(|hop| Some((hop.via?, hop.onlink))).collect()
    }

    fn describe(
        f: &mut fmt::Formatter<'_>,
        verb: Verb,
        key: &RouteKey,
        Described { object: route, .. }: Described<'_, Arc<Route>>,
    ) -> fmt::Result {
        write!(f, "{} ", verb.words()[0])?;
        if route.kind != RouteKind::Unicast {
            write!(f, "{} ", route.kind.name())?;
        }
        write!(f, "route {}", key.prefix)?;
        for hop in &route.nexthops {
            if route.nexthops.len() > 1 {
                write!(f, " nexthop")?;
            }
            if let Some(via) = hop.via {
                write!(f, " via {via}")?;
            }
            if let Some(dev) = &hop.dev {
                write!(f, " dev {dev}")?;
            }
            if route.nexthops.len() > 1 {
                write!(f, " weight {}", hop.weight)?;
            }
        }
        if let Some(nhid) = route.nhid {
            write!(f, " nhid {nhid}")?;
        }
        if key.table != RT_TABLE_MAIN {
            write!(f, " table {}", key.table)?;
        }
        let default_metric = if key.prefix.addr().is_ipv6() { 1024 } else { 0 };
        if key.metric != default_metric {
            write!(f, " metric {}", key.metric)?;
        }
        write!(f, " in {}", as_phrase(&key.netns))
    }
}

/// The nexthop object that a route uses.
fn nexthop_of(key: &RouteKey, route: &Route) -> Option<NexthopKey> {
    Some(NexthopKey { netns: key.netns.clone(), id: route.nhid? })
}

/// The common protocol of all routes in these states, if there is one.
fn protocol(states: &[&BTreeMap<Key, Object>]) -> Option<u8> {
    let objects = states.iter().copied().flatten();
    let mut protocols = objects.filter_map(|(_, object)| {
        if let Object::Route(route) = object { Some(route.protocol) } else { None }
    });
    let first = protocols.next()??;
    protocols.all(|protocol| protocol == Some(first)).then_some(first)
}
