//! Conflicts: the nodes at which a candidate contradicts commits of others, and the authors of
//! those commits.
//!
//! Finding the author reads the history, file by file. Only the caller waits for the disk. The
//! engine hands out the data and continues.

use yang::{Path, Tree};

use crate::datastore::Version;
use crate::error::{Error, Errors};
use crate::ledger::past::Past;
use crate::ledger::record::HistoryEntry;
use crate::session::merge::{Contradiction, merge};

/// A node that a session and somebody else have changed in different ways.
#[derive(Clone, Debug, PartialEq)]
pub struct Conflict {
    /// The node.
    pub path: Path,
    /// The value that the session saw: `None` if nothing was there, and an empty text if the node
    /// has no value.
    pub base: Option<String>,
    /// The session's value.
    pub ours: Option<String>,
    /// The value in running.
    pub theirs: Option<String>,
    /// The commit that made `theirs`; none if the history does not tell.
    pub by: Option<HistoryEntry>,
}

/// How a candidate contradicts running.
#[derive(Clone, Debug)]
pub struct Conflicts {
    pub(crate) base: Version,
    pub(crate) ours: Tree,
    pub(crate) past: Past,
}

impl Conflicts {
    /// The conflicts, in the order of their paths.
    pub fn list(&self) -> Vec<Conflict> {
        let theirs = &self.past.running().tree;
        let found = merge(&self.base.tree, &self.ours, theirs).err().unwrap_or_default();
        // If others never had the node, they removed an ancestor of it.
        let place =
            |one: &Contradiction| match theirs.node(&one.path).or(self.base.tree.node(&one.path)) {
                Some(_) => one.path.clone(),
                None => one.whole.clone(),
            };
        let by =
            self.past.last_to_change(&found.iter().map(place).collect::<Vec<_>>(), self.base.id);
        let conflict = |(one, by): (&Contradiction, Option<HistoryEntry>)| Conflict {
            base: value_at(&self.base.tree, &one.path),
            ours: value_at(&self.ours, &one.path),
            theirs: value_at(theirs, &one.path),
            path: one.path.clone(),
            by,
        };
        found.iter().zip(by).map(conflict).collect()
    }
}

/// The conflicts between three versions.
pub(crate) fn contradicting(
    found: &[Contradiction],
    base: &Tree,
    ours: &Tree,
    theirs: &Tree,
) -> Errors {
    let conflict = |Contradiction { path, .. }: &Contradiction| Error::Conflict {
        base: value_at(base, path),
        ours: value_at(ours, path),
        theirs: value_at(theirs, path),
        path: path.to_string(),
    };
    Errors::listed(found.iter().map(conflict))
}

/// The value at a path: a leaf's value, an empty text for a node without a value, `None` if nothing
/// is there.
fn value_at(tree: &Tree, path: &Path) -> Option<String> {
    let node = tree.node(path)?;
    Some(node.value().map(ToString::to_string).unwrap_or_default())
}
