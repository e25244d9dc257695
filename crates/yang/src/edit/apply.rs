//! Applying an edit to a tree.

use std::ptr;
use std::sync::Arc;

use super::{Content, Edit, EditNode, Operation};
use crate::error::{Error, ErrorTag, Result};
use crate::path::Step;
use crate::schema::{NodeKind, SchemaNode};
use crate::tree::Tree;
use crate::tree::entry::Entry;
use crate::value::Value;

impl Tree {
    /// Applies an RFC 6241 section 7.2 edit. If this fails, the tree is unchanged.
    pub fn edit(&mut self, edit: &Edit) -> Result<()> {
        let mut root = match edit.default_operation {
            Operation::Replace => Arc::default(),
            Operation::None
            | Operation::Merge
            | Operation::Create
            | Operation::Delete
            | Operation::Remove => Arc::clone(&self.root),
        };
        match (&edit.content, edit.default_operation) {
            (Content::Plain(tree), Operation::Merge | Operation::Replace)
                if ptr::eq(tree.schema(), self.schema()) =>
            {
                Entry::merge_shared(&mut root, &tree.root);
            }
            (content, _) => self.apply(&mut root, &content.nodes(), edit.default_operation)?,
        }
        self.root = root;
        Ok(())
    }

    fn apply(&self, root: &mut Arc<Entry>, nodes: &[EditNode], operation: Operation) -> Result<()> {
        let entry = Arc::make_mut(root);
        for node in nodes {
            if !self.schema().has(node.node) || node.node.parent().is_some() {
                let message = format!("{} is not a top-level node of this schema", node.node.name);
                return Err(Error::new(ErrorTag::UnknownElement, message));
            }
            apply(entry, node, operation)?;
        }
        Ok(())
    }
}

/// Applies one node of an edit to the content of the instance above it.
fn apply(above: &mut Entry, edit: &EditNode, inherited: Operation) -> Result<()> {
    let operation = edit.operation.unwrap_or(inherited);
    let keys = match edit.node.kind {
        NodeKind::LeafList => edit.value.as_slice(),
        NodeKind::Container { .. } | NodeKind::List | NodeKind::Leaf => &edit.keys,
    };
    let result = remove_or_check(above, (edit.node, keys), operation)
        .and_then(|goes_on| if goes_on { put(above, (edit, keys), operation) } else { Ok(()) });
    result.map_err(|error| error.below(Step { node: edit.node, keys: keys.into() }))
}

/// Applies an operation to the existing instance. Returns whether there are children to process.
fn remove_or_check(
    above: &mut Entry,
    (node, keys): (&'static SchemaNode, &[Value]),
    operation: Operation,
) -> Result<bool> {
    if !node.config {
        return fault(ErrorTag::InvalidValue, "it is state, which cannot be configured");
    }
    match node.kind {
        NodeKind::List if keys.len() != node.keys.len() => {
            return fault(ErrorTag::MissingElement, "the entry's keys are missing");
        }
        NodeKind::LeafList if keys.is_empty() => {
            return fault(ErrorTag::MissingElement, "the value is missing");
        }
        NodeKind::Container { .. } | NodeKind::List | NodeKind::Leaf | NodeKind::LeafList => {}
    }
    match operation {
        Operation::Delete if !above.has(node, keys) => {
            fault(ErrorTag::DataMissing, "there is no such instance to delete")
        }
        Operation::Create if above.has(node, keys) => {
            fault(ErrorTag::DataExists, "it exists already")
        }
        Operation::Delete | Operation::Remove => {
            above.remove(node, keys);
            Ok(false)
        }
        Operation::Replace => {
            above.remove(node, keys);
            Ok(true)
        }
        Operation::None | Operation::Merge | Operation::Create => Ok(true),
    }
}

/// Creates the instance and continues with the nodes below it.
fn put(above: &mut Entry, (edit, keys): (&EditNode, &[Value]), operation: Operation) -> Result<()> {
    let node = edit.node;
    if node.leaf_type.is_some() {
        return match (&edit.value, operation) {
            (_, Operation::None) => Ok(()),
            (None, _) => fault(ErrorTag::MissingElement, "the value is missing"),
            (Some(value), _) => {
                above.set(node, value.clone());
                Ok(())
            }
        };
    }
    // A container without presence always exists, but may be empty.
    let void = node.kind == NodeKind::Container { presence: false };
    if void && edit.children.is_empty() {
        return Ok(());
    }
    if operation != Operation::Create && !above.has(node, keys) {
        // A node that is named only for a removal below it may be missing, and is not created.
        if edit.operation.is_none() && only_removes(&edit.children) {
            return Ok(());
        }
        if operation == Operation::None && !void {
            return fault(ErrorTag::DataMissing, "there is no such instance");
        }
    }
    let below = above.below(node, &edit.keys);
    for child in &edit.children {
        if child.node.parent().is_none_or(|parent| !ptr::eq(parent, node)) {
            let message = format!("{} does not belong here", child.node.name);
            return fault(ErrorTag::UnknownElement, message);
        }
        if child.node.is_key() {
            return fault(ErrorTag::BadElement, "a key's value cannot change");
        }
        apply(below, child, operation)?;
    }
    above.prune(node);
    Ok(())
}

fn fault<T>(tag: ErrorTag, message: impl Into<String>) -> Result<T> {
    Err(Error::new(tag, message))
}

/// Whether there are nodes, and all of them only `remove`.
fn only_removes(nodes: &[EditNode]) -> bool {
    let removes = |node: &EditNode| match node.operation {
        Some(operation) => operation == Operation::Remove,
        None => only_removes(&node.children),
    };
    !nodes.is_empty() && nodes.iter().all(removes)
}
