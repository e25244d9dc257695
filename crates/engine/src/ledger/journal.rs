//! The journal: what a commit is about to do, on disk before the kernel is touched.
//!
//! It is the commit's history entry, early: moving it to its place in the history is what makes the commit happen. A
//! journal that a start finds tells of an attempt that has to be undone, and of what it may have left in the kernel.

use crate::error::Result;
use crate::ledger::history::Record;
use crate::ledger::seal::{self, Draft, Opened};
use crate::ledger::store::Store;

/// Its file.
pub(crate) const JOURNAL: &str = "journal";

/// The attempt that was under way when the last process ended, if any; it started from `running`.
pub(crate) fn find(store: &Store, running: u64) -> Result<Option<Record>> {
    let Some(Opened { record, .. }) = seal::read(store, JOURNAL)? else { return Ok(None) };
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
    seal::draft(store, JOURNAL, record)
}

/// Removes the journal of an attempt that is undone.
pub(crate) fn withdraw(store: &Store) -> Result<()> {
    store.remove(JOURNAL)
}
