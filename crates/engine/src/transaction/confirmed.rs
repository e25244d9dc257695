//! Confirmed commits (RFC 6241 section 8.4): a commit that is undone unless somebody confirms it in time.
//!
//! The deadline is in the commit's own record, and so on disk before the kernel is touched, and gone with an attempt
//! that fails. It goes by the time since the host booted; where the host has booted since, by the wall clock, which may be
//! wrong until somebody has set it, but by no more than what was asked for. What is to be confirmed is told by the latest
//! record alone: a commit on top of it, or a mark that names it, has settled it. Until then startup stays what it was, so
//! that a reboot comes up on what is known to work.

use std::time::{Duration, SystemTime};

use netstate::probe::Probe;
use serde::{Deserialize, Serialize};
use yang::Tree;

use crate::clock::Moment;
use crate::engine::Engine;
use crate::error::{Error, Errors, Result};
use crate::ledger::store::Store;
use crate::session::Origin;
use crate::session::notice::{By, News, Phase, Why};
use crate::settings::Settings;
use crate::transaction::commit::{Author, Done};
use crate::transaction::probes::Probing;

/// The file of the mark.
pub(crate) const MARK: &str = "confirmed.json";

/// How long before it happens an undoing is foretold, at most.
const SOON: Duration = Duration::from_secs(60);

/// What a session asks of a commit.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Why, for the history.
    pub comment: Option<String>,
    /// That it is undone unless it is confirmed.
    pub confirmed: Option<Confirmed>,
    /// The `persist-id` of the confirmed commit that this one confirms or follows.
    pub persist_id: Option<String>,
}

/// How long a commit waits for its confirmation, and from whom.
#[derive(Clone, Debug)]
pub struct Confirmed {
    /// How long.
    pub timeout: Duration,
    /// From whom.
    pub by: ConfirmedBy,
    /// What confirms it too: that all of these have been answered.
    pub probes: Vec<Probe>,
}

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
    boot_id: String,
    deadline: Duration,
    /// How long it was when the commit was made.
    timeout: Duration,
}

/// The same, with what to go back to.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    pub(crate) awaited: Awaited,
    pub(crate) tree: Tree,
    /// When it is undone.
    due: Moment,
    /// When that is foretold; none once it has been.
    foretold: Option<Moment>,
    pub(crate) probing: Option<Probing>,
}

/// The last transaction that was confirmed without another on top of it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mark {
    id: u64,
}

impl Pending {
    pub(crate) fn new(awaited: Awaited, tree: Tree, settings: &Settings) -> Self {
        let now = settings.clock.now();
        let left = awaited.left(settings);
        let due = now + left;
        let foretold = Some(now + left.saturating_sub(SOON.min(left / 4)));
        let probing = Probing::of(&awaited.probes, now);
        Pending { due, foretold, probing, awaited, tree }
    }
}

