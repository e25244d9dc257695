//! The ledger: what is on disk, and the past that it holds.
//!
//! Each commit is a record, in the journal while it is under way and in the history once it has happened. Running is the
//! last checkpoint with the records after it. Startup follows running or is fixed. Originals are what the configuration
//! has changed of what was there before. [`Ledger`] is the one owner of all of these files.

pub(crate) mod checkpoint;
pub(crate) mod configuration;
pub(crate) mod confirmation;
pub(crate) mod digest;
pub(crate) mod history;
pub(crate) mod journal;
pub(crate) mod originals;
pub(crate) mod past;
pub(crate) mod record;
pub(crate) mod record_file;
pub(crate) mod rescue;
pub(crate) mod startup;
pub(crate) mod store;
pub(crate) mod unrecorded;

use netstate::Originals;
use yang::Tree;

use crate::clock::Moment;
use crate::datastore::Version;
use crate::error::{Errors, Result};
use crate::ledger::checkpoint::Checkpoint;
use crate::ledger::configuration::{RUNNING, save};
use crate::ledger::digest::Digest;
use crate::ledger::history::History;
use crate::ledger::past::Past;
use crate::ledger::record::Record;
use crate::ledger::record_file::Stamp;
use crate::ledger::startup::Startup;
use crate::ledger::store::Store;
use crate::ledger::unrecorded::Unrecorded;
use crate::settings::Settings;

/// The state directory, and what is known of its content.
#[derive(Debug)]
pub(crate) struct Ledger {
    settings: Settings,
    store: Store,
    history: History,
    checkpoint: Checkpoint,
    startup: Startup,
    /// What the disk has not taken since the host booted.
    unrecorded: Option<Unrecorded>,
}

/// What a start has read.
pub(crate) struct Opened {
    pub(crate) store: Store,
    pub(crate) history: History,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) startup: Startup,
}

