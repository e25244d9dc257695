//! Conflicts: where a session's candidate contradicts what others have committed, and who they are.
//!
//! To find who it was, the history is read back, file by file. Whoever wants to know waits for the disk; the engine hands
//! out what is needed and goes on.

use yang::{Path, Tree};

use crate::datastore::Version;
use crate::error::{Error, Errors};
use crate::ledger::past::Past;
use crate::ledger::record::HistoryEntry;
use crate::session::merge::{Contradiction, merge};

/// A node that a session and somebody else have changed, each in another way.
#[derive(Clone, Debug, PartialEq)]
pub struct Conflict {
    /// Where.
    pub path: Path,
    /// What the session saw: none where nothing was there, and no text where a node has no value.
    pub base: Option<String>,
    /// What the session makes of it.
    pub ours: Option<String>,
    /// What is running.
    pub theirs: Option<String>,
    /// The commit that made that; none where the history does not say.
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
    /// Each of them, in the order of the paths.
    pub fn list(&self) -> Vec<Conflict> {
        let theirs = &self.past.running().tree;
        let found = merge(&self.base.tree, &self.ours, theirs).err().unwrap_or_default();
        // What others never had is in conflict because they removed what it is in.
        let place =
            |one: &Contradiction| match theirs.node(&one.path).or(self.base.tree.node(&one.path)) {
                Some(_) => one.path.clone(),
                None => one.whole.clone(),
            };
        let by =
            self.past.last_to_change(&found.iter().map(place).collect::<Vec<_>>(), self.base.id);
        let conflict = |(one, by): (&Contradiction, Option<HistoryEntry>)| Conflict {
            base: standing(&self.base.tree, &one.path),
            ours: standing(&self.ours, &one.path),
            theirs: standing(theirs, &one.path),
            path: one.path.clone(),
            by,
        };
        found.iter().zip(by).map(conflict).collect()
    }
}

/// What contradicts what, of three versions.
pub(crate) fn contradicting(
    found: &[Contradiction],
    base: &Tree,
    ours: &Tree,
    theirs: &Tree,
) -> Errors {
    let conflict = |Contradiction { path, .. }: &Contradiction| Error::Conflict {
        base: standing(base, path),
        ours: standing(ours, path),
        theirs: standing(theirs, path),
        path: path.to_string(),
    };
    Errors(found.iter().map(conflict).collect())
}

/// What is at a path: a leaf's value, no text for what has none, none where nothing is.
fn standing(tree: &Tree, path: &Path) -> Option<String> {
    let node = tree.node(path)?;
    Some(node.value().map(ToString::to_string).unwrap_or_default())
}
