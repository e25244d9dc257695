//! The journal: what a commit is about to do, on disk before the kernel is touched.
//!
//! It is the commit's history entry, early. `running.json` names the transaction that it holds: a journal of that
//! transaction tells of a commit that has happened and is only to be filed; any other journal tells of an attempt
//! that has to be undone, and of what it may have left in the kernel.

use crate::error::Result;
use crate::history::Record;
use crate::store::Store;

/// Its file.
pub(crate) const JOURNAL: &str = "journal";

/// What a daemon finds when it starts.
#[derive(Debug)]
pub(crate) enum Found {
    /// No commit was under way.
    Nothing,
    /// A commit that has happened.
    Happened(Record),
    /// A commit that has not, starting from running.
    Attempted(Record),
}

/// Reads the journal in the light of the transaction that running holds.
pub(crate) fn find(store: &Store, running: u64) -> Result<Found> {
    let Some(record) = store.read::<Record>(JOURNAL)? else { return Ok(Found::Nothing) };
    if record.id == running {
        return Ok(Found::Happened(record));
    }
    if record.base == running {
        return Ok(Found::Attempted(record));
    }
    let fault = format!(
        "it is of a commit from configuration {} to {}, but running.json holds {running}",
        record.base, record.id
    );
    Err(store.corrupt(JOURNAL, fault).into())
}

/// Writes the journal of a commit.
pub(crate) fn write(store: &Store, record: &Record) -> Result<()> {
    store.write(JOURNAL, record)
}

/// Removes the journal of an attempt that is undone.
pub(crate) fn withdraw(store: &Store) -> Result<()> {
    store.remove(JOURNAL)
}
