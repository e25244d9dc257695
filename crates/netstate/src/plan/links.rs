//! The part of a plan that removes, creates, moves and changes links.
//!
//! Links are removed, moved and created first. Then each gets its attributes, and then they are set
//! up. If a kind depends on the link below ([`Below`]), the link below comes first. The account
//! records what the kernel does to a link when this happens to the link below.

mod carriers;
mod create;
mod enslave;
mod ports;

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::PlanError;
use super::account::Account;
use crate::name::{LinkId, LinkName, NetnsName};
use crate::noun::link::{
    Below, Link, LinkFlags, LinkKind, Master, Place, Port, below, enslaving, link, links,
    must_recreate, outlives_below, temporary_name,
};
use crate::noun::netns::as_phrase;
use crate::noun::{self, Key, Object, Renaming};
use crate::operation::{Action, Because};

impl<'a> Account<'a> {
    /// The places of links that lose everything on them: they are removed, created again, or moved
    /// to another namespace.
    pub(super) fn leaving(&self) -> BTreeSet<Place> {
        let leaves = |(id, seen): &(&LinkId, &Link)| {
            let wanted = self.target.link(id);
            wanted.is_none_or(|wanted| {
                self.must_recreate(wanted, seen) || wanted.place.netns != seen.place.netns
            })
        };
        links(&self.observed.objects).filter(leaves).map(|(_, seen)| seen.place.clone()).collect()
    }

    /// Adds the loopback of a new namespace.
    pub(super) fn bring_loopback(&mut self, netns: &NetnsName) {
        let loopback = self.target_places.iter().find_map(|(place, id)| {
            let is_in = place.netns == *netns && !self.links.contains_key(*id);
            Some(((*id).clone(), Link::loopback(place).filter(|_| is_in)?))
        });
        if let Some((id, link)) = loopback {
            self.places.insert(link.place.clone(), id.clone());
            self.links.insert(id, Cow::Owned(link));
        }
    }

    /// Removes the links that are not desired, or must be created again.
    pub(super) fn remove_links(&mut self) {
        for (id, seen) in links(&self.observed.objects) {
            // An earlier operation may have removed it already.
            if !self.links.contains_key(id) {
                continue;
            }
            let because = match self.target.link(id) {
                // It is removed with its namespace.
                None if seen.belongs_to_namespace() => {
                    self.forget(id);
                    continue;
                }
                None => Because::NotConfigured,
                Some(wanted) if self.must_recreate(wanted, seen) => Because::Replaced,
                Some(_) => continue,
            };
            self.drop_carried_by(id);
            let action = Action::Delete(Object::Link(seen.clone().into()));
            self.push(&Key::Link(id.clone()), action, because);
            self.forget(id);
        }
    }

    /// Creates, moves and renames links, each after its place is free and the links that it needs
    /// exist.
    pub(super) fn place_links(&mut self) -> Result<(), PlanError> {
        let mut pending: Vec<(&'a LinkId, &'a Link)> = self.target.links().collect();
        loop {
            pending.retain(|(id, wanted)| {
                self.links.get(id).is_none_or(|link| link.place != wanted.place)
            });
            if pending.is_empty() {
                return Ok(());
            }
            let awaited: BTreeSet<&Place> = pending.iter().map(|(_, link)| &link.place).collect();
            let is_ready = |(id, wanted): &(&LinkId, &Link)| self.is_ready(id, wanted, &awaited);
            let ready: Vec<_> = pending.iter().copied().filter(is_ready).collect();
            for (id, wanted) in &ready {
                // It may have been created with its other end, or moved since.
                match self.links.get(id) {
                    None if !self.places.contains_key(&wanted.place) => self.make(id, wanted),
                    Some(link) if link.place != wanted.place => {
                        let because = self.reason(&Key::Link((*id).clone()));
                        self.move_to(id, &wanted.place, because);
                    }
                    None | Some(_) => {}
                }
            }
            if ready.is_empty() {
                self.take_temporary_name(&pending)?;
            }
        }
    }

    /// Sets the attributes of each link in its place, without setting it up.
    pub(super) fn alter_links(&mut self) {
        self.hold_mtus();
        let late = self.with_late_mtus();
        for (id, wanted) in self.below_first() {
            let Some(now) = self.links.get(id) else { continue };
            let mut change = wanted.changes(now);
            if late.contains(&wanted.place) {
                change.attributes.mtu = None;
            }
            let up = change.flags.up.take();
            let is_locked = change.set().iter().any(|field| field.while_down)
                || change.attributes.mtu.is_some()
                    && now.facts().is_some_and(|facts| facts.mtu_while_down);
            let needs_down = is_locked || self.joins_bond(&change);
            let because = self.reason(&Key::Link(id.clone()));
            if now.flags.up == Some(true) && (up == Some(false) || needs_down) {
                let for_change = up != Some(false);
                self.take_down(id, if for_change { Because::NeedsDown } else { because.clone() });
            }
            change.port = Port::default();
            change.vlans = None;
            // The peer follows from the places of both ends.
            change.peer = None;
            if !change.is_empty() {
                self.alter(id, change, because.clone());
            }
            let Some(now) = self.links.get(id) else { continue };
            let mut port = wanted.port.changes(&now.port);
            port.take_those_of_up();
            if !port.is_empty() {
                let change = Link { port, ..Link::at(now.place.clone()) };
                self.alter(id, change, because);
            }
        }
        self.set_vlans();
        self.settle_mtus(late);
    }

