//! An edit: a tree of nodes with operations (RFC 6241 section 7.2).

mod apply;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::ptr;

use crate::path::{Keys, Path};
use crate::schema::{NodeKind, SchemaNode};
use crate::tree::Tree;
use crate::tree::entry::{self, Entry, Slot};
use crate::value::Value;

/// The changes for a tree.
#[derive(Clone, Debug)]
pub struct Edit {
    /// The `default-operation`: merge, replace or none.
    pub default_operation: Operation,
    pub(crate) content: Content,
}

/// The nodes of an edit.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// Configuration instances without their own operations. Large edits have this form, and a tree merges the
    /// instances directly.
    Plain(Tree),
    /// The top-level nodes, in the order of their execution.
    Nodes(Vec<EditNode>),
}

/// One node of an edit.
#[derive(Clone, Debug)]
pub(crate) struct EditNode {
    pub(crate) node: &'static SchemaNode,
    /// The `operation` attribute, if there is one.
    pub(crate) operation: Option<Operation>,
    /// The keys of a list entry.
    pub(crate) keys: Keys,
    /// The value of a leaf or leaf-list entry. Absent if a leaf is to be deleted.
    pub(crate) value: Option<Value>,
    /// The children of a container or list entry, without its keys.
    pub(crate) children: Vec<EditNode>,
}

/// RFC 6241 section 7.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "named by the RFC")]
pub enum Operation {
    None,
    Merge,
    Replace,
    Create,
    Delete,
    Remove,
}

impl Operation {
    /// The name in the RFC.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Operation::None => "none",
            Operation::Merge => "merge",
            Operation::Replace => "replace",
            Operation::Create => "create",
            Operation::Delete => "delete",
            Operation::Remove => "remove",
        }
    }
}

impl Edit {
    /// An edit with one operation on one instance. `value` is for a leaf. The nodes above are merged.
    pub fn one(path: &Path, operation: Operation, value: Option<Value>) -> Edit {
        Edit::single(path, Some(operation), value, Vec::new())
    }

    /// An edit that merges one instance with its content. Several such edits share their common list entries.
    pub(crate) fn merging(path: &Path, value: Option<Value>, content: &Entry) -> Edit {
        Edit::single(path, None, value, content.slots().iter().flat_map(edit_nodes).collect())
    }

    fn single(
        path: &Path,
        mut operation: Option<Operation>,
        mut value: Option<Value>,
        mut nodes: Vec<EditNode>,
    ) -> Edit {
        for step in path.steps.iter().rev() {
            let in_path = match step.node.kind {
                NodeKind::LeafList => step.keys.first().cloned(),
                NodeKind::Container { .. } | NodeKind::List | NodeKind::Leaf => None,
            };
            nodes = vec![EditNode {
                node: step.node,
                operation: operation.take(),
                keys: if in_path.is_none() { step.keys.clone() } else { Keys::default() },
                value: value.take().or(in_path),
                children: nodes,
            }];
        }
        Edit::of(Operation::Merge, nodes)
    }

    pub(crate) fn of(default_operation: Operation, nodes: Vec<EditNode>) -> Edit {
        Edit { default_operation, content: Content::Nodes(nodes) }
    }

    /// Whether it removes nodes that it does not name.
    pub fn replaces(&self) -> bool {
        fn any(nodes: &[EditNode]) -> bool {
            let replaces = |node: &EditNode| node.operation == Some(Operation::Replace);
            nodes.iter().any(|node| replaces(node) || any(&node.children))
        }
        let named = match &self.content {
            Content::Plain(_) => false,
            Content::Nodes(nodes) => any(nodes),
        };
        named || self.default_operation == Operation::Replace
    }

    /// Both edits in one. The operations of `other` come second.
    pub fn and(self, other: Edit) -> Edit {
        use Operation::{Merge, None, Replace};
        let mut default_operation = self.default_operation;
        let (mut nodes, mut more) = (self.content.into_nodes(), other.content.into_nodes());
        match (default_operation, other.default_operation) {
            (a, b) if a == b => {}
            // It replaces everything.
            (_, Replace) => return Edit::of(Replace, more),
            // `none` is not a value of the attribute (RFC 6241 section 7.2), so it must be the default operation.
            (Merge, None) => {
                explicit(&mut nodes, Merge);
                default_operation = None;
            }
            (_, operation) => explicit(&mut more, operation),
        }
        more.into_iter().for_each(|node| append(&mut nodes, node));
        Edit::of(default_operation, nodes)
    }
}

impl Content {
    pub(crate) fn into_nodes(self) -> Vec<EditNode> {
        match self {
            Content::Plain(tree) => nodes_of(&tree),
            Content::Nodes(nodes) => nodes,
        }
    }

    pub(crate) fn nodes(&self) -> Cow<'_, [EditNode]> {
        match self {
            Content::Plain(tree) => nodes_of(tree).into(),
            Content::Nodes(nodes) => nodes.into(),
        }
    }
}

impl PartialEq for Edit {
    fn eq(&self, other: &Self) -> bool {
        self.default_operation == other.default_operation
            && match (&self.content, &other.content) {
                (Content::Plain(a), Content::Plain(b)) => a == b,
                (a, b) => a.nodes() == b.nodes(),
            }
    }
}

/// Sets the operation of the nodes without their own operation.
fn explicit(nodes: &mut [EditNode], operation: Operation) {
    for node in nodes {
        node.operation = node.operation.or(Some(operation));
    }
}

impl PartialEq for EditNode {
    fn eq(&self, other: &Self) -> bool {
        ptr::eq(self.node, other.node)
            && self.operation == other.operation
            && self.keys == other.keys
            && self.value == other.value
            && self.children == other.children
    }
}

/// Adds `node` after `nodes`, or merges it into the last of them if that is the same instance with the same
/// operation. A series of edits is then as small as a single edit.
fn append(nodes: &mut Vec<EditNode>, node: EditNode) {
    match nodes.last_mut() {
        Some(last)
            if ptr::eq(last.node, node.node)
                && last.keys == node.keys
                && last.operation == node.operation
                && matches!(node.operation, None | Some(Operation::Merge | Operation::None))
                && matches!(node.node.kind, NodeKind::Container { .. } | NodeKind::List) =>
        {
            node.children.into_iter().for_each(|child| append(&mut last.children, child));
        }
        _ => nodes.push(node),
    }
}

impl Tree {
    /// The edit that merges this tree.
    pub fn to_edit(&self) -> Edit {
        Edit::of(Operation::Merge, nodes_of(self))
    }
}

fn nodes_of(tree: &Tree) -> Vec<EditNode> {
    tree.root.slots().iter().flat_map(edit_nodes).collect()
}

fn edit_nodes(slot: &Slot) -> Vec<EditNode> {
    let none = Keys::default();
    let bare = |keys: &Keys, value: Option<&Value>, entry: Option<&Entry>| EditNode {
        node: slot.node,
        operation: None,
        keys: keys.clone(),
        value: value.cloned(),
        children: entry.map_or(&[][..], Entry::slots).iter().flat_map(edit_nodes).collect(),
    };
    match &slot.content {
        entry::Content::Leaf(value) => vec![bare(&none, Some(value), None)],
        entry::Content::LeafList(values) => {
            values.iter().map(|(value, ())| bare(&none, Some(value), None)).collect()
        }
        entry::Content::Container(entry) => vec![bare(&none, None, Some(entry))],
        entry::Content::List(entries) => {
            entries.iter().map(|(keys, entry)| bare(keys, None, Some(entry))).collect()
        }
    }
}
