//! What a boot of the host has applied, but could not write to a full or broken disk.
//!
//! A bad disk must not leave the host without its network. Writing is tried again from time to time
//! and by each commit. No commit is possible before it succeeds. A daemon that ends before that
//! boots again, and takes what it then finds as the originals.

use crate::clock::Moment;
use crate::ledger::record::Record;

/// What is still to be written, and whether the rest of the boot waits for it.
#[derive(Debug)]
pub(crate) struct Unrecorded {
    /// The commits of the start that are in no file, the oldest first.
    pub(crate) records: Vec<Record>,
    /// Whether the originals in memory differ from those on disk.
    pub(crate) originals: bool,
    /// Whether startup in memory differs from startup on disk.
    pub(crate) startup: bool,
    /// The time of the next attempt.
    pub(crate) again: Moment,
}

impl Unrecorded {
    /// For a boot that is on disk so far, and whose rest does not wait for the disk either.
    pub(crate) fn nothing(again: Moment) -> Unrecorded {
        Unrecorded { records: Vec::new(), originals: false, startup: false, again }
    }

    pub(crate) fn is_nothing(&self) -> bool {
        let Unrecorded { records, originals, startup, again: _ } = self;
        records.is_empty() && !(*originals || *startup)
    }
}
