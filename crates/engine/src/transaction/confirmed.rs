//! Confirmed commits (RFC 6241 section 8.4): a commit that is undone unless it is confirmed in
//! time.
//!
//! The deadline is in the commit's own record. It is therefore on disk before the kernel is
//! touched, and a failed attempt leaves no deadline. It is measured by the time since the host
//! booted. If the host has rebooted since, the wall clock decides. The wall clock may be wrong
//! until it is set, but the commit never waits longer than its timeout. Only the latest commit can
//! wait for its confirmation: a commit on top of it, or a mark that names it, has settled it. Until
//! then startup keeps its content, so that a reboot applies a configuration that is known to work.
//!
//! An undoing that fails is tried again, less and less often. The commit then stays in effect, and any
//! session may commit: to confirm it, or to replace what cannot be undone. Nobody is locked out by a
//! commit whose deadline has passed.

use yang::Tree;

use crate::clock::Moment;
use crate::engine::Engine;
use crate::error::{Error, Errors, Result};
use crate::ledger::confirmation::{self, Awaited, ConfirmedBy, Uptime};
use crate::session::notice::{By, NoticeKind, Phase, Why};
use crate::session::origin::Origin;
use crate::transaction::commit::{Author, Done};
use crate::transaction::pending::{NotUndone, Pending};
use crate::transaction::request::Confirmed;

impl Engine {
    /// Whether the session may commit or cancel, if a commit waits for its confirmation.
    pub(crate) fn may_settle(&self, session: u32, persist_id: Option<&str>) -> Result<()> {
        let Some(awaited) = self.pending.as_ref().map(Pending::awaited) else {
            return match persist_id {
                Some(_) => Err(Error::NothingPending.into()),
                None => Ok(()),
            };
        };
        if self.not_undone().is_some() {
            return Ok(());
        }
        let may = match (&awaited.by, persist_id) {
            (ConfirmedBy::Session, None) => awaited.session == session,
            (ConfirmedBy::Persist(known), Some(given)) => known == given,
            (ConfirmedBy::Anybody, None) => true,
            (ConfirmedBy::Session | ConfirmedBy::Anybody, Some(_))
            | (ConfirmedBy::Persist(_), None) => false,
        };
        let needs = match awaited.by {
            ConfirmedBy::Session => format!("session {}", awaited.session),
            ConfirmedBy::Persist(_) => "whoever knows its persist-id".into(),
            ConfirmedBy::Anybody => "a session without a persist-id".into(),
        };
        if may { Ok(()) } else { Err(Error::Unconfirmed { id: self.running.id, needs }.into()) }
    }

    /// Why the waiting commit could not be undone at its deadline.
    pub(crate) fn not_undone(&self) -> Option<&NotUndone> {
        self.pending.as_ref().and_then(Pending::not_undone)
    }

    /// The same for the answer of a commit, with what has become of it.
    pub(crate) fn described_not_undone(&self, became: &str) -> Option<String> {
        let NotUndone { cause, .. } = self.not_undone()?;
        let id = self.running.id;
        Some(format!("commit {id}, which could not be undone, is {became}: {cause}"))
    }

    /// The part of a commit's record about its confirmation.
    pub(crate) fn awaited(&self, session: u32, confirmed: &Confirmed) -> Awaited {
        let base = self.pending.as_ref().map_or(self.running.id, |pending| pending.awaited().base);
        let Confirmed { timeout, by, probes } = confirmed.clone();
        let deadline = (self.settings.clock.wall)() + timeout;
        let uptime = Some(Uptime {
            boot_id: self.settings.boot_id.clone(),
            deadline: (self.now() + timeout).uptime(),
            timeout,
        });
        Awaited { base, deadline, uptime, by, session, probes }
    }

    /// The configuration that does not wait for a confirmation. Startup follows it.
    pub(crate) fn settled(&self) -> &Tree {
        self.pending.as_ref().map_or(&self.running.intent.tree, Pending::tree)
    }

    /// Confirms the waiting commit. Returns the errors after it was confirmed.
    pub(crate) fn confirm(&mut self) -> Result<Errors> {
        let mut late = Errors::default();
        if let Err(failure) = confirmation::mark(self.ledger.store(), self.running.id) {
            // The mark may be in its place in spite of the error, and the next process would find
            // it. If it cannot be removed, it counts.
            let _gone = self.ledger.store().remove(confirmation::MARK);
            if !confirmation::is_marked(self.ledger.store(), self.running.id).unwrap_or(false) {
                return Err(failure);
            }
            late = failure;
        }
        self.pending = None;
        tracing::info!(transaction = self.running.id, "confirmed");
        let saved = if self.settings.autosave { self.ledger.follow() } else { Ok(()) };
        self.publish();
        late.0.extend(saved.err().into_iter().flat_map(|errors| errors.0));
        if !late.0.is_empty() {
            tracing::error!(errors = late.describe(), "confirmed, but not all of it is on disk");
        }
        Ok(late)
    }

