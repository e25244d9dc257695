//! iproute2-ip-link and netloom-link: links, their addresses, and their kernel parameters.

mod addresses;
mod entry;
mod kind;
mod pairs;
pub(crate) mod path;
mod raise;
#[cfg(test)]
mod tests;
mod vlans;

use netstate::link::{LinkBelow, NamedPort, Port};
use netstate::{
    Key, Link, LinkAttributes, LinkFlags, LinkId, LinkKind, MacAddress, Master, Object, Place,
};
use yang::{Node, Path};

pub(crate) use path::{address as address_path, leaf_path, path};
pub(crate) use raise::raise;

use crate::instances::{below, entry_path};
use crate::lowering::{Lowering, User};
use crate::noun::ShownIn;
use crate::noun::sysctl;
use entry::Entry;
pub(crate) use pairs::Pairs;

/// The place in operational data.
pub(crate) const SHOWN_IN: &[ShownIn] = &[ShownIn::container("links")];

/// Every configured link, with its addresses and kernel parameters.
pub(crate) fn lower(lowering: &mut Lowering<'_>) {
    let links = lowering.entries("links", None);
    if links.is_empty() {
        return;
    }
    let pairs = Pairs::read(lowering);
    for node in links {
        let path = entry_path(&node);
        let id = node.leaf("name").and_then(|name| name.to_string().parse::<LinkId>().ok());
        let known = id.and_then(|id| Some((lowering.directory.link(&id)?, id)));
        // The directory has reported the error of a link without a valid place.
        let Some((Some(place), id)) = known
            .filter(|(known, _)| known.path == path)
            .map(|(known, id)| (known.place.clone(), id))
        else {
            continue;
        };
        if let Some(entry) = lowering.read::<Entry>(&node) {
            LinkLowering { lowering, pairs: &pairs, node: &node, path, id, place }.lower(entry);
        }
    }
}

struct LinkLowering<'l, 'c> {
    lowering: &'l mut Lowering<'c>,
    pairs: &'l Pairs,
    node: &'l Node<'c>,
    path: Path,
    id: LinkId,
    place: Place,
}

impl LinkLowering<'_, '_> {
    fn lower(mut self, mut entry: Entry) {
        let at = (&self.path, self.id.as_str(), &self.place);
        addresses::lower_link(self.lowering, at, &entry.ip);
        sysctl::lower_link(
            self.lowering,
            &self.place,
            &entry.sysctl,
            &below(&self.path, &["sysctl"]),
        );
        let kind = self.kind().map(|kind| self.with_named_port(kind));
        let device = self.device(&entry, kind.as_ref());
        let master = entry.master.as_ref().and_then(|master| self.master(master));
        let attributes = self.attributes(&mut entry);
        let flags = LinkFlags { up: entry.admin_status, ..entry.modes.take().unwrap_or_default() };
        let vlans = self.vlans(&mut entry);
        if vlans.is_some()
            && kind.as_ref().is_some_and(|kind| kind.name() != "bridge")
            && master.is_none()
        {
            self.invalid(&["bridge-conf"], "only a port of a bridge has VLANs: set its master");
        }
        let port = Port {
            bridge: entry.bridge_conf.take().unwrap_or_default().link.unwrap_or_default(),
            bond: entry.bond_slave.take().unwrap_or_default(),
        };
        let peer = self.pairs.peer(&self.id).cloned();
        let place = self.place;
        let link = Link {
            place,
            kind,
            attributes,
            flags,
            master,
            port,
            vlans,
            device,
            peer,
            peer_attributes: None,
            status: None,
        };
        self.lowering.add(Key::Link(self.id), Object::Link(Box::new(link)));
    }

    fn leaf(&self, names: &[&str]) -> Path {
        below(&self.path, names)
    }

    fn invalid(&mut self, leaf: &[&str], message: impl Into<String>) {
        self.lowering.faults.invalid(&below(&self.path, leaf), message);
    }

    /// The kind of a link that is created, with its attributes; none for a link that exists
    /// already.
    fn kind(&mut self) -> Option<LinkKind> {
        let kind = kind::of_entry(self.node).or_else(|| self.pairs.kind(&self.id));
        for (container, of) in kind::containers(self.node) {
            if kind.as_ref().is_none_or(|kind| !of.contains(&kind.name())) {
                let message = format!("only a link of type {} has this", of.join(" or "));
                self.invalid(&[container.schema().name], message);
            }
        }
        let kind = kind?;
        if !kind.is_made() {
            let types = kind::made_types(self.node.schema());
            let message = format!(
                "Netloom makes links of type {}; to configure a link of type {} \
                 that exists already, leave the type out",
                enumerated(&types),
                kind.name()
            );
            self.invalid(&["type"], message);
            return None;
        }
        let read = kind::read(&kind, self.node);
        let kind = read.map_err(|(leaf, message)| self.invalid(&leaf, message)).ok()?;
        if let Some(lacking) = kind.lacks()
            && let Some(leaf) = kind::leaf(self.node.schema(), kind.name(), lacking)
        {
            let message = format!("{} needs this", kind.with_article());
            self.lowering.faults.missing(&below(&self.path, &leaf), message);
        }
        Some(kind)
    }

