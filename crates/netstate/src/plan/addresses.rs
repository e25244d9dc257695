//! What the kernel takes along with an address: others of its subnet, routes from it, and with the last one of a link
//! every route over the link.
//!
//! Whether the others of a subnet go depends on `promote_secondaries`, so a plan does not count on either: it removes
//! what may go, in an order in which nothing has gone yet, and makes again what is to stay.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::work::{Work, is_kernels};
use crate::address::AddressKey;
use crate::link::Place;
use crate::name::NetnsName;
use crate::state::{Key, Object};
use crate::uapi::IFA_F_SECONDARY;

impl<'a> Work<'a> {
    /// The objects that may go along with the addresses for which `goes`, these included.
    pub(super) fn falling(&self, goes: impl Fn(&Key, &Object) -> bool) -> BTreeSet<&'a Key> {
        let mut by_place: BTreeMap<Place, Vec<(&'a Key, &'a AddressKey, bool)>> = BTreeMap::new();
        for (key, object) in &self.observed.objects {
            if let Key::Address(address) = key {
                let place = Place { netns: address.netns.clone(), ifname: address.dev.clone() };
                by_place.entry(place).or_default().push((key, address, is_secondary(object)));
            }
        }
        let goes =
            |key: &Key| self.observed.objects.get(key).is_some_and(|object| goes(key, object));
        let mut falling = BTreeSet::new();
        let mut sources: BTreeSet<(&NetnsName, IpAddr)> = BTreeSet::new();
        for (place, addresses) in &by_place {
            let going: Vec<_> = addresses.iter().filter(|(key, ..)| goes(key)).collect();
            let falls = |(key, address, secondary): &(&'a Key, &AddressKey, bool)| {
                let with = |(_, other, is_secondary): &&(_, &AddressKey, bool)| {
                    *secondary && !is_secondary && other.address.trunc() == address.address.trunc()
                };
                goes(key) || going.iter().any(with)
            };
            for (key, address, _) in addresses.iter().filter(|address| falls(address)) {
                falling.insert(*key);
                sources.insert((&address.netns, address.address.addr()));
            }
            let mut ipv4 =
                addresses.iter().filter(|(_, key, _)| key.address.addr().is_ipv4()).peekable();
            if ipv4.peek().is_some() && ipv4.all(falls) {
                falling.extend(self.hangers.at(place).iter().filter(|key| is_ipv4_route(key)));
            }
        }
        if !sources.is_empty() {
            falling.extend(self.observed.objects.iter().filter_map(|(key, object)| {
                match (key, object) {
                    (Key::Route(route), Object::Route(object)) => {
                        let from = (&route.netns, object.source?);
                        sources.contains(&from).then_some(key)
                    }
                    _ => None,
                }
            }));
        }
        falling
            .retain(|key| self.observed.objects.get(key).is_some_and(|object| !is_kernels(object)));
        falling
    }
}

/// Whether an address goes along with the one that was the first of its subnet.
pub(super) fn is_secondary(object: &Object) -> bool {
    let Object::Address(address) = object else { return false };
    address.status.as_ref().is_some_and(|status| status.flags & IFA_F_SECONDARY != 0)
}

fn is_ipv4_route(key: &Key) -> bool {
    matches!(key, Key::Route(route) if route.prefix.addr().is_ipv4())
}
