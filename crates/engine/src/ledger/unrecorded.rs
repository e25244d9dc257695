//! What a boot of the host has applied and the disk, full or broken, has not taken.
//!
//! A bad disk must not leave the host without its network. Writing is tried again from time to time and by each commit, and
//! nothing is committed before it succeeds. A daemon that ends meanwhile boots again, and takes what it finds for what was
//! there before.

use crate::clock::Moment;
use crate::ledger::record::Record;

/// What the disk is still to take, and where nothing else shall wait for it.
#[derive(Debug)]
pub(crate) struct Unrecorded {
    /// The commit that made startup running, where they were not the same.
    pub(crate) record: Option<Record>,
    /// Whether the originals in memory are not those on disk.
    pub(crate) originals: bool,
    /// When it is tried again.
    pub(crate) again: Moment,
}

impl Unrecorded {
    /// For a boot that is not on disk at all.
    pub(crate) fn new(record: Option<Record>, again: Moment) -> Unrecorded {
        Unrecorded { record, originals: true, again }
    }

    /// Of a boot that is on disk so far, and does not wait for the disk in what is left of it either.
    pub(crate) fn nothing(again: Moment) -> Unrecorded {
        Unrecorded { record: None, originals: false, again }
    }

    /// The latest commit, where it is in no file.
    pub(crate) fn record(&self) -> Option<&Record> {
        self.record.as_ref()
    }

    pub(crate) fn is_nothing(&self) -> bool {
        self.record.is_none() && !self.originals
    }
}
