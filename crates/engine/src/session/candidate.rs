//! The candidate: each session has its own, a branch of running as the session saw it.
//!
//! A session cannot have decided to remove what it has not seen. The base of its changes is therefore running as of when
//! the session last read it or its candidate: new content, or an edit that removes, says nothing about what others have
//! committed since. A contradiction is settled node by node: the base takes that node from running, and no other.

use yang::{Diff, Edit, Part, Path, Tree};

use crate::datastore::Version;
use crate::session::merge::{Contradiction, graft, merge};

/// A session's private candidate: the running that its changes are changes of, and the session's own version.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    base: Version,
    tree: Tree,
    /// What the session has seen of running. The base may be ahead of it.
    seen: Version,
    /// Running as it was when its contradictions were last shown. They are settled with that: a later change is a contradiction of
    /// its own.
    shown: Option<Version>,
}

/// Whose version of a node is to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The session's own.
    Ours,
    /// That of running.
    Theirs,
}

/// A candidate apart from its session, to try what an edit makes of it.
#[derive(Clone, Debug)]
pub struct Draft {
    pub(crate) candidate: Candidate,
    pub(crate) running: Version,
}

impl Draft {
    /// Edits it as the candidate itself would be.
    pub fn edit(&mut self, edit: &Edit) -> yang::Result<()> {
        self.candidate.edit(edit, &self.running)
    }

    /// What a commit would make running; where it contradicts that, what the session has.
    pub fn merged(&self) -> Tree {
        self.candidate.on(&self.running.tree).unwrap_or_else(|_| self.candidate.tree.clone())
    }
}

impl Candidate {
    /// A candidate without changes.
    pub(crate) fn of(running: Version) -> Candidate {
        let tree = running.tree.clone();
        Candidate { seen: running.clone(), base: running, tree, shown: None }
    }

    pub(crate) fn tree(&self) -> &Tree {
        &self.tree
    }

    /// What its changes are changes of.
    pub(crate) fn base(&self) -> &Version {
        &self.base
    }

    /// Whether the session has changed anything.
    pub(crate) fn changed(&self) -> bool {
        !self.base.tree.diff(&self.tree).is_empty()
    }

    /// Applies an edit, whole or not at all, on top of what others have committed by now; but where it would take
    /// away what the session has not seen of that, on what the session has seen.
    pub(crate) fn edit(&mut self, edit: &Edit, running: &Version) -> yang::Result<()> {
        let mut current = self.clone();
        // The commit reports a contradiction; until then the session edits what it has.
        let _contradiction = current.catch_up(running);
        let before = current.tree.clone();
        current.tree.edit(edit)?;
        if !self.has_seen(edit, running, || before.diff(&current.tree)) {
            current = self.as_seen();
            current.tree.edit(edit)?;
        }
        *self = current;
        Ok(())
    }

    /// Whether the session knows all that an edit takes away: it has seen it, or names it.
    fn has_seen(&self, edit: &Edit, running: &Version, changes: impl Fn() -> Diff) -> bool {
        self.seen.id == running.id
            || changes().parts().iter().all(|part| {
                let Part::Deleted(path, _) = part else { return true };
                let seen = self.seen.tree.subtree(path);
                seen == running.tree.subtree(path) || (seen.is_empty() && !edit.replaces())
            })
    }

    /// The same changes, of what the session has seen.
    fn as_seen(&self) -> Candidate {
        if self.seen.id == self.base.id {
            return self.clone();
        }
        let mut tree = self.seen.tree.clone();
        // It merges and removes, which nothing in a tree of the same schema resists.
        let _resisted = tree.edit(&self.base.tree.diff(&self.tree).to_edit());
        Candidate { base: self.seen.clone(), tree, seen: self.seen.clone(), shown: None }
    }

    /// Takes `content` whole, in place of what the session has seen.
    pub(crate) fn replace(&mut self, content: Tree) {
        *self = Candidate { tree: content, ..Candidate::of(self.seen.clone()) };
    }

    /// The session's changes on top of `running`.
    pub(crate) fn on(&self, running: &Tree) -> Result<Tree, Vec<Contradiction>> {
        merge(&self.base.tree, &self.tree, running)
    }

    /// The session looks at running, which brings in what others have committed. Where that contradicts the
    /// session's own changes, the candidate stays as it is, and the contradictions are returned.
    pub(crate) fn refresh(&mut self, running: &Version) -> Result<(), Vec<Contradiction>> {
        self.catch_up(running)?;
        if self.seen.id < running.id {
            self.seen = running.clone();
        }
        Ok(())
    }

    /// The same without a look.
    fn catch_up(&mut self, running: &Version) -> Result<(), Vec<Contradiction>> {
        if self.base.id < running.id {
            self.tree = self.on(&running.tree)?;
            self.base = running.clone();
            self.shown = None;
        }
        Ok(())
    }

    /// The session is shown how its candidate contradicts `running`.
    pub(crate) fn note_shown(&mut self, running: Version) {
        self.shown = Some(running);
    }

    /// What is settled at a refused commit, or at the latest listing; now, where there was none.
    pub(crate) fn disputed(&self, running: Version) -> Version {
        self.shown.clone().unwrap_or(running)
    }

    /// Settles what contradicts `running` at or below `place`: answers how many contradictions that were, and how
    /// many are left.
    pub(crate) fn settle(&mut self, running: &Version, place: &Path, side: Side) -> (usize, usize) {
        let found = self.on(&running.tree).err().unwrap_or_default();
        let meant: Vec<_> = found.iter().filter(|one| one.path.is_below(place)).collect();
        if meant.is_empty() {
            // A session that has no contradiction here has seen nothing new.
            return (0, found.len());
        }
        for Contradiction { whole, .. } in &meant {
            graft(&mut self.base.tree, whole, &running.tree);
            graft(&mut self.seen.tree, whole, &running.tree);
            if side == Side::Theirs {
                graft(&mut self.tree, whole, &running.tree);
            }
        }
        let settled = meant.len();
        // The session has seen what was in conflict, not what else others have committed.
        let left = self.catch_up(running).err().unwrap_or_default().len();
        (settled, left)
    }

    /// The session's changes are committed: it knows these, and nothing of what they were merged with.
    pub(crate) fn committed(&mut self) {
        self.seen.tree = self.as_seen().tree;
        self.base.tree = self.tree.clone();
        self.shown = None;
    }
}
