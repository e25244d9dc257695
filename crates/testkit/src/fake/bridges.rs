//! The MTU of bridges (net/bridge/br_if.c).

use std::collections::{BTreeMap, BTreeSet};

use netstate::link::{BridgePort, Master, Vlans};
use netstate::{Key, Link, LinkId, LinkKind, LinkName, NetnsName, Object, State};

use super::vlans;

/// The bridges whose own MTU was set to another value, so that they keep it
/// (`BROPT_MTU_SET_BY_USER`).
pub(super) type OwnMtus = BTreeSet<LinkId>;

/// The ports of each bridge, with their MTUs.
pub(super) type Ports = BTreeMap<(NetnsName, LinkName), BTreeMap<LinkId, Option<u32>>>;

/// The attributes of a new port (`new_nbp`), without those that depend on the link.
pub(super) fn new_port() -> BridgePort {
    let (on, off) = (Some(true), Some(false));
    BridgePort {
        state: None,
        cost: None,
        priority: Some(32),
        guard: off,
        hairpin: off,
        fastleave: off,
        root_block: off,
        learning: on,
        flood: on,
        proxy_arp: off,
        proxy_arp_wifi: off,
        mcast_router: Some(1),
        mcast_flood: on,
        mcast_to_unicast: off,
        vlan_tunnel: off,
        bcast_flood: on,
        group_fwd_mask: Some(0),
        neigh_suppress: off,
        isolated: off,
        mcast_eht_hosts_limit: Some(512),
        locked: off,
        mab: off,
        mcast_max_groups: Some(0),
        neigh_vlan_suppress: off,
    }
}

/// All ports, to see which have come, gone, or got another MTU.
pub(super) fn ports(state: &State) -> Ports {
    let mut ports = Ports::new();
    for (id, link) in links(state) {
        if let Some(Master::Of(master)) = &link.master {
            let bridge = (link.place.netns.clone(), master.clone());
            ports.entry(bridge).or_default().insert(id.clone(), link.attributes.mtu);
        }
    }
    ports
}

/// A bridge gets the least MTU of its ports when these change (`br_mtu_auto_adjust`).
pub(super) fn follow_ports(state: &mut State, own: &mut OwnMtus, mut before: Ports) {
    own.retain(|id| links(state).any(|(other, _)| other == id));
    loop {
        let now = ports(state);
        let nothing = BTreeMap::new();
        let changed = |link: &Link| {
            let at = (link.place.netns.clone(), link.place.ifname.clone());
            let [before, now] = [&before, &now].map(|ports| ports.get(&at).unwrap_or(&nothing));
            let least = now.values().copied().flatten().min().unwrap_or(1500);
            (before != now && link.attributes.mtu != Some(least)).then_some(least)
        };
        let next = links(state).find_map(|(id, link)| {
            let follows = is_bridge(link) && !own.contains(id);
            let least = changed(link).filter(|_| follows)?;
            Some((id.clone(), link.place.clone(), least))
        });
        let Some((id, place, least)) = next else { return };
        if let Some(Object::Link(bridge)) = state.objects.get_mut(&Key::Link(id)) {
            bridge.attributes.mtu = Some(least);
        }
        before.insert(
            (place.netns.clone(), place.ifname.clone()),
            now.get(&(place.netns.clone(), place.ifname.clone())).cloned().unwrap_or_default(),
        );
        vlans::cut(state, &place, least);
    }
}

/// Whether a link is a bridge.
pub(super) fn is_bridge(link: &Link) -> bool {
    matches!(link.kind, Some(LinkKind::Bridge(_)))
}

fn links(state: &State) -> impl Iterator<Item = (&LinkId, &Link)> {
    state.objects.iter().filter_map(|(key, object)| match (key, object) {
        (Key::Link(id), Object::Link(link)) => Some((id, &**link)),
        _ => None,
    })
}

/// Another default VLAN takes the place of the old one where nobody has changed that
/// (`__br_vlan_set_default_pvid`, net/bridge/br_vlan.c).
pub(super) fn move_default_vlan(state: &mut State, bridge: &mut Link, [old, new]: [u16; 2]) {
    let moved = |vlans: &mut Option<Vlans>| {
        let Some(vlans) = vlans else { return };
        let is_default = vlans.0.get(&old).is_some_and(|vlan| vlan.pvid && vlan.untagged);
        if (old == 0 || is_default) && !vlans.0.contains_key(&new) {
            vlans.0.remove(&old);
            if old == 0 {
                vlans.0.values_mut().for_each(|vlan| vlan.pvid = false);
            }
            vlans.0.extend(Vlans::of_new(new).0);
        }
    };
    moved(&mut bridge.vlans);
    let of = Some(Master::Of(bridge.place.ifname.clone()));
    for object in state.objects.values_mut() {
        if let Object::Link(link) = object
            && link.place.netns == bridge.place.netns
            && link.master == of
        {
            moved(&mut link.vlans);
        }
    }
}
