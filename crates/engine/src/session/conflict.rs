//! Conflicts: where a session's candidate contradicts what others have committed, and who they are.
//!
//! Who it was takes a walk back through the history, that is, reading files. Whoever wants to know waits for the disk;
//! the engine hands out what is needed and goes on.

use yang::{Path, Tree};

use crate::engine::Engine;
use crate::error::{Error, Errors, Result};
use crate::ledger::history::HistoryEntry;
use crate::ledger::past::Past;
use crate::session::candidate::Version;
use crate::session::merge::{Contradiction, merge};

/// Whose version of a node is to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The session's own.
    Ours,
    /// That of running.
    Theirs,
}

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
    /// The commit that made that; none where the history does not tell.
    pub by: Option<HistoryEntry>,
}

/// How a candidate contradicts running.
#[derive(Clone, Debug)]
pub struct Conflicts {
    base: Version,
    ours: Tree,
    past: Past,
}

impl Conflicts {
    /// Each of them, in the order of the paths.
    pub fn told(&self) -> Vec<Conflict> {
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

impl Engine {
    /// How the session's candidate contradicts running; what is settled next is what this tells.
    pub(crate) fn conflicts(&mut self, session: u32) -> Result<Conflicts> {
        let (running, past) = (self.version(), Past::of(self));
        let candidate = &mut self.sessions.at(session)?.candidate;
        candidate.tell(running);
        Ok(Conflicts { base: candidate.base().clone(), ours: candidate.tree().clone(), past })
    }

    /// Settles the conflicts at or below `place` that the session has been told; answers how many are left of these.
    pub(crate) fn resolve(&mut self, session: u32, place: &Path, side: Side) -> Result<usize> {
        let running = self.version();
        let candidate = &mut self.sessions.at(session)?.candidate;
        let disputed = candidate.disputed(running);
        match candidate.settle(&disputed, place, side) {
            (0, _) => Err(Error::NoConflict { path: place.to_string() }.into()),
            (_, left) => Ok(left),
        }
    }

    /// Brings what others have committed into the session's candidate; where that contradicts, `prefers` decides, or
    /// nothing is done.
    pub(crate) fn update(&mut self, session: u32, prefers: Option<Side>) -> Result<()> {
        let running = self.version();
        let candidate = &mut self.sessions.at(session)?.candidate;
        if let Some(side) = prefers {
            candidate.settle(&running, &Path::default(), side);
        }
        match candidate.refresh(&running) {
            Ok(()) => Ok(()),
            Err(found) => Err(self.told(session, &found)),
        }
    }

    /// The session is told what contradicts running.
    pub(crate) fn told(&mut self, session: u32, found: &[Contradiction]) -> Errors {
        let running = self.version();
        let candidate = match self.sessions.at(session) {
            Ok(connected) => &mut connected.candidate,
            Err(ended) => return ended,
        };
        let (base, ours) = (&candidate.base().tree, candidate.tree());
        let errors = contradicting(found, base, ours, &running.tree);
        candidate.tell(running);
        errors
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
