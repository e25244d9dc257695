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
    /// The commit that made startup running, if they differed.
    pub(crate) record: Option<Record>,
    /// Whether the originals in memory differ from those on disk.
    pub(crate) originals: bool,
    /// The time of the next attempt.
    pub(crate) again: Moment,
}

impl Unrecorded {
    /// For a boot of which nothing is on disk.
    pub(crate) fn new(record: Option<Record>, again: Moment) -> Unrecorded {
        Unrecorded { record, originals: true, again }
    }

    /// For a boot that is on disk so far, and whose rest does not wait for the disk either.
    pub(crate) fn nothing(again: Moment) -> Unrecorded {
        Unrecorded { record: None, originals: false, again }
    }

    /// The latest commit, if it is in no file.
    pub(crate) fn record(&self) -> Option<&Record> {
        self.record.as_ref()
    }

    pub(crate) fn is_nothing(&self) -> bool {
        self.record.is_none() && !self.originals
    }
}
