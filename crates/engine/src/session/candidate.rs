//! The candidate: each session has its own, a branch of running as the session has seen it.
//!
//! A session can decide to remove only what it has seen. Therefore the base of its changes is
//! running at the time when the session last read it or its candidate. New content, or an edit that
//! removes nodes, does not affect later commits of others. A conflict is resolved node by node: the
//! base takes that node from running, and no other.

use yang::{Diff, Edit, Part, Path, Tree};

use crate::datastore::Version;
use crate::session::merge::{Contradiction, merge, replace_subtree};

/// A session's private candidate: the base of its changes, and the session's own version.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    base: Version,
    tree: Tree,
    /// The running that the session has seen. The base may be newer.
    seen: Version,
    /// The running with which conflicts were last shown. They are resolved with it: a later change
    /// is a new conflict.
    shown: Option<Version>,
}

/// The side of a conflict that wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The session's version.
    Ours,
    /// The version in running.
    Theirs,
}

/// A copy of a candidate, to try edits on.
#[derive(Clone, Debug)]
pub struct Draft {
    pub(crate) candidate: Candidate,
    pub(crate) running: Version,
}

impl Draft {
    /// Edits it in the same way as the candidate.
    pub fn edit(&mut self, edit: &Edit) -> yang::Result<()> {
        self.candidate.edit(edit, &self.running)
    }

    /// The result of a commit; if there are conflicts, the session's own version.
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

    /// The base of its changes.
    pub(crate) fn base(&self) -> &Version {
        &self.base
    }

    /// Whether the session has changed anything.
    pub(crate) fn changed(&self) -> bool {
        !self.base.tree.diff(&self.tree).is_empty()
    }

    /// Applies an edit completely or not at all. It applies to the candidate merged with the
    /// commits of others. But if the edit would remove a part of those commits that the session has
    /// not seen, it applies to what the session has seen.
    pub(crate) fn edit(&mut self, edit: &Edit, running: &Version) -> yang::Result<()> {
        let mut current = self.clone();
        // The commit reports a conflict. Until then the session edits its own version.
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

    /// Whether the session knows everything that an edit removes: it has seen it, or it names it.
    fn has_seen(&self, edit: &Edit, running: &Version, changes: impl Fn() -> Diff) -> bool {
        self.seen.id == running.id
            || changes().parts().iter().all(|part| {
                let Part::Deleted(path, _) = part else { return true };
                let seen = self.seen.tree.subtree(path);
                seen == running.tree.subtree(path) || (seen.is_empty() && !edit.replaces())
            })
    }

    /// The same changes, applied to what the session has seen.
    fn as_seen(&self) -> Candidate {
        if self.seen.id == self.base.id {
            return self.clone();
        }
        let mut tree = self.seen.tree.clone();
        // The edit only merges and removes, which cannot fail in a tree of the same schema.
        let _resisted = tree.edit(&self.base.tree.diff(&self.tree).to_edit());
        Candidate { base: self.seen.clone(), tree, seen: self.seen.clone(), shown: None }
    }

    /// Replaces the whole content, based on what the session has seen.
    pub(crate) fn replace(&mut self, content: Tree) {
        *self = Candidate { tree: content, ..Candidate::of(self.seen.clone()) };
    }

    /// The session's changes merged into `running`.
    pub(crate) fn on(&self, running: &Tree) -> Result<Tree, Vec<Contradiction>> {
        merge(&self.base.tree, &self.tree, running)
    }

    /// The session reads running, which merges the commits of others. If there are conflicts, the
    /// candidate does not change, and the conflicts are returned.
    pub(crate) fn refresh(&mut self, running: &Version) -> Result<(), Vec<Contradiction>> {
        self.catch_up(running)?;
        if self.seen.id < running.id {
            self.seen = running.clone();
        }
        Ok(())
    }

    /// The same, but it does not count as reading.
    fn catch_up(&mut self, running: &Version) -> Result<(), Vec<Contradiction>> {
        if self.base.id < running.id {
            self.tree = self.on(&running.tree)?;
            self.base = running.clone();
            self.shown = None;
        }
        Ok(())
    }

    /// Notes that the conflicts with `running` were shown to the session.
    pub(crate) fn note_shown(&mut self, running: Version) {
        self.shown = Some(running);
    }

    /// The running with which conflicts are resolved: the one that was last shown, or the current
    /// one if none was.
    pub(crate) fn disputed(&self, running: Version) -> Version {
        self.shown.clone().unwrap_or(running)
    }

    /// Resolves the conflicts with `running` at or below `place`. Returns how many there were, and
    /// how many are left.
    pub(crate) fn settle(&mut self, running: &Version, place: &Path, side: Side) -> (usize, usize) {
        let found = self.on(&running.tree).err().unwrap_or_default();
        let meant: Vec<_> = found.iter().filter(|one| one.path.is_below(place)).collect();
        if meant.is_empty() {
            // Without a conflict here, the session has seen nothing new.
            return (0, found.len());
        }
        for Contradiction { whole, .. } in &meant {
            replace_subtree(&mut self.base.tree, whole, &running.tree);
            replace_subtree(&mut self.seen.tree, whole, &running.tree);
            if side == Side::Theirs {
                replace_subtree(&mut self.tree, whole, &running.tree);
            }
        }
        let settled = meant.len();
        // The session has seen the conflict, but no other commits of others.
        let left = self.catch_up(running).err().unwrap_or_default().len();
        (settled, left)
    }

    /// Notes that the session's changes are committed. It has seen these, but not what they were
    /// merged with.
    pub(crate) fn committed(&mut self) {
        self.seen.tree = self.as_seen().tree;
        self.base.tree = self.tree.clone();
        self.shown = None;
    }
}
