//! The history: one file for each commit, with its edits and the edits that undo them.
//!
//! The configuration of N commits ago is running with the last N commits undone. An entry is
//! therefore as large as the change, and not as large as the configuration. The entries form a
//! chain: each entry names the one before it and its digest. The entries after the last checkpoint
//! are needed to build running. If the chain is broken, the entry says so. Older commits are still
//! shown, but a rollback to them is not possible.

use std::collections::VecDeque;

use yang::Tree;

use crate::error::{Errors, Result};
use crate::ledger::checkpoint::Checkpoint;
use crate::ledger::confirmation::Awaited;
use crate::ledger::journal::JOURNAL;
use crate::ledger::record::{HistoryEntry, LAST, Record};
use crate::ledger::record_file::{self, Opened, Stamp};
use crate::ledger::store::Store;
use crate::settings::Limits;

const FOLDER: &str = "history";

/// The records that lead back from running, the latest first.
#[derive(Debug, Default)]
pub(crate) struct History {
    chain: VecDeque<Kept>,
    bytes: usize,
    /// Whether startup follows running after the latest commit.
    pub(crate) autosave: bool,
    /// Set if the latest commit is undone unless it is confirmed.
    pub(crate) awaited: Option<Awaited>,
}

/// The part of a record that is kept in memory. Its position follows from its place in the chain.
#[derive(Debug)]
struct Kept {
    entry: HistoryEntry,
    bytes: usize,
}

impl History {
    /// Reads the records up to the transaction `latest`. The entry of a faulty record says what is
    /// wrong.
    pub(crate) fn open(store: &Store, latest: u64) -> Result<History> {
        let mut history = History::default();
        let mut ids = ids(store)?;
        ids.sort_unstable();
        // If there are later records, all records that the checkpoint contains may have been
        // removed.
        let later = ids.last().is_some_and(|last| *last > latest);
        for id in ids.into_iter().filter(|id| *id <= latest) {
            match record_file::read(store, &file_of(id)) {
                Ok(Some(opened)) => history.take(id, opened),
                Ok(None) => {}
                Err(errors) => history.push(broken(id, errors.describe()), 0),
            }
        }
        match history.head() {
            Some(head) if head.id < latest => history.miss(latest),
            None if latest > 0 && !later => history.miss(latest),
            Some(_) | None => {}
        }
        Ok(history)
    }

    /// Replays the commits after the checkpoint on its configuration. Returns the transaction of
    /// the resulting running.
    pub(crate) fn replay(
        &mut self,
        store: &Store,
        checkpoint: &mut Checkpoint,
        tree: &mut Tree,
    ) -> Result<u64> {
        let mut id = checkpoint.id();
        while let Some(opened) = record_file::read(store, &file_of(id + 1))? {
            let record = &opened.record;
            let corrupt = |fault: String| store.corrupt(&file_of(id + 1), fault);
            if (record.id, record.base) != (id + 1, id) {
                let fault = format!(
                    "it is of a commit from configuration {} to {}",
                    record.base, record.id
                );
                return Err(corrupt(fault).into());
            }
            record.redo(tree).map_err(|error| corrupt(error.to_string()))?;
            checkpoint.add(opened.bytes);
            id = record.id;
            self.take(id, opened);
        }
        match latest(store)? {
            latest if latest <= id => Ok(id),
            latest => {
                let fault = format!("it is missing, but there is commit {latest}");
                Err(store.corrupt(&file_of(id + 1), fault).into())
            }
        }
    }

    /// Adds a commit that has happened.
    pub(crate) fn add(&mut self, record: Record, stamp: Stamp) {
        self.autosave = record.autosave;
        self.awaited.clone_from(&record.awaited);
        self.push(record.entry(Some(stamp.digest)), stamp.bytes);
    }

    /// Removes the oldest commits if there are too many. It keeps the commits that running is built
    /// from, and those that undoing an unconfirmed commit needs.
    pub(crate) fn prune(&mut self, store: &Store, limits: Limits, checkpoint: u64) -> Result<()> {
        let base = self.awaited.as_ref().map_or(checkpoint, |awaited| awaited.base);
        let needed = checkpoint.min(base);
        while self.chain.len() > 1
            && (self.chain.len() > limits.commits || self.bytes > limits.bytes)
            && let Some(oldest) = self.chain.back().filter(|oldest| oldest.entry.id <= needed)
        {
            // A file that cannot be removed is kept: a gap would look like tampering.
            store.remove(&file_of(oldest.entry.id))?;
            self.bytes -= oldest.bytes;
            self.chain.pop_back();
        }
        Ok(())
    }

