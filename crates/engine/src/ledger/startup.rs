//! Startup: the configuration that is applied when the host boots.

use serde::{Deserialize, Serialize};
use yang::{Schema, Tree};

use crate::error::Result;
use crate::ledger::configuration::{load, save};
use crate::ledger::store::Store;

/// The file of startup.
pub(crate) const STARTUP: &str = "startup.json";

/// Startup on disk, if it is not the same as running.
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

/// The configuration that is applied when the host boots.
#[derive(Clone, Debug)]
pub(crate) enum Startup {
    /// The same as running at that time.
    Follows,
    /// The configuration that a transaction or a user has stored.
    Fixed {
        /// The transaction; zero if there was none.
        id: u64,
        /// The configuration.
        tree: Tree,
    },
}

impl Startup {
    /// Reads startup from disk; the empty configuration if there is none.
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

    /// Writes startup to disk.
    pub(crate) fn save(&self, store: &Store) -> Result<()> {
        match self {
            Startup::Follows => store.write(STARTUP, &Following { follows: Leader::Running }),
            Startup::Fixed { id, tree } => save(store, STARTUP, *id, tree),
        }
        .map(drop)
    }

    /// The content of startup while `running` is running.
    pub(crate) fn tree<'a>(&'a self, running: &'a Tree) -> &'a Tree {
        match self {
            Startup::Follows => running,
            Startup::Fixed { tree, .. } => tree,
        }
    }
}
