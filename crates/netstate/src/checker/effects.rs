//! The side effects of an operation in the kernel: what is removed with what, and what follows a
//! link.

use std::borrow::Cow;
use std::net::IpAddr;

use super::nouns::{Nature, nature, renamed, same_value};
use super::world::{
    Node, Presence, World, follows_device, is_bridge, is_cut_by_device, lacks_ipv6, master,
    outlives_device, survives_move,
};
use crate::name::{LinkId, NetnsName};
use crate::noun::address::{Address, AddressKey, AddressStatus};
use crate::noun::link::{Link, Master, Place, Port};
use crate::noun::route::Route;
use crate::noun::sysctl::{SysctlKey, SysctlPath};
use crate::noun::{Key, Object};
use crate::uapi::{BR_STATE_FORWARDING, IFA_F_SECONDARY, RT_TABLE_MAIN};

/// The parameters that set others. For each: the first and the last part of the paths that take its
/// value, with a link's name or `default` between them (`inet_forward_change`, net/ipv4/devinet.c;
/// `addrconf_fixup_forwarding`, `addrconf_disable_ipv6`, `addrconf_fixup_linkdown` and
/// `addrconf_sysctl_addr_gen_mode`, net/ipv6/addrconf.c). The IPv4 parameters do this only when
/// they change, the IPv6 ones at each write.
const SPREADING: [(&str, &str, &str); 7] = [
    ("net/ipv4/ip_forward", "net/ipv4/conf/", "/forwarding"),
    ("net/ipv4/conf/all/forwarding", "net/ipv4/conf/", "/forwarding"),
    ("net/ipv4/conf/all/forwarding", "net/ipv4/ip_forward", ""),
    ("net/ipv6/conf/all/forwarding", "net/ipv6/conf/", "/forwarding"),
    ("net/ipv6/conf/all/disable_ipv6", "net/ipv6/conf/", "/disable_ipv6"),
    (
        "net/ipv6/conf/all/ignore_routes_with_linkdown",
        "net/ipv6/conf/",
        "/ignore_routes_with_linkdown",
    ),
    ("net/ipv6/conf/all/addr_gen_mode", "net/ipv6/conf/", "/addr_gen_mode"),
];

/// The two names of the parameter that sets `accept_redirects` to the opposite value when it
/// changes.
const FORWARDING: [&str; 2] = ["net/ipv4/ip_forward", "net/ipv4/conf/all/forwarding"];
const CONTRARY: &str = "net/ipv4/conf/all/accept_redirects";

impl<'a> World<'a> {
    /// Creates a link, with what the kernel gives a new link of its kind, and the other end of a
    /// veth pair.
    pub(super) fn make_link(&mut self, id: &LinkId, link: &Link, mate_id: Option<LinkId>) {
        let end = link.peer.as_ref().map(|peer| Link {
            kind: link.kind.clone(),
            peer: Some(link.place.clone()),
            attributes: link.peer_attributes.as_deref().cloned().unwrap_or_default(),
            ..Link::at(peer.clone())
        });
        let ends = [(Some(id.clone()), Some(link.clone())), (mate_id, end)];
        for (id, end) in ends {
            let Some(end) = end else { continue };
            let mut made = end.kernel_default();
            if let Some(device) = end.device.as_ref().filter(|_| is_cut_by_device(&made))
                && let Presence::Here(device) = self.link(device)
            {
                made.attributes.mtu = device.attributes.mtu;
            }
            made.overlay(&end);
            made.flags.up = Some(false);
            let first = made.place.ifname.clone();
            let owns_mtu = is_bridge(&made).then_some(false);
            self.put_link(Node { id, link: Cow::Owned(made), first, owns_mtu });
        }
    }