impl Awaited {
    /// How long it waits from now.
    fn left(&self, Settings { boot_id, clock, .. }: &Settings) -> Duration {
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

impl Engine {
    /// Whether the session may commit, or cancel, in the light of a commit that waits for its confirmation.
    pub(crate) fn may_settle(&self, session: u32, persist_id: Option<&str>) -> Result<()> {
        let Some(Pending { awaited, .. }) = &self.pending else {
            return match persist_id {
                Some(_) => Err(Error::NothingPending.into()),
                None => Ok(()),
            };
        };
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

    /// What a commit's record says of its confirmation.
    pub(crate) fn awaited(&self, session: u32, confirmed: &Confirmed) -> Awaited {
        let base = self.pending.as_ref().map_or(self.running.id, |pending| pending.awaited.base);
        let Confirmed { timeout, by, probes } = confirmed.clone();
        let deadline = (self.settings.clock.wall)() + timeout;
        let uptime = Some(Uptime {
            boot_id: self.settings.boot_id.clone(),
            deadline: (self.now() + timeout).uptime(),
            timeout,
        });
        Awaited { base, deadline, uptime, by, session, probes }
    }

    /// The configuration that is not subject to confirmation: what startup follows.
    pub(crate) fn settled(&self) -> &Tree {
        self.pending.as_ref().map_or(&self.running.intent.tree, |pending| &pending.tree)
    }

    /// Confirms the commit that waits for it. What fails once it is confirmed is answered.
    pub(crate) fn confirm(&mut self) -> Result<Errors> {
        let mut late = Errors::default();
        if let Err(failure) = self.store.write(MARK, &Mark { id: self.running.id }) {
            // The mark may be in place all the same, for the next process to find. If it stays there, it counts.
            let _gone = self.store.remove(MARK);
            if !is_marked(&self.store, self.running.id).unwrap_or(false) {
                return Err(failure);
            }
            late = failure;
        }
        self.pending = None;
        tracing::info!(transaction = self.running.id, "confirmed");
        let saved = if self.settings.autosave { self.follow() } else { Ok(()) };
        self.publish();
        late.0.extend(saved.err().into_iter().flat_map(|errors| errors.0));
        if !late.0.is_empty() {
            tracing::error!(errors = late.told(), "confirmed, but not all of it is on disk");
        }
        Ok(late)
    }

    /// Undoes the commit that waits for its confirmation, at a user's request.
    pub(crate) fn cancel(&mut self, session: u32, persist_id: Option<&str>) -> Result<()> {
        if self.pending.is_none() {
            return Err(Error::NothingPending.into());
        }
        self.may_settle(session, persist_id)?;
        let origin = self.sessions.at(session)?.origin.clone();
        self.undo(origin.clone(), By::Session { id: session, origin }, Why::Cancelled)?;
        self.saw(session, &self.version())
    }

    /// When a commit is undone.
    pub(crate) fn undone_at(&self) -> Option<Moment> {
        self.pending.as_ref().map(|pending| pending.due)
    }

    /// When it is said that a commit will soon be undone.
    pub(crate) fn foretold_at(&self) -> Option<Moment> {
        self.pending.as_ref().and_then(|pending| pending.foretold)
    }

    /// Says so, once.
    pub(crate) fn foretell(&mut self) {
        let now = self.now();
        let Some(pending) = &mut self.pending else { return };
        pending.foretold = None;
        let left = pending.due.left(now);
        let (id, phase) = (self.running.id, Phase::Expiring(left));
        self.tell_all(News::Confirm { id, by: By::Daemon, phase });
    }

    /// The commit that waits for its confirmation.
    pub(crate) fn waiting(&self) -> Option<u64> {
        self.pending.as_ref().map(|_| self.running.id)
    }

    /// Tells what a commit has made of one that was `waiting`.
    pub(crate) fn tell_phase(&self, by: By, waiting: Option<u64>) {
        let now = self.now();
        let left = |pending: &Pending| pending.due.left(now);
        let (id, phase) = match (waiting, &self.pending) {
            (None, None) => return,
            (None, Some(pending)) => (self.running.id, Phase::Start(left(pending))),
            (Some(_), Some(pending)) => (self.running.id, Phase::Extend(left(pending))),
            (Some(waiting), None) => (waiting, Phase::Complete),
        };
        self.tell_all(News::Confirm { id, by, phase });
    }

    /// What a session's end means to a commit of its own that waits for its confirmation.
    pub(crate) fn session_ended(&mut self, session: u32) {
        let its = |pending: &Pending| {
            pending.awaited.by == ConfirmedBy::Session && pending.awaited.session == session
        };
        if self.pending.as_ref().is_some_and(its) {
            self.expire(Why::SessionEnded);
        }
    }

    /// What a start makes of a commit that waits: its session has ended with the last process.
    pub(crate) fn resume_waiting(&mut self) {
        match self.pending.as_ref().map(|pending| &pending.awaited.by) {
            Some(ConfirmedBy::Session) => self.expire(Why::SessionEnded),
            Some(ConfirmedBy::Persist(_) | ConfirmedBy::Anybody) => self.look_at_clock(),
            None => {}
        }
    }

    /// Undoes it without anybody to tell but the log and the history; where that fails, again later.
    pub(crate) fn expire(&mut self, why: Why) {
        let origin = Origin { user: "netloomd".into(), from: "confirmed commit".into() };
        if let Err(errors) = self.undo(origin, By::Daemon, why) {
            tracing::error!(errors = errors.told(), "cannot undo an unconfirmed commit");
            let again = self.again();
            self.pending
                .iter_mut()
                .for_each(|pending| (pending.due, pending.foretold) = (again, None));
        }
    }

    fn undo(&mut self, origin: Origin, by: By, why: Why) -> Result<()> {
        let Some(Pending { awaited, tree, probing, .. }) = self.pending.clone() else {
            return Ok(());
        };
        let (transaction, why_told) = (self.running.id, why.told());
        tracing::warn!(transaction, base = awaited.base, "commit {transaction} {why_told}: undone");
        self.reconcile()?;
        let diff = self.running.intent.tree.diff(&tree);
        let undone = News::Confirm { id: transaction, by: by.clone(), phase: Phase::Undone(why) };
        if diff.is_empty() {
            self.confirm()?;
            self.tell_all(undone);
            return Ok(());
        }
        let unanswered = probing.filter(|_| why == Why::Timeout);
        let unanswered = unanswered.map(|probing| format!(": {}", probing.told()));
        let unanswered = unanswered.unwrap_or_default();
        let comment = Some(format!("commit {transaction} {why_told}{unanswered}"));
        let record = self.record(Author { origin, comment: comment.clone() });
        let Done { summary, late: _ } = self.transact(tree, &diff, record)?;
        // Whoever committed it knows that it does not last; it may be that nobody is there any more.
        let _gone = self.saw(awaited.session, &self.version());
        self.tell_all(undone);
        self.tell_all(News::Committed { id: self.running.id, by, comment, summary });
        Ok(())
    }
}
