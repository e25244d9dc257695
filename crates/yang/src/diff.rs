//! What differs between two trees.

use std::sync::Arc;

use crate::edit::{Edit, Operation};
use crate::entry::{Content, Entry, Slot};
use crate::keys::Keys;
use crate::path::{Path, Step};
use crate::tree::{Node, Tree, instance_keys};
use crate::value::Value;
use crate::xml::EditWriter;

/// The changes from one tree to another, in path order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Diff {
    /// The changes.
    pub changes: Vec<Change>,
}

/// One change. A container or list entry that appears or goes is one change for itself and one for
/// each node below it, but for the keys, which its path tells.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// The instance appears; of a leaf, with its value.
    Created(Path, Option<Value>),
    /// The leaf has another value: before, after.
    Replaced(Path, Value, Value),
    /// The instance goes; of a leaf, with the value it had.
    Deleted(Path, Option<Value>),
}

impl Diff {
    /// Whether the trees are equal.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The edit that makes these changes. It merges what appears and removes what goes, so that it also
    /// applies where somebody else has done the same.
    pub fn to_edit(&self) -> Edit {
        let mut edit = Edit::of(Operation::Merge, Vec::new());
        let mut gone: Option<&Path> = None;
        for change in &self.changes {
            let next = match change {
                Change::Created(path, value) => Edit::merging(path, value.clone()),
                Change::Replaced(path, _, value) => Edit::merging(path, Some(value.clone())),
                // What is below goes with it.
                Change::Deleted(path, _) if gone.is_some_and(|gone| path.is_below(gone)) => {
                    continue;
                }
                Change::Deleted(path, value) => {
                    gone = Some(path);
                    Edit::one(path, Operation::Remove, value.clone())
                }
            };
            edit = edit.and(next);
        }
        edit
    }

    /// The same edit as XML, the content of `<config>`.
    pub fn to_xml(&self) -> String {
        self.written(|change| match change {
            Change::Created(path, value) => Effect::Set(path, value.as_ref()),
            Change::Replaced(path, _, value) => Effect::Set(path, Some(value)),
            Change::Deleted(path, value) => Effect::Remove(path, value.as_ref()),
        })
    }

    /// The edit that takes these changes back, as XML.
    pub fn to_xml_back(&self) -> String {
        self.written(|change| match change {
            Change::Deleted(path, value) => Effect::Set(path, value.as_ref()),
            Change::Replaced(path, value, _) => Effect::Set(path, Some(value)),
            Change::Created(path, value) => Effect::Remove(path, value.as_ref()),
        })
    }

    fn written<'a>(&'a self, effect: impl Fn(&'a Change) -> Effect<'a>) -> String {
        let mut edit = EditWriter::default();
        let mut gone: Option<&Path> = None;
        for effect in self.changes.iter().map(effect) {
            let (Effect::Set(path, value) | Effect::Remove(path, value)) = effect;
            let Some((last, above)) = path.steps.split_last() else { continue };
            match (effect, value) {
                (Effect::Set(..), None) => edit.go(&path.steps),
                (Effect::Set(..), Some(value)) => {
                    edit.go(above);
                    edit.set(last.node, value);
                }
                // What is below goes with it.
                (Effect::Remove(..), _) if gone.is_some_and(|gone| path.is_below(gone)) => {}
                (Effect::Remove(..), value) => {
                    gone = Some(path);
                    edit.go(above);
                    edit.remove(last, value);
                }
            }
        }
        edit.finish()
    }
}

/// What an edit does about a change.
#[derive(Clone, Copy)]
enum Effect<'a> {
    Set(&'a Path, Option<&'a Value>),
    Remove(&'a Path, Option<&'a Value>),
}

impl Change {
    /// Where it is.
    pub fn path(&self) -> &Path {
        match self {
            Change::Created(path, _) | Change::Replaced(path, ..) | Change::Deleted(path, _) => {
                path
            }
        }
    }
}

impl Tree {
    /// What is to change in this tree to make it `newer`. Shared structure is not visited.
    pub fn diff(&self, newer: &Tree) -> Diff {
        let mut walk = Walk { path: Path::default(), changes: Vec::new() };
        if !Arc::ptr_eq(&self.root, &newer.root) {
            walk.entries(&self.root, &newer.root);
        }
        Diff { changes: walk.changes }
    }
}

struct Walk {
    path: Path,
    changes: Vec<Change>,
}

impl Walk {
    fn entries(&mut self, old: &Entry, new: &Entry) {
        let (mut left, mut right) = (old.slots(), new.slots());
        loop {
            let order = match (left.first(), right.first()) {
                (Some(a), Some(b)) => a.node.index().cmp(&b.node.index()),
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (None, None) => return,
            };
            if order.is_le() && order.is_ge() {
                if let (Some(old), Some(new)) = (left.first(), right.first()) {
                    self.slots(old, new);
                }
            } else if order.is_lt() {
                left[0].instances().for_each(|node| self.whole(&node, Change::Deleted));
            } else {
                right[0].instances().for_each(|node| self.whole(&node, Change::Created));
            }
            left = &left[usize::from(order.is_le())..];
            right = &right[usize::from(order.is_ge())..];
        }
    }

    fn slots(&mut self, old: &Slot, new: &Slot) {
        if old.content.shares(&new.content) {
            return;
        }
        let node = old.node;
        match (&old.content, &new.content) {
            (Content::Leaf(old), Content::Leaf(new)) if old != new => {
                let path = self.path.join(node, Vec::new());
                self.changes.push(Change::Replaced(path, old.clone(), new.clone()));
            }
            (Content::LeafList(old), Content::LeafList(new)) => {
                old.diff(new, |(value, was, _)| {
                    let change = if was.is_some() { Change::Deleted } else { Change::Created };
                    self.whole(&Node::LeafListEntry(node, value), change);
                });
            }
            (Content::Container(old), Content::Container(new)) => {
                self.below(Step { node, keys: Keys::default() }, old, new);
            }
            (Content::List(old), Content::List(new)) => {
                old.diff(new, |(keys, old, new)| match (old, new) {
                    (Some(old), Some(new)) => {
                        self.below(Step { node, keys: keys.clone() }, old, new);
                    }
                    (Some(old), None) => {
                        self.whole(&Node::ListEntry(node, keys, old), Change::Deleted);
                    }
                    (None, Some(new)) => {
                        self.whole(&Node::ListEntry(node, keys, new), Change::Created);
                    }
                    (None, None) => {}
                });
            }
            // Equal leaves; and the two slots are of one node, so that they hold the same kind of content.
            (
                Content::Leaf(_) | Content::LeafList(_) | Content::Container(_) | Content::List(_),
                _,
            ) => {}
        }
    }

    fn below(&mut self, step: Step, old: &Entry, new: &Entry) {
        self.path.steps.push(step);
        self.entries(old, new);
        self.path.steps.pop();
    }

    /// The instance and all that is below it appears, or goes.
    fn whole(&mut self, node: &Node<'_>, change: fn(Path, Option<Value>) -> Change) {
        self.path.steps.push(Step { node: node.schema(), keys: instance_keys(node) });
        self.changes.push(change(self.path.clone(), node.value().cloned()));
        if let Some(entry) = node.entry() {
            let below = entry.slots().iter().flat_map(Slot::instances);
            below.for_each(|node| self.whole(&node, change));
        }
        self.path.steps.pop();
    }
}
