//! The VLANs of bridges and of their ports (net/bridge/br_vlan.c).

use super::world::World;
use crate::noun::link::{Link, LinkKind, Place};

impl World<'_> {
    /// Handles that a bridge gets another default VLAN: those of its ports, and its own, may change.
    pub(super) fn follow_default_vlan(&mut self, bridge: &Place, change: &Link) {
        let changes =
            matches!(&change.kind, Some(LinkKind::Bridge(to)) if to.vlan_default_pvid.is_some());
        if !changes {
            return;
        }
        for place in self.above(bridge).into_iter().chain([bridge.clone()]) {
            if let Some(mut node) = self.take_link(&place) {
                node.link.to_mut().vlans = None;
                self.put_link(node);
            }
        }
    }
}
