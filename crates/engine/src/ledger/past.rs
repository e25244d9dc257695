//! The past: running, the history and the way back, which can be read without the engine.
//!
//! Undoing a commit reads its record from disk. The engine hands out this value and does not wait
//! for the disk. Only the caller waits.

pub(crate) mod blame;

use yang::{Path, Tree};

use crate::datastore::Version;
use crate::error::{Error, Result, RpcResult};
use crate::ledger::history::{History, file_of};
use crate::ledger::past::blame::{Blamed, touched};
use crate::ledger::record::{HistoryEntry, Record};
use crate::ledger::record_file::{self, Opened};
use crate::ledger::rescue;
use crate::ledger::store::Store;

/// A configuration of the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revision {
    /// The configuration of so many commits ago; 0 is running itself.
    Position(usize),
    /// The configuration that the commit of this id made.
    Id(u64),
    /// The rescue configuration.
    Rescue,
}

/// The commits up to a moment, and running at that moment.
#[derive(Clone, Debug)]
pub struct Past {
    store: Store,
    running: Version,
    entries: Vec<HistoryEntry>,
    /// The latest commits, if they could not be written to disk. The oldest comes first.
    unrecorded: Vec<Record>,
}

impl Past {
    pub(crate) fn new(
        store: Store,
        running: Version,
        recorded: Vec<HistoryEntry>,
        unrecorded: Vec<Record>,
    ) -> Past {
        let entries = numbered(&unrecorded, recorded);
        Past { store, running, entries, unrecorded }
    }

    /// The commits, the latest first.
    pub fn entries(&self) -> &[HistoryEntry] {
        &self.entries
    }

    /// Running at that moment.
    pub(crate) fn running(&self) -> &Version {
        &self.running
    }

    /// For each path, the last commit after the commit `since` that changed it.
    pub(crate) fn last_to_change(&self, places: &[Path], since: u64) -> Vec<Option<HistoryEntry>> {
        let mut found = vec![None; places.len()];
        let mut tree = self.running.tree.clone();
        for entry in self.entries.iter().take_while(|entry| entry.id > since) {
            let after = tree.clone();
            if found.iter().all(Option::is_some) || self.undo(entry, &mut tree).is_err() {
                break;
            }
            for (found, place) in found.iter_mut().zip(places) {
                if found.is_none() && after.subtree(place) != tree.subtree(place) {
                    *found = Some(entry.clone());
                }
            }
        }
        found
    }

    /// The commits as they are on disk now, each with what is wrong with it.
    pub fn verify(&self) -> RpcResult<Vec<HistoryEntry>> {
        self.reread().map_err(|errors| errors.rpc())
    }

    /// The configuration at a revision.
    pub fn configuration(&self, revision: Revision) -> RpcResult<Tree> {
        self.at(revision).map_err(|errors| errors.rpc())
    }

    /// Who last changed `place` and what is below it, the latest commit first. What no commit names
    /// is older than the intact part of the history.
    pub fn blame(&self, place: &Path) -> Vec<Blamed> {
        let part = |tree: &Tree| match place.steps.is_empty() {
            true => tree.clone(),
            false => tree.subtree(place),
        };
        let mut blamed = Vec::new();
        let mut tree = self.running.tree.clone();
        let mut after = part(&tree);
        for entry in &self.entries {
            // Before this commit there was nothing, so every instance has its commit.
            if after.is_empty() || self.undo(entry, &mut tree).is_err() {
                break;
            }
            let before = part(&tree);
            let paths = touched(&before, &after, &self.running.tree);
            if !paths.is_empty() {
                blamed.push(Blamed { entry: entry.clone(), paths });
            }
            if entry.anew {
                break;
            }
            after = before;
        }
        blamed
    }

    pub(crate) fn at(&self, revision: Revision) -> Result<Tree> {
        let position = match revision {
            Revision::Rescue => return rescue::read(&self.store, self.running.tree.schema()),
            Revision::Position(position) if position > self.entries.len() => {
                return Err(Error::NoRollback { position, newest: self.entries.len() }.into());
            }
            Revision::Position(position) => position,
            Revision::Id(id) => {
                let found = self.entries.iter().position(|entry| entry.id == id);
                found.ok_or(Error::NoCommit { id })?
            }
        };
        let mut tree = self.running.tree.clone();
        for entry in &self.entries[..position] {
            self.undo(entry, &mut tree)?;
            // Only the very first commit started from an empty configuration.
            if entry.anew && entry.id > 1 {
                return Err(Error::BeforeAll { id: entry.id }.into());
            }
        }
        Ok(tree)
    }

    /// Undoes a commit in `tree`.
    fn undo(&self, entry: &HistoryEntry, tree: &mut Tree) -> Result<()> {
        let id = entry.id;
        let broken = |fault: String| Error::BrokenCommit { id, fault };
        if let Some(fault) = &entry.fault {
            return Err(broken(fault.clone()).into());
        }
        if let Some(record) = self.unrecorded.iter().find(|record| record.id == id) {
            return Ok(record.undo(tree).map_err(|error| broken(error.to_string()))?);
        }
        let opened = record_file::read(&self.store, &file_of(id))?;
        let Opened { record, digest, .. } =
            opened.ok_or_else(|| broken("its file has vanished".into()))?;
        if Some(digest) != entry.digest {
            return Err(broken(ALTERED.into()).into());
        }
        Ok(record.undo(tree).map_err(|error| broken(error.to_string()))?)
    }

    fn reread(&self) -> Result<Vec<HistoryEntry>> {
        let recorded = &self.entries[self.unrecorded.len()..];
        let Some((latest, oldest)) = recorded.first().zip(recorded.last()) else {
            return Ok(self.entries.clone());
        };
        let mut found = History::open(&self.store, latest.id)?.entries();
        found.retain(|entry| entry.id >= oldest.id);
        for entry in found.iter_mut().filter(|entry| entry.fault.is_none()) {
            let known = self.entries.iter().find(|known| known.id == entry.id);
            if known.is_none_or(|known| known.digest != entry.digest) {
                entry.fault = Some(ALTERED.into());
            }
        }
        Ok(numbered(&self.unrecorded, found))
    }
}

/// The commits, the latest first, with those that are in no file.
fn numbered(unrecorded: &[Record], recorded: Vec<HistoryEntry>) -> Vec<HistoryEntry> {
    let unrecorded = unrecorded.iter().rev().map(|record| record.clone().entry(None));
    let numbered = unrecorded.chain(recorded).enumerate();
    numbered.map(|(position, entry)| HistoryEntry { position, ..entry }).collect()
}

const ALTERED: &str = "it has been altered since the daemon read it";
