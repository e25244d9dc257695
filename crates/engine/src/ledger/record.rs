//! The record of a commit on disk, and the entry that is shown for it.

pub(crate) mod changes;
pub(crate) mod summary;

use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use yang::{Diff, Tree};

use crate::ledger::confirmation::Awaited;
use crate::ledger::digest::Digest;
use crate::ledger::record::changes::Changes;
use crate::ledger::record::summary::summary;
use crate::session::origin::Origin;

/// The highest id of a commit. Enough ids follow it for every commit after it, so that `id + 1` never
/// overflows. A file with a higher id is not a record.
pub(crate) const LAST: u64 = u64::MAX >> 1;

/// One commit of the past.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryEntry {
    /// The number of commits since: `rollback 0` is running itself.
    pub position: usize,
    /// Stable id.
    pub id: u64,
    /// Who made it; none if its file cannot be read.
    pub origin: Option<Origin>,
    /// When it was made.
    pub time: Option<SystemTime>,
    /// `commit comment`.
    pub comment: Option<String>,
    /// A one-line summary of the changes.
    pub summary: String,
    /// The number of objects that it left held.
    pub held: usize,
    /// The digest of its record.
    pub digest: Option<Digest>,
    /// What is wrong with its file. A rollback past such a commit is not possible.
    pub fault: Option<String>,
    /// Whether it started from the empty configuration, so that nothing is before it.
    pub(crate) anew: bool,
}

/// A commit as it is on disk: in the journal while it is under way, in the history once it has happened.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    /// The transaction.
    pub(crate) id: u64,
    /// The transaction of the running from which it started; zero for the empty configuration.
    pub(crate) base: u64,
    /// The digest of the record before it.
    pub(crate) previous: Option<Digest>,
    pub(crate) origin: Origin,
    #[serde(with = "crate::clock::rfc3339")]
    pub(crate) time: SystemTime,
    pub(crate) comment: Option<String>,
    pub(crate) summary: String,
    /// The number of objects of running that are held after it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) held: usize,
    /// Whether startup follows running from this commit on.
    #[serde(default)]
    pub(crate) autosave: bool,
    /// Set if the commit is undone unless it is confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) awaited: Option<Awaited>,
    /// The edit from the running before it to the running after it.
    pub(crate) forward: Changes,
    /// The edit that undoes it.
    pub(crate) reverse: Changes,
}

impl Record {
    /// The record with the changes of its commit.
    pub(crate) fn with_changes(self, diff: Arc<Diff>) -> Self {
        let summary = summary(&diff);
        let (forward, reverse) = (Changes::Forward(Arc::clone(&diff)), Changes::Reverse(diff));
        Record { summary, forward, reverse, ..self }
    }

    /// Applies the commit's changes to the configuration from which it started.
    pub(crate) fn redo(&self, tree: &mut Tree) -> yang::Result<()> {
        self.forward.apply(tree)
    }

    /// Undoes the commit's changes.
    pub(crate) fn undo(&self, tree: &mut Tree) -> yang::Result<()> {
        self.reverse.apply(tree)
    }

    /// The entry that is shown for the record; `digest` is that of its file.
    pub(crate) fn entry(self, digest: Option<Digest>) -> HistoryEntry {
        let Record { id, base, origin, time, comment, summary, held, .. } = self;
        HistoryEntry {
            position: 0,
            id,
            origin: Some(origin),
            time: Some(time),
            comment,
            summary,
            held,
            digest,
            fault: None,
            anew: base == 0,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}
