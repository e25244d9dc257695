//! The part of a plan that sets MTUs which other links change: those of bridges, and of the links on
//! bridges.
//!
//! A bridge has the least MTU of its ports until its own is set to another value. From then on it
//! keeps its own (`BROPT_MTU_SET_BY_USER`, net/bridge/br_if.c). The kernel does not show which of
//! the two it is, so an MTU that can be either is unknown, and is set after the ports have theirs.

use std::collections::{BTreeMap, BTreeSet};

use super::account::Account;
use crate::name::LinkId;
use crate::noun::Key;
use crate::noun::link::{IPV6_MIN_MTU, Link, LinkAttributes, Place, below, follows_ports, link};
use crate::operation::Because;

/// The largest MTU of a bridge (include/uapi/linux/if_ether.h).
const ETH_MAX_MTU: u32 = 0xffff;

impl<'a> Account<'a> {
    /// Makes bridges keep their MTU while they get ports with an MTU that would cost them IPv6. The
    /// kernel takes note of an MTU only if it is another one.
    pub(super) fn hold_mtus(&mut self) {
        for master in self.masters_of_small_ports() {
            let Some(id) = self.target_places.get(&master).copied() else { continue };
            let wanted = self.target.link(id).filter(|wanted| follows_ports(wanted));
            let mtu = wanted.and_then(|wanted| wanted.attributes.mtu);
            let Some(mtu) = mtu.filter(|mtu| *mtu >= IPV6_MIN_MTU) else { continue };
            let is_new = link(&self.observed.objects, id).is_none();
            if is_new || self.keeps_mtu.get(id) == Some(&true) {
                continue;
            }
            if self.links.get(id).is_some_and(|now| now.attributes.mtu == Some(mtu)) {
                let other = if mtu < ETH_MAX_MTU { mtu + 1 } else { mtu - 1 };
                self.set_mtu(id, other, Because::HoldsMtu);
            }
            self.set_mtu(id, mtu, Because::HoldsMtu);
        }
    }

    /// The masters that get ports with an MTU below 1280.
    fn masters_of_small_ports(&self) -> BTreeSet<Place> {
        let is_small = |port: &Link| port.attributes.mtu.is_some_and(|mtu| mtu < IPV6_MIN_MTU);
        let small = self.target.links().filter(|(_, port)| is_small(port));
        let changes = |(id, port): &(&LinkId, &Link)| {
            self.links.get(*id).is_none_or(|now| {
                now.attributes.mtu != port.attributes.mtu
                    || now.master_place() != port.master_place()
            })
        };
        small.filter(changes).filter_map(|(_, port)| port.master_place()).collect()
    }

    /// The places of links whose MTU follows from that of other links, and is set after it.
    pub(super) fn with_late_mtus(&self) -> BTreeSet<&'a Place> {
        let links = || self.target.links().map(|(_, link)| link);
        let mut late: BTreeSet<&Place> =
            links().filter(|link| follows_ports(link)).map(|link| &link.place).collect();
        while !late.is_empty() {
            let is_on_late = |link: &&Link| {
                below(link).mtu_within
                    && link.device.as_ref().is_some_and(|device| late.contains(device))
                    && !late.contains(&link.place)
            };
            let more: Vec<&Place> = links().filter(is_on_late).map(|link| &link.place).collect();
            if more.is_empty() {
                break;
            }
            late.extend(more);
        }
        late
    }

    /// Sets the MTUs of these links, each after the links that it follows.
    pub(super) fn settle_mtus(&mut self, mut late: BTreeSet<&'a Place>) {
        let mut ports: BTreeMap<Place, Vec<&'a Place>> = BTreeMap::new();
        for (_, port) in self.target.links().filter(|(_, port)| late.contains(&port.place)) {
            if let Some(master) = port.master_place() {
                ports.entry(master).or_default().push(&port.place);
            }
        }
        while let Some(place) = late.first().copied() {
            self.settle_mtu(place, &mut late, &ports);
        }
    }

    fn settle_mtu(
        &mut self,
        place: &'a Place,
        late: &mut BTreeSet<&'a Place>,
        ports: &BTreeMap<Place, Vec<&'a Place>>,
    ) {
        let Some(id) = self.target_places.get(place).copied().filter(|_| late.remove(place)) else {
            return;
        };
        let Some(wanted) = self.target.link(id) else { return };
        for first in ports.get(place).into_iter().flatten().copied().chain(&wanted.device) {
            self.settle_mtu(first, late, ports);
        }
        let now = self.links.get(id).and_then(|link| link.attributes.mtu);
        if let Some(mtu) = wanted.attributes.mtu.filter(|mtu| Some(*mtu) != now) {
            self.set_mtu(id, mtu, self.reason(&Key::Link(id.clone())));
        }
    }

    fn set_mtu(&mut self, id: &LinkId, mtu: u32, because: Because) {
        let Some(now) = self.links.get(id) else { return };
        let attributes = LinkAttributes { mtu: Some(mtu), ..LinkAttributes::default() };
        self.alter(id, Link { attributes, ..Link::at(now.place.clone()) }, because);
    }
}
