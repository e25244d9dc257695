//! The journal: what a commit is about to do, on disk before the kernel is touched.
//!
//! It is the commit's history entry, early: moving it to its place in the history is what makes the commit happen. A
//! journal that a start finds is of an attempt that has to be undone, and names what that may have left in the kernel.

use std::panic::resume_unwind;
use std::thread::{Scope, ScopedJoinHandle};

use yang::Diff;

use crate::error::Result;
use crate::ledger::record::Record;
use crate::ledger::record_file::{self, Draft, Opened, Stamp};
use crate::ledger::store::Store;

/// Its file.
pub(crate) const JOURNAL: &str = "journal";

/// The attempt that was under way when the last process ended, if any; it started from `running`.
pub(crate) fn find(store: &Store, running: u64) -> Result<Option<Record>> {
    let Some(Opened { record, .. }) = record_file::read(store, JOURNAL)? else { return Ok(None) };
    if record.base == running {
        return Ok(Some(record));
    }
    // It has its place in the history, but a loss of power kept it from leaving the one that it had before.
    if record.id == running {
        return withdraw(store).map(|()| None);
    }
    let fault = format!(
        "it is of a commit from configuration {} to {}, but running is {running}",
        record.base, record.id
    );
    Err(store.corrupt(JOURNAL, fault).into())
}

/// Writes what is the journal of a commit once it is put in its place.
pub(crate) fn draft(store: &Store, record: &Record) -> Result<Draft> {
    record_file::draft(store, JOURNAL, record)
}

/// Removes the journal of an attempt that is undone.
pub(crate) fn withdraw(store: &Store) -> Result<()> {
    store.remove(JOURNAL)
}

/// A journal that a thread writes while others judge the change that it is of: neither needs the other, and both are much
/// work. What is written is no journal until it is in its place, after the originals, which a journal relies on.
pub(crate) struct Writing<'scope>(ScopedJoinHandle<'scope, Written>);

/// A journal beside its place, if it could be written.
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
    /// Has a thread write the journal of a commit that changes `diff`.
    pub(crate) fn begin(
        scope: &'scope Scope<'scope, '_>,
        store: Store,
        record: Record,
        diff: &'scope Diff,
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
    /// The same with how many objects are held after the commit. That is known only once the commit is judged: if it is not
    /// what the record assumes, the record is written again.
    pub(crate) fn with_held(self, held: usize, store: &Store) -> Written {
        if self.record.held == held || self.draft.is_err() {
            return self;
        }
        let Written { record, draft: assumed } = self;
        // Both have the same file, which goes with the first.
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
