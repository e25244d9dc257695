//! What a master does to the links that it gets or loses.

use std::borrow::Cow;

use crate::name::LinkId;
use crate::noun::link::{Enslaving, Link, Place, enslaving};
use crate::plan::account::Account;

impl Account<'_> {
    /// The link that is at a place now.
    pub(super) fn link_at(&self, place: &Place) -> Option<&Link> {
        self.links.get(self.places.get(place)?).map(|link| &**link)
    }

    /// Notes what a master does to a link that it gets or loses. `joined` is the place of a master that gets it.
    pub(super) fn is_enslaved_or_released(
        &mut self,
        id: &LinkId,
        enslaving: Option<Enslaving>,
        joined: Option<&Place>,
    ) {
        let Some(now) = self.links.get(id) else { return };
        let (place, is_up) = (now.place.clone(), now.flags.up == Some(true));
        match enslaving {
            Some(Enslaving::Stays) | None => {}
            Some(Enslaving::Opens) => self.is_opened_or_closed(id, &place, joined),
            Some(Enslaving::Cycles) => {
                let had_routes = !self.without_routes.contains(&place);
                self.is_down(&place);
                if is_up {
                    self.is_up(&place);
                }
                // A route over several links has this one again.
                if is_up && had_routes {
                    self.without_routes.remove(&place);
                }
            }
        }
    }

    /// Notes that a bond has opened a new port, or closed one that it has no more. The port gets the MTU and the
    /// link-layer address of the bond, or its own, which is not known.
    fn is_opened_or_closed(&mut self, id: &LinkId, place: &Place, bond: Option<&Place>) {
        let mtu = bond.and_then(|bond| self.link_at(bond)?.attributes.mtu);
        if let Some(now) = self.links.get_mut(id).map(Cow::to_mut) {
            now.attributes.mtu = mtu;
            now.attributes.mac_address = None;
            now.flags.up = Some(bond.is_some());
        }
        match bond {
            Some(_) => self.is_up(place),
            None => self.is_down(place),
        }
        self.lose_neighbors(place);
    }

    /// Whether this change enslaves the link to a bond, which refuses links that are up.
    pub(super) fn joins_bond(&self, change: &Link) -> bool {
        let master = change.master_place().and_then(|master| enslaving(self.link_at(&master)?));
        master == Some(Enslaving::Opens)
    }

    /// The links that are enslaved to the one at `place`.
    pub(super) fn ports_of(&self, place: &Place) -> Vec<LinkId> {
        let linked = self.linked.get(place).into_iter().flatten();
        let is_port = |id: &&LinkId| {
            self.links.get(*id).and_then(|link| link.master_place()).as_ref() == Some(place)
        };
        linked.filter(is_port).cloned().collect()
    }
}