    /// Finds the links that must be down and are up in the end, because they come up with the link below or by a bond.
    pub(super) fn find_links_to_take_down(&mut self) {
        let comes_up = |below: &Place| {
            let Some(id) = self.target_places.get(below).copied() else { return false };
            let is_up = |link: Option<&Link>| link.and_then(|link| link.flags.up) == Some(true);
            is_up(self.target.link(id)) && !is_up(self.links.get(id).map(|link| &**link))
        };
        let to_take_down = self.target.links().filter(|(id, wanted)| {
            let follows = below(wanted).comes_up_with_below;
            let comes_up = || follows && wanted.device.as_ref().is_some_and(comes_up);
            // A bond has opened it.
            let is_open = || self.links.get(*id).is_some_and(|now| now.flags.up == Some(true));
            wanted.flags.up == Some(false) && (comes_up() || is_open())
        });
        self.to_take_down = to_take_down.map(|(_, wanted)| wanted.place.clone()).collect();
    }

    /// Sets links up, and takes those down again that came up with the link below.
    pub(super) fn raise_links(&mut self) {
        let mut raised = BTreeSet::new();
        let in_order = self.below_first();
        for (id, wanted) in &in_order {
            let Some(now) = self.links.get(*id) else { continue };
            if wanted.flags.up == Some(true) && now.flags.up != Some(true) {
                let flags = LinkFlags { up: Some(true), ..LinkFlags::default() };
                let change = Link { flags, ..Link::at(now.place.clone()) };
                self.alter(id, change, self.reason(&Key::Link((*id).clone())));
                raised.insert(*id);
            }
        }
        for (id, wanted) in in_order {
            let is_up = self.links.get(id).is_some_and(|now| now.flags.up == Some(true));
            if wanted.flags.up == Some(false) && is_up {
                self.take_down(id, self.reason(&Key::Link(id.clone())));
            }
        }
        self.set_port_states(&raised);
    }

    /// The links of the target sorted by key, but each after the link below if its kind depends on
    /// that.
    fn below_first(&self) -> Vec<(&'a LinkId, &'a Link)> {
        let links: Vec<_> = self.target.links().collect();
        if links.iter().all(|(_, link)| below(link) == Below::default()) {
            return links;
        }
        let (mut ordered, mut visited) = (Vec::with_capacity(links.len()), BTreeSet::new());
        for (id, _) in links {
            let mut stack = Vec::new();
            let mut next = Some(id);
            while let Some(id) = next.filter(|id| visited.insert(*id)) {
                let Some(link) = self.target.link(id) else { break };
                stack.push((id, link));
                let device = link.device.as_ref().filter(|_| below(link) != Below::default());
                next = device.and_then(|device| self.target_places.get(device).copied());
            }
            ordered.extend(stack.into_iter().rev());
        }
        ordered
    }

    /// Whether a link must be created again to become what is wanted.
    fn must_recreate(&self, wanted: &Link, seen: &Link) -> bool {
        let to = |at: &Place| {
            let id = self.observed_places.get(at)?;
            self.target.link(id).map(|link| &link.place)
        };
        let is_missing = |at: &Place| {
            self.target_places.get(at).is_some_and(|id| link(&self.observed.objects, id).is_none())
        };
        must_recreate(wanted, seen, to, is_missing)
    }

    fn is_ready(&self, id: &LinkId, wanted: &Link, awaited: &BTreeSet<&Place>) -> bool {
        let is_free = |place: &Place| !self.places.contains_key(place);
        // The other end is created with this one.
        let mate_fits = self.links.contains_key(id)
            || wanted.peer.as_ref().is_none_or(|peer| is_free(peer) || !awaited.contains(peer));
        let stands = wanted.device.as_ref().is_none_or(|below| match self.places.get(below) {
            Some(id) => self.target_places.get(below).is_none_or(|wanted| *wanted == id),
            None => !awaited.contains(below),
        });
        is_free(&wanted.place) && mate_fits && stands
    }

