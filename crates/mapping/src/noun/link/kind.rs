//! The kind of link that an entry creates, and the place of that kind's attributes in the schema.
//!
//! The schema contains this as extensions: `kind` on a list whose entries have one kind, and on the
//! container with a kind's attributes. If these name several kinds, a leaf of the container selects
//! one (`selects-kind`). In list `link` it is the leaf `type`. A new kind therefore needs no line
//! here.

use std::net::IpAddr;

use netstate::LinkKind;
use netstate::link::{AttributesOf, KindAttributes};
use yang::{Error, Node, NodeKind, Path, Schema, SchemaNode, Tree, Type};

use crate::instances::{below, schema_node};

/// The kind of link that an entry creates, without attributes. None if the link exists already. The
/// end of a pair without a type has the type of the other end, which an entry does not know.
pub(super) fn of_entry(entry: &Node<'_>) -> Option<LinkKind> {
    let mut of_list = kinds(entry.schema());
    if let Some(first) = of_list.next() {
        let selected = selected(entry).filter(|name| of_list.any(|other| other == name));
        return Some(LinkKind::named(selected.as_deref().unwrap_or(first)));
    }
    let identity = entry.leaf("type")?.to_string();
    Some(LinkKind::named(without_module(&identity)))
}

/// The kinds that the extension `kind` names.
pub(super) fn kinds(node: &SchemaNode) -> impl Iterator<Item = &'static str> + use<> {
    node.extension("kind").flatten().unwrap_or_default().split_whitespace()
}

/// The kind that the container of an entry selects.
fn selected(entry: &Node<'_>) -> Option<String> {
    let (container, _) = containers(entry).next()?;
    let leaf = selecting(container.schema())?;
    Some(container.child(leaf.name)?.value()?.to_string())
}

/// The leaf of a container that selects one of its kinds.
fn selecting(container: &SchemaNode) -> Option<&'static SchemaNode> {
    container.children.iter().find(|leaf| leaf.extension("selects-kind").is_some()).copied()
}

/// The list of links for a link of that kind, unless an entry configures it.
pub(super) fn list_for(
    schema: &'static Schema,
    kind: Option<&LinkKind>,
) -> Option<&'static SchemaNode> {
    let links = schema.top_node(None, "links")?;
    let name = kind.map_or("", LinkKind::name);
    let is_for = |list: &&&SchemaNode| kinds(list).any(|of_list| of_list == name);
    let own = links.children.iter().find(is_for).copied();
    own.or_else(|| schema_node(schema, "links", &["link"]))
}

/// The types in list `link` that Netloom can create, as a user writes them.
pub(super) fn made_types(list: &SchemaNode) -> Vec<String> {
    let is_type = |kind: &LinkKind| identity(list, kind.name()).is_some();
    LinkKind::all().filter(is_type).map(|kind| kind.name().to_owned()).collect()
}

/// The identity with that name that the list's leaf `type` accepts.
pub(super) fn identity(list: &SchemaNode, name: &str) -> Option<String> {
    match &list.child(None, "type")?.leaf_type {
        Some(Type::Identityref(known)) => {
            known.iter().find(|identity| without_module(identity) == name).cloned()
        }
        Some(_) | None => None,
    }
}

/// An identity's name.
pub(super) fn without_module(identity: &str) -> &str {
    identity.rsplit_once(':').map_or(identity, |(_, name)| name)
}

/// The containers of an entry with attributes of kinds, each with the names of its kinds.
pub(super) fn containers<'n>(
    entry: &Node<'n>,
) -> impl Iterator<Item = (Node<'n>, Vec<&'static str>)> {
    let of_kinds = |node: Node<'n>| {
        let kinds: Vec<&'static str> = kinds_of_container(node.schema()).collect();
        (!kinds.is_empty()).then_some((node, kinds))
    };
    entry.children().filter_map(of_kinds)
}

