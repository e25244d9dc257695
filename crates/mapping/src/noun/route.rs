//! iproute2-ip-route and netloom-route: routes.

mod key;
mod raise;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use netstate::{Key, LinkId, Nexthop, Nexthops, Object, Route, RouteKey, RouteKind, RouteMetrics};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use yang::{Node, Path};

pub(crate) use key::path;
pub(crate) use raise::raise;

use crate::instances::{below, entry_path};
use crate::lowering::{Lowering, User};
use crate::noun::ShownIn;

/// The place in operational data.
pub(crate) const SHOWN_IN: &[ShownIn] = &[ShownIn::container("routes")];

/// `RTPROT_STATIC` (include/uapi/linux/rtnetlink.h).
const STATIC: u8 = 4;
/// `RT_SCOPE_UNIVERSE`, `RT_SCOPE_LINK`.
const UNIVERSE: u8 = 0;
const LINK: u8 = 253;
/// `RTNH_F_PERVASIVE`, `RTNH_F_ONLINK`.
const PERVASIVE: u8 = 2;
const ONLINK: u8 = 4;

/// An entry of list `route`; its keys are read separately.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Entry {
    #[serde(skip_serializing, rename = "prefix")]
    _prefix: IgnoredAny,
    #[serde(skip_serializing, rename = "table")]
    _table: IgnoredAny,
    #[serde(skip_serializing, rename = "metric")]
    _metric: IgnoredAny,
    #[serde(skip_serializing, rename = "tos")]
    _tos: IgnoredAny,
    #[serde(skip_serializing, rename = "netns")]
    _netns: IgnoredAny,
    src: Option<IpAddr>,
    protocol: Option<u8>,
    scope: Option<u8>,
    mtu: Option<u32>,
    advmss: Option<u32>,
    flag: Option<u8>,
    nexthop: Vec<NexthopEntry>,
    r#type: Option<RouteKind>,
    nhid: Option<u32>,
    #[serde(skip_deserializing)]
    state: Option<RouteState>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NexthopEntry {
    dev: LinkId,
    #[serde(default)]
    via: Option<Via>,
    #[serde(default)]
    weight: Option<u16>,
    #[serde(default, skip_deserializing, rename = "further-via")]
    further_via: Vec<IpAddr>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Via {
    family: Option<u8>,
    address: Option<IpAddr>,
}

#[derive(Serialize)]
struct RouteState {
    r#type: RouteKind,
}

/// Every configured route.
pub(crate) fn lower(lowering: &mut Lowering<'_>) {
    let mut last = Arc::default();
    for node in lowering.entries("routes", Some("route")) {
        let key = match key::read(node.keys()) {
            Ok(key) => key,
            Err(error) => {
                lowering.faults.invalid(&entry_path(&node), error);
                continue;
            }
        };
        let known = lowering.netns(&key.netns, || below(&entry_path(&node), &["netns"]));
        if let Some(entry) = lowering.read::<Entry>(&node)
            && known
        {
            let route = RouteLowering { lowering, node: &node, key };
            route.lower(&entry, &mut last);
        }
    }
}

struct RouteLowering<'l, 'c, 'n> {
    lowering: &'l mut Lowering<'c>,
    node: &'n Node<'c>,
    key: RouteKey,
}