    /// Applies `change` to a link, including a move.
    pub(super) fn change_link(&mut self, place: &Place, change: &Link, why: &str) {
        let Some(mut node) = self.take_link(place) else { return };
        let was_up = node.link.flags.up == Some(true);
        let had_ipv6 = !lacks_ipv6(&node.link);
        let (master, before) = (node.link.master.clone(), master(&node.link));
        if is_bridge(&node.link)
            && let (Some(mtu), Some(other)) = (node.link.attributes.mtu, change.attributes.mtu)
            && mtu != other
        {
            node.owns_mtu = Some(true);
        }
        node.link.to_mut().overlay(&Link { place: place.clone(), ..change.clone() });
        if change.master.is_some() && node.link.master != master {
            node.link.to_mut().port = port_of(self, &node.link);
            node.link.to_mut().port.overlay(&change.port);
            node.link.to_mut().vlans = change.vlans.clone();
        }
        if change.flags.up == Some(true) && !was_up {
            // Without a spanning tree, a port that comes up forwards (`br_port_state_selection`, net/bridge/br_stp.c).
            let port = &mut node.link.to_mut().port.bridge;
            port.state = change.port.bridge.state.or(port.state.map(|_| BR_STATE_FORWARDING));
            self.without_ipv4.remove(place);
        }
        let loses_ipv6 = had_ipv6 && lacks_ipv6(&node.link);
        let after = self::master(&node.link);
        self.put_link(node);
        self.follow_default_vlan(place, change);
        if loses_ipv6 {
            self.lose_from(place, why, |nature| nature.of_ipv6);
        }
        if change.flags.up == Some(false) {
            self.lose_from(place, why, |nature| nature.goes_with_down);
        }
        if change.sets_link_layer() {
            self.lose_from(place, why, |nature| nature.goes_with_link_layer);
        }
        if loses_ipv6 || change.flags.up == Some(false) {
            self.lose_nowhere(place, why);
        }
        self.update_links_above(place, change, why);
        self.enslave_or_release(place, (before.as_ref(), after.as_ref()), why);
        if before != after {
            before.iter().for_each(|bridge| self.follow_ports(bridge, why));
        }
        if before != after || change.attributes.mtu.is_some() {
            after.iter().for_each(|bridge| self.follow_ports(bridge, why));
        }
        if change.place.netns != place.netns {
            self.move_link(place, &change.place, why);
        } else if change.place.ifname != place.ifname {
            self.rename_link(place, &change.place);
        }
    }

    /// The links above one follow it up and down, and its MTU limits theirs.
    fn update_links_above(&mut self, place: &Place, change: &Link, why: &str) {
        for above in self.above(place) {
            let Some(link) = self.node(&above).map(|node| &node.link) else { continue };
            if link.device.as_ref() != Some(place) {
                continue;
            }
            let mut told = Link::at(above.clone());
            told.flags.up =
                change.flags.up.filter(|up| follows_device(link) && link.flags.up != Some(*up));
            told.attributes.mtu = change.attributes.mtu.filter(|mtu| {
                is_cut_by_device(link) && link.attributes.mtu.is_some_and(|own| own > *mtu)
            });
            if !told.is_empty() {
                self.change_link(&above, &told, why);
            }
        }
    }

    /// A bridge gets the least MTU of its ports when one comes, goes or gets another MTU, unless it
    /// has its own (`br_mtu_auto_adjust`, net/bridge/br_if.c).
    fn follow_ports(&mut self, bridge: &Place, why: &str) {
        let least = self.least_of_ports(bridge);
        let Some(node) = self.node(bridge).filter(|node| is_bridge(&node.link)) else { return };
        let (own, owns_mtu) = (node.link.attributes.mtu, node.owns_mtu);
        if owns_mtu == Some(true) || own == least {
            return;
        }
        let Some(least) = least else {
            self.link_mut(bridge).into_iter().for_each(|link| link.attributes.mtu = None);
            return;
        };
        let is_cut = |place: &Place| {
            self.node(place).is_some_and(|Node { link, .. }| {
                is_cut_by_device(link) && link.attributes.mtu.is_some_and(|own| own > least)
            })
        };
        let cut: Vec<Place> = self.above(bridge).into_iter().filter(is_cut).collect();
        let mut told = Link::at(bridge.clone());
        told.attributes.mtu = Some(least);
        self.change_link(bridge, &told, why);
        let is_known = owns_mtu == Some(false);
        if let Some(mut node) = self.take_link(bridge) {
            node.owns_mtu = owns_mtu;
            if !is_known {
                node.link.to_mut().attributes.mtu = None;
            }
            self.put_link(node);
        }
        for above in cut.into_iter().filter(|_| !is_known) {
            self.link_mut(&above).into_iter().for_each(|link| link.attributes.mtu = None);
        }
    }

