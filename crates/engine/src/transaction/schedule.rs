//! The schedule: commits that wait for their time, in a file.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use yang::{Edit, Operation, Tree};

use crate::clock::{Clock, Moment};
use crate::error::{Error, Result};
use crate::ledger::store::Store;
use crate::origin::Origin;
use crate::session::conflict::contradicting;
use crate::session::merge::merge;

/// The file.
pub(crate) const SCHEDULE: &str = "scheduled.json";

/// A commit that is to be made at some time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scheduled {
    /// Its number among those that were scheduled. What it is in the history is known once it is made.
    pub number: u32,
    /// When it is due.
    #[serde(with = "crate::rfc3339")]
    pub due: SystemTime,
    /// When it was scheduled.
    #[serde(with = "crate::rfc3339")]
    pub made: SystemTime,
    /// By whom.
    pub origin: Origin,
    /// Why, for the history.
    pub comment: Option<String>,
    /// What it would have changed when it was scheduled, in a line.
    pub summary: String,
    /// The change, as the content of `<config>`.
    pub(crate) forward: String,
    /// The way back from it.
    pub(crate) reverse: String,
    /// What has kept it waiting since it was due.
    #[serde(skip)]
    pub obstacle: Option<String>,
}

/// What waits for its time.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    content: Content,
    /// When to try again what could not be done in time.
    again: Option<Moment>,
    /// Whether the file still has what has been made since.
    stale: bool,
}

/// The file's content.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    /// The last number that was given.
    last: u32,
    /// In the order of their times.
    waiting: Vec<Scheduled>,
}

impl Schedule {
    pub(crate) fn load(store: &Store) -> Result<Schedule> {
        let content = store.read(SCHEDULE)?.unwrap_or_default();
        Ok(Schedule { content, ..Schedule::default() })
    }

    /// What waits, the next one first.
    pub(crate) fn waiting(&self) -> &[Scheduled] {
        &self.content.waiting
    }

    /// The next number to give.
    pub(crate) fn next_number(&self) -> u32 {
        self.content.last + 1
    }

    /// Adds a commit, on disk first.
    pub(crate) fn add(&mut self, store: &Store, new: Scheduled) -> Result<()> {
        let mut content = self.content.clone();
        content.last = new.number;
        let place = content.waiting.partition_point(|other| other.due <= new.due);
        content.waiting.insert(place, new);
        self.keep(store, content)
    }

    /// Forgets a commit, on disk first.
    pub(crate) fn remove(&mut self, store: &Store, number: u32) -> Result<()> {
        let mut content = self.content.clone();
        content.waiting.retain(|one| one.number != number);
        if content.waiting.len() == self.content.waiting.len() {
            return Err(Error::NotScheduled { number }.into());
        }
        self.keep(store, content)
    }

    fn keep(&mut self, store: &Store, content: Content) -> Result<()> {
        store.write(SCHEDULE, &content)?;
        *self = Schedule { content, ..Schedule::default() };
        Ok(())
    }

    /// The commit whose time has come.
    pub(crate) fn due(&self, now: SystemTime) -> Option<&Scheduled> {
        self.content.waiting.first().filter(|next| next.due <= now)
    }

    /// The next commit has to wait: tries again later.
    pub(crate) fn postpone(&mut self, obstacle: String, again: Moment) {
        if let Some(next) = self.content.waiting.first_mut() {
            next.obstacle = Some(obstacle);
        }
        self.again = Some(again);
    }

    /// A commit has been made or refused. The file follows by [`save`](Self::save).
    pub(crate) fn done(&mut self, number: u32) {
        self.content.waiting.retain(|one| one.number != number);
        self.stale = true;
    }

    /// Brings the file up to date; tries again later where that fails.
    pub(crate) fn save(&mut self, store: &Store, again: Moment) {
        self.again = None;
        if !self.stale {
            return;
        }
        match store.write(SCHEDULE, &self.content) {
            Ok(_bytes) => self.stale = false,
            Err(failure) => {
                let errors = failure.describe();
                tracing::error!(errors, "a commit that was made is still scheduled on disk");
                self.again = Some(again);
            }
        }
    }

    /// How long until there is something to do.
    pub(crate) fn waits(&self, clock: &Clock) -> Option<Duration> {
        let wall = (clock.wall)();
        let next = self.content.waiting.first();
        let next = next.map(|next| next.due.duration_since(wall).unwrap_or_default());
        let again = self.again.map(|again| again.left(clock.now()));
        match next {
            Some(due) if !self.stale => Some(again.map_or(due, |again| again.max(due))),
            Some(_) | None => again,
        }
    }
}

impl Scheduled {
    /// What it makes of `running`.
    pub(crate) fn on(&self, running: &Tree) -> Result<Tree> {
        let change = |text: &str| Edit::from_xml(running.schema(), text, Operation::Merge);
        let (forward, reverse) = (change(&self.forward)?, change(&self.reverse)?);
        // Running, but as the session had seen it where it made its changes: these made and taken back leave just that.
        let mut base = running.clone();
        base.edit(&forward)?;
        base.edit(&reverse)?;
        let mut ours = base.clone();
        ours.edit(&forward)?;
        merge(&base, &ours, running).map_err(|found| contradicting(&found, &base, &ours, running))
    }
}
