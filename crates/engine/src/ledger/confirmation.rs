//! What is on disk of a commit that is undone unless it is confirmed.

use std::time::{Duration, SystemTime};

use netstate::probe::Probe;
use serde::{Deserialize, Serialize};

use crate::clock::Moment;
use crate::error::Result;
use crate::ledger::store::Store;
use crate::settings::Settings;

/// The file of the mark.
pub(crate) const MARK: &str = "confirmed.json";

/// Who may confirm a commit, follow it up, or cancel it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConfirmedBy {
    /// The session that made it; it is undone when that ends.
    Session,
    /// Any session that knows this `persist-id`.
    Persist(String),
    /// Any session.
    Anybody,
}

/// A commit that waits for its confirmation, as its record has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Awaited {
    /// The transaction to go back to: the one before the first of a chain of such commits.
    pub(crate) base: u64,
    /// By the wall clock.
    #[serde(with = "crate::rfc3339")]
    pub(crate) deadline: SystemTime,
    /// By the clock of the boot that it was made in; older records have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) uptime: Option<Uptime>,
    pub(crate) by: ConfirmedBy,
    /// Who made it; the number means nothing to the next process.
    pub(crate) session: u32,
    /// What confirms it too: that all of these have been answered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) probes: Vec<Probe>,
}

/// A deadline by a clock that nobody sets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Uptime {
    /// The boot that it counts from.
    pub(crate) boot_id: String,
    pub(crate) deadline: Duration,
    /// How long it was when the commit was made.
    pub(crate) timeout: Duration,
}

/// The last transaction that was confirmed without another on top of it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mark {
    id: u64,
}

impl Awaited {
    /// How long it waits from now.
    pub(crate) fn left(&self, Settings { boot_id, clock, .. }: &Settings) -> Duration {
        let by_wall = self.deadline.duration_since((clock.wall)()).unwrap_or_default();
        match &self.uptime {
            Some(uptime) if uptime.boot_id == *boot_id => {
                Moment::at(uptime.deadline).left(clock.now())
            }
            Some(uptime) => by_wall.min(uptime.timeout),
            None => by_wall,
        }
    }
}

/// Whether a transaction has been confirmed without another on top of it.
pub(crate) fn is_marked(store: &Store, id: u64) -> Result<bool> {
    Ok(store.read::<Mark>(MARK)?.is_some_and(|mark| mark.id == id))
}

/// Marks it so.
pub(crate) fn mark(store: &Store, id: u64) -> Result<()> {
    store.write(MARK, &Mark { id }).map(drop)
}
