//! What links have as ports of a bridge: VLANs, and the state of the spanning tree.

use std::collections::BTreeSet;

use crate::name::LinkId;
use crate::noun::link::{Link, Place};
use crate::noun::{Key, Object};
use crate::plan::account::Account;
use crate::uapi::BR_STATE_FORWARDING;

impl Account<'_> {
    /// Sets the VLANs of ports and bridges, after all bridges have their default VLAN.
    pub(super) fn set_vlans(&mut self) {
        for (id, wanted) in self.target.links() {
            let Some(now) = self.links.get(id) else { continue };
            if let Some(vlans) = wanted.vlans.clone()
                && now.vlans.as_ref() != Some(&vlans)
            {
                let change = Link { vlans: Some(vlans), ..Link::at(now.place.clone()) };
                self.alter(id, change, self.reason(&Key::Link(id.clone())));
            }
        }
    }

    /// Notes that another default VLAN of a bridge may change the VLANs of the bridge and of its ports
    /// (`__br_vlan_set_default_pvid`, net/bridge/br_vlan.c).
    pub(super) fn forget_vlans(&mut self, bridge: &LinkId, place: &Place) {
        let ports = self.ports_of(place);
        for id in ports.iter().chain([bridge]) {
            if let Some(link) = self.links.get_mut(id).filter(|link| link.vlans.is_some()) {
                link.to_mut().vlans = None;
            }
        }
    }

    /// Sets spanning tree states. Only ports with a carrier have one, and it is reset when the port
    /// comes up.
    pub(super) fn set_port_states(&mut self, raised: &BTreeSet<&LinkId>) {
        for (id, wanted) in self.target.links() {
            let Some(now) = self.links.get(id) else { continue };
            let mut port = wanted.port.clone().take_those_of_up();
            // A bridge lets a port forward as soon as it has a carrier, and refuses that before.
            if raised.contains(id) && !self.is_configured_forwarding(id) {
                port.bridge.state.take_if(|state| *state == BR_STATE_FORWARDING);
            }
            let differs = !port.changes(&now.port).is_empty();
            if !port.is_empty() && (differs || raised.contains(id)) {
                let change = Link { port, ..Link::at(now.place.clone()) };
                self.alter(id, change, self.reason(&Key::Link(id.clone())));
            }
        }
    }

    fn is_configured_forwarding(&self, id: &LinkId) -> bool {
        let configured = self.configured(&Key::Link(id.clone())).and_then(Object::link);
        configured.is_some_and(|link| link.port.bridge.state == Some(BR_STATE_FORWARDING))
    }
}
