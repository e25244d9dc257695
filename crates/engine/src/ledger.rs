//! The ledger: the files of the state directory, and the history in them.
//!
//! Each commit is a record. The record is in the journal while the commit is under way, and in the
//! history once it has happened. Running is the last checkpoint plus the records after it. Startup
//! follows running or is fixed. Originals are the state, before the configuration changed it, of
//! objects that existed already. [`Ledger`] is the only owner of all these files.

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
    /// What could not be written to disk since the host booted.
    unrecorded: Option<Unrecorded>,
}

/// The result of reading the state directory at start.
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

    /// The commits up to now, and running, which can be read without the engine.
    pub(crate) fn past(&self, running: Version) -> Past {
        let unrecorded = self.unrecorded.as_ref().map(|unrecorded| unrecorded.records.clone());
        let unrecorded = unrecorded.unwrap_or_default();
        Past::new(self.store.clone(), running, self.history.entries(), unrecorded)
    }

    /// Makes a commit happen: its journal becomes its entry in the history. Returns the errors that
    /// do not prevent this.
    pub(crate) fn file(&self, id: u64) -> Result<Errors> {
        history::file(&self.store, id)
    }

    /// Removes what a failed move to the history has left.
    pub(crate) fn take_back(&self, id: u64) -> Result<()> {
        history::take_back(&self.store, id)
    }

    /// Removes the journal of an attempt that is undone. In a frozen store it stays, and the next
    /// start undoes the attempt again.
    pub(crate) fn withdraw(&self) -> Result<()> {
        if self.store.is_frozen() {
            return Ok(());
        }
        journal::withdraw(&self.store)
    }

    /// Adds a commit that has happened.
    pub(crate) fn add(&mut self, record: Record, stamp: Stamp) {
        self.checkpoint.add(stamp.bytes);
        self.history.add(record, stamp);
    }

    /// Removes the oldest commits if there are too many.
    pub(crate) fn prune(&mut self) -> Result<()> {
        self.history.prune(&self.store, self.settings.history, self.checkpoint.id())
    }

    /// Adds a commit that changes nothing in the kernel to the history.
    pub(crate) fn enter(&mut self, record: Record) -> Result<()> {
        let stamp = journal::draft(&self.store, &record)?.place()?;
        let late = self.file(record.id)?;
        if !late.0.is_empty() {
            tracing::error!(
                errors = late.describe(),
                "commit added to the history, but not all of it is on disk"
            );
        }
        self.add(record, stamp);
        Ok(())
    }

    /// Makes startup follow running from now on.
    pub(crate) fn follow(&mut self) -> Result<()> {
        match self.startup {
            Startup::Follows => Ok(()),
            Startup::Fixed { .. } => self.set_startup(Startup::Follows),
        }
    }

    /// Replaces startup, on disk first.
    pub(crate) fn set_startup(&mut self, startup: Startup) -> Result<()> {
        startup.save(&self.store)?;
        self.startup = startup;
        Ok(())
    }

    /// Starts to write a checkpoint if one is due.
    pub(crate) fn checkpoint(&mut self, running: &Version) {
        if self.unrecorded.is_none() {
            self.checkpoint.write_if_due(&self.store, running);
        }
    }

    /// Writes a checkpoint before the end, so that the next start has no commits to replay.
    pub(crate) fn last_checkpoint(&mut self, running: &Version) {
        if self.unrecorded.is_none() {
            self.checkpoint.write_last(&self.store, running);
        }
    }

    /// Starts a new history with this as running, and no commits before it.
    pub(crate) fn begin_with(&mut self, id: u64, running: &Tree) -> Result<()> {
        let bytes = save(&self.store, RUNNING, id, running)?;
        self.checkpoint = Checkpoint::found(id, bytes);
        Ok(())
    }

    /// Writes the originals to disk. After a boot that could not be written, they wait with the
    /// rest of it.
    pub(crate) fn save_originals(&mut self, originals: &Originals) -> Result<()> {
        let saved = originals::save(&self.store, &self.settings.boot_id, originals);
        match (saved, &mut self.unrecorded) {
            (Ok(()), _) => Ok(()),
            (Err(errors), None) => Err(errors),
            (Err(errors), Some(unrecorded)) => {
                tracing::error!(errors = errors.describe(), "originals not written to disk yet");
                unrecorded.originals = true;
                Ok(())
            }
        }
    }

    /// Forgets all originals: nothing has been touched since the host booted.
    pub(crate) fn forget_originals(&self) -> Result<()> {
        originals::forget(&self.store)
    }

    /// Changes startup. It is written later.
    pub(crate) fn owe_startup(&mut self, startup: Startup, again: Moment) {
        self.startup = startup;
        self.unrecorded.get_or_insert(Unrecorded::nothing(again)).startup = true;
    }

    /// Notes that the host has booted, with a commit if startup was not running. None of it is on
    /// disk yet.
    pub(crate) fn boot(&mut self, record: Option<Record>, again: Moment) {
        let unrecorded = self.unrecorded.get_or_insert(Unrecorded::nothing(again));
        unrecorded.records.extend(record);
        unrecorded.originals = true;
    }

    /// Writes nothing from now on. What the start changes, such as startup and this commit, stays
    /// in memory.
    pub(crate) fn freeze(&mut self, errors: &Errors, record: Option<Record>, startup: Startup) {
        self.store.freeze(errors);
        self.startup = startup;
        self.boot(record, Moment::default());
    }

    /// Notes that the boot so far is on disk. The rest of the boot does not wait for the disk
    /// either.
    pub(crate) fn continue_boot(&mut self, again: Moment) {
        self.unrecorded.get_or_insert(Unrecorded::nothing(again));
    }

    /// Notes that the boot is over. What is not on disk is tried again later.
    pub(crate) fn finish_boot(&mut self) {
        let frozen = self.store.is_frozen();
        self.unrecorded.take_if(|unrecorded| unrecorded.is_nothing() && !frozen);
    }

    /// The time at which writing is tried again; none if everything is on disk.
    pub(crate) fn unrecorded_until(&self) -> Option<Moment> {
        let unrecorded = self.unrecorded.as_ref().filter(|_| !self.store.is_frozen());
        unrecorded.map(|unrecorded| unrecorded.again)
    }

    /// Writes what is not on disk yet. If that fails, `again` is the time of the next attempt.
    pub(crate) fn catch_up(&mut self, originals: &Originals, again: Moment) -> Result<()> {
        let Some(unrecorded) = &mut self.unrecorded else { return Ok(()) };
        self.store.require_writable()?;
        unrecorded.again = again;
        let (records, startup) = (unrecorded.records.clone(), unrecorded.startup);
        for record in &records {
            // An earlier attempt may have failed after the entry was in its place.
            self.take_back(record.id)?;
        }
        self.withdraw()?;
        for record in records {
            self.enter(record)?;
            if let Some(unrecorded) = &mut self.unrecorded {
                unrecorded.records.remove(0);
            }
        }
        if startup {
            self.startup.save(&self.store)?;
        }
        originals::save(&self.store, &self.settings.boot_id, originals)?;
        self.unrecorded = None;
        Ok(())
    }
}
