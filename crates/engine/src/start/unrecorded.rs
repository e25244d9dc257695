//! What a boot of the host has made true without the disk having taken it, because that is full or broken: no reason to
//! leave the host without its network. It is tried again from time to time and by each commit, and nothing is committed
//! before it. A daemon that ends meanwhile boots again, and takes what it finds for what was there before.

use netstate::Originals;

use crate::clock::Moment;
use crate::engine::Engine;
use crate::error::Result;
use crate::kernel_state::ownership;
use crate::ledger::history::{self, Record};
use crate::ledger::journal;

/// What the disk is still to take, and where nothing else shall wait for it.
#[derive(Debug)]
pub(crate) struct Unrecorded {
    /// The commit that made startup running, where they were not the same.
    record: Option<Record>,
    /// Whether the originals in memory are not those on disk.
    originals: bool,
    /// When it is tried again.
    pub(crate) again: Moment,
}

impl Unrecorded {
    /// Of a boot, of which nothing is on disk.
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

impl Engine {
    /// Has the disk take what it has not.
    pub(crate) fn catch_up(&mut self) -> Result<()> {
        let again = self.again();
        let Some(unrecorded) = &mut self.unrecorded else { return Ok(()) };
        unrecorded.again = again;
        let record = unrecorded.record.clone();
        if let Some(record) = &record {
            // An attempt may have failed with the entry in place already.
            history::take_back(&self.store, record.id)?;
        }
        journal::withdraw(&self.store)?;
        if let Some(record) = record {
            self.enter(record)?;
        }
        if let Some(unrecorded) = &mut self.unrecorded {
            unrecorded.record = None;
        }
        ownership::save(&self.store, &self.settings.boot_id, &self.originals)?;
        self.unrecorded = None;
        Ok(())
    }

    /// Keeps these as the originals: on disk first, but for a boot.
    pub(crate) fn keep_originals(&mut self, originals: Originals) -> Result<()> {
        let saved = ownership::save(&self.store, &self.settings.boot_id, &originals);
        match (saved, &mut self.unrecorded) {
            (Ok(()), _) => {}
            (Err(errors), None) => return Err(errors),
            (Err(errors), Some(unrecorded)) => {
                tracing::error!(errors = errors.told(), "what was there is not on disk as yet");
                unrecorded.originals = true;
            }
        }
        self.originals = originals;
        Ok(())
    }

    /// Puts a commit of which the kernel knows nothing into the history; running is what it says.
    pub(crate) fn enter(&mut self, record: Record) -> Result<()> {
        let stamp = journal::draft(&self.store, &record)?.place()?;
        let late = history::file(&self.store, record.id)?;
        if !late.0.is_empty() {
            tracing::error!(errors = late.told(), "in the history, but not all of it is on disk");
        }
        self.checkpoint.add(&record);
        self.history.add(record, stamp);
        Ok(())
    }
}
