//! The links that may lose their carrier when another one goes down, and what the kernel removes from them then.
//!
//! The kernel does this a moment later, in a thread of its own (`linkwatch_event`, net/core/link_watch.c). A plan removes
//! these objects first, so that they are gone in any case.

use std::collections::BTreeSet;

use crate::name::LinkId;
use crate::noun::link::{Link, LinkFlags, Place, link};
use crate::operation::{Action, Because};
use crate::plan::account::Account;
use crate::state::Entry;

impl<'a> Account<'a> {
    /// Sets a link down, after what would lose the carrier with it.
    pub(super) fn take_down(&mut self, id: &LinkId, because: Because) {
        self.drop_carried_by(id);
        let Some(now) = self.links.get(id) else { return };
        let flags = LinkFlags { up: Some(false), ..LinkFlags::default() };
        let change = Link { flags, ..Link::at(now.place.clone()) };
        self.alter(id, change, because);
    }

    /// Removes what needs the carriers of links that get them through this one, which is about to go down.
    pub(in crate::plan) fn drop_carried_by(&mut self, id: &LinkId) {
        let mut carried = BTreeSet::new();
        self.find_carried_by(id, &mut carried);
        carried.remove(id);
        for id in carried {
            // A link that is removed too takes everything along.
            if self.target.link(&id).is_none() {
                continue;
            }
            let Some(seen) = link(&self.observed.objects, &id) else { continue };
            let needing: Vec<Entry<'a>> = self.dependents(&seen.place);
            for (key, object) in needing {
                // Others make theirs again themselves.
                let is_of_others = self.target.at(key).is_some()
                    && self.configured(key).is_none()
                    && !self.is_given_back(key);
                if !object.needs_carrier() || is_of_others || self.lost.contains_key(key) {
                    continue;
                }
                let because = Because::CarrierLost(seen.place.ifname.clone());
                self.push(key, Action::Delete(object.clone()), because.clone());
                self.lost.insert(key, because.clone());
                self.lose_needing(key, &because);
            }
        }
    }

    /// The other end of a pair, the master, if no other port is up, and the links on it.
    fn find_carried_by(&self, id: &LinkId, carried: &mut BTreeSet<LinkId>) {
        let Some(link) = self.links.get(id).filter(|_| carried.insert(id.clone())) else { return };
        let place = &link.place;
        let mut next: Vec<LinkId> = self.standing_on(place);
        next.extend(link.peer.as_ref().and_then(|peer| self.places.get(peer)).cloned());
        let master = link.master_place().filter(|master| self.is_only_port_up(master, place));
        next.extend(master.and_then(|master| self.places.get(&master)).cloned());
        next.iter().for_each(|id| self.find_carried_by(id, carried));
    }

    fn is_only_port_up(&self, master: &Place, port: &Place) -> bool {
        let mut others =
            self.linked.get(master).into_iter().flatten().filter_map(|id| self.links.get(id));
        !others.any(|link| {
            link.place != *port
                && link.flags.up == Some(true)
                && link.master_place().as_ref() == Some(master)
        })
    }
}
