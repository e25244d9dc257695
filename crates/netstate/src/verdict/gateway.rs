//! Whether a gateway is reached without another gateway (`fib_check_nh_v4_gw`,
//! net/ipv4/fib_semantics.c; `ip6_route_check_nh`, net/ipv6/route.c).
//!
//! The kernel checks this only when it creates a route. The verdict checks it for each
//! configuration. A configuration that the kernel would not accept from an empty state is therefore
//! refused on every path.

use std::net::IpAddr;

use ipnet::IpNet;

use super::answer::Answer;
use super::world::{World, refused};
use super::{Environment, Hold};
use crate::name::{LinkName, NetnsName};
use crate::noun::address::AddressKey;
use crate::noun::link::{Link, Place, link_objects};
use crate::noun::netns::as_phrase;
use crate::noun::route::{Nexthop, Route, RouteKind};
use crate::noun::{Gateway, Key, Object};
use crate::state::State;
use crate::uapi::{RT_TABLE_MAIN, RTPROT_KERNEL};

/// The result of a look-up of a gateway.
enum Lookup {
    OnLink,
    /// Another route, through which the kernel does not accept a gateway.
    Other(Key),
    Nothing,
}

impl World<'_> {
    pub(super) fn gateway(&mut self, gateway: &Gateway, key: &Key) -> Answer {
        // It does not matter whether a route contains its own gateway, because it does not exist
        // when the kernel checks.
        let holds_own = matches!(key, Key::Route(route) if route.prefix.contains(&gateway.via));
        if holds_own {
            return self.judge_gateway(gateway, key);
        }
        if let Some(answer) = self.gateways.get(gateway) {
            return answer.about(key);
        }
        let answer = self.judge_gateway(gateway, key);
        self.gateways.insert(gateway.clone(), answer.clone());
        answer
    }

    fn judge_gateway(&mut self, gateway: &Gateway, key: &Key) -> Answer {
        let Gateway { netns, dev, via, .. } = gateway;
        if matches!(via, IpAddr::V6(via) if via.is_unicast_link_local()) {
            return Answer::Met;
        }
        if self.is_local(netns, dev.as_ref(), *via) {
            let reason = format!("its gateway {via} is an address of {} itself", as_phrase(netns));
            return refused(key, reason, None);
        }
        match self.reach(gateway, key) {
            Lookup::OnLink => return Answer::Met,
            Lookup::Other(by) => {
                let reason = format!(
                    "its gateway {via} is not reached without another gateway: a more specific route leads to it"
                );
                return refused(key, reason, Some((by, None)));
            }
            Lookup::Nothing => {}
        }
        if dev.is_none() {
            let mut waits = None;
            for address in self.reaching(netns, *via) {
                match &self.link(&address.place()).down {
                    None => return Answer::Met,
                    Some(hold) => waits = Some(hold.clone()),
                }
            }
            if let Some(Hold { reason, waits_for }) = waits {
                let reason = format!("its gateway {via} is not reached: {reason}");
                return Answer::Held(Hold { reason, waits_for });
            }
        }
        let Some(answers) = self.environment.answers else { return Answer::Unknown(netns.clone()) };
        if self.reached_by_others(gateway, answers) {
            return Answer::Met;
        }
        let (on, configure) = match dev {
            Some(dev) => (format!("{dev} has no address"), format!("configure one on {dev}")),
            None => ("no link has an address".into(), "configure one".into()),
        };
        let reason = format!(
            "its gateway {via} is not reached: {on} whose subnet holds it; {configure}, for example {}, or give the \
             nexthop the flag `onlink`",
            beside(*via),
        );
        refused(key, reason, None)
    }

    /// Judges an `onlink` gateway. The kernel looks up IPv4 gateways in the table `local`, which exists
    /// in a namespace once it has had an address.
    pub(super) fn onlink(&mut self, gateway: &Gateway, key: &Key) -> Answer {
        if let Some(answer) = self.onlink.get(gateway) {
            return answer.about(key);
        }
        let answer = self.judge_onlink(gateway, key);
        self.onlink.insert(gateway.clone(), answer.clone());
        answer
    }

    fn judge_onlink(&mut self, gateway: &Gateway, key: &Key) -> Answer {
        let Gateway { netns, via, .. } = gateway;
        if self.is_local(netns, None, *via) {
            let reason = format!("its gateway {via} is an address of {} itself", as_phrase(netns));
            return refused(key, reason, None);
        }
        if via.is_ipv6() || self.with_ipv4.contains(netns) {
            return Answer::Met;
        }
        let answer = self.has_ipv4(netns, || {
            let reason = format!(
                "its gateway {via} cannot be `onlink`: {} has no IPv4 address; configure one on a link there, or set \
                 its lo up",
                as_phrase(netns)
            );
            refused(key, reason, None)
        });
        if matches!(answer, Answer::Met) {
            self.with_ipv4.insert(netns.clone());
        }
        answer
    }

    /// Whether a namespace has an IPv4 address on any link. `without` is the answer if it has none.
    fn has_ipv4(&mut self, netns: &NetnsName, without: impl FnOnce() -> Answer) -> Answer {
        let desired = self.desired;
        let mut waits = None;
        let addresses = desired.addresses_in(netns).map(|(key, _)| key);
        for address in addresses.filter(|key| key.address.addr().is_ipv4()) {
            match &self.link(&address.place()).absent {
                None => return Answer::Met,
                Some(hold) => waits = Some(hold.clone()),
            }
        }
        let answers = self.environment.answers;
        match self.loopback_is_up(netns) {
            Some(true) => return Answer::Met,
            None if answers.is_none() => return Answer::Unknown(netns.clone()),
            Some(false) | None => {}
        }
        let Some(answers) = answers else { return Answer::Unknown(netns.clone()) };
        // The kernel adds the address of a loopback when it first goes up, and keeps it afterwards.
        let is_held = |key: &AddressKey| {
            let address = key.address.addr();
            key.netns == *netns
                && address.is_ipv4()
                && !address.is_loopback()
                && self.called(netns, &key.dev).is_some()
        };
        let has = |key: &Key| matches!(key, Key::Address(key) if is_held(key));
        if self.others(answers).any(|(key, _)| has(key)) {
            return Answer::Met;
        }
        waits.map_or_else(without, Answer::Held)
    }

    /// Whether the loopback of a namespace will be up and so has its address. `None` means unknown.
    pub(super) fn loopback_is_up(&mut self, netns: &NetnsName) -> Option<bool> {
        let place = Place { netns: netns.clone(), ifname: LinkName::loopback() };
        if self.desired.link_at(&place).is_some() {
            return Some(self.link(&place).down.is_none());
        }
        let Environment { touched, originals, answers, .. } = *self.environment;
        let at_place = |(_, link): &(&Key, &Link)| link.place == place;
        let seen = match link_objects(&touched.objects).find(at_place) {
            // It goes back to its original.
            Some((key, _)) => originals.objects.get(key).and_then(Object::link),
            None => link_objects(&answers?.objects).find(at_place).map(|(_, link)| link),
        };
        Some(seen.is_some_and(|link| link.flags.up == Some(true)))
    }

    /// Whether the gateway is an address of the namespace itself. With a link, IPv4 considers only the
    /// addresses of that link.
    fn is_local(&mut self, netns: &NetnsName, dev: Option<&LinkName>, via: IpAddr) -> bool {
        match dev.filter(|_| via.is_ipv4()) {
            Some(dev) => {
                let place = Place { netns: netns.clone(), ifname: dev.clone() };
                self.link(&place).addresses.iter().any(|(key, _)| key.address.addr() == via)
            }
            None => self.desired.addresses_in(netns).any(|(key, _)| key.address.addr() == via),
        }
    }

    /// The configured object through which a gateway is reached: the subnet of an address on the
    /// link, or a route.
    fn reach(&mut self, gateway: &Gateway, own: &Key) -> Lookup {
        let Gateway { netns, table, dev, via } = gateway;
        let subnet = dev.as_ref().and_then(|dev| {
            let place = Place { netns: netns.clone(), ifname: dev.clone() };
            let addresses = self.link(&place).addresses.iter();
            let reaching = addresses.filter(|(key, address)| address.reaches(key, *via));
            reaching.map(|(key, _)| key.address.prefix_len()).max()
        });
        match (via, subnet) {
            // IPv4 ignores routes with a gateway, and routes that drop packets.
            (IpAddr::V4(_), Some(_)) => Lookup::OnLink,
            (IpAddr::V4(_), None) => self.look_up(gateway, 0..=32, own),
            (IpAddr::V6(_), Some(length)) => match self.look_up(gateway, length + 1..=128, own) {
                Lookup::Nothing => Lookup::OnLink,
                // The table of the route decides only if it reaches the gateway.
                Lookup::Other(_) if *table != RT_TABLE_MAIN && dev.is_some() => Lookup::OnLink,
                found @ (Lookup::OnLink | Lookup::Other(_)) => found,
            },
            (IpAddr::V6(_), None) => self.look_up(gateway, 0..=128, own),
        }
    }

    /// The most specific route of these lengths to a gateway, in its table and in table main.
    fn look_up(
        &self,
        gateway: &Gateway,
        lengths: std::ops::RangeInclusive<u8>,
        own: &Key,
    ) -> Lookup {
        let Gateway { netns, table, dev, via } = gateway;
        let (shortest, longest) = lengths.into_inner();
        let mut found = Lookup::Nothing;
        let tables = [*table, RT_TABLE_MAIN];
        let count = if *table == RT_TABLE_MAIN { 1 } else { 2 };
        for table in tables.into_iter().take(count) {
            if !self.desired.has_routes(netns, table) {
                continue;
            }
            for length in (shortest..=longest).rev() {
                let Ok(prefix) = IpNet::new(*via, length) else { continue };
                let routes = self.desired.routes_to(netns, table, prefix.trunc());
                for (key, route) in routes.filter(|(key, _)| *key != own) {
                    match leads(route, dev.as_ref(), via.is_ipv6()) {
                        Some(true) => return Lookup::OnLink,
                        Some(false) => {
                            found = Lookup::Other(key.clone());
                            break;
                        }
                        None => {}
                    }
                }
                if matches!(found, Lookup::Other(_)) {
                    break;
                }
            }
        }
        found
    }

    fn reached_by_others(&self, gateway: &Gateway, answers: &State) -> bool {
        let Gateway { netns, table, dev, via } = gateway;
        self.others(answers).any(|(key, object)| match (key, object) {
            (Key::Address(key), Object::Address(address)) => {
                key.netns == *netns
                    && self
                        .called(netns, &key.dev)
                        .is_some_and(|name| dev.as_ref().is_none_or(|dev| *dev == name))
                    && key.address.addr() != *via
                    && address.reaches(key, *via)
            }
            // The kernel's own routes follow the addresses, which may be about to be removed.
            (Key::Route(key), Object::Route(route)) => {
                let leads = |hop: &Nexthop| {
                    let name = hop.dev.as_ref().and_then(|dev| self.called(netns, dev));
                    hop.via.is_none() && (dev.is_none() || *dev == name)
                };
                key.netns == *netns
                    && route.protocol != Some(RTPROT_KERNEL)
                    && [*table, RT_TABLE_MAIN].contains(&key.table)
                    && key.prefix.contains(via)
                    && route.kind == RouteKind::Unicast
                    && route.nexthops.iter().any(leads)
            }
            _ => false,
        })
    }
}

