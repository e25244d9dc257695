//! What VRFs and bonds do to the links that they get and lose.

use super::world::{World, is_bond, is_vrf};
use crate::noun::link::{Link, Place};

impl World<'_> {
    /// A link has got another master.
    pub(super) fn enslave_or_release(
        &mut self,
        place: &Place,
        (before, after): (Option<&Place>, Option<&Place>),
        why: &str,
    ) {
        if before == after {
            return;
        }
        let is = |at: Option<&Place>, of: fn(&Link) -> bool| {
            at.and_then(|at| self.node(at)).is_some_and(|node| of(&node.link))
        };
        let in_vrf = is(before, is_vrf) || is(after, is_vrf);
        let bond = after.filter(|_| is(after, is_bond));
        let in_bond = is(before, is_bond) || bond.is_some();
        if in_bond {
            self.open_or_close(place, bond, why);
        }
        if in_vrf {
            self.cycle_link(place, why);
        }
    }

    /// The master of the link at `place` has gone.
    pub(super) fn release(&mut self, place: &Place, master: &Link, why: &str) {
        if is_vrf(master) {
            self.cycle_link(place, why);
        }
        if is_bond(master) {
            self.open_or_close(place, None, why);
        }
    }

    /// A bond opens a link that it gets, with the bond's MTU, and closes one that it loses, with its own MTU and
    /// link-layer address (`bond_enslave` and `__bond_release_one`, drivers/net/bonding/bond_main.c).
    fn open_or_close(&mut self, place: &Place, bond: Option<&Place>, why: &str) {
        let mtu = bond.and_then(|bond| self.node(bond)).and_then(|bond| bond.link.attributes.mtu);
        if let Some(link) = self.link_mut(place) {
            link.attributes.mtu = mtu;
            link.attributes.mac_address = None;
        }
        let mut change = Link::at(place.clone());
        change.flags.up = Some(bond.is_some());
        self.change_link(place, &change, why);
        self.lose_from(place, why, |nature| nature.goes_with_link_layer);
    }

    /// A link that gets into a VRF, or out of it, goes down and up again if it is up, and loses its IPv6 addresses in
    /// any case (`cycle_netdev`, drivers/net/vrf.c; `addrconf_notify`, net/ipv6/addrconf.c).
    fn cycle_link(&mut self, place: &Place, why: &str) {
        let is_up = self.node(place).is_some_and(|node| node.link.flags.up == Some(true));
        if !is_up {
            self.lose_from(place, why, |nature| nature.goes_with_down);
        }
        for up in [false, true].into_iter().filter(|_| is_up) {
            let mut change = Link::at(place.clone());
            change.flags.up = Some(up);
            self.change_link(place, &change, why);
        }
    }
}