    /// Resolves a cycle of links that wait for each other's places: one of them gets a temporary
    /// name.
    fn take_temporary_name(&mut self, pending: &[(&'a LinkId, &'a Link)]) -> Result<(), PlanError> {
        for (id, wanted) in pending {
            let Some(link) = self.links.get(id) else { continue };
            let waits_for = self.places.get(&wanted.place);
            if let Some(other) = waits_for
                && pending.iter().any(|(id, _)| *id == other)
            {
                let (netns, other) = (link.place.netns.clone(), other.clone());
                // A link that has a temporary name already has freed its place.
                if let Some(ifname) = temporary_name(id).filter(|aside| *aside != link.place.ifname)
                {
                    self.move_to(id, &Place { netns, ifname }, Because::MakesRoom(other));
                    return Ok(());
                }
            }
        }
        let (id, wanted) = pending[0];
        let holder = self.places.get(&wanted.place).map_or("another link", |id| id.as_str());
        Err(PlanError {
            key: Key::Link(id.clone()),
            reason: format!(
                "its place, {} in {}, is taken by {holder}",
                wanted.place.ifname,
                as_phrase(&wanted.place.netns),
            ),
        })
    }

    fn move_to(&mut self, id: &LinkId, place: &Place, because: Because) {
        let Some(now) = self.links.get(id) else { return };
        let old = now.place.clone();
        let stays = old.netns == place.netns;
        let master = now.master_place();
        // Older kernels rename a link only while it is down.
        if stays && now.flags.up == Some(true) {
            self.take_down(id, Because::NeedsDown);
        }
        if stays {
            self.alter(id, Link::at(place.clone()), because);
            self.rename_dependents(id, &place.ifname);
        } else {
            self.drop_carried_by(id);
            self.alter(id, Link::at(place.clone()), because);
            self.lose_all(&old, &Because::LinkMoved(old.ifname.clone()));
            self.leave_behind(id);
        }
        self.update_linked(&old, Some(place));
        self.update_peer(id, place);
        self.places.remove(&old);
        self.places.insert(place.clone(), id.clone());
        if let Some(now) = self.links.get_mut(id).map(Cow::to_mut) {
            now.place = place.clone();
            if !stays {
                now.flags.up = Some(false);
                now.master = Some(Master::Free);
                now.vlans = None;
            }
        }
        if let Some(master) = master.filter(|_| !stays) {
            self.follow_ports(&master);
        }
    }

    /// Updates the peer of the other end of a veth pair.
    fn update_peer(&mut self, id: &LinkId, place: &Place) {
        let mate = self.links.get(id).and_then(|link| self.places.get(link.peer.as_ref()?));
        if let Some(mate) = mate.and_then(|id| self.links.get_mut(id)) {
            mate.to_mut().peer = Some(place.clone());
        }
    }

    /// Notes the effects on the links above the one that was at `place`, and on its ports, when it
    /// is moved or removed.
    fn update_linked(&mut self, place: &Place, to: Option<&Place>) {
        for id in self.linked.remove(place).unwrap_or_default() {
            let Some(link) = self.links.get(&id) else { continue };
            let stays = to.is_some_and(|to| to.netns == place.netns);
            if link.device.as_ref() == Some(place) {
                match to.filter(|_| stays || below(link).survives_move) {
                    Some(to) => {
                        if !stays {
                            self.goes_down_along(&id);
                        }
                        if let Some(link) = self.links.get_mut(&id).map(Cow::to_mut) {
                            link.device = Some(to.clone());
                        }
                        self.linked.entry(to.clone()).or_default().insert(id);
                    }
                    None if outlives_below(link) => {
                        if let Some(link) = self.links.get_mut(&id).map(Cow::to_mut) {
                            link.device = None;
                        }
                    }
                    None => self.forget(&id),
                }
            } else if let (Some(to), true) = (to, stays) {
                if let Some(link) = self.links.get_mut(&id).map(Cow::to_mut) {
                    link.master = Some(Master::Of(to.ifname.clone()));
                }
                self.linked.entry(to.clone()).or_default().insert(id);
            } else if let Some(link) = self.links.get_mut(&id).map(Cow::to_mut) {
                link.free();
            }
        }
    }

