//! The state on which the checker tries operations: links by place, and other objects by link.
//!
//! A state contains only what was observed. A link or a namespace that neither the observed state
//! nor the target names is [`Presence::Unknown`]: nothing can rely on it, and it is not reported as
//! missing.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

use super::nexthops;
use super::nouns::{nature, route};
use crate::name::{LinkId, LinkName, NetnsName};
use crate::noun::address::{Address, AddressKey};
use crate::noun::link::{Link, LinkKind, Master, Place};
use crate::noun::{Key, Object};

/// A link with a lower MTU has no IPv6 (RFC 8200, section 5; `addrconf_notify`,
/// net/ipv6/addrconf.c).
const IPV6_MTU: u32 = 1280;

/// The loopback of a namespace, and the devices that tunnel modules create in every namespace
/// (`fb_tunnels_only_for_init_net`, Documentation/admin-guide/sysctl/net.rst). They are removed
/// with the namespace.
const BUILT_IN: [&str; 11] = [
    "erspan0",
    "gre0",
    "gretap0",
    "ip6_vti0",
    "ip6erspan0",
    "ip6gre0",
    "ip6tnl0",
    "ip_vti0",
    "lo",
    "sit0",
    "tunl0",
];

/// Whether an object exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence<T> {
    Here(T),
    Missing,
    /// It was not observed.
    Unknown,
}

/// A link.
#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    /// Its identity; the end of a veth pair that was created with the other end may have none.
    pub(super) id: Option<LinkId>,
    pub(super) link: Cow<'a, Link>,
    /// Its first name in this namespace.
    pub(super) first: LinkName,
    /// Whether a bridge has an MTU of its own, or that of its ports; `None` if it is not known.
    pub(super) owns_mtu: Option<bool>,
}

/// A state with indexes, so that the cost of a question does not depend on the size of the state.
#[derive(Debug, Default)]
pub(super) struct World<'a> {
    namespaces: BTreeMap<NetnsName, bool>,
    links: BTreeMap<NetnsName, BTreeMap<LinkName, Node<'a>>>,
    pub(super) places: BTreeMap<LinkId, Place>,
    /// The places that are known to have no link.
    vacant: BTreeSet<Place>,
    /// The links above each link: its ports, and those that have it as their device.
    above: BTreeMap<Place, BTreeSet<Place>>,
    /// All objects except namespaces and links.
    pub(super) objects: BTreeMap<Key, Cow<'a, Object>>,
    /// Their keys, by namespace and link.
    on: BTreeMap<NetnsName, BTreeMap<Option<LinkName>, BTreeSet<Key>>>,
    /// The objects through which a prefix is reached without a gateway, by link; and addresses
    /// without a prefix route.
    leading: BTreeMap<(NetnsName, IpNet), BTreeMap<LinkName, BTreeSet<Key>>>,
    /// The prefix lengths of these.
    lengths: BTreeSet<u8>,
    /// The addresses of a namespace.
    local: BTreeMap<(NetnsName, IpAddr), BTreeSet<Key>>,
    /// The routes by source address.
    from: BTreeMap<(NetnsName, IpAddr), BTreeSet<Key>>,
    /// The objects that use a nexthop object.
    pub(super) users: BTreeMap<Key, BTreeSet<Key>>,
    /// Links that have no IPv4, because they have lost their last address.
    pub(super) without_ipv4: BTreeSet<Place>,
    /// The present places of renamed links, by their first places.
    called: BTreeMap<Place, Place>,
    /// Why an object was removed.
    pub(super) lost: BTreeMap<Key, String>,
}

