//! The configuration node of a link, an address, or one of their fields.

use std::collections::HashMap;

use ipnet::IpNet;
use netstate::{AddressKey, LinkId, Place};
use yang::{Node, NodeKind, Path, Tree, Value};

use crate::NamedConfiguration;
use crate::directory::Directory;
use crate::instances::{entries, entry_path, list_path, schema_node};

/// Fields of `netstate` whose names differ from those of their leaves.
const LEAVES: [(&str, &[&str]); 9] = [
    ("up", &["admin-status"]),
    ("kind", &["type"]),
    ("peer", &["virtual_peer_name"]),
    ("mac_address", &["mac_addr"]),
    ("broadcast", &["broadcast_addr", "peer_addr"]),
    ("alias", &["description"]),
    ("remote", &["remote", "group"]),
    ("device", &["dev", "device"]),
    ("place", &["netns", "ifname"]),
];

/// The entry of a link.
pub(crate) fn path(id: &LinkId, known: &NamedConfiguration<'_>) -> Path {
    entry_called(id.as_str(), known.configuration)
}

/// The entry of a link, or the leaf of one of its fields if the configuration has that.
pub(crate) fn leaf_path(id: &LinkId, field: Option<&str>, configuration: &Tree) -> Path {
    let path = entry_called(id.as_str(), configuration);
    let (Some(field), Some(entry)) = (field, configuration.node(&path)) else { return path };
    let renamed = LEAVES.iter().find(|(known, _)| *known == field).map(|(_, leaves)| *leaves);
    let leaves = renamed.unwrap_or(std::slice::from_ref(&field));
    leaves.iter().find_map(|leaf| find(&entry, &path, leaf)).unwrap_or(path)
}

/// The entry with that name, in any list; in list `link` if no list has one.
fn entry_called(name: &str, configuration: &Tree) -> Path {
    let keys = vec![Value::String(name.into())];
    let found = entries(configuration, "links", None).find(|entry| entry.keys() == keys);
    match (found, schema_node(configuration.schema(), "links", &["link"])) {
        (Some(entry), _) => entry_path(&entry),
        (None, Some(list)) => list_path(list).join(list, keys),
        (None, None) => Path::default(),
    }
}

/// The entry of the link at a place.
pub(crate) fn entry_of(place: &Place, configuration: &Tree, directory: &Directory) -> Path {
    match directory.id_at(place).and_then(|id| directory.link(id)) {
        Some(known) => known.path.clone(),
        None => entry_called(place.ifname.as_str(), configuration),
    }
}

/// The entry of an address, in the spelling of the configuration.
pub(crate) fn address(key: &AddressKey, configuration: &Tree, directory: &Directory) -> Path {
    let place = Place { netns: key.netns.clone(), ifname: key.dev.clone() };
    let link = entry_of(&place, configuration, directory);
    let spelled = addresses(&link, configuration).remove(&key.address);
    address_path(&link, &spelled.unwrap_or_else(|| key.address.to_string()))
}

/// The spellings of the addresses of the link at `link`.
pub(super) fn addresses(link: &Path, configuration: &Tree) -> HashMap<IpNet, String> {
    let children = configuration.node(link).into_iter().flat_map(|entry| entry.children());
    children
        .filter(|child| child.schema().name == "ip")
        .filter_map(|ip| ip.keys().first().map(ToString::to_string))
        .filter_map(|text| Some((text.parse().ok()?, text)))
        .collect()
}

/// The entry of an address of the link at `link`.
pub(crate) fn address_path(link: &Path, text: &str) -> Path {
    let list = link.steps.last().and_then(|step| step.node.child(None, "ip"));
    match list {
        Some(list) => link.join(list, vec![Value::String(text.into())]),
        None => link.clone(),
    }
}

/// The nearest leaf of that name below an instance.
fn find(node: &Node<'_>, path: &Path, leaf: &str) -> Option<Path> {
    let mut containers = Vec::new();
    for child in node.children() {
        let below = path.join(child.schema(), Vec::new());
        match child.schema().kind {
            NodeKind::Leaf if child.schema().name == leaf => return Some(below),
            NodeKind::Container { .. } => containers.push((child, below)),
            NodeKind::Leaf | NodeKind::LeafList | NodeKind::List => {}
        }
    }
    containers.iter().find_map(|(container, below)| find(container, below, leaf))
}
