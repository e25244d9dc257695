//! Scheduled commits: changes that are validated now and made later.
//!
//! The schedule stores the change and the edit that undoes it. The change can therefore be merged
//! with whatever is running at that time, as in a candidate's commit. Each scheduled commit waits
//! in a file, survives a restart of the daemon, and leaves the file once it has been made or
//! refused. Making it twice has the same effect as once: if the daemon dies in between, nothing is
//! left to change.

use std::time::SystemTime;

use crate::clock::rfc3339;
use crate::engine::Engine;
use crate::error::{Error, Errors, Result};
use crate::ledger::record::summary::summary;
use crate::session::notice::{By, NoticeKind};
use crate::session::origin::Origin;
use crate::session::sessions::NOBODY;
use crate::transaction::commit::{Author, Done};
use crate::transaction::request::limited;
use crate::transaction::schedule::Scheduled;

impl Engine {
    /// Validates the session's candidate, schedules it for `due`, and gives the session a new
    /// candidate without changes.
    pub(crate) fn schedule(
        &mut self,
        session: u32,
        due: SystemTime,
        comment: Option<String>,
    ) -> Result<Scheduled> {
        limited("comment", comment.as_deref())?;
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
        self.plan_commit(tree, &diff)?;
        let origin = self.sessions.at(session)?.origin.clone();
        let (number, summary) = (self.schedule.next_number(), summary(&diff));
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
            delay_reason: None,
        };
        self.schedule.add(self.ledger.store(), new.clone())?;
        self.discard(session)?;
        let Scheduled { summary, .. } = &new;
        tracing::info!(number, due = rfc3339::seconds(due), summary, "scheduled");
        Ok(new)
    }

    /// Removes a scheduled commit.
    pub(crate) fn unschedule(&mut self, number: u32) -> Result<()> {
        self.schedule.remove(self.ledger.store(), number)?;
        tracing::info!(number, "scheduled commit cancelled");
        Ok(())
    }

    /// Makes the commit that is due. It keeps waiting while something prevents every commit.
    pub(crate) fn commit_scheduled(&mut self) {
        let again = self.again();
        if let Some(next) = self.schedule.due((self.settings.clock.wall)()).cloned() {
            if let Err(delay_reason) = self.may_commit_scheduled() {
                let delay_reason = delay_reason.describe();
                if next.delay_reason.as_ref() != Some(&delay_reason) {
                    tracing::warn!(number = next.number, delay_reason, "a scheduled commit waits");
                }
                return self.schedule.postpone(delay_reason, again);
            }
            let outcome = self.make(&next);
            self.schedule.done(next.number);
            self.notify_made(next, outcome);
        }
        self.schedule.save(self.ledger.store(), again);
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

    /// None if there was nothing left to change.
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
        self.transact(tree, diff, record).map(Some)
    }

    fn notify_made(&mut self, one: Scheduled, outcome: std::result::Result<Option<Done>, Errors>) {
        let Scheduled { number, origin, comment, .. } = one;
        match outcome {
            Ok(Some(Done { summary, late, .. })) => {
                let (id, summary) = (self.running.id, late.described_after(summary));
                tracing::info!(number, transaction = id, summary, "scheduled commit made");
                self.notices.send(NoticeKind::Committed { id, by: By::Daemon, comment, summary });
                self.notify_held(By::Daemon);
            }
            Ok(None) => tracing::info!(number, "scheduled commit had nothing left to change"),
            Err(errors) => {
                let cause = errors.describe();
                tracing::error!(number, user = origin.user, cause, "scheduled commit refused");
                self.notices.send(NoticeKind::Unscheduled { number, user: origin.user, cause });
            }
        }
    }
}