/// Whether a route has a link and no gateway.
fn is_on_link(route: &Route, dev: Option<&LinkName>) -> bool {
    let over = |hop: &Nexthop| hop.via.is_none() && is_over(hop, dev);
    route.kind == RouteKind::Unicast && route.nexthops.iter().any(over)
}

fn is_over(hop: &Nexthop, dev: Option<&LinkName>) -> bool {
    dev.is_none_or(|dev| hop.dev.as_ref() == Some(dev))
}

/// Whether a route that matches a gateway reaches it without another gateway; none if the kernel
/// ignores the route. IPv4 ignores all routes with a gateway (`fib_scope`). IPv6 ignores those over
/// other links.
fn leads(route: &Route, dev: Option<&LinkName>, is_ipv6: bool) -> Option<bool> {
    match (is_on_link(route, dev), route.kind) {
        (true, _) => Some(true),
        (false, RouteKind::Unicast) if is_ipv6 => {
            route.nexthops.iter().any(|hop| is_over(hop, dev)).then_some(false)
        }
        (false, RouteKind::Blackhole | RouteKind::Unreachable | RouteKind::Prohibit)
            if is_ipv6 && dev.is_none() =>
        {
            Some(false)
        }
        (false, _) => None,
    }
}

/// An address next to a gateway, with the usual prefix length of a subnet.
fn beside(via: IpAddr) -> String {
    match via {
        IpAddr::V4(via) => {
            let last = via.octets()[3];
            let [a, b, c, _] = via.octets();
            format!("{a}.{b}.{c}.{}/24", if last == 1 { 2 } else { 1 })
        }
        IpAddr::V6(via) => {
            let mut octets = via.octets();
            octets[15] = if octets[15] == 1 { 2 } else { 1 };
            format!("{}/64", std::net::Ipv6Addr::from(octets))
        }
    }
}