    /// The commits, the latest first.
    pub(crate) fn entries(&self) -> Vec<HistoryEntry> {
        let numbered = self.chain.iter().enumerate();
        let entry =
            |(position, kept): (usize, &Kept)| HistoryEntry { position, ..kept.entry.clone() };
        numbered.map(entry).collect()
    }

    /// The latest commit.
    pub(crate) fn head(&self) -> Option<&HistoryEntry> {
        self.chain.front().map(|kept| &kept.entry)
    }

    /// Adds the record of file `id`, and checks what it says about the record before it.
    fn take(&mut self, id: u64, opened: Opened) {
        let Opened { record, digest, intact, bytes } = opened;
        if let Some(before) = self.chain.front_mut().map(|kept| &mut kept.entry) {
            if before.id + 1 < id {
                self.miss(id - 1);
            } else if before.fault.is_none() && before.digest != record.previous {
                before.fault = Some(format!("it is not the commit that commit {id} followed"));
                log_fault(before);
            }
        }
        self.autosave = record.autosave;
        self.awaited.clone_from(&record.awaited);
        let written = record.id;
        let mut entry = HistoryEntry { id, ..record.entry(Some(digest)) };
        if !intact {
            entry.fault = Some("it has been altered: its digest is another".into());
        } else if written != id {
            entry.fault = Some(format!("it is of commit {written}"));
        }
        if entry.fault.is_some() {
            log_fault(&entry);
        }
        self.push(entry, bytes);
    }

    /// Notes that the commits up to `latest` are missing.
    fn miss(&mut self, latest: u64) {
        let fault = match self.head().map_or(1, |before| before.id + 1) {
            first if first == latest => "its file is missing".to_owned(),
            first => format!("the files of the commits from {first} are missing"),
        };
        let entry = broken(latest, fault);
        log_fault(&entry);
        self.push(entry, 0);
    }

    fn push(&mut self, entry: HistoryEntry, bytes: usize) {
        self.bytes += bytes;
        self.chain.push_front(Kept { entry, bytes });
    }
}

/// The entry of a commit that cannot be read.
fn broken(id: u64, fault: String) -> HistoryEntry {
    HistoryEntry {
        position: 0,
        id,
        origin: None,
        time: None,
        comment: None,
        summary: String::new(),
        held: 0,
        digest: None,
        fault: Some(fault),
        anew: false,
    }
}

fn log_fault(entry: &HistoryEntry) {
    tracing::error!(commit = entry.id, fault = entry.fault, "history is broken");
}

/// Makes a commit happen: moves its journal to the history. If that fails half-way, the journal
/// first goes back to its place, because the next process learns from it what may be in the kernel.
/// If even that is not possible, the commit has happened. The errors are then returned, because the
/// commit may not survive a loss of power.
pub(crate) fn file(store: &Store, id: u64) -> Result<Errors> {
    let entry = file_of(id);
    let Err(failure) = store.rename(JOURNAL, &entry) else { return Ok(Errors::default()) };
    if store.holds(&entry) && store.rename(&entry, JOURNAL).is_err() && store.holds(&entry) {
        return Ok(failure);
    }
    Err(failure)
}

/// Removes what a failed move has left.
pub(crate) fn take_back(store: &Store, id: u64) -> Result<()> {
    store.remove(&file_of(id))
}

/// The latest transaction that has a file; zero if there is none.
pub(crate) fn latest(store: &Store) -> Result<u64> {
    Ok(ids(store)?.into_iter().max().unwrap_or_default())
}

/// The transactions that have a file.
fn ids(store: &Store) -> Result<Vec<u64>> {
    Ok(store.list(FOLDER)?.iter().filter_map(|file| id_of(file)).collect())
}

/// File names sort in the order of their ids.
pub(crate) fn file_of(id: u64) -> String {
    format!("{FOLDER}/{id:012}.json")
}

/// The inverse of [`file_of`], within the folder.
fn id_of(file: &str) -> Option<u64> {
    file.strip_suffix(".json")?.parse().ok().filter(|id| *id <= LAST)
}
