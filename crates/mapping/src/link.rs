//! iproute2-ip-link and netloom-link: links, their addresses, and the kernel parameters that a link has.

mod cable;
mod entry;
mod path;
mod raise;
#[cfg(test)]
mod tests;

use ipnet::IpNet;
use netstate::{
    Address, AddressKey, Key, Link, LinkAttributes, LinkFlags, LinkId, LinkKind, MacAddress,
    Master, Object, Place,
};
use yang::{Node, Path};

use path::address_path as spelled_path;
pub(crate) use path::{address as address_path, entry_of, path};
pub(crate) use raise::raise;

use crate::instances::{below, entry_path};
use crate::lowering::{Lowering, User};
use crate::sysctl;
pub(crate) use cable::Cables;
use entry::Entry;

/// Every configured link, with its addresses and kernel parameters.
pub(crate) fn lower(lowering: &mut Lowering<'_>) {
    let links = lowering.entries("links", None);
    if links.is_empty() {
        return;
    }
    let cables = Cables::read(lowering);
    for node in links {
        let path = entry_path(&node);
        let id = node.leaf("name").and_then(|name| name.to_string().parse::<LinkId>().ok());
        let known = id.and_then(|id| Some((lowering.directory.link(&id)?, id)));
        // The directory has told what is wrong with a link that has no place.
        let Some((Some(place), id)) = known
            .filter(|(known, _)| known.path == path)
            .map(|(known, id)| (known.place.clone(), id))
        else {
            continue;
        };
        let list = node.schema().name;
        if let Some(entry) = read(lowering, &node) {
            LinkLowering { lowering, cables: &cables, list, path, id, place }.lower(entry);
        }
    }
}

/// The entry's content. A tunnel's underlay is a reference like `device`, so it is read as one.
fn read(lowering: &mut Lowering<'_>, node: &Node<'_>) -> Option<Entry> {
    let Some(underlay) = node.child("vxlan-info").and_then(|info| info.child("dev")) else {
        return lowering.read(node);
    };
    let path = entry_path(node);
    let mut rest = lowering.configuration.clone();
    let removed = rest.remove(&below(&path, &["vxlan-info", "dev"]));
    if let Err(error) = removed {
        lowering.faults.unread(&path, error);
        return None;
    }
    let mut entry: Entry = lowering.read(&rest.node(&path)?)?;
    entry.underlay = underlay.value().and_then(|dev| dev.to_string().parse().ok());
    Some(entry)
}

struct LinkLowering<'l, 'c> {
    lowering: &'l mut Lowering<'c>,
    cables: &'l Cables,
    list: &'static str,
    path: Path,
    id: LinkId,
    place: Place,
}

impl LinkLowering<'_, '_> {
    fn lower(mut self, mut entry: Entry) {
        for address in std::mem::take(&mut entry.ip) {
            self.address(&address.address);
        }
        sysctl::lower_link(
            self.lowering,
            &self.place,
            &entry.sysctl,
            &below(&self.path, &["sysctl"]),
        );
        let device = self.device(&entry);
        let master = entry.master.as_ref().and_then(|master| self.master(master));
        let attributes = self.attributes(&mut entry);
        let flags = LinkFlags { up: entry.admin_status, ..entry.modes.take().unwrap_or_default() };
        let port = entry.bridge_conf.take().unwrap_or_default().link.unwrap_or_default();
        let kind = self.kind(entry);
        let place = self.place;
        let link = Link { place, kind, attributes, flags, master, port, device, status: None };
        self.lowering.add(Key::Link(self.id), Object::Link(Box::new(link)));
    }

    fn leaf(&self, names: &[&str]) -> Path {
        below(&self.path, names)
    }

    fn invalid(&mut self, leaf: &[&str], message: impl Into<String>) {
        self.lowering.faults.invalid(&below(&self.path, leaf), message);
    }

    fn kind(&mut self, entry: Entry) -> Option<LinkKind> {
        let type_name = entry.type_name();
        if entry.tun.is_some() && type_name != Some("tun") {
            self.invalid(&["tun"], "only a link of type tun has this");
        }
        match (self.list, type_name) {
            ("bridge", _) => Some(LinkKind::Bridge(entry.br_info.unwrap_or_default())),
            ("vxlan", _) => Some(LinkKind::Vxlan(Box::new(entry.vxlan_info.unwrap_or_default()))),
            (_, Some("dummy")) => Some(LinkKind::Dummy),
            (_, Some("ifb")) => Some(LinkKind::Ifb),
            (_, Some("tun")) => Some(LinkKind::Tun(entry.tun.unwrap_or_default())),
            (_, Some("veth")) => Some(LinkKind::Veth { peer: self.cables.peer(&self.id).cloned() }),
            (_, Some(other)) => {
                let message = format!(
                    "Netloom makes links of type veth, dummy, ifb and tun; to configure a link of type {other} \
                     that exists already, leave the type out"
                );
                self.invalid(&["type"], message);
                None
            }
            (_, None) => {
                let peer = self.cables.peer(&self.id)?.clone();
                Some(LinkKind::Veth { peer: Some(peer) })
            }
        }
    }

