//! Configurations on disk: running at a checkpoint, startup, and the rescue configuration.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use yang::{Schema, Tree};

use crate::error::Result;
use crate::ledger::record::LAST;
use crate::ledger::store::Store;

/// The file of running as of the last checkpoint.
pub(crate) const RUNNING: &str = "running.json";

/// A configuration on disk: the transaction that made it, and its content as RFC 7951 encodes it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved<'a> {
    id: u64,
    #[serde(borrow)]
    configuration: &'a RawValue,
}

/// Writes a configuration. Returns its size in bytes.
pub(crate) fn save(store: &Store, name: &str, id: u64, tree: &Tree) -> Result<usize> {
    let json = RawValue::from_string(tree.to_json(false));
    let configuration = json.map_err(|error| store.corrupt(name, error.to_string()))?;
    store.write(name, &Saved { id, configuration: &configuration })
}

/// A configuration as it was read.
pub(crate) struct Loaded {
    /// The transaction that made it.
    pub(crate) id: u64,
    pub(crate) tree: Tree,
    /// Its size on disk.
    pub(crate) bytes: usize,
}

/// Reads a configuration; none if the file does not exist.
pub(crate) fn load(store: &Store, name: &str, schema: &'static Schema) -> Result<Option<Loaded>> {
    let Some(text) = store.text(name)? else { return Ok(None) };
    let saved: Saved<'_> = store.content(name, &text)?;
    if saved.id > LAST {
        return Err(store.corrupt(name, format!("there is no commit {}", saved.id)).into());
    }
    let json = saved.configuration.get();
    // The text before it is replaced by blanks instead of being cut off, so that the line and
    // column of an error are those of the file.
    let before = text.find(json).unwrap_or_default();
    let blank = text[..before].chars().map(|c| if c == '\n' { '\n' } else { ' ' });
    let placed: String = blank.chain(json.chars()).collect();
    let tree = Tree::from_json(schema, &placed);
    let tree = tree.map_err(|error| store.corrupt(name, error.to_string()))?;
    Ok(Some(Loaded { id: saved.id, tree, bytes: text.len() }))
}