impl Ledger {
    pub(crate) fn new(settings: Settings, opened: Opened) -> Ledger {
        let Opened { store, history, checkpoint, startup } = opened;
        Ledger { settings, store, history, checkpoint, startup, unrecorded: None }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn history(&self) -> &History {
        &self.history
    }

    pub(crate) fn startup(&self) -> &Startup {
        &self.startup
    }

    /// The digest of the latest record.
    pub(crate) fn latest_digest(&self) -> Option<Digest> {
        self.history.head().and_then(|head| head.digest)
    }

    /// The commits up to now, and running, to be looked at without the engine.
    pub(crate) fn past(&self, running: Version) -> Past {
        let unrecorded = self.unrecorded.as_ref().and_then(Unrecorded::record).cloned();
        Past::new(self.store.clone(), running, self.history.entries(), unrecorded)
    }

    /// Makes a commit happen: its journal becomes its entry in the history. Answers what has failed all the same.
    pub(crate) fn file(&self, id: u64) -> Result<Errors> {
        history::file(&self.store, id)
    }

    /// Takes back what is left of a filing that has failed.
    pub(crate) fn take_back(&self, id: u64) -> Result<()> {
        history::take_back(&self.store, id)
    }

    /// Removes the journal of an attempt that is undone.
    pub(crate) fn withdraw(&self) -> Result<()> {
        journal::withdraw(&self.store)
    }

    /// Adds a commit that has happened.
    pub(crate) fn add(&mut self, record: Record, stamp: Stamp) {
        self.checkpoint.add(&record);
        self.history.add(record, stamp);
    }

    /// Forgets the oldest commits where there are too many.
    pub(crate) fn prune(&mut self) -> Result<()> {
        self.history.prune(&self.store, self.settings.history, self.checkpoint.id())
    }

    /// Puts a commit that changes nothing in the kernel into the history.
    pub(crate) fn enter(&mut self, record: Record) -> Result<()> {
        let stamp = journal::draft(&self.store, &record)?.place()?;
        let late = self.file(record.id)?;
        if !late.0.is_empty() {
            tracing::error!(
                errors = late.describe(),
                "in the history, but not all of it is on disk"
            );
        }
        self.add(record, stamp);
        Ok(())
    }

    /// Makes startup what running is, from now on.
    pub(crate) fn follow(&mut self) -> Result<()> {
        match self.startup {
            Startup::Follows => Ok(()),
            Startup::Fixed { .. } => self.set_startup(Startup::Follows),
        }
    }

    /// Makes startup another one, on disk first.
    pub(crate) fn set_startup(&mut self, startup: Startup) -> Result<()> {
        startup.save(&self.store)?;
        self.startup = startup;
        Ok(())
    }

    /// Has a checkpoint written where there is reason to.
    pub(crate) fn checkpoint(&mut self, running: &Version) {
        if self.unrecorded.is_none() {
            self.checkpoint.write_if_due(&self.store, running);
        }
    }

    /// Has one written before the end, so that the next start has no commits to make again.
    pub(crate) fn last_checkpoint(&mut self, running: &Version) {
        if self.unrecorded.is_none() {
            self.checkpoint.write_last(&self.store, running);
        }
    }

    /// Begins anew with this as running, and no commits before it.
    pub(crate) fn begin_with(&mut self, id: u64, running: &Tree) -> Result<()> {
        let bytes = save(&self.store, RUNNING, id, running)?;
        self.checkpoint = Checkpoint::found(id, bytes);
        Ok(())
    }

    /// Puts originals on disk. After a boot that the disk has not taken they wait with the rest of it.
    pub(crate) fn save_originals(&mut self, originals: &Originals) -> Result<()> {
        let saved = originals::save(&self.store, &self.settings.boot_id, originals);
        match (saved, &mut self.unrecorded) {
            (Ok(()), _) => Ok(()),
            (Err(errors), None) => Err(errors),
            (Err(errors), Some(unrecorded)) => {
                tracing::error!(errors = errors.describe(), "originals are not on disk yet");
                unrecorded.originals = true;
                Ok(())
            }
        }
    }

    /// Forgets that anything has been touched since the host booted.
    pub(crate) fn forget_originals(&self) -> Result<()> {
        originals::forget(&self.store)
    }

    /// The host has booted, with a commit where startup was not running. None of it is on disk yet.
    pub(crate) fn boot(&mut self, record: Option<Record>, again: Moment) {
        self.unrecorded = Some(Unrecorded::new(record, again));
    }

    /// The disk has taken the boot so far; what is still to come does not wait for it either.
    pub(crate) fn continue_boot(&mut self, again: Moment) {
        self.unrecorded.get_or_insert(Unrecorded::nothing(again));
    }

    /// The boot is over. What the disk has not taken is tried again.
    pub(crate) fn finish_boot(&mut self) {
        self.unrecorded.take_if(|unrecorded| unrecorded.is_nothing());
    }

    /// When what the disk has not taken is tried again; none where it has taken all.
    pub(crate) fn unrecorded_until(&self) -> Option<Moment> {
        self.unrecorded.as_ref().map(|unrecorded| unrecorded.again)
    }

    /// Has the disk take what it has not; where that fails, `again` is when to try it again.
    pub(crate) fn catch_up(&mut self, originals: &Originals, again: Moment) -> Result<()> {
        let Some(unrecorded) = &mut self.unrecorded else { return Ok(()) };
        unrecorded.again = again;
        let record = unrecorded.record().cloned();
        if let Some(record) = &record {
            // An attempt may have failed with the entry in place already.
            self.take_back(record.id)?;
        }
        self.withdraw()?;
        if let Some(record) = record {
            self.enter(record)?;
        }
        if let Some(unrecorded) = &mut self.unrecorded {
            unrecorded.record = None;
        }
        originals::save(&self.store, &self.settings.boot_id, originals)?;
        self.unrecorded = None;
        Ok(())
    }
}
