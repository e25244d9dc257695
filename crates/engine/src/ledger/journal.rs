//! The journal: the record of a commit, on disk before the kernel is touched.
//!
//! The journal is the commit's future history entry. Moving it to the history makes the commit
//! happen. A journal that is found at start belongs to an attempt that must be undone, and names
//! what the attempt may have left in the kernel.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread::{Scope, ScopedJoinHandle};

use yang::Diff;

use crate::error::Result;
use crate::ledger::record::Record;
use crate::ledger::record_file::{self, Draft, Opened, Stamp};
use crate::ledger::store::Store;

/// The file of the journal.
pub(crate) const JOURNAL: &str = "journal";

/// The attempt that was under way when the last process ended, if any. It started from `running`.
pub(crate) fn find(store: &Store, running: u64) -> Result<Option<Record>> {
    let Some(Opened { record, .. }) = record_file::read(store, JOURNAL)? else { return Ok(None) };
    if record.base == running {
        return Ok(Some(record));
    }
    // The record is in the history, but a loss of power has kept the old name as well.
    if record.id == running {
        if let Err(errors) = withdraw(store) {
            tracing::warn!(
                errors = errors.describe(),
                "the journal of a commit that has happened stays"
            );
        }
        return Ok(None);
    }
    let fault = format!(
        "it is of a commit from configuration {} to {}, but running is {running}",
        record.base, record.id
    );
    Err(store.corrupt(JOURNAL, fault).into())
}

/// Writes the draft of a commit's journal. It becomes the journal when it is put in its place.
pub(crate) fn draft(store: &Store, record: &Record) -> Result<Draft> {
    record_file::draft(store, JOURNAL, record)
}

/// Removes the journal of an attempt that is undone.
pub(crate) fn withdraw(store: &Store) -> Result<()> {
    store.remove(JOURNAL)
}

/// A journal that a thread writes while the change is validated. The two are independent, and both
/// take time. The draft becomes the journal only when it is put in its place. That happens after
/// the originals are written, because a journal relies on them.
pub(crate) struct Writing<'scope>(ScopedJoinHandle<'scope, Written>);

/// The draft of a journal, if it could be written.
pub(crate) struct Written {
    record: Record,
    draft: Result<Draft>,
}

/// A journal in its place.
pub(crate) struct Journal {
    pub(crate) record: Record,
    pub(crate) stamp: Stamp,
}

impl<'scope> Writing<'scope> {
    /// Starts a thread that writes the journal of a commit that changes `diff`.
    pub(crate) fn begin(
        scope: &'scope Scope<'scope, '_>,
        store: Store,
        record: Record,
        diff: Arc<Diff>,
    ) -> Writing<'scope> {
        Writing(scope.spawn(move || {
            let record = record.with_changes(diff);
            let draft = draft(&store, &record);
            Written { record, draft }
        }))
    }

    /// Waits for the thread.
    pub(crate) fn finish(self) -> Written {
        self.0.join().unwrap_or_else(|panic| resume_unwind(panic))
    }
}

impl Written {
    /// Adds the number of objects that are held after the commit. This number is known only when
    /// the commit is judged. If the record assumed another number, it is written again.
    pub(crate) fn with_held(self, held: usize, store: &Store) -> Written {
        if self.record.held == held || self.draft.is_err() {
            return self;
        }
        let Written { record, draft: assumed } = self;
        // Both drafts use the same file, which is removed with the first.
        drop(assumed);
        let record = Record { held, ..record };
        let draft = draft(store, &record);
        Written { record, draft }
    }

    pub(crate) fn place(self) -> Result<Journal> {
        let stamp = self.draft?.place()?;
        Ok(Journal { record: self.record, stamp })
    }
}