impl<'a> World<'a> {
    /// The state of `entries`. What only `others` contains is missing.
    pub(super) fn of(
        entries: impl IntoIterator<Item = (&'a Key, &'a Object)>,
        others: impl IntoIterator<Item = (&'a Key, &'a Object)>,
    ) -> Self {
        let mut world = Self::default();
        for (key, object) in entries {
            match (key, object) {
                (Key::Netns(netns), _) => world.set_netns(netns, true),
                (Key::Link(id), Object::Link(link)) => world.put_link(Node {
                    id: Some(id.clone()),
                    link: Cow::Borrowed(link),
                    first: link.place.ifname.clone(),
                    owns_mtu: None,
                }),
                _ => world.put(key.clone(), Cow::Borrowed(object)),
            }
        }
        world.find_own_mtus();
        for (key, object) in others {
            match (key, object) {
                (Key::Netns(netns), _) => drop(world.namespaces.entry(netns.clone()).or_default()),
                (_, Object::Link(link)) if world.node(&link.place).is_none() => {
                    world.vacant.insert(link.place.clone());
                }
                _ => {}
            }
        }
        world
    }

    /// A bridge with a greater MTU than one of its ports has it by itself.
    fn find_own_mtus(&mut self) {
        let bridges: Vec<Place> = (self.links())
            .filter(|node| is_bridge(&node.link))
            .map(|node| node.link.place.clone())
            .collect();
        for place in bridges {
            let least = self.least_of_ports(&place);
            let node = self.links.get_mut(&place.netns).and_then(|on| on.get_mut(&place.ifname));
            if let Some(node) = node
                && let (Some(own), Some(least)) = (node.link.attributes.mtu, least)
                && own > least
            {
                node.owns_mtu = Some(true);
            }
        }
    }

    /// The least MTU of the ports, or 1500 (`br_mtu_min`, net/bridge/br_if.c).
    pub(super) fn least_of_ports(&self, bridge: &Place) -> Option<u32> {
        let ports = self.above(bridge).into_iter().filter_map(|place| self.node(&place));
        let ports = ports.filter(|node| master(&node.link).as_ref() == Some(bridge));
        let mtus: Option<Vec<u32>> = ports.map(|node| node.link.attributes.mtu).collect();
        Some(mtus?.into_iter().min().unwrap_or(1500))
    }

    pub(super) fn netns(&self, netns: &NetnsName) -> Presence<()> {
        match self.namespaces.get(netns) {
            _ if netns.is_own() => Presence::Here(()),
            Some(true) => Presence::Here(()),
            Some(false) => Presence::Missing,
            None => Presence::Unknown,
        }
    }

    /// The namespaces that exist.
    pub(super) fn namespaces(&self) -> impl Iterator<Item = &NetnsName> {
        self.namespaces.iter().filter(|(_, here)| **here).map(|(netns, _)| netns)
    }

    pub(super) fn set_netns(&mut self, netns: &NetnsName, here: bool) {
        self.namespaces.insert(netns.clone(), here);
    }

    pub(super) fn link(&self, place: &Place) -> Presence<&Link> {
        match self.node(place) {
            Some(node) => Presence::Here(&node.link),
            None if self.vacant.contains(place) => Presence::Missing,
            None if self.netns(&place.netns) == Presence::Missing => Presence::Missing,
            None => Presence::Unknown,
        }
    }

    /// Adds a link at its place.
    pub(super) fn put_link(&mut self, node: Node<'a>) {
        let place = node.link.place.clone();
        for below in below(&node.link) {
            self.above.entry(below).or_default().insert(place.clone());
        }
        if let Some(id) = &node.id {
            self.places.insert(id.clone(), place.clone());
        }
        self.vacant.remove(&place);
        self.links.entry(place.netns).or_default().insert(place.ifname, node);
    }

