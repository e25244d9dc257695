//! Checkpoints: copies of the whole of running, written to disk from time to time.
//!
//! Running is the last checkpoint with the later commits replayed, so that a commit writes only
//! what it changes. A separate thread writes a checkpoint once the commits since the last one are
//! half as large as that one. Until the new checkpoint is in its place, the old one and its commits
//! are kept.

use std::thread::{self, JoinHandle};

use crate::datastore::Version;
use crate::error::Result;
use crate::ledger::configuration::{RUNNING, save};
use crate::ledger::store::Store;

/// Commits of fewer bytes than this do not cause a checkpoint.
const LITTLE: usize = 256 << 10;

/// This many commits cause a checkpoint even if they are small, so that a start has few commits to
/// replay.
const MANY: usize = 50;

/// The last checkpoint, and what has been committed since.
#[derive(Debug, Default)]
pub(crate) struct Checkpoint {
    /// The transaction whose running it holds.
    id: u64,
    bytes: usize,
    /// The number of commits since, and their size in bytes.
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
    /// The checkpoint that was found at start.
    pub(crate) fn found(id: u64, bytes: usize) -> Self {
        Checkpoint { id, bytes, commits: 0, logged: 0, writing: None }
    }

    /// The transaction of the checkpoint. Later records must be kept.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Counts a commit whose record has this size on disk.
    pub(crate) fn add(&mut self, bytes: usize) {
        self.commits += 1;
        self.logged += bytes;
    }

    /// Starts to write one if it is due.
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

    /// Starts to write one.
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

    /// Takes over a finished checkpoint.
    fn take(&mut self, which: impl FnOnce(&JoinHandle<Result<usize>>) -> bool) {
        let Some(Writing { id, commits, logged, thread }) =
            self.writing.take_if(|writing| which(&writing.thread))
        else {
            return;
        };
        match thread.join() {
            Ok(Ok(bytes)) => {
                tracing::debug!(id, bytes, "checkpoint written");
                (self.id, self.bytes) = (id, bytes);
                self.commits -= commits;
                self.logged -= logged;
            }
            // Every commit is on disk anyway, and the next commit tries again.
            Ok(Err(errors)) => {
                tracing::error!(errors = errors.describe(), "checkpoint not written")
            }
            Err(_) => tracing::error!("checkpoint not written: its thread panicked"),
        }
    }
}

impl Drop for Checkpoint {
    /// Waits for a checkpoint that is being written: the next process may be about to read it.
    fn drop(&mut self) {
        self.take(|_| true);
    }
}