/// The kind with the attributes from its container in an entry. An error names the container and
/// the leaf.
pub(super) fn read(
    kind: &LinkKind,
    entry: &Node<'_>,
) -> Result<LinkKind, (Vec<&'static str>, String)> {
    let container = containers(entry).find(|(_, kinds)| kinds.contains(&kind.name()));
    let Some((container, _)) = container else { return Ok(kind.clone()) };
    container.deserialize_seed(AttributesOf(kind.name())).map_err(|error| {
        let schema = container.schema();
        let leaf = error.path.as_deref().and_then(|path| path.rsplit('/').next());
        let leaf = leaf.and_then(|leaf| schema.child(None, leaf)).map(|leaf| leaf.name);
        ([schema.name].into_iter().chain(leaf).collect(), error.message)
    })
}

/// The leaf that names the link below, in the container of the kind or in the entry itself.
pub(super) fn link_below(list: &SchemaNode, kind: &str) -> Option<[&'static str; 2]> {
    let container = attributes(list, kind)?;
    let leaf = container.children.iter().find(|leaf| leaf.extension("link-below").is_some())?;
    Some([container.name, leaf.name])
}

/// The leaf that names a port of the link, in the container of the kind.
pub(super) fn named_port(list: &SchemaNode, kind: &str) -> Option<[&'static str; 2]> {
    let container = attributes(list, kind)?;
    let leaf = container.children.iter().find(|leaf| leaf.extension("port").is_some())?;
    Some([container.name, leaf.name])
}

/// The leaf of an attribute in the container of the kind.
pub(super) fn leaf(list: &SchemaNode, kind: &str, attribute: &str) -> Option<[&'static str; 2]> {
    let container = attributes(list, kind)?;
    let is_of = |leaf: &&&'static SchemaNode| {
        leaf.extension("field").flatten().unwrap_or(leaf.name) == attribute
    };
    Some([container.name, container.children.iter().find(is_of)?.name])
}

/// Writes the attributes of a link's kind into the entry at `entry`, as far as its list has them.
/// An unspecified address means that there is none.
pub(super) fn write(kind: &LinkKind, entry: &Path, tree: &mut Tree) -> Result<(), Error> {
    let list = entry.steps.last().map(|step| step.node);
    let Some(container) = list.and_then(|list| attributes(list, kind.name())) else {
        return Ok(());
    };
    let path = below(entry, &[container.name]);
    tree.serialize(&path, &KindAttributes(kind))?;
    if let Some(leaf) = selecting(container) {
        tree.set(&path.join(leaf, Vec::new()), leaf.value(kind.name())?)?;
    }
    for leaf in container.children.iter().filter(|leaf| leaf.kind == NodeKind::Leaf) {
        let at = path.join(leaf, Vec::new());
        let text = tree.node(&at).and_then(|node| Some(node.value()?.to_string()));
        let Some(address) = text.as_ref().and_then(|text| text.parse::<IpAddr>().ok()) else {
            continue;
        };
        let multicast = leaf.extension("multicast-leaf").flatten();
        let multicast = multicast.filter(|_| address.is_multicast());
        if address.is_unspecified() || multicast.is_some() {
            tree.remove(&at)?;
        }
        if let (Some(sibling), Some(text)) = (multicast, text) {
            let sibling = below(&path, &[sibling]);
            if let Some(node) = sibling.steps.last().map(|step| step.node) {
                tree.set(&sibling, node.value(&text)?)?;
            }
        }
    }
    Ok(())
}

fn attributes(list: &SchemaNode, kind: &str) -> Option<&'static SchemaNode> {
    let is_for = |child: &&&SchemaNode| kinds_of_container(child).any(|name| name == kind);
    list.children.iter().find(is_for).copied()
}

/// The kinds of the attributes in a container.
fn kinds_of_container(node: &SchemaNode) -> impl Iterator<Item = &'static str> + use<> {
    let is_container = matches!(node.kind, NodeKind::Container { .. });
    kinds(node).filter(move |_| is_container)
}