    /// Removes a link with everything on it, the links above it, and the other end of its veth
    /// pair.
    pub(super) fn lose_link(&mut self, place: &Place, why: &str) {
        let above = self.above(place);
        let node = self.take_link(place);
        self.leave_place(place, why);
        let Some(node) = node else { return };
        above.iter().for_each(|port| self.release(port, &node.link, why));
        master(&node.link).iter().for_each(|bridge| self.follow_ports(bridge, why));
        if let Some(id) = node.id {
            self.lost.insert(Key::Link(id), why.into());
        }
        if let Some(peer) = &node.link.peer {
            self.lose_link(peer, why);
        }
    }

    /// Removes a namespace with its routes and parameters.
    pub(super) fn lose_netns(&mut self, netns: &NetnsName, why: &str) {
        let places: Vec<Place> = self.links_in(netns).map(|node| node.link.place.clone()).collect();
        places.iter().for_each(|place| self.lose_link(place, why));
        self.in_netns(netns).iter().for_each(|key| self.lose(key, why));
        self.set_netns(netns, false);
    }

    /// Adds an object as the kernel has it after the request.
    pub(super) fn settle(&mut self, key: &Key, object: &'a Object) {
        let mut shown = Cow::Borrowed(object);
        match (key, object) {
            (Key::Address(at), Object::Address(address)) if at.address.addr().is_ipv4() => {
                let place = Place { netns: at.netns.clone(), ifname: at.dev.clone() };
                self.without_ipv4.remove(&place);
                let is_secondary = self.has_primary(at, address);
                if is_secondary != says_secondary(address) {
                    shown = Cow::Owned(Object::Address(ranked(address, is_secondary)));
                }
            }
            (Key::Sysctl(at), Object::Sysctl(value)) => self.spread(at, value),
            (Key::Route(at), Object::Route(route)) => {
                let mut route = Route::clone(route);
                for hop in route.nexthops.iter_mut().filter(|hop| hop.dev.is_none()) {
                    hop.dev = hop.via.and_then(|via| self.way_to(via, (&at.netns, None), true));
                }
                shown = Cow::Owned(Object::Route(route.into()));
            }
            _ => {}
        }
        self.put(key.clone(), shown);
    }

    /// Whether an earlier address on the same link has the same subnet (`__inet_insert_ifa`,
    /// net/ipv4/devinet.c).
    fn has_primary(&self, of: &AddressKey, address: &Address) -> bool {
        self.same_subnet(of, address).any(|key| !self.is_secondary(key))
    }

    /// A secondary address that is removed with this one, or replaces it, depending on
    /// `promote_secondaries`.
    pub(super) fn secondary_of(&self, of: &AddressKey) -> Option<AddressKey> {
        let object = self.objects.get(&Key::Address(of.clone())).map(Cow::as_ref);
        let Some(Object::Address(address)) = object else { return None };
        if of.address.addr().is_ipv6() || self.is_secondary(of) {
            return None;
        }
        self.same_subnet(of, address).find(|key| self.is_secondary(key)).cloned()
    }

    fn is_secondary(&self, key: &AddressKey) -> bool {
        let object = self.objects.get(&Key::Address(key.clone())).map(Cow::as_ref);
        matches!(object, Some(Object::Address(address)) if says_secondary(address))
    }

    /// Removes the IPv4 routes of the main table whose source address the namespace no longer has
    /// (`fib_sync_down_addr`). With the last IPv4 address of a link, removes all of IPv4 on the
    /// link (`fib_disable_ip`, net/ipv4/fib_frontend.c).
    pub(super) fn lose_with_address(&mut self, gone: &AddressKey, why: &str) {
        let source: IpAddr = gone.address.addr();
        if self.holding(&gone.netns, source).next().is_none() {
            let mut routes = self.routes_from(&gone.netns, source);
            routes.retain(|key| matches!(key, Key::Route(key) if key.table == RT_TABLE_MAIN));
            routes.iter().for_each(|key| self.lose(key, why));
        }
        let place = Place { netns: gone.netns.clone(), ifname: gone.dev.clone() };
        let is_ipv4 = |key: &Key| matches!(key, Key::Address(key) if key.address.addr().is_ipv4());
        if self.on_link(&place).any(is_ipv4) {
            return;
        }
        self.without_ipv4.insert(place.clone());
        self.lose_from(&place, why, |nature| nature.needs_ipv4_address);
    }

    fn keys_on(&self, place: &Place) -> Vec<Key> {
        self.on_link(place).cloned().collect()
    }

