//! Startup: what a host comes up with.

use serde::{Deserialize, Serialize};
use yang::{Schema, Tree};

use crate::error::Result;
use crate::ledger::configuration::{load, save};
use crate::ledger::store::Store;

/// The file of startup.
pub(crate) const STARTUP: &str = "startup.json";

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
