//! The datastores of RFC 8342, and those of them that are on disk.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use yang::{Schema, Tree};

use crate::error::Result;
use crate::ledger::store::Store;
use crate::session::candidate::Version;

/// RFC 8342 datastores. Each session has a candidate of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "named by the RFC")]
pub enum Datastore {
    Candidate,
    Running,
    Startup,
    Operational,
}

/// What readers see without waiting for the engine.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(crate) running: Version,
    pub(crate) startup: Tree,
}

/// The file of running as of the last checkpoint.
pub(crate) const RUNNING: &str = "running.json";

/// The file of startup.
pub(crate) const STARTUP: &str = "startup.json";

/// A configuration as it is on disk: the transaction that made it, and its content as RFC 7951 has it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved<'a> {
    id: u64,
    #[serde(borrow)]
    configuration: &'a RawValue,
}

/// Startup as it is on disk where it is whatever running is.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Following {
    follows: Leader,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Leader {
    Running,
}

/// What a host comes up with.
#[derive(Clone, Debug)]
pub(crate) enum Startup {
    /// Running, as it is then.
    Follows,
    /// What a transaction, or a user after it, has put there.
    Fixed {
        /// The transaction; zero where there was none.
        id: u64,
        /// The configuration.
        tree: Tree,
    },
}

impl Startup {
    /// Reads what is on disk; the empty configuration where nothing is.
    pub(crate) fn load(store: &Store, schema: &'static Schema) -> Result<Startup> {
        let text = store.text(STARTUP)?.unwrap_or_default();
        if let Ok(Following { follows: Leader::Running }) = store.content(STARTUP, &text) {
            return Ok(Startup::Follows);
        }
        let found = load(store, STARTUP, schema)?;
        let (id, tree) =
            found.map_or_else(|| (0, Tree::empty(schema)), |saved| (saved.id, saved.tree));
        Ok(Startup::Fixed { id, tree })
    }

    /// Writes it.
    pub(crate) fn save(&self, store: &Store) -> Result<()> {
        match self {
            Startup::Follows => store.write(STARTUP, &Following { follows: Leader::Running }),
            Startup::Fixed { id, tree } => save(store, STARTUP, *id, tree),
        }
        .map(drop)
    }

    /// The configuration that it is while running is this one.
    pub(crate) fn tree<'a>(&'a self, running: &'a Tree) -> &'a Tree {
        match self {
            Startup::Follows => running,
            Startup::Fixed { tree, .. } => tree,
        }
    }
}

/// Writes a configuration; answers how many bytes it takes.
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
    /// What it takes on disk.
    pub(crate) bytes: usize,
}

/// Reads a configuration; none where there is no such file.
pub(crate) fn load(store: &Store, name: &str, schema: &'static Schema) -> Result<Option<Loaded>> {
    let Some(text) = store.text(name)? else { return Ok(None) };
    let saved: Saved<'_> = store.content(name, &text)?;
    if saved.id == u64::MAX {
        return Err(store.corrupt(name, format!("there is no commit {}", saved.id)).into());
    }
    let json = saved.configuration.get();
    // What comes before it is blanked out rather than cut off, so that a fault's line and column are the file's.
    let before = text.find(json).unwrap_or_default();
    let blank = text[..before].chars().map(|c| if c == '\n' { '\n' } else { ' ' });
    let placed: String = blank.chain(json.chars()).collect();
    let tree = Tree::from_json(schema, &placed);
    let tree = tree.map_err(|error| store.corrupt(name, error.to_string()))?;
    Ok(Some(Loaded { id: saved.id, tree, bytes: text.len() }))
}
