//! The schedule: a file with the commits that wait for their time.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use yang::{Edit, Operation, Tree};

use crate::clock::{Clock, Moment};
use crate::error::{Error, Result};
use crate::ledger::store::Store;
use crate::session::conflict::contradicting;
use crate::session::merge::merge;
use crate::session::origin::Origin;

/// The file of the schedule.
pub(crate) const SCHEDULE: &str = "scheduled.json";

/// A scheduled commit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scheduled {
    /// Its number in the schedule. Its id in the history is known only when it is made.
    pub number: u32,
    /// When it is due.
    #[serde(with = "crate::clock::rfc3339")]
    pub due: SystemTime,
    /// When it was scheduled.
    #[serde(with = "crate::clock::rfc3339")]
    pub made: SystemTime,
    /// Who scheduled it.
    pub origin: Origin,
    /// A comment for the history.
    pub comment: Option<String>,
    /// A one-line summary of its changes when it was scheduled.
    pub summary: String,
    /// The changes, as the content of `<config>`.
    pub(crate) forward: String,
    /// The edit that undoes them.
    pub(crate) reverse: String,
    /// Why it has not been made although it is due.
    #[serde(skip)]
    pub delay_reason: Option<String>,
}

/// The scheduled commits.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    content: Content,
    /// When a delayed commit is tried again.
    again: Option<Moment>,
    /// Whether the file still contains commits that have been made.
    stale: bool,
}

/// The content of the file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    /// The last number that was assigned.
    last: u32,
    /// Sorted by time.
    waiting: Vec<Scheduled>,
}

impl Schedule {
    pub(crate) fn load(store: &Store) -> Result<Schedule> {
        let content: Content = store.read(SCHEDULE)?.unwrap_or_default();
        if content.last == u32::MAX {
            return Err(store
                .corrupt(SCHEDULE, "there is no number for another commit".into())
                .into());
        }
        Ok(Schedule { content, ..Schedule::default() })
    }

    /// The scheduled commits, the next one first.
    pub(crate) fn waiting(&self) -> &[Scheduled] {
        &self.content.waiting
    }

    /// The next number to assign.
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

    /// Removes a commit, on disk first.
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

    /// The next commit that is due.
    pub(crate) fn due(&self, now: SystemTime) -> Option<&Scheduled> {
        self.content.waiting.first().filter(|next| next.due <= now)
    }

    /// Delays the next commit until `again`.
    pub(crate) fn postpone(&mut self, delay_reason: String, again: Moment) {
        if let Some(next) = self.content.waiting.first_mut() {
            next.delay_reason = Some(delay_reason);
        }
        self.again = Some(again);
    }

    /// Notes that a commit has been made or refused. [`save`](Self::save) writes this to the file.
    pub(crate) fn done(&mut self, number: u32) {
        self.content.waiting.retain(|one| one.number != number);
        self.stale = true;
    }

    /// Brings the file up to date. If this fails, it is tried again later.
    pub(crate) fn save(&mut self, store: &Store, again: Moment) {
        self.again = None;
        if !self.stale {
            return;
        }
        match store.write(SCHEDULE, &self.content) {
            Ok(_bytes) => self.stale = false,
            Err(failure) => {
                let errors = failure.describe();
                tracing::error!(errors, "schedule not written: a finished commit is still in it");
                self.again = Some(again);
            }
        }
    }

    /// The time until something is due.
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
    /// Its changes merged into `running`.
    pub(crate) fn on(&self, running: &Tree) -> Result<Tree> {
        let change = |text: &str| Edit::from_xml(running.schema(), text, Operation::Merge);
        let (forward, reverse) = (change(&self.forward)?, change(&self.reverse)?);
        // The base is running as the session had seen it: the changes are applied and then undone.
        let mut base = running.clone();
        base.edit(&forward)?;
        base.edit(&reverse)?;
        let mut ours = base.clone();
        ours.edit(&forward)?;
        merge(&base, &ours, running).map_err(|found| contradicting(&found, &base, &ours, running))
    }
}
