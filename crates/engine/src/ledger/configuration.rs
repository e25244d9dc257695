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
#[derive(Serialize)]
struct Saving<T> {
    id: u64,
    configuration: T,
}

/// The same when it is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved<'a> {
    id: u64,
    #[serde(borrow)]
    configuration: &'a RawValue,
}

/// Writes a configuration. Returns its size in bytes.
pub(crate) fn save(store: &Store, name: &str, id: u64, tree: &Tree) -> Result<usize> {
    store.write(name, &Saving { id, configuration: tree.as_json() })
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
    let tree = Tree::from_json(schema, json).or_else(|_| {
        // The text before it is replaced by blanks, so that the line and column of the error are
        // those of the file.
        let before = text.find(json).unwrap_or_default();
        let blank = text[..before].chars().map(|c| if c == '\n' { '\n' } else { ' ' });
        Tree::from_json(schema, &blank.chain(json.chars()).collect::<String>())
    });
    let tree = tree.map_err(|error| store.corrupt(name, error.to_string()))?;
    Ok(Some(Loaded { id: saved.id, tree, bytes: text.len() }))
}