    pub(super) fn node(&self, place: &Place) -> Option<&Node<'a>> {
        self.links.get(&place.netns)?.get(&place.ifname)
    }

    /// A link for a change that other entries do not depend on: not of its place, master or device.
    pub(super) fn link_mut(&mut self, place: &Place) -> Option<&mut Link> {
        let node = self.links.get_mut(&place.netns)?.get_mut(&place.ifname)?;
        Some(node.link.to_mut())
    }

    pub(super) fn take_link(&mut self, place: &Place) -> Option<Node<'a>> {
        self.vacant.insert(place.clone());
        let node = self.links.get_mut(&place.netns)?.remove(&place.ifname)?;
        for below in below(&node.link) {
            if let Some(above) = self.above.get_mut(&below) {
                above.remove(place);
            }
        }
        if let Some(id) = &node.id {
            self.places.remove(id);
        }
        Some(node)
    }

    /// Notes the new name of a link.
    pub(super) fn rename(&mut self, node: &Node<'_>) {
        let place = &node.link.place;
        let first = Place { netns: place.netns.clone(), ifname: node.first.clone() };
        self.called.insert(first, place.clone());
    }

    /// The present place of the link that was observed at this place, if it is still in that
    /// namespace.
    pub(super) fn now_at<'w>(&'w self, seen: &'w Place) -> &'w Place {
        self.called.get(seen).unwrap_or(seen)
    }

    /// The places of the links above this one, and of its ports.
    pub(super) fn above(&self, place: &Place) -> Vec<Place> {
        self.above.get(place).into_iter().flatten().cloned().collect()
    }

    /// The links of a namespace.
    pub(super) fn links_in(&self, netns: &NetnsName) -> impl Iterator<Item = &Node<'a>> {
        self.links.get(netns).into_iter().flat_map(BTreeMap::values)
    }

    /// All links.
    pub(super) fn links(&self) -> impl Iterator<Item = &Node<'a>> {
        self.links.values().flat_map(BTreeMap::values)
    }

    /// The keys of the objects on a link.
    pub(super) fn on_link(&self, place: &Place) -> impl Iterator<Item = &Key> {
        let on = self.on.get(&place.netns).and_then(|on| on.get(&Some(place.ifname.clone())));
        on.into_iter().flatten()
    }

    /// The keys of everything in a namespace.
    pub(super) fn in_netns(&self, netns: &NetnsName) -> BTreeSet<Key> {
        self.on.get(netns).into_iter().flat_map(BTreeMap::values).flatten().cloned().collect()
    }

    /// The addresses in the namespace with this IP address and any prefix length.
    pub(super) fn holding(&self, netns: &NetnsName, address: IpAddr) -> impl Iterator<Item = &Key> {
        self.local.get(&(netns.clone(), address)).into_iter().flatten()
    }

    /// The routes of this source.
    pub(super) fn routes_from(&self, netns: &NetnsName, source: IpAddr) -> Vec<Key> {
        self.from.get(&(netns.clone(), source)).into_iter().flatten().cloned().collect()
    }

    /// Adds an object, and replaces the one with the same key.
    pub(super) fn put(&mut self, key: Key, object: Cow<'a, Object>) {
        self.take(&key);
        self.index(&key, &object, |keys, key| {
            keys.insert(key.clone());
        });
        self.lost.remove(&key);
        self.objects.insert(key, object);
    }

    pub(super) fn take(&mut self, key: &Key) -> Option<Cow<'a, Object>> {
        let object = self.objects.remove(key)?;
        self.index(key, &object, |keys, key| {
            keys.remove(key);
        });
        Some(object)
    }

    fn index(&mut self, key: &Key, object: &Object, enter: impl Fn(&mut BTreeSet<Key>, &Key)) {
        let Some(netns) = key.netns() else { return };
        let mut devs: Vec<Option<LinkName>> =
            nature(key, object).links.into_iter().map(Some).collect();
        if devs.is_empty() {
            devs.push(None);
        }
        let on = self.on.entry(netns.clone()).or_default();
        devs.into_iter().for_each(|dev| enter(on.entry(dev).or_default(), key));
        if let Some(prefix) = prefix_of(key, object) {
            self.lengths.insert(prefix.prefix_len());
            let leading = self.leading.entry((netns.clone(), prefix)).or_default();
            for dev in nature(key, object).links {
                enter(leading.entry(dev).or_default(), key);
            }
        }
        if let Key::Address(at) = key {
            enter(self.local.entry((netns.clone(), at.address.addr())).or_default(), key);
        }
        for nexthop in nexthops::used(key, object) {
            enter(self.users.entry(nexthop).or_default(), key);
        }
        if let Some(source) = route(object).and_then(|route| route.source) {
            enter(self.from.entry((netns.clone(), source)).or_default(), key);
        }
    }

    /// The link through which a gateway is reached without another gateway, if it is up. Objects
    /// that the kernel made count only if `kernels` is set, because they are not permanent.
    pub(super) fn way_to(
        &self,
        via: IpAddr,
        (netns, dev): (&NetnsName, Option<&LinkName>),
        kernels: bool,
    ) -> Option<LinkName> {
        let lengths = self.lengths.iter().filter_map(|length| IpNet::new(via, *length).ok());
        let leading = lengths.filter_map(|net| self.leading.get(&(netns.clone(), net.trunc())));
        let leads = |key: &Key| {
            let object =
                self.objects.get(key).filter(|object| kernels || !nature(key, object).is_automatic);
            object.is_some_and(|object| !is_address(key, via) && leads_there(object))
        };
        let up = |ifname: &LinkName| {
            let place = Place { netns: netns.clone(), ifname: ifname.clone() };
            self.carries(&place, via.is_ipv6())
        };
        for by_link in leading {
            let found = match dev {
                Some(dev) => by_link.get_key_value(dev).filter(|(_, keys)| keys.iter().any(leads)),
                None => by_link.iter().find(|(dev, keys)| up(dev) && keys.iter().any(leads)),
            };
            if let Some((dev, _)) = found.filter(|(dev, _)| up(dev)) {
                return Some(dev.clone());
            }
        }
        None
    }

    /// The other addresses of a link that are in the subnet of this one.
    pub(super) fn same_subnet<'w>(
        &'w self,
        of: &'w AddressKey,
        address: &Address,
    ) -> impl Iterator<Item = &'w AddressKey> {
        let net = subnet(of, address).map(|net| (of.netns.clone(), net));
        let keys = net.and_then(|net| self.leading.get(&net)?.get(&of.dev));
        let addresses = keys
            .into_iter()
            .flatten()
            .filter_map(|key| if let Key::Address(key) = key { Some(key) } else { None });
        addresses.filter(move |key| *key != of)
    }

    /// Whether a link carries anything for a route.
    pub(super) fn carries(&self, place: &Place, ipv6: bool) -> bool {
        match self.link(place) {
            Presence::Here(link) => {
                let barred = match ipv6 {
                    true => lacks_ipv6(link),
                    false => self.without_ipv4.contains(place),
                };
                link.flags.up != Some(false) && !barred
            }
            Presence::Missing => false,
            Presence::Unknown => true,
        }
    }
}