    /// Removes what `which` selects on a link that no longer carries it. An object on several links
    /// stays as long as another one carries it.
    pub(super) fn lose_from(&mut self, place: &Place, why: &str, which: impl Fn(&Nature) -> bool) {
        for key in self.keys_on(place) {
            let Some(object) = self.objects.get(&key) else { continue };
            let nature = nature(&key, object);
            let several = nature.links.len() > 1;
            let lasts = several
                && nature.links.iter().any(|ifname| {
                    let at = Place { netns: place.netns.clone(), ifname: ifname.clone() };
                    self.carries(&at, nature.of_ipv6)
                });
            if which(&nature) && !lasts {
                self.lose(&key, why);
            }
        }
    }

    /// Handles that no link is at a place any more: removes what was on it and above it, and frees
    /// its ports.
    fn leave_place(&mut self, place: &Place, why: &str) {
        for key in self.keys_on(place) {
            self.lose(&key, why);
        }
        self.without_ipv4.remove(place);
        for above in self.above(place) {
            let Some(node) = self.node(&above) else { continue };
            if node.link.device.as_ref() == Some(place) {
                match outlives_device(&node.link) {
                    true => self.lose_device(&above),
                    false => self.lose_link(&above, why),
                }
            } else if let Some(mut node) = self.take_link(&above) {
                node.link.to_mut().free();
                self.put_link(node);
            }
        }
    }

    /// A link keeps only its attributes when it moves to another namespace
    /// (`__dev_change_net_namespace`, net/core/dev.c).
    fn move_link(&mut self, old: &Place, new: &Place, why: &str) {
        let mut down = Link::at(old.clone());
        down.flags.up = Some(false);
        self.update_links_above(old, &down, why);
        let Some(mut node) = self.take_link(old) else { return };
        let stay: Vec<Place> = self
            .above(old)
            .into_iter()
            .filter(|above| self.node(above).is_some_and(|node| survives_move(&node.link)))
            .collect();
        for above in &stay {
            self.set_device(above, old, new);
        }
        self.leave_place(old, why);
        let left = master(&node.link);
        let link = node.link.to_mut();
        link.place = new.clone();
        link.flags.up = Some(false);
        link.free();
        node.first = new.ifname.clone();
        self.update_peer(&node.link);
        self.put_link(node);
        left.iter().for_each(|bridge| self.follow_ports(bridge, why));
    }

    /// Everything on a renamed link follows, because the kernel uses its index.
    fn rename_link(&mut self, old: &Place, new: &Place) {
        let above = self.above(old);
        let Some(mut node) = self.take_link(old) else { return };
        node.link.to_mut().place = new.clone();
        self.rename(&node);
        self.update_peer(&node.link);
        self.put_link(node);
        for place in above {
            self.set_device(&place, old, new);
            let Some(mut node) = self.take_link(&place) else { continue };
            let link = node.link.to_mut();
            if link.master == Some(Master::Of(old.ifname.clone())) && place.netns == old.netns {
                link.master = Some(Master::Of(new.ifname.clone()));
            }
            self.put_link(node);
        }
        if self.without_ipv4.remove(old) {
            self.without_ipv4.insert(new.clone());
        }
        for key in self.keys_on(old) {
            let Some(object) = self.take(&key) else { continue };
            let (key, object) = renamed(key, object, (&old.ifname, &new.ifname));
            self.put(key, object);
        }
    }

    /// The device of a link is gone.
    fn lose_device(&mut self, place: &Place) {
        let Some(mut node) = self.take_link(place) else { return };
        node.link.to_mut().device = None;
        self.put_link(node);
    }

    /// The device of a link is in another place now.
    fn set_device(&mut self, place: &Place, old: &Place, new: &Place) {
        let Some(mut node) = self.take_link(place) else { return };
        if node.link.device.as_ref() == Some(old) {
            node.link.to_mut().device = Some(new.clone());
        }
        self.put_link(node);
    }

    /// The other end of a veth pair refers to this end.
    fn update_peer(&mut self, link: &Link) {
        if let Some(mate) = link.peer.as_ref().and_then(|peer| self.link_mut(peer)) {
            mate.peer = Some(link.place.clone());
        }
    }

