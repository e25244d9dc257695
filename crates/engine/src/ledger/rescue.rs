//! The rescue configuration: a configuration that is known to work, kept for emergencies.
//!
//! A user can return to it, and the daemon starts with it if running or startup cannot be read.

use yang::{Schema, Tree};

use crate::datastore::Version;
use crate::error::{Error, Result};
use crate::ledger::configuration::{load, save};
use crate::ledger::store::Store;

/// The file of the rescue configuration.
pub(crate) const RESCUE: &str = "rescue.json";

/// Saves running as the rescue configuration.
pub(crate) fn write(store: &Store, running: &Version) -> Result<()> {
    save(store, RESCUE, running.id, &running.tree)?;
    tracing::info!(transaction = running.id, "rescue configuration saved");
    Ok(())
}

/// Reads the rescue configuration.
pub(crate) fn read(store: &Store, schema: &'static Schema) -> Result<Tree> {
    let loaded = load(store, RESCUE, schema)?;
    Ok(loaded.ok_or(Error::NoRescue)?.tree)
}

/// Deletes it.
pub(crate) fn delete(store: &Store) -> Result<()> {
    match store.text(RESCUE)? {
        Some(_) => store.remove(RESCUE),
        None => Err(Error::NoRescue.into()),
    }
}