/// Whether a link of this name exists as long as its namespace.
pub(super) fn is_built_in(name: &str) -> bool {
    BUILT_IN.contains(&name)
}

/// Whether a link is known to have no IPv6.
pub(super) fn lacks_ipv6(link: &Link) -> bool {
    link.attributes.mtu.is_some_and(|mtu| mtu < IPV6_MTU)
}

pub(super) fn is_bridge(link: &Link) -> bool {
    matches!(link.kind, Some(LinkKind::Bridge(_)))
}

/// Whether a link is a bond.
pub(super) fn is_bond(link: &Link) -> bool {
    matches!(link.kind, Some(LinkKind::Bond(_)))
}

/// Whether a link is a VRF.
pub(super) fn is_vrf(link: &Link) -> bool {
    matches!(link.kind, Some(LinkKind::Vrf(_)))
}

/// Whether the MTU of a link changes only while it is down (`vcan_change_mtu`, drivers/net/can/vcan.c).
pub(super) fn is_can(link: &Link) -> bool {
    matches!(link.kind, Some(LinkKind::Vcan(_) | LinkKind::Vxcan(_)))
}

/// Whether a link is up only while the one below it is, and comes up with it. A VLAN without loose
/// binding does (`vlan_dev_open`, net/8021q/vlan_dev.c, and `vlan_device_event`, net/8021q/vlan.c).
pub(super) fn follows_device(link: &Link) -> bool {
    match &link.kind {
        Some(LinkKind::Vlan(vlan)) => vlan.loose_binding != Some(true),
        _ => false,
    }
}

