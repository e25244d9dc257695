//! The part of a plan that is about links: which go, which come, where they are and what they are like.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::hangers::{self, goes_with_down};
use super::scope::name_aside;
use super::work::{Work, link, links};
use super::{Action, PlanError};
use crate::address::AddressKey;
use crate::attribute::Fields;
use crate::link::{BridgePort, Link, LinkFlags, LinkKind, Master, MtuAtCreation, Place};
use crate::name::{LinkId, LinkName};
use crate::state::{Key, Object};

impl<'a> Work<'a> {
    /// The places whose links take along what hangs on them: they go, are made anew, or move to another namespace.
    pub(super) fn leaving(&self) -> BTreeSet<Place> {
        let leaves = |(id, seen): &(&LinkId, &Link)| {
            let wanted = self.target.link(id);
            wanted.is_none_or(|wanted| {
                self.is_anew(wanted, seen) || wanted.place.netns != seen.place.netns
            })
        };
        links(self.observed).filter(leaves).map(|(_, seen)| seen.place.clone()).collect()
    }

    pub(super) fn remove_links(&mut self) -> Result<(), PlanError> {
        for (id, seen) in links(self.observed) {
            // An earlier removal may have taken it along.
            if !self.links.contains_key(id) {
                continue;
            }
            let goes = match self.target.link(id) {
                None => true,
                Some(wanted) => self.is_anew(wanted, seen),
            };
            if goes {
                self.push(
                    &Key::Link(id.clone()),
                    Action::Delete(Object::Link(seen.clone().into())),
                );
                self.forget(id);
            }
        }
        Ok(())
    }