    /// The kind with the port that a leaf of its container names. It must be a port of this link.
    fn with_named_port(&mut self, mut kind: LinkKind) -> LinkKind {
        let Some(leaf) = kind::named_port(self.node.schema(), kind.name()) else { return kind };
        let named = self.node.child(leaf[0]).and_then(|container| container.child(leaf[1]));
        let named = named.and_then(|leaf| leaf.value()?.to_string().parse::<LinkId>().ok());
        let Some(port) = named else { return kind };
        let path = self.leaf(&leaf);
        let user = User { called: self.id.as_str(), netns: &self.place.netns };
        let Some(place) = self.lowering.place_beside(&user, &port, || path.clone()) else {
            return kind;
        };
        let known = self.lowering.directory.link(&port);
        let entry = known.and_then(|known| self.lowering.configuration.node(&known.path));
        let master = entry.and_then(|entry| entry.leaf("master").map(ToString::to_string));
        if master.as_deref() != Some(self.id.as_str()) {
            let message = format!("{port} is no port of {}: set its master", self.id);
            self.lowering.faults.invalid(&path, message);
        }
        kind.set_named_port(NamedPort::Port(place.ifname));
        kind
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
        let is_end = entry.leaf("virtual_peer_name").is_some();
        let cannot = |kind: LinkKind| kind.facts().enslaves.is_none();
        if is_end || kind::of_entry(&entry).is_some_and(cannot) {
            let message = format!("{master} ({}) is no bond, bridge or VRF", known.path);
            self.lowering.faults.invalid(&leaf, message);
            return None;
        }
        if kind::of_entry(&entry).is_some_and(|kind| kind.name() == "bond") {
            self.permit_port_of_bond(master, &entry);
        }
        Some(Master::Of(place.ifname))
    }

    /// A bond gives its ports its MTU and its link-layer address. The bond carries IP, and not its ports.
    fn permit_port_of_bond(&mut self, bond: &LinkId, entry: &Node<'_>) {
        let text = |node: &Node<'_>, leaf| Some(node.leaf(leaf)?.to_string());
        if self.node.child("ip").is_some() {
            let message = format!("a port of the bond {bond} has no addresses; the bond has them");
            self.invalid(&["ip"], message);
        }
        if let (Some(own), Some(of_bond)) = (text(self.node, "mtu"), text(entry, "mtu"))
            && own != of_bond
        {
            let message = format!("a port of the bond {bond} has its MTU, {of_bond}");
            self.invalid(&["mtu"], message);
        }
        if self.node.child("lladdresses").is_some_and(|node| node.child("mac_addr").is_some()) {
            let message = format!("the bond {bond} sets the link-layer addresses of its ports");
            self.invalid(&["lladdresses", "mac_addr"], message);
        }
    }

    /// The link below: for a tunnel its underlay, for a link that exists already the one on which
    /// it must be.
    fn device(&mut self, entry: &Entry, kind: Option<&LinkKind>) -> Option<Place> {
        let name = kind.map_or("", LinkKind::name);
        let underlay_leaf = kind::link_below(self.node.schema(), name);
        let underlay = underlay_leaf.and_then(|[container, leaf]| {
            let value = self.node.child(container)?.child(leaf)?.value()?.to_string();
            value.parse::<LinkId>().ok()
        });
        let dev = || underlay_leaf.map(|leaf| leaf.join("/")).unwrap_or_default();
        if let (Some(device), Some(underlay)) = (&entry.device, &underlay)
            && device != underlay
        {
            let message = format!("the tunnel leaves by {underlay} according to {}", dev());
            self.invalid(&["device"], message);
        }
        let below = kind.map(|kind| kind.facts().link_below);
        let (id, leaf): (_, &[&str]) = match (&entry.device, &underlay) {
            (_, Some(underlay)) => (underlay, underlay_leaf.as_ref().map_or(&[], |leaf| leaf)),
            (Some(device), None) => (device, &["device"]),
            (None, None) => {
                if let (Some(LinkBelow::Required(_)), Some(kind)) = (below, kind) {
                    let message =
                        format!("{} needs a device, the link that it is on", kind.with_article());
                    self.lowering.faults.missing(&self.path, message);
                }
                return None;
            }
        };
        if below == Some(LinkBelow::Never) {
            self.invalid(leaf, "a link of this type has no link below it");
            return None;
        }
        let leaf = self.leaf(leaf);
        self.lowering.place(id, || leaf)
    }
}

/// Whether an Ethernet address is a group address (IEEE 802, the I/G bit).
fn is_group(address: &MacAddress) -> bool {
    matches!(address.octets(), [first, _, _, _, _, _] if first & 1 == 1)
}

/// A list of words in a sentence: `a, b and c`.
fn enumerated(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [word] => word.clone(),
        [words @ .., last] => format!("{} and {last}", words.join(", ")),
    }
}
