//! The part of a confirmed commit that is on disk.

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
    /// The session that made it. The commit is undone when the session ends.
    Session,
    /// Any session that knows this `persist-id`.
    Persist(String),
    /// Any session.
    Anybody,
}

/// A commit that waits for its confirmation, as its record describes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Awaited {
    /// The transaction to return to: the one before the first of a chain of such commits.
    pub(crate) base: u64,
    /// The deadline by the wall clock.
    #[serde(with = "crate::clock::rfc3339")]
    pub(crate) deadline: SystemTime,
    /// The deadline by the clock of the boot in which the commit was made. Older records do not
    /// have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) uptime: Option<Uptime>,
    pub(crate) by: ConfirmedBy,
    /// The session that made it. The number has no meaning for the next process.
    pub(crate) session: u32,
    /// Probes that confirm the commit when all of them have been answered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) probes: Vec<Probe>,
}

/// A deadline by the clock of a boot, which nobody can set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Uptime {
    /// The boot whose clock counts.
    pub(crate) boot_id: String,
    pub(crate) deadline: Duration,
    /// The time that was left when the commit was made.
    pub(crate) timeout: Duration,
}

/// The last transaction that was confirmed without another commit on top of it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mark {
    id: u64,
}

impl Awaited {
    /// The time until the deadline.
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

/// Whether a transaction has been confirmed without another commit on top of it.
pub(crate) fn is_marked(store: &Store, id: u64) -> Result<bool> {
    Ok(store.read::<Mark>(MARK)?.is_some_and(|mark| mark.id == id))
}

/// Marks the transaction as confirmed.
pub(crate) fn mark(store: &Store, id: u64) -> Result<()> {
    store.write(MARK, &Mark { id }).map(drop)
}