    /// Sets the parameters that follow this one.
    fn spread(&mut self, at: &SysctlKey, value: &str) {
        let path = at.path.as_str();
        let same = match self.objects.get(&Key::Sysctl(at.clone())).map(Cow::as_ref) {
            Some(Object::Sysctl(old)) => same_value(old, value),
            _ => false,
        };
        let acts = !same || path.starts_with("net/ipv6/");
        let rules = || SPREADING.iter().filter(|(source, _, _)| acts && *source == path);
        let follows = |other: &str| {
            let rule = |(_, start, end): &(&str, &str, &str)| {
                other.starts_with(start) && other.ends_with(end)
            };
            other != path && rules().any(rule)
        };
        let contrary = if same_value(value, "0") { "1" } else { "0" };
        let is_forwarding = acts && FORWARDING.contains(&path);
        let mut set = vec![(at.path.clone(), value)];
        for key in self.in_netns(&at.netns) {
            let Key::Sysctl(other) = &key else { continue };
            let value = match other.path.as_str() {
                CONTRARY if is_forwarding => contrary,
                other if follows(other) => value,
                _ => continue,
            };
            set.push((other.path.clone(), value));
            self.put(key.clone(), Cow::Owned(Object::Sysctl(value.into())));
        }
        let why = format!("{path} = {value}");
        // This includes links whose own parameter was not observed.
        if path == "net/ipv6/conf/all/disable_ipv6" && !same_value(value, "0") {
            // This includes routes without a nexthop, which are on the loopback.
            let goes = |key: &Key| {
                let nature = self.objects.get(key).map(|object| nature(key, object));
                nature.is_some_and(|nature| nature.of_ipv6 && !nature.is_part_of_home)
            };
            let mut gone = self.in_netns(&at.netns);
            gone.retain(goes);
            gone.iter().for_each(|key| self.lose(key, &why));
        }
        for (path, value) in set {
            self.turn_off_ipv6((&at.netns, &path), value, &why);
        }
    }

    /// Removes all of IPv6 from a link whose parameter switches it off, except the parameters
    /// (`addrconf_disable_change`).
    fn turn_off_ipv6(&mut self, (netns, path): (&NetnsName, &SysctlPath), value: &str, why: &str) {
        let is_off = path.as_str().ends_with("/disable_ipv6") && !same_value(value, "0");
        if let Some(ifname) = path.dev().filter(|_| is_off) {
            let place = Place { netns: netns.clone(), ifname };
            self.lose_from(&place, why, |nature| nature.of_ipv6 && !nature.is_part_of_home);
            self.lose_nowhere(&place, why);
        }
    }

    /// IPv6 routes without a nexthop are on the loopback (`ip6_route_info_create`, net/ipv6/route.c).
    fn lose_nowhere(&mut self, place: &Place, why: &str) {
        if place.ifname.as_str() != "lo" {
            return;
        }
        let leads_nowhere = |key: &Key| match (key, self.objects.get(key).map(Cow::as_ref)) {
            (Key::Route(key), Some(Object::Route(route))) => {
                key.prefix.addr().is_ipv6() && route.nexthops.is_empty() && route.nhid.is_none()
            }
            _ => false,
        };
        let mut gone = self.in_netns(&place.netns);
        gone.retain(leads_nowhere);
        gone.iter().for_each(|key| self.lose(key, why));
    }
}

/// The port attributes that a link gets from its master.
fn port_of(world: &World<'_>, link: &Link) -> Port {
    let Some(Master::Of(ifname)) = &link.master else { return Port::default() };
    let master = Place { netns: link.place.netns.clone(), ifname: ifname.clone() };
    match world.link(&master) {
        Presence::Here(Link { kind: Some(kind), .. }) => Port::of_new(kind.name()),
        Presence::Here(_) | Presence::Missing | Presence::Unknown => Port::default(),
    }
}

fn says_secondary(address: &Address) -> bool {
    address.status.as_ref().is_some_and(|status| status.flags & IFA_F_SECONDARY != 0)
}

/// An IPv4 address, primary or secondary.
fn ranked(address: &Address, is_secondary: bool) -> Address {
    let mut status: Box<AddressStatus> = address.status.clone().unwrap_or_default();
    match is_secondary {
        true => status.flags |= IFA_F_SECONDARY,
        false => status.flags &= !IFA_F_SECONDARY,
    }
    Address { status: Some(status), ..address.clone() }
}
