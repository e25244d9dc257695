//! Creating a link, and with it the other end of a veth pair.

use std::borrow::Cow;

use crate::attribute::Fields;
use crate::name::LinkId;
use crate::noun::link::{Link, LinkKind, MtuAtCreation, below, follows_ports, link};
use crate::noun::{Key, Object};
use crate::operation::{Action, Because};
use crate::plan::account::Account;

impl Account<'_> {
    /// Creates a link. The other end of a pair gets here what only a new link can be given.
    pub(super) fn make(&mut self, id: &LinkId, wanted: &Link) {
        let mut made = Link {
            kind: wanted.kind.as_ref().map(LinkKind::requested),
            attributes: wanted.attributes.clone(),
            device: wanted.device.clone(),
            peer: wanted.peer.clone(),
            ..Link::at(wanted.place.clone())
        };
        let mut now = made.kernel_default();
        if made.facts().is_some_and(|facts| facts.mtu == MtuAtCreation::Follows) {
            made.attributes.mtu = None;
            if let Some(device) = wanted.device.as_ref().filter(|_| below(wanted).mtu_within) {
                let device = self.places.get(device).and_then(|id| self.links.get(id));
                now.attributes.mtu = device.and_then(|device| device.attributes.mtu);
            }
        }
        if follows_ports(wanted) {
            self.keeps_mtu.insert(id.clone(), false);
        }
        now.overlay(&made);
        now.flags.up = Some(false);
        let key = Key::Link(id.clone());
        let because = match link(&self.observed.objects, id) {
            Some(_) => Because::LinkRemoved(wanted.place.ifname.clone()),
            None => self.reason(&key),
        };
        let mate = wanted.peer.as_ref().and_then(|peer| self.target_places.get(peer).copied());
        if let Some(mate) = mate.and_then(|mate| self.target.link(mate)) {
            let attributes = mate.attributes.of_creation();
            made.peer_attributes = (!attributes.is_empty()).then(|| attributes.into());
        }
        let of_peer = made.peer_attributes.clone();
        self.push(&key, Action::Create(Object::Link(made.into())), because);
        if let Some((peer, mate)) = wanted.peer.as_ref().zip(mate) {
            let kind = wanted.kind.as_ref().map(LinkKind::plain);
            let mut mate_now = Link { kind, ..Link::at(peer.clone()) }.kernel_default();
            of_peer.iter().for_each(|attributes| mate_now.attributes.overlay(attributes));
            mate_now.peer = Some(wanted.place.clone());
            mate_now.flags.up = Some(false);
            self.places.insert(peer.clone(), mate.clone());
            self.links.insert(mate.clone(), Cow::Owned(mate_now));
        }
        if let Some(below) = &now.device {
            self.linked.entry(below.clone()).or_default().insert(id.clone());
        }
        self.places.insert(now.place.clone(), id.clone());
        self.links.insert(id.clone(), Cow::Owned(now));
    }
}