    fn attributes(&mut self, entry: &mut Entry) -> LinkAttributes {
        let addresses = entry.lladdresses.take().unwrap_or_default();
        if addresses.broadcast_addr.is_some() && addresses.peer_addr.is_some() {
            let message =
                "a link has a broadcast address or, point to point, a peer address, not both";
            self.invalid(&["lladdresses", "peer_addr"], message);
        }
        if addresses.mac_addr.as_ref().is_some_and(is_group) {
            let message =
                "this is a group address (its first octet is odd), which no link can have";
            self.invalid(&["lladdresses", "mac_addr"], message);
        }
        LinkAttributes {
            mtu: entry.mtu,
            index: entry.index,
            group: entry.group,
            mac_address: addresses.mac_addr,
            broadcast: addresses.broadcast_addr.or(addresses.peer_addr),
            alias: entry.description.take(),
            ..entry.advance.take().unwrap_or_default()
        }
    }

    fn master(&mut self, master: &LinkId) -> Option<Master> {
        let leaf = self.leaf(&["master"]);
        if *master == self.id {
            self.lowering.faults.invalid(&leaf, "a link cannot be its own port");
            return None;
        }
        let user = User { called: self.id.as_str(), netns: &self.place.netns };
        let place = self.lowering.place_beside(&user, master, || leaf.clone())?;
        let known = self.lowering.directory.link(master)?;
        let entry = self.lowering.configuration.node(&known.path)?;
        let made = match entry.schema().name {
            "bridge" => None,
            "link" => entry.leaf("type").or_else(|| entry.leaf("virtual_peer_name")),
            _ => Some(&known.path.steps.last()?.keys[0]),
        };
        if made.is_some() {
            let message = format!("{master} ({}) is no bridge", known.path);
            self.lowering.faults.invalid(&leaf, message);
            return None;
        }
        Some(Master::Of(place.ifname))
    }

    /// The link below: of a tunnel its underlay, of a link that exists already what it is to sit on.
    fn device(&mut self, entry: &Entry) -> Option<Place> {
        if let (Some(device), Some(underlay)) = (&entry.device, &entry.underlay)
            && device != underlay
        {
            let message = format!("the tunnel leaves by {underlay} according to vxlan-info/dev");
            self.invalid(&["device"], message);
        }
        let (id, leaf): (_, &[&str]) = match (&entry.device, &entry.underlay) {
            (_, Some(underlay)) => (underlay, &["vxlan-info", "dev"]),
            (Some(device), None) => (device, &["device"]),
            (None, None) => return None,
        };
        if self.list == "link" && (entry.r#type.is_some() || self.cables.peer(&self.id).is_some()) {
            self.invalid(leaf, "a link of this type has no link below it");
            return None;
        }
        if *id == self.id {
            self.invalid(leaf, "a link cannot be below itself");
            return None;
        }
        let leaf = self.leaf(leaf);
        self.lowering.place(id, || leaf)
    }

    fn address(&mut self, text: &str) {
        let at = |path: &Path| spelled_path(path, text);
        let address = match text.parse::<IpNet>() {
            Ok(address) => address,
            Err(_) => {
                let message = format!("{text} is no IP address with its prefix length");
                return self.lowering.faults.invalid(&at(&self.path), message);
            }
        };
        let ip = address.addr();
        if ip.is_multicast() || ip.is_unspecified() {
            let message = format!("{ip} is no address that a link can have");
            return self.lowering.faults.invalid(&at(&self.path), message);
        }
        let Place { netns, ifname } = self.place.clone();
        let key = AddressKey { netns, dev: ifname, address };
        if !self.lowering.add(Key::Address(key), Object::Address(Address::default())) {
            let message = format!("{} has {address} already, written differently", self.id);
            self.lowering.faults.invalid(&at(&self.path), message);
        }
    }
}

/// Whether an Ethernet address is one of a group (IEEE 802, the I/G bit).
fn is_group(address: &MacAddress) -> bool {
    matches!(address.octets(), [first, _, _, _, _, _] if first & 1 == 1)
}
