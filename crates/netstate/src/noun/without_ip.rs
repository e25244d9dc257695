//! The links without IPv4 or IPv6, and the objects that the kernel removes because of that.

use std::collections::{BTreeMap, BTreeSet};

use crate::name::{LinkName, NetnsName};
use crate::noun::link::{
    IPV4_MIN_MTU, IPV6_MIN_MTU, Link, Place, below, follows_ports, link_objects,
};
use crate::noun::{self, Key, Loss, Object};
use crate::state::setters;

/// The links without IPv4 or IPv6.
#[derive(Debug, Default)]
pub(crate) struct WithoutIp {
    /// The links whose MTU is below 68, which have no IPv4 parameters either.
    smallest: BTreeSet<Place>,
    /// The links whose MTU is below 1280, which have no IPv6 parameters either.
    small: BTreeSet<Place>,
    /// The links on which IPv6 is switched off; all links of a namespace if none is named.
    off: BTreeSet<(NetnsName, Option<LinkName>)>,
    /// The links that keep it by a parameter of their own if it is switched off on all links.
    on: BTreeSet<Place>,
}

impl WithoutIp {
    /// From the desired `links`, and the parameters in `configured`.
    pub(crate) fn of(
        links: &BTreeMap<Key, Object>,
        configured: &BTreeMap<Key, Object>,
    ) -> WithoutIp {
        let switches: Vec<_> = setters(configured)
            .filter_map(|entry| Some((entry, noun::switches_off_ipv6(entry.0, entry.1)?)))
            .collect();
        let netns = |key: &Key| key.netns().cloned();
        let off = switches.iter().filter_map(|((key, _), dev)| Some((netns(key)?, dev.clone())));
        let of_all = switches.iter().filter(|(_, dev)| dev.is_none());
        let on = of_all.flat_map(|((key, object), _)| {
            let own = setters(configured).filter(|(other, value)| {
                noun::sets(key, object, other).is_some()
                    && noun::switches_off_ipv6(other, value).is_none()
            });
            own.flat_map(|(key, value)| noun::places(key, value))
        });
        let small = below_mtu((links, configured), IPV6_MIN_MTU);
        let smallest = match small.is_empty() {
            true => BTreeSet::new(),
            false => below_mtu((links, configured), IPV4_MIN_MTU),
        };
        WithoutIp { on: on.collect(), smallest, small, off: off.collect() }
    }

    /// Whether there is no such link.
    pub(crate) fn is_empty(&self) -> bool {
        self.small.is_empty() && self.off.is_empty()
    }

    /// Including the links that only lose it until a parameter of their own is set.
    pub(crate) fn meanwhile(self) -> WithoutIp {
        WithoutIp { on: BTreeSet::new(), ..self }
    }

    /// Whether an object is lost because it is on such a link.
    pub(crate) fn takes(&self, key: &Key, object: &Object) -> bool {
        if self.is_empty() {
            return false;
        }
        let is_lost = noun::is_lost_with(key, object, &Loss::Ipv6);
        let is_lost_of_ipv4 =
            !self.smallest.is_empty() && noun::is_lost_with(key, object, &Loss::Ipv4);
        let is_parameter = || noun::is_lost_with(key, object, &Loss::Ipv6Parameters);
        if !is_lost && !is_lost_of_ipv4 && !is_parameter() {
            return false;
        }
        let is_off = |place: &Place| {
            let Place { netns, ifname } = place;
            let of = |dev| self.off.contains(&(netns.clone(), dev));
            of(None) && !self.on.contains(place) || of(Some(ifname.clone()))
        };
        noun::carriers(key, object).iter().any(|place| match is_lost_of_ipv4 {
            true => self.smallest.contains(place),
            false => self.small.contains(place) || is_lost && is_off(place),
        })
    }
}

/// The links with a smaller MTU, the links above them whose MTU is limited by theirs, and bridges that
/// follow such ports.
fn below_mtu(
    (objects, configured): (&BTreeMap<Key, Object>, &BTreeMap<Key, Object>),
    least: u32,
) -> BTreeSet<Place> {
    let follows = |key: &Key, link: &Link| {
        let wanted = configured.get(key).and_then(Object::link);
        follows_ports(link)
            && wanted.is_some_and(|wanted| !wanted.is_adopted() && wanted.attributes.mtu.is_none())
    };
    let is_small = |(key, link): &(&Key, &Link)| {
        link.attributes.mtu.is_some_and(|mtu| mtu < least) && !follows(key, link)
    };
    let links = || link_objects(objects);
    let small = links().filter(is_small);
    let mut small: BTreeSet<Place> = small.map(|(_, link)| link.place.clone()).collect();
    while !small.is_empty() {
        let masters: BTreeSet<Place> = links()
            .filter(|(_, link)| small.contains(&link.place))
            .filter_map(|(_, link)| link.master_place())
            .collect();
        let on_small = links().filter(|(key, link)| {
            let is_on_small = link.device.as_ref().is_some_and(|device| small.contains(device));
            let is_small = is_on_small && below(link).mtu_within
                || masters.contains(&link.place) && follows(key, link);
            is_small && !small.contains(&link.place)
        });
        let more: Vec<Place> = on_small.map(|(_, link)| link.place.clone()).collect();
        if more.is_empty() {
            break;
        }
        small.extend(more);
    }
    small
}
