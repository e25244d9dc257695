//! The commits of the past: one file each, which holds the edits that it made and those that undo it.
//!
//! The configuration of N commits ago is running with the last N commits undone, so that an entry costs what its
//! commit changed and not what the configuration holds. The entries form a chain, each naming the one before it; those
//! after the last checkpoint are what running is made of.

use std::collections::VecDeque;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use yang::{Edit, Operation, Tree};

use crate::checkpoint::Checkpoint;
use crate::confirmed::Awaited;
use crate::error::{Error, Result};
use crate::journal::JOURNAL;
use crate::session::Origin;
use crate::store::Store;

/// How many commits can be taken back.
const LIMIT: usize = 100;

const FOLDER: &str = "history";

/// One commit of the past.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryEntry {
    /// Distance from the present: `rollback 0` is running itself.
    pub position: usize,
    /// Stable id.
    pub id: u64,
    /// Who made it.
    pub origin: Origin,
    /// When.
    pub time: SystemTime,
    /// `commit comment`.
    pub comment: Option<String>,
    /// What changed, in a line.
    pub summary: String,
}

/// A commit as it is on disk: in the journal while it is under way, in the history once it has happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    /// The transaction.
    pub(crate) id: u64,
    /// The transaction that made the running that it started from; zero for the empty configuration.
    pub(crate) base: u64,
    pub(crate) origin: Origin,
    #[serde(with = "rfc3339")]
    pub(crate) time: SystemTime,
    pub(crate) comment: Option<String>,
    pub(crate) summary: String,
    /// Whether startup follows running from this commit on.
    #[serde(default)]
    pub(crate) autosave: bool,
    /// That it is undone unless it is confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) awaited: Option<Awaited>,
    /// From the running before it to the one after it, as the content of `<config>`.
    pub(crate) forward: String,
    /// The way back.
    pub(crate) reverse: String,
}

/// The records that lead back from running, the latest first.
#[derive(Debug, Default)]
pub(crate) struct History {
    chain: VecDeque<HistoryEntry>,
    /// Whether the latest has startup follow running.
    pub(crate) autosave: bool,
    /// That the latest is undone unless it is confirmed.
    pub(crate) awaited: Option<Awaited>,
}

impl History {
    /// Reads the records that lead back from the transaction that `checkpoint` holds.
    pub(crate) fn open(store: &Store, checkpoint: u64) -> Result<History> {
        let mut history = History::default();
        let mut files = store.list(FOLDER)?;
        files.retain(|file| file.ends_with(".json"));
        files.sort();
        let mut next = checkpoint;
        for file in files.into_iter().rev() {
            let record: Record = match store.read(&format!("{FOLDER}/{file}")) {
                Ok(Some(record)) => record,
                Ok(None) => break,
                Err(errors) => {
                    tracing::warn!("history ends early: {}", errors.told());
                    break;
                }
            };
            if record.id > next {
                continue;
            }
            if record.id < next {
                tracing::warn!(missing = next, "history ends early: a commit is missing");
                break;
            }
            next = record.base;
            if history.chain.is_empty() {
                history.autosave = record.autosave;
                history.awaited.clone_from(&record.awaited);
            }
            history.chain.push_back(record.entry());
        }
        Ok(history)
    }

    /// Makes the commits after the checkpoint again, on the configuration that it holds; answers with the transaction
    /// that running is then of.
    pub(crate) fn replay(
        &mut self,
        store: &Store,
        checkpoint: &mut Checkpoint,
        tree: &mut Tree,
    ) -> Result<u64> {
        let mut id = checkpoint.id();
        while let Some(record) = store.read::<Record>(&file_of(id + 1))? {
            let corrupt = |fault: String| store.corrupt(&file_of(id + 1), fault);
            if (record.id, record.base) != (id + 1, id) {
                let fault = format!(
                    "it is of a commit from configuration {} to {}",
                    record.base, record.id
                );
                return Err(corrupt(fault).into());
            }
            record.redo(tree).map_err(|error| corrupt(error.to_string()))?;
            checkpoint.add(record.forward.len() + record.reverse.len());
            id = record.id;
            self.add(record);
        }
        Ok(id)
    }

    /// Adds a commit that has happened.
    pub(crate) fn add(&mut self, record: Record) {
        self.autosave = record.autosave;
        self.awaited.clone_from(&record.awaited);
        self.chain.push_front(record.entry());
    }

    /// Forgets the oldest commits where there are too many, but for those that running is made of.
    pub(crate) fn prune(&mut self, store: &Store, checkpoint: u64) -> Result<()> {
        while self.chain.len() > LIMIT
            && let Some(oldest) = self.chain.pop_back_if(|oldest| oldest.id <= checkpoint)
        {
            store.remove(&file_of(oldest.id))?;
        }
        Ok(())
    }

    /// The commits, the latest first.
    pub(crate) fn entries(&self) -> Vec<HistoryEntry> {
        let numbered = self.chain.iter().enumerate();
        numbered.map(|(position, entry)| HistoryEntry { position, ..entry.clone() }).collect()
    }

    /// The configuration of `position` commits ago.
    pub(crate) fn rollback(&self, store: &Store, running: &Tree, position: usize) -> Result<Tree> {
        if position > self.chain.len() {
            return Err(Error::NoRollback { position, newest: self.chain.len() }.into());
        }
        let mut tree = running.clone();
        for entry in self.chain.iter().take(position) {
            let name = file_of(entry.id);
            let Some(record) = store.read::<Record>(&name)? else {
                return Err(store.corrupt(&name, "it has vanished".into()).into());
            };
            let fault = |error: yang::Error| store.corrupt(&name, error.to_string());
            record.undo(&mut tree).map_err(fault)?;
        }
        Ok(tree)
    }
}

impl Record {
    /// Makes the commit's changes to the configuration that it started from.
    pub(crate) fn redo(&self, tree: &mut Tree) -> yang::Result<()> {
        tree.edit(&Edit::from_xml(tree.schema(), &self.forward, Operation::Merge)?)
    }

    /// What is kept of it in memory; its position is told by its place in the chain.
    fn entry(self) -> HistoryEntry {
        let Record { id, origin, time, comment, summary, .. } = self;
        HistoryEntry { position: 0, id, origin, time, comment, summary }
    }

    /// Takes the commit's changes back.
    fn undo(&self, tree: &mut Tree) -> yang::Result<()> {
        tree.edit(&Edit::from_xml(tree.schema(), &self.reverse, Operation::Merge)?)
    }
}

/// Makes a commit happen: moves its journal to where history finds it.
pub(crate) fn file(store: &Store, id: u64) -> Result<()> {
    store.rename(JOURNAL, &file_of(id))
}

/// Takes back what is left of a move that has failed.
pub(crate) fn take_back(store: &Store, id: u64) -> Result<()> {
    store.remove(&file_of(id))
}

/// Names sort as their ids do.
fn file_of(id: u64) -> String {
    format!("{FOLDER}/{id:012}.json")
}

/// RFC 3339 in UTC, as `yang:date-and-time` has it.
pub(crate) mod rfc3339 {
    use std::time::SystemTime;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(time: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&humantime::format_rfc3339_millis(*time))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SystemTime, D::Error> {
        let text = String::deserialize(from)?;
        humantime::parse_rfc3339(&text).map_err(D::Error::custom)
    }
}
