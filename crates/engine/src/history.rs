//! The commits of the past: one file each, which holds the edits that it made and those that undo it.
//!
//! The configuration of N commits ago is running with the last N commits undone, so that an entry costs what its
//! commit changed and not what the configuration holds. The entries form a chain, each naming the one before it.

use std::collections::VecDeque;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use yang::{Edit, Operation, Tree};

use crate::error::{Error, Result};
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
    /// From the running before it to the one after it, as the content of `<config>`.
    pub(crate) forward: String,
    /// The way back.
    pub(crate) reverse: String,
}

/// The records that lead back from running, the latest first.
#[derive(Debug, Default)]
pub(crate) struct History {
    chain: VecDeque<HistoryEntry>,
}

impl History {
    /// Reads the records that lead back from the transaction `running`.
    pub(crate) fn open(store: &Store, running: u64) -> Result<History> {
        let mut history = History::default();
        let mut files = store.list(FOLDER)?;
        files.retain(|file| file.ends_with(".json"));
        files.sort();
        let mut next = running;
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
            history.chain.push_back(record.entry());
        }
        Ok(history)
    }

    /// Makes the journal of a commit that has happened its history entry.
    pub(crate) fn file(&mut self, store: &Store, journal: &str, record: Record) -> Result<()> {
        if let Err(errors) = file(store, journal, record.id) {
            // Without this link the chain leads nowhere.
            self.chain.clear();
            return Err(errors);
        }
        self.chain.push_front(record.entry());
        while self.chain.len() > LIMIT {
            if let Some(oldest) = self.chain.pop_back() {
                store.remove(&file_of(oldest.id))?;
            }
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
        let Record { id, base: _, origin, time, comment, summary, forward: _, reverse: _ } = self;
        HistoryEntry { position: 0, id, origin, time, comment, summary }
    }

    /// Takes the commit's changes back.
    fn undo(&self, tree: &mut Tree) -> yang::Result<()> {
        tree.edit(&Edit::from_xml(tree.schema(), &self.reverse, Operation::Merge)?)
    }
}

/// Moves the journal of a commit that has happened to where history finds it.
pub(crate) fn file(store: &Store, journal: &str, id: u64) -> Result<()> {
    store.rename(journal, &file_of(id))
}

/// Names sort as their ids do.
fn file_of(id: u64) -> String {
    format!("{FOLDER}/{id:012}.json")
}

/// RFC 3339 in UTC, as `yang:date-and-time` has it.
mod rfc3339 {
    use std::time::SystemTime;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(time: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&humantime::format_rfc3339_millis(*time))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SystemTime, D::Error> {
        let text = String::deserialize(from)?;
        humantime::parse_rfc3339(&text).map_err(D::Error::custom)
    }
}