/// Whether the MTU of the link below limits that of this link (`vlan_device_event`,
/// `macvlan_device_event` and `ipvlan_device_event`).
pub(super) fn is_cut_by_device(link: &Link) -> bool {
    const CUT: [&str; 5] = ["vlan", "macvlan", "macvtap", "ipvlan", "ipvtap"];
    link.kind.as_ref().is_some_and(|kind| CUT.contains(&kind.name()))
}

/// Whether a link stays when the one below it moves to another namespace (`vlan_device_event`,
/// `macvlan_device_event` and `ipvlan_device_event` check for `NETREG_UNREGISTERING`).
pub(super) fn survives_move(link: &Link) -> bool {
    let survivors = ["vlan", "macvlan", "macvtap", "ipvlan", "ipvtap"];
    link.kind.as_ref().is_some_and(|kind| survivors.contains(&kind.name()))
}

/// Whether a link stays when the one below it is removed. A tunnel only stores the index of that
/// (`parms.link`, net/ipv4/ip_tunnel.c and net/ipv6/ip6_tunnel.c).
pub(super) fn outlives_device(link: &Link) -> bool {
    const TUNNELS: [&str; 12] = [
        "gre",
        "gretap",
        "erspan",
        "ipip",
        "sit",
        "vti",
        "ip6gre",
        "ip6gretap",
        "ip6erspan",
        "ip6tnl",
        "vti6",
        "xfrm",
    ];
    link.kind.as_ref().is_some_and(|kind| TUNNELS.contains(&kind.name()))
}

/// Whether a link at `place` can get another device. A tunnel can, in the namespace where it was
/// created (`ip_tunnel_changelink`, net/ipv4/ip_tunnel.c). An IPsec interface cannot (`xfrmi_change`).
pub(super) fn takes_device(link: &Link, place: &Place, device: &Place) -> bool {
    let home = link.device.as_ref().unwrap_or(place);
    let is_ipsec = matches!(link.kind, Some(LinkKind::Xfrm(_)));
    outlives_device(link) && !is_ipsec && device.netns == home.netns
}

/// The places of a link's master and device.
pub(super) fn below(link: &Link) -> Vec<Place> {
    master(link).into_iter().chain(link.device.clone()).collect()
}

/// The place of a link's master.
pub(super) fn master(link: &Link) -> Option<Place> {
    match &link.master {
        Some(Master::Of(ifname)) => {
            Some(Place { netns: link.place.netns.clone(), ifname: ifname.clone() })
        }
        Some(Master::Free) | None => None,
    }
}

/// The prefix of an object, if it is reached without a gateway.
fn prefix_of(key: &Key, object: &Object) -> Option<IpNet> {
    match (key, object) {
        (Key::Address(key), Object::Address(address)) => subnet(key, address),
        (Key::Route(key), Object::Route(route)) => {
            let leads = route.nexthops.iter().any(|hop| hop.via.is_none() && hop.dev.is_some());
            leads.then_some(key.prefix)
        }
        _ => None,
    }
}

/// The subnet of an address; for a point-to-point address that of the far end.
fn subnet(key: &AddressKey, address: &Address) -> Option<IpNet> {
    let net = IpNet::new(address.peer(key).unwrap_or(key.address.addr()), key.address.prefix_len())
        .ok()?;
    Some(net.trunc())
}

/// Whether an object makes its prefix reachable.
fn leads_there(object: &Object) -> bool {
    !matches!(object, Object::Address(address) if !address.has_prefix_route())
}

fn is_address(key: &Key, address: IpAddr) -> bool {
    matches!(key, Key::Address(key) if key.address.addr() == address)
}
