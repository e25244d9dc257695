//! The VLANs of bridges and of their ports: ranges in the model, and one by one in a state.

use netstate::link::{BridgeVlan, Vlans};

use yang::Value;

use super::entry::VlanEntry;
use super::{Entry, LinkLowering, below};

impl LinkLowering<'_, '_> {
    /// The VLANs of an entry; none if it has no list of them.
    pub(super) fn vlans(&mut self, entry: &mut Entry) -> Option<Vlans> {
        let listed = std::mem::take(&mut entry.bridge_conf.as_mut()?.vlan);
        if listed.is_empty() {
            return None;
        }
        let is_bridge = self.node.schema().name == "bridge";
        let mut vlans = Vlans::default();
        for VlanEntry { vid, range_end, pvid, untagged, own, master } in listed {
            let vlan = BridgeVlan {
                pvid: pvid.unwrap_or_default(),
                untagged: untagged.unwrap_or_default(),
            };
            for one in vid..=range_end.unwrap_or(vid) {
                if vlans.0.insert(one, vlan).is_some() {
                    self.invalid_vlan(vid, format!("VLAN {one} is in another entry too"));
                    break;
                }
            }
            for (says, leaf, holds) in [(own, "self", is_bridge), (master, "master", !is_bridge)] {
                if says.is_some_and(|says| says != holds) {
                    let of = if is_bridge { "a bridge itself" } else { "a port" };
                    self.invalid_vlan(
                        vid,
                        format!("VLAN {vid} is one of {of}: {leaf} is {holds} here"),
                    );
                }
            }
        }
        Some(vlans)
    }

    fn invalid_vlan(&mut self, entry: u16, message: String) {
        let container = below(&self.path, &["bridge-conf"]);
        let list = container.steps.last().and_then(|step| step.node.child(None, "vlan"));
        let path = match list {
            Some(list) => container.join(list, vec![Value::Unsigned(entry.into())]),
            None => container,
        };
        self.lowering.faults.invalid(&path, message);
    }
}

/// The entries of the model, each as a range if there is more than one VLAN with the same flags.
pub(super) fn entries(vlans: Option<&Vlans>, is_bridge: bool) -> Vec<VlanEntry> {
    let ranges = vlans.map(Vlans::ranges).unwrap_or_default();
    let entry = |(first, last, vlan): (u16, u16, BridgeVlan)| VlanEntry {
        vid: first,
        range_end: Some(last).filter(|last| *last != first),
        pvid: Some(vlan.pvid),
        untagged: Some(vlan.untagged),
        own: Some(is_bridge),
        master: Some(!is_bridge),
    };
    ranges.into_iter().map(entry).collect()
}
