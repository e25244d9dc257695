//! Checkpoints: running as a whole on disk, now and then.
//!
//! Running is the last checkpoint with the commits after it made again, so that a commit writes what it changes. A
//! thread of its own writes a checkpoint once the commits since the last one weigh as much as half of it; until that is
//! in place, the old one and its commits are.

use std::thread::{self, JoinHandle};

use crate::datastore::Version;
use crate::error::Result;
use crate::ledger::configuration::{RUNNING, save};
use crate::ledger::record::Record;
use crate::ledger::store::Store;

/// Commits of fewer bytes than this are no reason for a checkpoint.
const LITTLE: usize = 256 << 10;

/// As many small commits are one, so that a start has not too many to make again.
const MANY: usize = 50;

/// The last checkpoint, and what has been committed since.
#[derive(Debug, Default)]
pub(crate) struct Checkpoint {
    /// The transaction that it holds running as of.
    id: u64,
    bytes: usize,
    /// The commits since, and their bytes.
    commits: usize,
    logged: usize,
    writing: Option<Writing>,
}

#[derive(Debug)]
struct Writing {
    id: u64,
    commits: usize,
    logged: usize,
    thread: JoinHandle<Result<usize>>,
}

impl Checkpoint {
    /// The checkpoint that a start has found.
    pub(crate) fn found(id: u64, bytes: usize) -> Self {
        Checkpoint { id, bytes, commits: 0, logged: 0, writing: None }
    }

    /// The transaction that is in it: what came after it must be kept.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Counts a commit.
    pub(crate) fn add(&mut self, record: &Record) {
        self.commits += 1;
        self.logged += record.forward.len() + record.reverse.len();
    }

    /// Begins to write one where there is reason to.
    pub(crate) fn write_if_due(&mut self, store: &Store, running: &Version) {
        self.take(JoinHandle::is_finished);
        if self.is_due() {
            self.write(store, running);
        }
    }

    /// Writes one unless the last one holds running, and waits for it.
    pub(crate) fn write_last(&mut self, store: &Store, running: &Version) {
        self.take(|_| true);
        if self.commits > 0 {
            self.write(store, running);
            self.take(|_| true);
        }
    }

    fn is_due(&self) -> bool {
        self.writing.is_none() && (self.commits >= MANY || self.logged > LITTLE.max(self.bytes / 2))
    }

    /// Begins to write one.
    fn write(&mut self, store: &Store, running: &Version) {
        let (store, Version { id, tree }) = (store.clone(), running.clone());
        let write = move || save(&store, RUNNING, id, &tree);
        match thread::Builder::new().name("checkpoint".into()).spawn(write) {
            Ok(thread) => {
                let (commits, logged) = (self.commits, self.logged);
                self.writing = Some(Writing { id, commits, logged, thread });
            }
            Err(error) => tracing::error!(%error, "cannot write a checkpoint"),
        }
    }

    /// Takes note of one that has been written.
    fn take(&mut self, which: impl FnOnce(&JoinHandle<Result<usize>>) -> bool) {
        let Some(Writing { id, commits, logged, thread }) =
            self.writing.take_if(|writing| which(&writing.thread))
        else {
            return;
        };
        match thread.join() {
            Ok(Ok(bytes)) => {
                tracing::debug!(id, bytes, "checkpoint");
                (self.id, self.bytes) = (id, bytes);
                self.commits -= commits;
                self.logged -= logged;
            }
            // The commits are on disk one by one, and the next commit tries again.
            Ok(Err(errors)) => tracing::error!(errors = errors.describe(), "no checkpoint"),
            Err(_) => tracing::error!("the writer of a checkpoint has panicked"),
        }
    }
}

impl Drop for Checkpoint {
    /// What has been begun is finished: the next process may be about to read it.
    fn drop(&mut self) {
        self.take(|_| true);
    }
}
