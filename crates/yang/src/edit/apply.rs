//! Applying an edit to a tree.

use std::ptr;
use std::sync::Arc;

use super::{Edit, EditNode, Operation};
use crate::entry::Entry;
use crate::error::{Error, ErrorTag, Result};
use crate::path::{Path, Step};
use crate::schema::NodeKind;
use crate::tree::Tree;

impl Tree {
    /// Applies an RFC 6241 section 7.2 edit; on error the tree is as it was.
    pub fn edit(&mut self, edit: &Edit) -> Result<()> {
        let mut root = match edit.default_operation {
            Operation::Replace => Arc::default(),
            Operation::None
            | Operation::Merge
            | Operation::Create
            | Operation::Delete
            | Operation::Remove => Arc::clone(&self.root),
        };
        let mut path = Path::default();
        let entry = Arc::make_mut(&mut root);
        for node in &edit.nodes {
            if !self.schema().has(node.node) || node.node.parent().is_some() {
                let message = format!("{} is no top-level node of this schema", node.node.name);
                return Err(Error::new(ErrorTag::UnknownElement, message));
            }
            apply(entry, node, edit.default_operation, &mut path)?;
        }
        self.root = root;
        Ok(())
    }
}

/// Applies one node of an edit below the instance at `path`, whose content is `entry`.
fn apply(entry: &mut Entry, edit: &EditNode, inherited: Operation, path: &mut Path) -> Result<()> {
    let keys = match edit.node.kind {
        NodeKind::LeafList => edit.value.iter().cloned().collect(),
        NodeKind::Container { .. } | NodeKind::List | NodeKind::Leaf => edit.keys.clone(),
    };
    path.steps.push(Step { node: edit.node, keys });
    let result = apply_at(entry, edit, edit.operation.unwrap_or(inherited), path);
    // The place of a fault was taken down where it was found.
    path.steps.pop();
    result
}

fn apply_at(
    entry: &mut Entry,
    edit: &EditNode,
    operation: Operation,
    path: &mut Path,
) -> Result<()> {
    let node = edit.node;
    let fault = |tag, message: &str, path: &Path| Err(Error::new(tag, message).at(path));
    let keys = match path.steps.last() {
        Some(step) => step.keys.clone(),
        None => Vec::new(),
    };
    if !node.config {
        return fault(ErrorTag::InvalidValue, "it is state, which cannot be configured", path);
    }
    match node.kind {
        NodeKind::List if keys.len() != node.keys.len() => {
            return fault(ErrorTag::MissingElement, "the entry's keys are missing", path);
        }
        NodeKind::LeafList if keys.is_empty() => {
            return fault(ErrorTag::MissingElement, "the value is missing", path);
        }
        NodeKind::Container { .. } | NodeKind::List | NodeKind::Leaf | NodeKind::LeafList => {}
    }
    let exists = entry.slot(node).and_then(|slot| slot.instance(&keys)).is_some();
    match operation {
        Operation::Delete if !exists => {
            return fault(ErrorTag::DataMissing, "there is no such instance to delete", path);
        }
        Operation::Create if exists => {
            return fault(ErrorTag::DataExists, "it exists already", path);
        }
        Operation::Delete | Operation::Remove => {
            entry.remove(node, &keys);
            return Ok(());
        }
        Operation::Replace => _ = entry.remove(node, &keys),
        Operation::None | Operation::Merge | Operation::Create => {}
    }
    match node.kind {
        NodeKind::Leaf | NodeKind::LeafList => match (&edit.value, operation) {
            (_, Operation::None) => Ok(()),
            (Some(value), _) => {
                entry.set(node, value.clone());
                Ok(())
            }
            (None, _) => fault(ErrorTag::MissingElement, "the value is missing", path),
        },
        NodeKind::Container { .. } | NodeKind::List => {
            // What is named only to reach a removal need not be there, and is not made.
            if !exists && edit.operation.is_none() && only_removes(&edit.children) {
                return Ok(());
            }
            // A container without presence is always there, only perhaps empty.
            let void = node.kind == NodeKind::Container { presence: false };
            if operation == Operation::None && !exists && !void {
                return fault(ErrorTag::DataMissing, "there is no such instance", path);
            }
            if void && edit.children.is_empty() {
                return Ok(());
            }
            let below = entry.below(node, &keys);
            for child in &edit.children {
                let follows = child.node.parent().is_some_and(|parent| ptr::eq(parent, node));
                if !follows {
                    let message = format!("{} does not belong here", child.node.name);
                    return fault(ErrorTag::UnknownElement, &message, path);
                }
                if child.node.is_key() {
                    return fault(ErrorTag::BadElement, "a key's value cannot change", path);
                }
                apply(below, child, operation, path)?;
            }
            entry.prune(node);
            Ok(())
        }
    }
}

/// Whether these nodes, of which there are some, do nothing but `remove`.
fn only_removes(nodes: &[EditNode]) -> bool {
    let removes = |node: &EditNode| match node.operation {
        Some(operation) => operation == Operation::Remove,
        None => only_removes(&node.children),
    };
    !nodes.is_empty() && nodes.iter().all(removes)
}
