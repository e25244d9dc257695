//! The datastores of RFC 8342, and the candidate, of which each session has its own.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use yang::{Edit, Path, Schema, Tree};

use crate::error::Result;
use crate::merge::merge;
use crate::store::Store;

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
    pub(crate) running: Tree,
    pub(crate) startup: Tree,
}

/// A session's private candidate: running as it was when the session last met it, and the session's own version.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    base: Tree,
    tree: Tree,
}

impl Candidate {
    /// A candidate without changes.
    pub(crate) fn of(running: &Tree) -> Candidate {
        Candidate { base: running.clone(), tree: running.clone() }
    }

    pub(crate) fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Whether the session has changed anything.
    pub(crate) fn changed(&self) -> bool {
        !self.base.diff(&self.tree).is_empty()
    }

    /// Applies an edit, whole or not at all.
    pub(crate) fn edit(&mut self, edit: &Edit) -> yang::Result<()> {
        self.tree.edit(edit)
    }

    /// Takes `content` whole. Whoever replaces everything has decided about everything in `running`.
    pub(crate) fn replace(&mut self, content: Tree, running: &Tree) {
        *self = Candidate { base: running.clone(), tree: content };
    }

    /// Brings in what others have committed. Where that contradicts the session's own changes, the candidate stays
    /// as it is, and the paths are told.
    pub(crate) fn refresh(&mut self, running: &Tree) -> std::result::Result<(), Vec<Path>> {
        let tree = merge(&self.base, &self.tree, running)?;
        *self = Candidate { base: running.clone(), tree };
        Ok(())
    }
}

/// The file of running; replacing it is what makes a commit happen.
pub(crate) const RUNNING: &str = "running.json";

/// The file of startup.
pub(crate) const STARTUP: &str = "startup.json";

/// A configuration as it is on disk: the transaction that made it, and its content as RFC 7951 has it.
#[derive(Serialize, Deserialize)]
struct Saved<'a> {
    id: u64,
    #[serde(borrow)]
    configuration: &'a RawValue,
}

/// Writes a configuration.
pub(crate) fn save(store: &Store, name: &str, id: u64, tree: &Tree) -> Result<()> {
    let json = RawValue::from_string(tree.to_json(false));
    let configuration = json.map_err(|error| store.corrupt(name, error.to_string()))?;
    store.write(name, &Saved { id, configuration: &configuration })
}

/// The transaction that made the configuration in a file; zero where there is no such file.
pub(crate) fn saved_by(store: &Store, name: &str) -> Result<u64> {
    let Some(text) = store.text(name)? else { return Ok(0) };
    let saved: Saved<'_> = store.content(name, &text)?;
    Ok(saved.id)
}

/// Reads a configuration with the transaction that made it; none where there is no such file.
pub(crate) fn load(
    store: &Store,
    name: &str,
    schema: &'static Schema,
) -> Result<Option<(u64, Tree)>> {
    let Some(text) = store.text(name)? else { return Ok(None) };
    let saved: Saved<'_> = store.content(name, &text)?;
    let json = saved.configuration.get();
    // What comes before it is blanked out rather than cut off, so that a fault's line and column are the file's.
    let before = text.find(json).unwrap_or_default();
    let blank = text[..before].chars().map(|c| if c == '\n' { '\n' } else { ' ' });
    let placed: String = blank.chain(json.chars()).collect();
    let tree = Tree::from_json(schema, &placed);
    let tree = tree.map_err(|error| store.corrupt(name, error.to_string()))?;
    Ok(Some((saved.id, tree)))
}
