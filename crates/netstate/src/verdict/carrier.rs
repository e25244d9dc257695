//! Whether a link has a carrier, which duplicate address detection needs.

use super::Hold;
use super::world::{World, is_up};
use crate::noun::link::{Link, Place, follows_ports};
use crate::noun::{Key, Object};
use crate::uapi::IFF_LOWER_UP;

impl World<'_> {
    /// A link without a carrier, on which duplicate address detection does not start
    /// (`addrconf_link_ready`, net/ipv6/addrconf.c). The other end of a veth pair provides the
    /// carrier once it is up, and so do the ports of a bridge.
    pub(super) fn without_carrier(&mut self, place: &Place) -> Option<Hold> {
        let (id, link) = self.desired.link_at(place)?;
        let key = Key::Link(id.clone());
        // An end that is not configured stays as it is.
        if let Some(peer) = link.peer.as_ref().filter(|peer| self.desired.link_at(peer).is_some()) {
            return self.link(peer).down.clone();
        }
        let seen = self.environment.observed.objects.get(&key).and_then(Object::link);
        let is_bridge = follows_ports(link);
        let ports = if is_bridge { self.ports_of(place) } else { Vec::new() };
        if !ports.is_empty() && !self.has_carrier_of_others(place, &ports, seen) {
            return self.without_forwarding_port(place, &ports);
        }
        let status = seen?.status.as_ref().filter(|_| seen.is_some_and(is_up))?;
        (status.flags & IFF_LOWER_UP == 0)
            .then(|| Hold { reason: format!("{} has no carrier", place.ifname), waits_for: key })
    }

    /// A bridge has a carrier while one of its ports forwards (`br_port_state_selection`,
    /// net/bridge/br_stp.c).
    fn without_forwarding_port(&mut self, bridge: &Place, ports: &[Place]) -> Option<Hold> {
        let mut first = None;
        for port in ports {
            let down = self.link(port).down.clone();
            let hold = down.or_else(|| self.without_carrier(port))?;
            first.get_or_insert(hold);
        }
        first.map(|Hold { reason, waits_for }| Hold {
            reason: format!("{} has no carrier: {reason}", bridge.ifname),
            waits_for,
        })
    }

    /// Whether a bridge has a carrier although none of its configured ports provides it: others
    /// have added ports.
    fn has_carrier_of_others(&self, bridge: &Place, ports: &[Place], seen: Option<&Link>) -> bool {
        let has_carrier = |link: &Link| {
            link.status.as_ref().is_some_and(|status| status.flags & IFF_LOWER_UP != 0)
        };
        let is_idle_port = |place: &Place| {
            let id = self.desired.link_at(place).map(|(id, _)| Key::Link(id.clone()));
            let port = id.and_then(|key| self.environment.observed.objects.get(&key)?.link());
            port.is_some_and(|port| {
                port.master_place().as_ref() == Some(bridge) && !(is_up(port) && has_carrier(port))
            })
        };
        seen.is_some_and(|seen| is_up(seen) && has_carrier(seen)) && ports.iter().all(is_idle_port)
    }
}
