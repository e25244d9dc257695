//! The account of MTUs: what the operations so far mean for the links that follow other links.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::Account;
use crate::name::LinkId;
use crate::noun::link::{IPV6_MIN_MTU, Link, Place, below, follows_ports, least_mtu, link, links};
use crate::noun::{self, Loss};
use crate::operation::Because;
use crate::state::State;

/// The bridges of which it is known whether they keep their MTU.
pub(super) type Keeps = BTreeMap<LinkId, bool>;

/// The observed bridges that keep their MTU: it is not the least of their ports.
pub(super) fn observed_keeps(observed: &State) -> Keeps {
    let bridges = || links(&observed.objects).filter(|(_, link)| follows_ports(link));
    if bridges().next().is_none() {
        return Keeps::new();
    }
    let mut ports: BTreeMap<Place, Vec<Option<u32>>> = BTreeMap::new();
    for (_, port) in links(&observed.objects) {
        if let Some(master) = port.master_place() {
            ports.entry(master).or_default().push(port.attributes.mtu);
        }
    }
    // There may be more ports than were observed, which can only make the least MTU smaller.
    let keeps = |link: &Link| {
        let least = least_mtu(ports.get(&link.place)?.iter().copied())?;
        Some(link.attributes.mtu? > least)
    };
    bridges()
        .filter(|(_, link)| keeps(link) == Some(true))
        .map(|(id, _)| (id.clone(), true))
        .collect()
}

impl Account<'_> {
    /// Notes that the link at `place` was set to another MTU.
    pub(in crate::plan) fn has_other_mtu(&mut self, id: &LinkId, (from, to): (Option<u32>, u32)) {
        let Some(link) = self.links.get(id) else { return };
        if follows_ports(link) && from.is_some_and(|from| from != to) {
            self.keeps_mtu.insert(id.clone(), true);
        }
        let (place, master) = (link.place.clone(), link.master_place());
        self.lose_with_mtu(id, to);
        self.cut_mtus(&place, to, true);
        master.iter().for_each(|master| self.follow_ports(master));
    }

    /// Notes what is lost when an MTU is too small for IPv6 (`addrconf_notify`, net/ipv6/addrconf.c).
    fn lose_with_mtu(&mut self, id: &LinkId, mtu: u32) {
        let Some(seen) = link(&self.observed.objects, id).filter(|_| mtu < IPV6_MIN_MTU) else {
            return;
        };
        for (key, object) in self.dependents(&seen.place) {
            if noun::is_lost_with(key, object, &Loss::Ipv6)
                && noun::places(key, object).all(|place| place == seen.place)
            {
                let because = || Because::SmallMtu(seen.place.ifname.clone());
                self.lost.entry(key).or_insert_with(because);
                self.lose_sourced(key);
            }
        }
    }

    /// Notes that the link at `place` has at most this MTU, which limits that of the links above;
    /// `is_certain` is false if it may have kept a greater one.
    fn cut_mtus(&mut self, place: &Place, mtu: u32, is_certain: bool) {
        for id in self.standing_on(place) {
            let Some(link) = self.links.get_mut(&id) else { continue };
            if below(link).mtu_within && link.attributes.mtu.is_none_or(|own| own > mtu) {
                let known = link.attributes.mtu.is_some();
                link.to_mut().attributes.mtu = Some(mtu).filter(|_| is_certain && known);
                let (place, master) = (link.place.clone(), link.master_place());
                if known && is_certain {
                    self.lose_with_mtu(&id, mtu);
                }
                if known {
                    self.cut_mtus(&place, mtu, is_certain);
                    master.iter().for_each(|master| self.follow_ports(master));
                }
            }
        }
    }

    /// Notes that a port of the link at `place` has come, gone, or got another MTU.
    pub(in crate::plan) fn follow_ports(&mut self, place: &Place) {
        let Some(id) = self.places.get(place).cloned() else { return };
        let Some(bridge) = self.links.get(&id).filter(|link| follows_ports(link)) else { return };
        let keeps = self.keeps_mtu.get(&id).copied();
        let before = bridge.attributes.mtu;
        let ports = self.linked.get(place).into_iter().flatten();
        let ports = ports.filter_map(|id| self.links.get(id));
        let ports = ports.filter(|port| port.master_place().as_ref() == Some(place));
        let least = least_mtu(ports.map(|port| port.attributes.mtu));
        if keeps == Some(true) || before == least {
            return;
        }
        if let Some(bridge) = self.links.get_mut(&id).map(Cow::to_mut) {
            bridge.attributes.mtu = least.filter(|_| keeps == Some(false));
        }
        if let Some(least) = least.filter(|_| keeps == Some(false)) {
            self.lose_with_mtu(&id, least);
        }
        if let Some(least) = least {
            self.cut_mtus(place, least, keeps == Some(false));
        }
    }
}