    /// Appends the operation, and applies it to the account, except for a change of place.
    pub(super) fn alter(&mut self, id: &LinkId, change: Link, because: Because) {
        let master = change.master_place();
        let master = master.as_ref().and_then(|master| self.link_at(master));
        let kind = master.and_then(|master| master.kind.as_ref()).map_or("", LinkKind::name);
        let of_new_port = Port::of_new(kind);
        let Some(now) = self.links.get_mut(id).map(Cow::to_mut) else { return };
        let from = now.clone();
        let place = now.place.clone();
        let (left, mtu_before) = (from.master_place(), from.attributes.mtu);
        now.overlay(&change);
        if change.master.is_some() {
            now.port = of_new_port;
            now.vlans = None;
        }
        now.place = place.clone();
        if let Some(device) = change.device.clone() {
            if let Some(above) = from.device.as_ref().and_then(|at| self.linked.get_mut(at)) {
                above.remove(id);
            }
            self.linked.entry(device).or_default().insert(id.clone());
        }
        if let (Some(master), true) = (now.master_place(), change.master.is_some()) {
            self.linked.entry(master).or_default().insert(id.clone());
        }
        let joined = now.master_place().filter(|_| change.master.is_some());
        let left = left.filter(|_| change.master.is_some());
        let (up, mtu) = (change.flags.up, change.attributes.mtu);
        let link_layer = change.sets_link_layer();
        let moves_vlans = change.kind.as_ref().is_some_and(LinkKind::changes_default_vlan);
        let (from, change) = (Object::Link(from.into()), Object::Link(change.into()));
        self.push(&Key::Link(id.clone()), Action::Update { from, change }, because);
        match up {
            Some(false) => self.is_down(&place),
            Some(true) => self.is_up(&place),
            None => {}
        }
        if link_layer {
            self.lose_neighbors(&place);
        }
        if moves_vlans {
            self.forget_vlans(id, &place);
        }
        if let Some(mtu) = mtu {
            self.has_other_mtu(id, (mtu_before, mtu));
        }
        for master in left.iter().chain(&joined) {
            self.follow_ports(master);
            let enslaving = self.link_at(master).and_then(enslaving);
            let joined = joined.as_ref().filter(|joined| *joined == master);
            self.is_enslaved_or_released(id, enslaving, joined);
        }
    }

    /// Notes that the link at `place` has gone down, and what is lost with it.
    fn is_down(&mut self, place: &Place) {
        self.without_routes.insert(place.clone());
        self.lose_with_down(place);
        for id in self.standing_on(place) {
            self.goes_down_along(&id);
        }
    }

    fn goes_down_along(&mut self, id: &LinkId) {
        let Some(link) = self.links.get_mut(id) else { return };
        if below(link).needs_up && link.flags.up == Some(true) {
            link.to_mut().flags.up = Some(false);
            let place = link.place.clone();
            self.is_down(&place);
        }
    }

    /// Notes that the link at `place` has come up, and with it those that follow it.
    fn is_up(&mut self, place: &Place) {
        self.raised.insert(place.clone());
        for id in self.standing_on(place) {
            let Some(link) = self.links.get_mut(&id) else { continue };
            if below(link).comes_up_with_below && link.flags.up != Some(true) {
                link.to_mut().flags.up = Some(true);
                let place = link.place.clone();
                self.is_up(&place);
            }
        }
    }

    /// Notes that a link is removed, with its peer, the links above it, and everything on these.
    fn forget(&mut self, id: &LinkId) {
        let Some(gone) = self.links.remove(id) else { return };
        self.places.remove(&gone.place);
        self.lose_all(&gone.place, &Because::LinkRemoved(gone.place.ifname.clone()));
        let ports = self.ports_of(&gone.place);
        self.update_linked(&gone.place, None);
        ports.iter().for_each(|port| self.is_enslaved_or_released(port, enslaving(&gone), None));
        if let Some(master) = gone.master_place() {
            self.follow_ports(&master);
        }
        if let Some(mate) = gone.peer.as_ref().and_then(|peer| self.places.get(peer)).cloned() {
            self.forget(&mate);
        }
    }

    /// Notes that a link that leaves its namespace loses everything on it, under any name that it
    /// had meanwhile.
    fn leave_behind(&mut self, id: &LinkId) {
        let Some(seen) = link(&self.observed.objects, id) else { return };
        for (key, _) in self.dependents(&seen.place) {
            if let Some(now) = self.brought.remove(key) {
                self.present.remove(&now);
            }
        }
    }

    /// Notes that the objects on a renamed link follow it. Parameters are set under the new name.
    fn rename_dependents(&mut self, id: &LinkId, name: &LinkName) {
        let Some(seen) = link(&self.observed.objects, id) else { return };
        for (key, object) in self.dependents(&seen.place) {
            if !noun::is_deleted_alone(key)
                || noun::places(key, object).any(|place| place != seen.place)
            {
                continue;
            }
            let (now, _) =
                noun::renamed(key, object, Renaming { old: &seen.place.ifname, new: name });
            if now == *key {
                continue;
            }
            let before = self.brought.remove(key);
            let is_there = before.is_some() || !self.lost.contains_key(key);
            if is_there {
                let because = Because::LinkRenamed(seen.place.ifname.clone());
                self.lost.entry(key).or_insert(because);
                if let Some(before) = before {
                    self.present.remove(&before);
                }
                self.present.insert(now.clone());
                self.brought.insert(key, now);
            }
        }
    }
}
