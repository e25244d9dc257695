//! What must exist so that the kernel accepts an object.

use std::borrow::Cow;
use std::net::IpAddr;

use super::nouns::{is_ipv6, nature, route, same_value};
use super::world::{Presence, World, follows_device, is_bond, lacks_ipv6};
use crate::name::NetnsName;
use crate::noun::link::{Link, Master, Place, Port};
use crate::noun::nexthop::NexthopKey;
use crate::noun::route::{Nexthop, Route, RouteKey, RouteKind};
use crate::noun::sysctl::SysctlKey;
use crate::noun::{Key, Object};

/// What an object lacks, if anything.
pub(super) type Unmet = Option<String>;

impl World<'_> {
    /// What is missing for an object other than a link. In a final state, a gateway counts only if
    /// it is reached through something permanent. `kernels` is false then.
    pub(super) fn missing(&self, key: &Key, object: &Object, kernels: bool) -> Unmet {
        let netns = key.netns()?;
        let place = |ifname| Place { netns: netns.clone(), ifname };
        if let (Key::Route(key), Some(route)) = (key, route(object)) {
            let missing = || self.missing_for_route(key, route, kernels);
            return self.missing_netns(netns).or_else(missing);
        }
        if let (Key::Nexthop(key), Object::Nexthop(nexthop)) = (key, object) {
            let missing = || self.missing_for_nexthop_object(key, nexthop, kernels);
            return self.missing_netns(netns).or_else(missing);
        }
        let nature = nature(key, object);
        let links = || nature.links.iter().cloned().map(place);
        let ipv6 = || links().find_map(|at| self.missing_ipv6(&at)).filter(|_| nature.of_ipv6);
        // The parameters also exist on a link without IPv6.
        let off = || links().find_map(|at| self.missing_enabled_ipv6(&at));
        let off = || off().filter(|_| nature.of_ipv6 && !nature.is_part_of_home);
        (self.missing_netns(netns))
            .or_else(|| links().find_map(|at| self.missing_link(&at)))
            .or_else(ipv6)
            .or_else(off)
    }

    /// What is missing for a new link that is created at `at`.
    pub(super) fn missing_for_link(&self, link: &Link, at: &Place) -> Unmet {
        let peer = link.peer.as_ref();
        let taken = |peer: &Place| match self.link(peer) {
            Presence::Here(other) if other.peer.as_ref() != Some(at) => {
                Some(format!("the place of its peer, {}, is taken", name(peer)))
            }
            Presence::Here(_) | Presence::Missing | Presence::Unknown => None,
        };
        let device = link.device.as_ref();
        (self.missing_netns(&at.netns))
            .or_else(|| peer.and_then(|peer| self.missing_netns(&peer.netns)))
            .or_else(|| peer.and_then(taken))
            .or_else(|| device.and_then(|device| self.missing_link(device)))
    }

    /// What is missing for the `change` of `link`, which is at `at`.
    pub(super) fn missing_for_change(&self, link: &Link, change: &Link, at: &Place) -> Unmet {
        let master = change.master.as_ref().or(link.master.as_ref());
        let is_port = matches!(master, Some(Master::Of(_)));
        if let Some(Master::Of(ifname)) = &change.master {
            let master = Place { netns: at.netns.clone(), ifname: ifname.clone() };
            if let Some(missing) = self.missing_link(&master) {
                return Some(missing);
            }
            // `bond_enslave`, drivers/net/bonding/bond_main.c.
            if matches!(self.link(&master), Presence::Here(master) if is_bond(master))
                && link.flags.up == Some(true)
            {
                return Some(format!("a bond takes no link that is up, and {} is", name(at)));
            }
        }
        if let Some(missing) = change.device.as_ref().and_then(|at| self.missing_link(at)) {
            return Some(missing);
        }
        let port = &change.port;
        if (*port != Port::default() || change.vlans.is_some() && !link.is_bridge()) && !is_port {
            return Some(format!("{} is no port of a bridge", name(at)));
        }
        // `br_set_port_state`, net/bridge/br_netlink.c.
        if port.bridge.state.is_some() && link.flags.up == Some(false) {
            return Some(format!("a port has a state only once it is up, and {} is not", name(at)));
        }
        if let Some(device) = link.device.as_ref().filter(|_| change.flags.up == Some(true))
            && follows_device(link)
            && matches!(self.link(device), Presence::Here(link) if link.flags.up == Some(false))
        {
            return Some(format!("{}, which it is on, is down", name(device)));
        }
        self.missing_netns(&change.place.netns)
    }

    pub(super) fn missing_netns(&self, netns: &NetnsName) -> Unmet {
        (self.netns(netns) == Presence::Missing).then(|| format!("there is no namespace {netns}"))
    }

    pub(super) fn missing_link(&self, place: &Place) -> Unmet {
        let missing = || format!("there is no link {}", name(place));
        (self.link(place) == Presence::Missing).then(missing)
    }

    pub(super) fn missing_ipv6(&self, place: &Place) -> Unmet {
        match self.link(place) {
            Presence::Here(link) if lacks_ipv6(link) => {
                Some(format!("{} has no IPv6, its MTU being less than 1280", name(place)))
            }
            Presence::Here(_) | Presence::Missing | Presence::Unknown => None,
        }
    }

    /// `disable_ipv6`, net/ipv6/addrconf.c.
    pub(super) fn missing_enabled_ipv6(&self, place: &Place) -> Unmet {
        let path = format!("net/ipv6/conf/{}/disable_ipv6", place.ifname).parse().ok()?;
        let parameter = Key::Sysctl(SysctlKey { netns: place.netns.clone(), path });
        match self.objects.get(&parameter).map(Cow::as_ref) {
            Some(Object::Sysctl(value)) if !same_value(value, "0") => {
                Some(format!("IPv6 is off on {}", name(place)))
            }
            _ => None,
        }
    }

    fn missing_for_route(&self, key: &RouteKey, route: &Route, kernels: bool) -> Unmet {
        if !forwards(route.kind) {
            return None;
        }
        let nexthop = route.nhid.map(|id| NexthopKey { netns: key.netns.clone(), id });
        if let Some(missing) = nexthop.and_then(|nexthop| self.missing_nexthop(&nexthop)) {
            return Some(missing);
        }
        let hops = route.nexthops.iter();
        hops.filter_map(|hop| self.missing_for_nexthop((key, route), hop, kernels)).next().or_else(
            || {
                let source = route.source.filter(|source| !source.is_loopback())?;
                let is_local = self.holding(&key.netns, source).next().is_some();
                (!is_local).then(|| format!("its source {source} is on no link"))
            },
        )
    }

    fn missing_for_nexthop(
        &self,
        (key, route): (&RouteKey, &Route),
        hop: &Nexthop,
        kernels: bool,
    ) -> Unmet {
        let dev = hop.dev.as_ref();
        if let Some(ifname) = dev {
            let place = Place { netns: key.netns.clone(), ifname: ifname.clone() };
            let ipv6 = || is_ipv6(key).then(|| self.missing_ipv6(&place)).flatten();
            let down = match self.link(&place) {
                Presence::Here(link) => {
                    link.flags.up == Some(false) && route.kind == RouteKind::Unicast
                }
                Presence::Missing | Presence::Unknown => false,
            };
            let down = || down.then(|| format!("{} is down", name(&place)));
            let off = || is_ipv6(key).then(|| self.missing_enabled_ipv6(&place)).flatten();
            let missing = self.missing_link(&place).or_else(down).or_else(ipv6).or_else(off);
            if let Some(missing) = missing {
                return Some(missing);
            }
        }
        let via = hop.via.filter(|via| !hop.onlink && !is_link_local(*via))?;
        match self.way_to(via, (&key.netns, dev), kernels) {
            Some(_) => None,
            None => Some(format!("nothing leads to its gateway {via}")),
        }
    }
}

/// The name of a link in a message.
pub(super) fn name(place: &Place) -> String {
    match place.netns.is_own() {
        true => place.ifname.to_string(),
        false => format!("{} in {}", place.ifname, place.netns),
    }
}

/// Whether the kernel checks the nexthops of such a route.
fn forwards(kind: RouteKind) -> bool {
    match kind {
        RouteKind::Unicast
        | RouteKind::Local
        | RouteKind::Broadcast
        | RouteKind::Anycast
        | RouteKind::Multicast
        | RouteKind::Nat => true,
        RouteKind::Blackhole | RouteKind::Unreachable | RouteKind::Prohibit | RouteKind::Throw => {
            false
        }
    }
}

/// Whether an address can be reached on any link with IPv6 (`fe80::/10`, RFC 4291).
pub(super) fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => false,
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}
