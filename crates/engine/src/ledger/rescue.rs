//! The rescue configuration: one that is known to work, kept until it is needed.
//!
//! A user goes back to it when all else is lost, and the daemon comes up with it when running or startup cannot be read.

use yang::{Schema, Tree};

use crate::datastore::Version;
use crate::error::{Error, Result};
use crate::ledger::configuration::{load, save};
use crate::ledger::store::Store;

/// Its file.
pub(crate) const RESCUE: &str = "rescue.json";

/// Keeps running.
pub(crate) fn write(store: &Store, running: &Version) -> Result<()> {
    save(store, RESCUE, running.id, &running.tree)?;
    tracing::info!(transaction = running.id, "rescue configuration saved");
    Ok(())
}

/// The configuration that was kept.
pub(crate) fn read(store: &Store, schema: &'static Schema) -> Result<Tree> {
    let loaded = load(store, RESCUE, schema)?;
    Ok(loaded.ok_or(Error::NoRescue)?.tree)
}

/// Forgets it.
pub(crate) fn delete(store: &Store) -> Result<()> {
    match store.text(RESCUE)? {
        Some(_) => store.remove(RESCUE),
        None => Err(Error::NoRescue.into()),
    }
}
