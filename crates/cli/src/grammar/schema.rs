//! The names of schema nodes on the command line, and their help texts.

use std::borrow::Cow;

use yang::{NodeKind, Schema, SchemaNode, Type, Value};

/// The name of a node. At the top it is CONTAINER-PREFIX, where PREFIX is the module's name up to its first `-`.
pub(crate) fn name(node: &SchemaNode) -> Cow<'static, str> {
    match node.parent() {
        None => {
            let prefix = node.module.name.split('-').next().unwrap_or_default();
            format!("{}-{prefix}", node.name).into()
        }
        Some(_) => node.name.into(),
    }
}

/// The data nodes below `node`, or at the top, without keys. State nodes are included only on request.
pub(crate) fn children(
    schema: &'static Schema,
    node: Option<&'static SchemaNode>,
    with_state: bool,
) -> Vec<&'static SchemaNode> {
    let nodes = node.map_or(schema.top(), |node| node.children.as_slice());
    let wanted = |node: &&&'static SchemaNode| (node.config || with_state) && !node.is_key();
    nodes.iter().filter(wanted).copied().collect()
}

/// Whether a line that ends at this node does not enter a mode.
pub(crate) fn is_inline(node: &SchemaNode) -> bool {
    match node.kind {
        NodeKind::Container { .. } => false,
        NodeKind::List => {
            node.extension("inline").is_some()
                || !node.children.iter().any(|child| child.config && !child.is_key())
        }
        NodeKind::Leaf | NodeKind::LeafList => true,
    }
}

/// The value of a key that is omitted.
pub(crate) fn key_default(key: &'static SchemaNode) -> Option<Value> {
    key.value(key.extension("key-default")??).ok()
}

/// One line of help about a node: the first sentence of its description, and the values of a leaf.
pub(crate) fn help(node: &SchemaNode) -> String {
    let description = node.description.unwrap_or_default();
    let text = description.split_whitespace().collect::<Vec<_>>().join(" ");
    let end = text.find(". ").map_or(text.len(), |at| at + 1);
    let mut help = text[..end].trim_end_matches('.').to_owned();
    if node.mandatory {
        help += " (mandatory)";
    }
    if !node.config {
        help += " (state)";
    }
    help
}

/// The placeholder for a value of a leaf: its type, range, unit and default.
pub(crate) fn value_help(leaf: &SchemaNode) -> String {
    let mut parts = vec![help(leaf)];
    if let Some(bounds) = leaf.leaf_type.as_ref().and_then(bounds) {
        parts.push(bounds);
    }
    parts.extend(leaf.units.map(str::to_owned));
    let defaults: Vec<String> = leaf.defaults.iter().map(ToString::to_string).collect();
    if !defaults.is_empty() {
        parts.push(format!("default {}", defaults.join(" ")));
    }
    let default = leaf.extension("key-default").flatten();
    parts.extend(default.map(|default| format!("default {default}")));
    parts.retain(|part| !part.is_empty());
    parts.join(", ")
}

/// The placeholder for any value of the type.
pub(crate) fn placeholder(leaf_type: &Type, leaf: &str) -> Option<String> {
    let name = match leaf_type {
        Type::Enumeration(_) | Type::Identityref(_) | Type::Boolean | Type::Empty => return None,
        Type::Integer { .. } => "number",
        Type::Decimal64 { .. } => "decimal",
        Type::Binary => "base64",
        Type::Bits(_) => "bits",
        Type::InstanceIdentifier => "path",
        Type::String { .. } | Type::Leafref { .. } => leaf,
        Type::Union(members) => {
            return members.iter().find_map(|member| placeholder(member, leaf));
        }
    };
    Some(format!("<{name}>"))
}

fn bounds(leaf_type: &Type) -> Option<String> {
    match leaf_type {
        Type::Integer { ranges, .. } => {
            let range = |(low, high): &(i128, i128)| match low == high {
                true => low.to_string(),
                false => format!("{low}..{high}"),
            };
            Some(ranges.iter().map(range).collect::<Vec<_>>().join(" | "))
        }
        Type::Decimal64 { ranges, .. } => {
            let ranges: Vec<String> =
                ranges.iter().map(|(low, high)| format!("{low}..{high}")).collect();
            Some(ranges.join(" | "))
        }
        Type::String { lengths, .. } => {
            let lengths: Vec<String> = lengths
                .iter()
                .filter(|(_, most)| *most < u64::from(u32::MAX))
                .map(|(least, most)| format!("{least}..{most} characters"))
                .collect();
            (!lengths.is_empty()).then(|| lengths.join(" | "))
        }
        Type::Leafref { real, .. } => bounds(real),
        Type::Union(members) => {
            let bounds: Vec<String> = members
                .iter()
                .filter(|member| !matches!(member, Type::Leafref { .. }))
                .filter_map(bounds)
                .collect();
            (!bounds.is_empty()).then(|| bounds.join(" | "))
        }
        Type::Binary
        | Type::Bits(_)
        | Type::Boolean
        | Type::Empty
        | Type::Enumeration(_)
        | Type::Identityref(_)
        | Type::InstanceIdentifier => None,
    }
}