impl RouteLowering<'_, '_, '_> {
    /// Equal routes share memory with `last`.
    fn lower(mut self, entry: &Entry, last: &mut Arc<Route>) {
        let kind = entry.r#type.unwrap_or_default();
        if self.is_ipv6() && self.key.tos != 0 {
            self.invalid(&["tos"], "Linux has no type of service in IPv6 routes");
        }
        if self.is_ipv6() && entry.scope.is_some() {
            self.invalid(&["scope"], "Linux has no scope in IPv6 routes");
        }
        if entry.src.is_some_and(|src| src.is_ipv6() != self.is_ipv6()) {
            let message = format!("the source address is not of the family of {}", self.key.prefix);
            self.invalid(&["src"], message);
        }
        let nexthops = self.nexthops(entry, kind);
        let has_gateway = nexthops.iter().any(|nexthop| nexthop.via.is_some());
        let scope = match (self.is_ipv6(), kind, has_gateway || entry.nhid.is_some()) {
            (true, ..) => None,
            (false, RouteKind::Unicast, false) => Some(entry.scope.unwrap_or(LINK)),
            (false, ..) => Some(entry.scope.unwrap_or(UNIVERSE)),
        };
        let route = Route {
            kind,
            protocol: Some(entry.protocol.unwrap_or(STATIC)),
            scope,
            source: entry.src,
            metrics: RouteMetrics { mtu: entry.mtu, advmss: entry.advmss },
            nexthops,
            nhid: entry.nhid,
        };
        let route = Object::Route(route.shared(last));
        if !self.lowering.add(Key::Route(self.key.clone()), route) {
            let RouteKey { prefix, metric, .. } = &self.key;
            let message = format!(
                "another entry is this route already, written differently: the kernel holds one to {prefix} with \
                 metric {metric} in this table"
            );
            self.invalid(&[], message);
        }
    }

    fn nexthops(&mut self, entry: &Entry, kind: RouteKind) -> Nexthops {
        match (kind, entry.nexthop.first(), entry.nhid) {
            (RouteKind::Unicast, None, None) => {
                let message = "the route needs a nexthop, a nhid, or a type that needs none, such as blackhole";
                self.lowering.faults.missing(&entry_path(self.node), message);
            }
            (RouteKind::Unicast, Some(_), Some(_)) => {
                let message = "a route has either nexthops or a nhid: take one of them out";
                self.invalid(&["nhid"], message);
            }
            (RouteKind::Unicast, Some(_), None)
            | (RouteKind::Unicast, None, Some(_))
            | (_, None, None) => {}
            (_, Some(_), _) | (_, _, Some(_)) => {
                self.invalid(&["type"], "only a unicast route has nexthops");
            }
        }
        if entry.flag.is_some() && entry.nhid.is_some() {
            let message = "the nexthop that nhid names has flags of its own: take this out";
            self.invalid(&["flag"], message);
        }
        let called = format!("the route to {}", self.key.prefix);
        let user = User { called: &called, netns: &self.key.netns };
        let flag = entry.flag.unwrap_or_default();
        let several = entry.nexthop.len() > 1;
        let mut nexthops = Nexthops::new();
        for hop in &entry.nexthop {
            let leaf = || nexthop_path(self.node, &hop.dev, &[]);
            let place = self.lowering.place_beside(&user, &hop.dev, leaf);
            nexthops.extend(place.map(|place| Nexthop {
                dev: Some(place.ifname),
                via: hop.via.as_ref().and_then(|via| via.address),
                // A single nexthop has no weight: the kernel keeps weights only for several.
                weight: hop.weight.filter(|_| several).unwrap_or(1),
                onlink: flag & ONLINK != 0,
                pervasive: flag & PERVASIVE != 0,
            }));
        }
        entry.nexthop.iter().for_each(|hop| self.check_gateway(hop));
        nexthops.sort();
        nexthops
    }

    fn check_gateway(&mut self, hop: &NexthopEntry) {
        let Some(via) = &hop.via else { return };
        let at = |leaf| nexthop_path(self.node, &hop.dev, &["via", leaf]);
        let Some(address) = via.address else {
            let message = "the gateway needs an address";
            return self.lowering.faults.missing(&at("address"), message);
        };
        if via.family.is_some_and(|family| family != family_of(address)) {
            let message = format!("the gateway {address} is not of this family");
            self.lowering.faults.invalid(&at("family"), message);
        }
        if address.is_multicast() || address.is_unspecified() {
            let message = format!("{address} is no address that a gateway can have");
            self.lowering.faults.invalid(&at("address"), message);
        }
        let is_default = self.node.keys().first().is_some_and(|key| key.to_string() == "default");
        if self.is_ipv6() && address.is_ipv4() {
            let message = format!("an IPv6 route cannot have the IPv4 gateway {address}");
            self.lowering.faults.invalid(&at("address"), message);
        } else if is_default && address.is_ipv6() {
            let message = "`default` is the IPv4 default route: write ::/0 for IPv6, or 0.0.0.0/0 for IPv4 over \
                           an IPv6 gateway";
            self.lowering.faults.invalid(&at("address"), message);
        }
    }

    fn is_ipv6(&self) -> bool {
        matches!(self.key.prefix, IpNet::V6(_))
    }

    fn invalid(&mut self, leaf: &[&str], message: impl Into<String>) {
        self.lowering.faults.invalid(&below(&entry_path(self.node), leaf), message);
    }
}

fn nexthop_path(route: &Node<'_>, dev: &LinkId, leaf: &[&str]) -> Path {
    let path = entry_path(route);
    let Some(list) = route.schema().child(None, "nexthop") else { return path };
    let nexthop = path.join(list, vec![yang::Value::String(dev.as_str().into())]);
    below(&nexthop, leaf)
}

/// `AF_INET`, `AF_INET6`.
fn family_of(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 2,
        IpAddr::V6(_) => 10,
    }
}