    /// Makes, moves and renames links, each once its place is free and what it stands on is there.
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
            let is_ready = |(_, wanted): &(_, &Link)| self.is_ready(wanted, &awaited);
            let ready: Vec<_> = pending.iter().copied().filter(is_ready).collect();
            for (id, wanted) in &ready {
                // Its mate may have been born with it, or it may have been moved since.
                match self.links.get(id) {
                    None if !self.places.contains_key(&wanted.place) => self.make(id, wanted),
                    Some(link) if link.place != wanted.place => self.move_to(id, &wanted.place),
                    None | Some(_) => {}
                }
            }
            if ready.is_empty() {
                self.step_aside(&pending)?;
            }
        }
    }

    /// Gives each link that is in its place its properties, but for being up.
    pub(super) fn alter_links(&mut self) {
        for (id, wanted) in self.target.links() {
            let Some(now) = self.links.get(id) else { continue };
            let mut change = wanted.changes(now);
            let up = change.flags.up.take();
            let needs_down = change.set().iter().any(|field| field.while_down);
            if now.flags.up == Some(true) && (up == Some(false) || needs_down) {
                self.take_down(id);
            }
            let mut port = std::mem::take(&mut change.port);
            port.state = None;
            // Which end is whose follows from where both are.
            change.peer = None;
            if !change.is_empty() {
                self.alter(id, change);
            }
            if !port.is_empty()
                && let Some(now) = self.links.get(id)
            {
                let change = Link { port, ..Link::at(now.place.clone()) };
                self.alter(id, change);
            }
        }
    }

    pub(super) fn raise_links(&mut self) {
        let mut raised = BTreeSet::new();
        for (id, wanted) in self.target.links() {
            let Some(now) = self.links.get(id) else { continue };
            if wanted.flags.up == Some(true) && now.flags.up != Some(true) {
                let flags = LinkFlags { up: Some(true), ..LinkFlags::default() };
                let change = Link { flags, ..Link::at(now.place.clone()) };
                self.alter(id, change);
                raised.insert(id);
            }
        }
        self.set_port_states(&raised);
    }

    /// Spanning tree states, which only ports with a carrier have, and which coming up sets anew.
    fn set_port_states(&mut self, raised: &BTreeSet<&LinkId>) {
        for (id, wanted) in self.target.links() {
            let Some(now) = self.links.get(id) else { continue };
            let state = wanted.port.state;
            if state.is_some() && (now.port.state != state || raised.contains(id)) {
                let port = BridgePort { state, ..BridgePort::default() };
                let change = Link { port, ..Link::at(now.place.clone()) };
                self.alter(id, change);
            }
        }
    }

    /// Whether a link cannot become what is wanted but by being made anew.
    fn is_anew(&self, wanted: &Link, seen: &Link) -> bool {
        is_anew(wanted, seen, |mate| {
            let id = self.observed_places.get(mate)?;
            self.target.link(id).map(|mate| &mate.place)
        })
    }

    fn is_ready(&self, wanted: &Link, awaited: &BTreeSet<&Place>) -> bool {
        let is_free = |place: &Place| !self.places.contains_key(place);
        let mate_fits =
            wanted.peer.as_ref().is_none_or(|peer| is_free(peer) || !awaited.contains(peer));
        let stands = wanted
            .device
            .as_ref()
            .is_none_or(|below| self.places.contains_key(below) || !awaited.contains(below));
        is_free(&wanted.place) && mate_fits && stands
    }

    /// Links that wait for each other's places: one of them takes another name meanwhile.
    fn step_aside(&mut self, pending: &[(&'a LinkId, &'a Link)]) -> Result<(), PlanError> {
        for (id, wanted) in pending {
            let Some(link) = self.links.get(id) else { continue };
            let waits_for = self.places.get(&wanted.place);
            if waits_for.is_some_and(|other| pending.iter().any(|(id, _)| *id == other)) {
                let netns = link.place.netns.clone();
                if let Some(ifname) = name_aside(id) {
                    self.move_to(id, &Place { netns, ifname });
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
                super::render::netns(&wanted.place.netns),
            ),
        })
    }

    fn make(&mut self, id: &LinkId, wanted: &Link) {
        let mut made = Link {
            kind: wanted.kind.clone(),
            attributes: wanted.attributes.clone(),
            device: wanted.device.clone(),
            peer: wanted.peer.clone(),
            ..Link::at(wanted.place.clone())
        };
        let mut now = made.kernel_default();
        if made.facts().is_some_and(|facts| facts.mtu == MtuAtCreation::Follows) {
            made.attributes.mtu = None;
            now.attributes.mtu = None;
        }
        now.overlay(&made);
        now.flags.up = Some(false);
        self.push(&Key::Link(id.clone()), Action::Create(Object::Link(made.into())));
        if let Some(peer) = &wanted.peer
            && let Some(mate) = self.target_places.get(peer).copied()
        {
            let kind = wanted.kind.as_ref().map(LinkKind::plain);
            let mut mate_now = Link { kind, ..Link::at(peer.clone()) }.kernel_default();
            mate_now.peer = Some(wanted.place.clone());
            mate_now.flags.up = Some(false);
            self.places.insert(peer.clone(), mate.clone());
            self.links.insert(mate.clone(), Cow::Owned(mate_now));
        }
        self.places.insert(now.place.clone(), id.clone());
        self.links.insert(id.clone(), Cow::Owned(now));
    }

    fn move_to(&mut self, id: &LinkId, place: &Place) {
        let Some(now) = self.links.get(id) else { return };
        let old = now.place.clone();
        let stays = old.netns == place.netns;
        // Older kernels rename only what is down.
        if stays && now.flags.up == Some(true) {
            self.take_down(id);
        }
        self.alter(id, Link::at(place.clone()));
        if stays {
            self.bring_along(id, &place.ifname);
        } else {
            self.lose_hangers(&old, |_| true);
            self.leave_behind(id);
            self.unhook(&old);
        }
        self.tell_mate(id, place);
        self.places.remove(&old);
        self.places.insert(place.clone(), id.clone());
        if let Some(now) = self.links.get_mut(id).map(Cow::to_mut) {
            now.place = place.clone();
            if !stays {
                now.flags.up = Some(false);
                now.master = Some(Master::Free);
            }
        }
    }

    /// The other end of a veth pair learns where this one is.
    fn tell_mate(&mut self, id: &LinkId, place: &Place) {
        let mate = self.links.get(id).and_then(|link| self.places.get(link.peer.as_ref()?));
        if let Some(mate) = mate.and_then(|id| self.links.get_mut(id)) {
            mate.to_mut().peer = Some(place.clone());
        }
    }

    fn take_down(&mut self, id: &LinkId) {
        let Some(now) = self.links.get(id) else { return };
        let place = now.place.clone();
        let flags = LinkFlags { up: Some(false), ..LinkFlags::default() };
        self.alter(id, Link { flags, ..Link::at(place.clone()) });
        self.bare.insert(place.clone());
        self.lose_with_down(&place);
    }

    /// Appends the operation, and takes it over into the account, but for a change of place.
    fn alter(&mut self, id: &LinkId, change: Link) {
        let Some(now) = self.links.get_mut(id).map(Cow::to_mut) else { return };
        let from = now.clone();
        let place = now.place.clone();
        now.overlay(&change);
        now.place = place;
        let (from, change) = (Object::Link(from.into()), Object::Link(change.into()));
        self.push(&Key::Link(id.clone()), Action::Update { from, change });
    }

    /// A link is gone, and with it its mate, what stands on it, and what hangs on all of these.
    fn forget(&mut self, id: &LinkId) {
        let Some(gone) = self.links.remove(id) else { return };
        self.places.remove(&gone.place);
        self.lose_hangers(&gone.place, |_| true);
        self.unhook(&gone.place);
        if let Some(mate) = gone.peer.as_ref().and_then(|peer| self.places.get(peer)).cloned() {
            self.forget(&mate);
        }
    }

    /// What stood on the link that was at `place` goes, and its ports are free.
    fn unhook(&mut self, place: &Place) {
        for id in self.dependents.remove(place).unwrap_or_default() {
            let Some(link) = self.links.get_mut(id) else { continue };
            if link.device.as_ref() == Some(place) {
                self.forget(id);
            } else {
                let link = link.to_mut();
                link.master = Some(Master::Free);
                link.port = BridgePort::default();
            }
        }
    }

    fn lose_hangers(&mut self, place: &Place, which: impl Fn(&Key) -> bool) {
        let hang = self.hangers().at(place).iter().map(|(key, _)| *key);
        let lost: Vec<&Key> = hang.filter(|key| which(key)).collect();
        self.lost.extend(lost);
    }

    /// A route goes once all its links are down.
    fn lose_with_down(&mut self, place: &Place) {
        for (key, object) in self.hangers().at(place).to_vec() {
            let at = hangers::stands_on(key, object);
            if goes_with_down(key) && at.iter().all(|place| self.is_bare(place)) {
                self.lost.insert(key);
            }
        }
    }

    /// Whether routes have nothing from a link.
    pub(super) fn is_bare(&self, place: &Place) -> bool {
        let link = self.places.get(place).and_then(|id| self.links.get(id));
        self.bare.contains(place) || link.is_some_and(|link| link.flags.up == Some(false))
    }

    /// A link that goes elsewhere has no addresses, whatever it was called meanwhile.
    fn leave_behind(&mut self, id: &LinkId) {
        let Some(seen) = link(self.observed, id) else { return };
        for (key, _) in self.hangers().at(&seen.place).to_vec() {
            if let Some(now) = self.brought.remove(key) {
                self.present.remove(&now);
            }
        }
    }

    /// The addresses that a renamed link still has are there by its new name, and no longer by the old one.
    fn bring_along(&mut self, id: &LinkId, name: &LinkName) {
        let Some(seen) = link(self.observed, id) else { return };
        for (key, _) in self.hangers().at(&seen.place).to_vec() {
            let Key::Address(address) = key else { continue };
            let before = self.brought.remove(key);
            if before.is_some() || self.lost.insert(key) {
                let now = Key::Address(AddressKey { dev: name.clone(), ..address.clone() });
                if let Some(before) = before {
                    self.present.remove(&before);
                }
                self.present.insert(now.clone());
                self.brought.insert(key, now);
            }
        }
    }
}

/// Whether a link cannot become what is wanted but by being made anew; `to` tells where the link that was seen at a
/// place is to be.
pub(super) fn is_anew<'p>(
    wanted: &Link,
    seen: &Link,
    to: impl FnOnce(&Place) -> Option<&'p Place>,
) -> bool {
    let (Some(kind), Some(seen_kind)) = (&wanted.kind, &seen.kind) else { return false };
    let other_mate = match (&wanted.peer, &seen.peer) {
        // One end's going elsewhere is no reason.
        (Some(wanted), Some(seen)) => wanted != seen && to(seen) != Some(wanted),
        (Some(_), None) | (None, _) => false,
    };
    let immovable = !seen_kind.facts().moves;
    let change = wanted.changes(seen);
    kind.name() != seen_kind.name()
        || (immovable && wanted.place.netns != seen.place.netns)
        || change.set().iter().any(|field| field.create_only)
        || change.device.is_some()
        || other_mate
}
