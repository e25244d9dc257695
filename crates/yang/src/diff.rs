//! What differs between two trees.

use crate::edit::Edit;
use crate::path::Path;
use crate::value::Value;

/// The changes from one tree to another, in path order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Diff {
    /// The changes.
    pub changes: Vec<Change>,
}

/// One change. A container or list entry that appears or goes is one change for itself and one for
/// each node below it.
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

    /// The edit that makes these changes.
    pub fn to_edit(&self) -> Edit {
        todo!()
    }
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
