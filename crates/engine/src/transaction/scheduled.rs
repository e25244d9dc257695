//! Scheduled commits: changes that are judged now and made later.
//!
//! What is kept is the change and the way back from it, so that it can be made of whatever is running by then: what
//! the session changed is compared with what others have changed since, as a candidate's commit does it. Each waits in
//! a file, outlives the daemon, and goes from there once it has been made or refused. Making it twice is making it
//! once: a daemon that dies between the two finds nothing left to change.

use std::time::SystemTime;

use crate::engine::Engine;
use crate::error::{Error, Errors, Result};
use crate::ledger::record::summary::summary;
use crate::origin::Origin;
use crate::rfc3339;
use crate::session::notice::{By, News};
use crate::session::sessions::NOBODY;
use crate::transaction::commit::{Author, Done};
use crate::transaction::schedule::{Content, SCHEDULE, Schedule, Scheduled};

impl Engine {
    /// Judges the session's candidate, has it committed at `due`, and gives the session another one without changes.
    pub(crate) fn schedule(
        &mut self,
        session: u32,
        due: SystemTime,
        comment: Option<String>,
    ) -> Result<Scheduled> {
        let made = (self.settings.clock.wall)();
        if due <= made {
            let now = rfc3339::seconds(made);
            return Err(Error::Past { now }.into());
        }
        let tree = self.merged(session)?;
        let diff = self.running.intent.tree.diff(&tree);
        if diff.is_empty() {
            return Err(Error::NothingToSchedule.into());
        }
        self.foresee(tree, &diff)?;
        let mut content = self.schedule.content.clone();
        content.last += 1;
        let origin = self.sessions.at(session)?.origin.clone();
        let (number, summary) = (content.last, summary(&diff));
        let (forward, reverse) = (diff.to_xml(), diff.to_xml_back());
        let new = Scheduled {
            number,
            due,
            made,
            origin,
            comment,
            summary,
            forward,
            reverse,
            obstacle: None,
        };
        let place = content.waiting.partition_point(|other| other.due <= due);
        content.waiting.insert(place, new.clone());
        self.keep_schedule(content)?;
        self.discard(session)?;
        let Scheduled { summary, .. } = &new;
        tracing::info!(number, due = rfc3339::seconds(due), summary, "scheduled");
        Ok(new)
    }

    /// Forgets a commit that waits for its time.
    pub(crate) fn unschedule(&mut self, number: u32) -> Result<()> {
        let mut content = self.schedule.content.clone();
        content.waiting.retain(|one| one.number != number);
        if content.waiting.len() == self.schedule.content.waiting.len() {
            return Err(Error::NotScheduled { number }.into());
        }
        self.keep_schedule(content)?;
        tracing::info!(number, "no longer scheduled");
        Ok(())
    }

    /// Makes the schedule another one, on disk first.
    fn keep_schedule(&mut self, content: Content) -> Result<()> {
        self.ledger.store().write(SCHEDULE, &content)?;
        self.schedule = Schedule { content, ..Schedule::default() };
        Ok(())
    }

    /// Makes the commit whose time has come. What keeps everybody from committing keeps it waiting.
    pub(crate) fn commit_scheduled(&mut self) {
        let now = (self.settings.clock.wall)();
        self.schedule.again = None;
        let next = self.schedule.content.waiting.first().filter(|next| next.due <= now).cloned();
        if let Some(next) = next {
            if let Err(obstacle) = self.may_commit_scheduled() {
                let obstacle = obstacle.describe();
                if next.obstacle.as_ref() != Some(&obstacle) {
                    tracing::warn!(number = next.number, obstacle, "a scheduled commit waits");
                }
                let next = self.schedule.content.waiting.first_mut();
                next.into_iter().for_each(|next| next.obstacle = Some(obstacle.clone()));
                self.schedule.again = Some(self.again());
                return;
            }
            let outcome = self.make(&next);
            self.schedule.content.waiting.retain(|one| one.number != next.number);
            self.schedule.stale = true;
            self.tell_made(next, outcome);
        }
        if self.schedule.stale {
            match self.ledger.store().write(SCHEDULE, &self.schedule.content) {
                Ok(_bytes) => self.schedule.stale = false,
                Err(failure) => {
                    tracing::error!(
                        errors = failure.describe(),
                        "a commit that was made is still scheduled on disk"
                    );
                    self.schedule.again = Some(self.again());
                }
            }
        }
    }

    fn may_commit_scheduled(&mut self) -> Result<()> {
        self.may_commit(NOBODY)?;
        match &self.pending {
            Some(_) => {
                Err(Error::Unconfirmed { id: self.running.id, needs: "somebody".into() }.into())
            }
            None => self.reconcile(),
        }
    }

    /// None where there was nothing left to change.
    fn make(&mut self, one: &Scheduled) -> Result<Option<Done>> {
        let running = self.running.intent.tree.clone();
        let tree = one.on(&running)?;
        let diff = running.diff(&tree);
        if diff.is_empty() {
            return Ok(None);
        }
        let Origin { user, from } = one.origin.clone();
        let due = rfc3339::seconds(one.due);
        let origin = Origin { user, from: format!("{from}, for {due}") };
        let record = self.record(Author { origin, comment: one.comment.clone() });
        self.transact(tree, &diff, record).map(Some)
    }

    fn tell_made(&self, one: Scheduled, outcome: std::result::Result<Option<Done>, Errors>) {
        let Scheduled { number, origin, comment, .. } = one;
        match outcome {
            Ok(Some(Done { summary, late })) => {
                let (id, summary) = (self.running.id, late.described_after(summary));
                tracing::info!(number, transaction = id, summary, "committed as scheduled");
                self.notices.send(News::Committed { id, by: By::Daemon, comment, summary });
            }
            Ok(None) => tracing::info!(number, "nothing is left of a scheduled commit"),
            Err(errors) => {
                let cause = errors.describe();
                tracing::error!(number, user = origin.user, cause, "a scheduled commit is refused");
                self.notices.send(News::Unscheduled { number, user: origin.user, cause });
            }
        }
    }
}
