//! Originals: the state of objects before the configuration touched them, so that it can be given
//! back.
//!
//! Originals are on disk before the kernel is touched. They are valid for one boot of the host:
//! after the next boot, nothing has been touched yet.

use netstate::Originals;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::ledger::store::Store;

/// The file of the originals.
pub(crate) const FILE: &str = "originals.json";

/// Originals on disk.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    boot_id: String,
    originals: Originals,
}

/// The originals of this boot; none if the state directory has none, or only those of another boot.
pub(crate) fn load(store: &Store, boot_id: &str) -> Result<Option<Originals>> {
    let saved: Option<Saved> = store.read(FILE)?;
    let of_this_boot = saved.filter(|saved| saved.boot_id == boot_id);
    Ok(of_this_boot.map(|saved| saved.originals))
}

/// Writes the originals of this boot.
pub(crate) fn save(store: &Store, boot_id: &str, originals: &Originals) -> Result<()> {
    let (boot_id, originals) = (boot_id.into(), originals.clone());
    store.write(FILE, &Saved { boot_id, originals }).map(drop)
}

/// Forgets all originals of this boot.
pub(crate) fn forget(store: &Store) -> Result<()> {
    store.remove(FILE)
}