    /// Undoes the waiting commit, at a user's request.
    pub(crate) fn cancel(&mut self, session: u32, persist_id: Option<&str>) -> Result<()> {
        if self.pending.is_none() {
            return Err(Error::NothingPending.into());
        }
        self.may_settle(session, persist_id)?;
        let origin = self.sessions.at(session)?.origin.clone();
        self.undo(origin.clone(), By::Session { id: session, origin }, Why::Cancelled)?;
        self.saw(session, &self.version())
    }

    /// The time at which the waiting commit is undone.
    pub(crate) fn undone_at(&self) -> Option<Moment> {
        self.pending.as_ref().map(Pending::due)
    }

    /// The time at which it is announced that the commit will be undone soon.
    pub(crate) fn announced_at(&self) -> Option<Moment> {
        self.pending.as_ref().and_then(Pending::announced_at)
    }

    /// Announces this, once.
    pub(crate) fn announce_undoing(&mut self) {
        let now = self.now();
        let Some(pending) = &mut self.pending else { return };
        pending.announce();
        let left = pending.due().left(now);
        let (id, phase) = (self.running.id, Phase::Expiring(left));
        self.notices.send(NoticeKind::Confirm { id, by: By::Daemon, phase });
    }

    /// The commit that waits for its confirmation.
    pub(crate) fn waiting(&self) -> Option<u64> {
        self.pending.as_ref().map(|_| self.running.id)
    }

    /// Sends a notice of what a commit did to the commit that was `waiting`.
    pub(crate) fn notify_phase(&self, by: By, waiting: Option<u64>) {
        let now = self.now();
        let left = |pending: &Pending| pending.due().left(now);
        let (id, phase) = match (waiting, &self.pending) {
            (None, None) => return,
            (None, Some(pending)) => (self.running.id, Phase::Start(left(pending))),
            (Some(_), Some(pending)) => (self.running.id, Phase::Extend(left(pending))),
            (Some(waiting), None) => (waiting, Phase::Complete),
        };
        self.notices.send(NoticeKind::Confirm { id, by, phase });
    }

    /// Handles the end of a session whose own commit waits for its confirmation.
    pub(crate) fn session_ended(&mut self, session: u32) {
        let its = |pending: &Pending| {
            let awaited = pending.awaited();
            awaited.by == ConfirmedBy::Session && awaited.session == session
        };
        if self.pending.as_ref().is_some_and(its) {
            self.expire(Why::SessionEnded);
        }
    }

    /// Handles a waiting commit at start: its session has ended with the last process.
    pub(crate) fn resume_waiting(&mut self) {
        match self.pending.as_ref().map(|pending| &pending.awaited().by) {
            Some(ConfirmedBy::Session) => self.expire(Why::SessionEnded),
            Some(ConfirmedBy::Persist(_) | ConfirmedBy::Anybody) => self.do_due_work(),
            None => {}
        }
    }

    /// Undoes the waiting commit without a caller. If that fails, it is tried again later.
    pub(crate) fn expire(&mut self, why: Why) {
        let origin = Origin { user: "netloomd".into(), from: "confirmed commit".into() };
        if let Err(errors) = self.undo(origin, By::Daemon, why) {
            let (id, cause) = (self.running.id, errors.describe());
            let Some(pending) = &mut self.pending else { return };
            let is_news = pending.postpone(cause.clone(), &self.settings);
            let again = pending.due().left(self.settings.clock.now()).as_secs();
            tracing::error!(
                transaction = id,
                errors = cause,
                again_seconds = again,
                "cannot undo an unconfirmed commit: it stays, and any session can commit"
            );
            if is_news {
                self.notices.send(NoticeKind::NotUndone { id, cause });
            }
        }
    }

    fn undo(&mut self, origin: Origin, by: By, why: Why) -> Result<()> {
        let Some(pending) = self.pending.clone() else { return Ok(()) };
        let (awaited, tree) = (pending.awaited().clone(), pending.tree().clone());
        let (transaction, why_undone) = (self.running.id, why.describe());
        tracing::warn!(
            transaction,
            base = awaited.base,
            "commit {transaction} {why_undone}: undone"
        );
        let earlier = self.reconcile_before_commit()?;
        let diff = self.running.intent.tree.diff(&tree);
        let undone =
            NoticeKind::Confirm { id: transaction, by: by.clone(), phase: Phase::Undone(why) };
        if diff.is_empty() {
            if !earlier.0.is_empty() {
                return Err(earlier);
            }
            self.confirm()?;
            self.notices.send(undone);
            return Ok(());
        }
        let unanswered = pending.probing().filter(|_| why == Why::Timeout);
        let unanswered = unanswered.map(|probing| format!(": {}", probing.describe()));
        let unanswered = unanswered.unwrap_or_default();
        let comment = Some(format!("commit {transaction} {why_undone}{unanswered}"));
        let record = self.record(Author { origin, comment: comment.clone() });
        let done = self.transact(tree, diff, record);
        let Done { summary, .. } = done.map_err(|errors| earlier.and(errors))?;
        // The session that committed it knows that the commit is not permanent. The session may
        // have ended.
        let _gone = self.saw(awaited.session, &self.version());
        self.notices.send(undone);
        let id = self.running.id;
        self.notices.send(NoticeKind::Committed { id, by: by.clone(), comment, summary });
        self.notify_held(by);
        Ok(())
    }
}
