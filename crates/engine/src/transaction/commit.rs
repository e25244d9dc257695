//! The life of a commit.
//!
//! 1. Nobody else holds a lock, and no commit waits for a confirmation that this session cannot give.
//! 2. The candidate is merged with what others have committed since ([`Step::Merged`]).
//! 3. The result is valid, and becomes the desired state of the kernel ([`Step::Lowered`]). At the same time a thread
//!    writes what changes to a draft of the journal.
//! 4. The kernel is observed and the plan is made ([`Step::Planned`]).
//! 5. Objects that the configuration touches for the first time are kept on disk as they were ([`Step::Adopted`]).
//! 6. The draft becomes the journal ([`Step::Journalled`]). Until here nothing has happened.
//! 7. The kernel takes the plan ([`Step::Executed`]), and is observed again: nothing may be left to do
//!    ([`Step::Verified`]).
//! 8. The journal is moved into the history: the commit has happened ([`Step::Committed`]). Whatever fails before that
//!    leads back to running as it was ([`Step::Reverted`], [`Step::Withdrawn`]), in [`revert`](crate::transaction::revert).
//! 9. Startup follows ([`Step::Saved`]), originals that are given back are forgotten ([`Step::Released`]), and readers see
//!    the new running ([`Step::Published`]). What fails here is reported, and made up for at the next start.
//!
//! Steps 4 to 7 are [`Kernel::converge`](crate::transaction::converge::Kernel::converge).

use std::sync::Arc;
use std::thread;

use netstate::Op;
use yang::{Diff, Tree};

use crate::datastore::Datastore;
use crate::datastore::intent::{Intent, Running};
use crate::engine::Engine;
use crate::error::{Errors, Result};
use crate::kernel_state::events::{Epoch, Verified};
use crate::kernel_state::held::Holds;
use crate::ledger::confirmation::ConfirmedBy;
use crate::ledger::journal::{Journal, Writing};
use crate::ledger::record::Record;
use crate::ledger::record::changes::Changes;
use crate::ledger::record_file::Stamp;
use crate::session::notice::{By, NoticeKind};
use crate::session::origin::Origin;
use crate::transaction::converge::{Failure, Made, Policy};
use crate::transaction::pending::Pending;
use crate::transaction::request::{CommitRequest, Confirmed, limited};
use crate::transaction::step::Step;
use crate::transaction::transition::{Transition, TransitionPlan};

/// The result of a commit.
#[derive(Clone, Debug, PartialEq)]
pub struct Committed {
    /// The id of the history entry; none if there was nothing to commit.
    pub id: Option<u64>,
    /// A one-line summary of the changes: `2 netns, 2 links added`.
    pub summary: String,
    /// The affected objects that it leaves held.
    pub held: Holds,
    /// The time that it took in the daemon, in milliseconds.
    pub milliseconds: f64,
}

/// The result of a commit check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// One line for each operation.
    pub operations: Vec<String>,
    /// The affected objects that the commit would leave held.
    pub held: Holds,
}

/// The result of an attempt that did not fail.
enum Attempted {
    /// A summary of the changes, and the held objects among them.
    Changed(String, Holds),
    /// A waiting commit is confirmed, as the text says. These errors happened afterwards.
    Confirmed(String, Errors),
    /// There was nothing to change.
    Nothing,
}

/// The author of a commit, and its comment.
pub(crate) struct Author {
    pub(crate) origin: Origin,
    pub(crate) comment: Option<String>,
}

/// A change that the kernel holds. Its journal is on disk.
struct Change {
    intent: Intent,
    plan: TransitionPlan,
    verified: Option<Epoch>,
    journal: Journal,
}

/// The result of a transaction that has happened.
pub(crate) struct Done {
    /// A one-line summary of the changes.
    pub(crate) summary: String,
    /// The errors after it had happened.
    pub(crate) late: Errors,
    /// The objects that it leaves held.
    pub(crate) held: Holds,
}

/// How many objects of others that a commit takes along its check names.
const LOST: usize = 20;

impl Engine {
    /// Commits the session's candidate: changes running and the kernel, or nothing at all.
    pub(crate) fn commit(&mut self, session: u32, request: CommitRequest) -> Result<Committed> {
        let transaction = self.running.id + 1;
        let _span = tracing::info_span!("commit", transaction, session).entered();
        let begun = self.now();
        let outcome = self.attempt(session, request);
        let milliseconds = self.now().since(begun).as_secs_f64() * 1000.0;
        match outcome {
            Ok(Attempted::Changed(summary, held)) => {
                let digest = self.ledger.latest_digest().map(tracing::field::display);
                tracing::info!(summary, milliseconds, digest, "committed");
                Ok(Committed { id: Some(transaction), summary, held, milliseconds })
            }
            Ok(Attempted::Confirmed(summary, late)) => {
                let summary = late.described_after(summary);
                Ok(Committed { id: None, summary, held: Holds::default(), milliseconds })
            }
            Ok(Attempted::Nothing) => {
                let summary = "nothing to commit".into();
                Ok(Committed { id: None, summary, held: Holds::default(), milliseconds })
            }
            Err(errors) => {
                tracing::warn!(errors = errors.describe(), milliseconds, "refused");
                Err(errors)
            }
        }
    }

    /// The plan of a commit.
    pub(crate) fn check(&mut self, session: u32) -> Result<Checked> {
        let tree = self.merged(session)?;
        let diff = self.running.intent.tree.diff(&tree);
        let (intent, plan) = self.plan_commit(tree, &diff)?;
        let lost = plan.taken_along();
        let more = Some(lost.len().saturating_sub(LOST)).filter(|more| *more > 0);
        let more = more.map(|more| format!("lose {more} more objects of others"));
        let lost = lost.iter().take(LOST).map(|op| format!("{}, made by others", op.explained()));
        let recreations = plan.plan.recreations();
        let recreations = recreations.iter().map(ToString::to_string);
        let operations = plan.plan.ops.iter().map(Op::explained);
        let operations = recreations.chain(operations).chain(lost).chain(more).collect();
        Ok(Checked { operations, held: Holds::of(&plan, &intent) })
    }

    /// The plan that would bring the kernel to a configuration that differs from running by `diff`.
    /// It is not executed.
    pub(crate) fn plan_commit(
        &mut self,
        tree: Tree,
        diff: &Diff,
    ) -> Result<(Intent, TransitionPlan)> {
        let running = self.running.intent.clone();
        let intent = running.after(tree, diff)?;
        let plan = self.kernel.plan(&Transition::from_running(&running, &intent))?;
        Ok((intent, plan))
    }

    fn attempt(&mut self, session: u32, request: CommitRequest) -> Result<Attempted> {
        let CommitRequest { comment, confirmed, persist_id } = request;
        limited("comment", comment.as_deref())?;
        if let Some(Confirmed { by: ConfirmedBy::Persist(token), .. }) = &confirmed {
            limited("persist token", Some(token))?;
        }
        self.may_commit(session)?;
        self.may_settle(session, persist_id.as_deref())?;
        let tree = self.merged(session)?;
        self.pass(Step::Merged);
        let earlier = self.reconcile_before_commit()?;
        let origin = self.sessions.at(session)?.origin.clone();
        let by = By::Session { id: session, origin: origin.clone() };
        let waiting = self.waiting();
        let diff = self.running.intent.tree.diff(&tree);
        if diff.is_empty() {
            if !earlier.0.is_empty() {
                return Err(earlier);
            }
            match (&self.pending, &confirmed) {
                // A confirmed commit that follows another one restarts the wait, which is a commit
                // of its own.
                (Some(_), Some(_)) => {}
                (Some(_), None) => {
                    self.sessions.at(session)?.candidate.committed();
                    let summary = self.described_not_undone("confirmed");
                    let summary = summary
                        .unwrap_or_else(|| format!("commit {} is confirmed", self.running.id));
                    let confirmed = self.confirm();
                    self.notify_phase(by, waiting);
                    return confirmed.map(|late| Attempted::Confirmed(summary, late));
                }
                (None, _) => {
                    self.sessions.at(session)?.candidate.committed();
                    return Ok(Attempted::Nothing);
                }
            }
        }
        let mut record = self.record(Author { origin, comment: comment.clone() });
        record.awaited = confirmed.map(|confirmed| self.awaited(session, &confirmed));
        record.autosave &= record.awaited.is_none();
        let not_undone = self.described_not_undone(match record.awaited {
            Some(_) => "followed by this one, and is undone with it",
            None => "kept below this one",
        });
        let done = self.transact(tree, diff, record);
        let Done { summary, late, held } = done.map_err(|errors| earlier.and(errors))?;
        let mut summary = late.described_after(summary);
        not_undone.iter().for_each(|told| summary = format!("{summary}; {told}"));
        self.sessions.at(session)?.candidate.committed();
        let (id, by_all) = (self.running.id, by.clone());
        self.notices.send(NoticeKind::Committed {
            id,
            by: by_all,
            comment,
            summary: summary.clone(),
        });
        self.notify_held(by.clone());
        self.notify_phase(by, waiting);
        Ok(Attempted::Changed(summary, held))
    }

    /// Brings the kernel and the datastores to `tree`, which differs from running by `diff`, or
    /// leaves both unchanged.
    pub(crate) fn transact(&mut self, tree: Tree, diff: Diff, record: Record) -> Result<Done> {
        let running = self.running.intent.clone();
        let made = self.converge_and_file(&running, (tree, diff), record);
        let (change, late) = made.map_err(|failure| self.undo_attempt(failure))?;
        let Change { intent, plan, verified, journal: Journal { record, stamp } } = change;
        self.pass(Step::Committed);
        if self.diverged.take().is_some() {
            self.notices.send(NoticeKind::Converged);
        }
        let settled = self.settled().clone();
        self.pending =
            record.awaited.clone().map(|awaited| Pending::new(awaited, settled, &self.settings));
        self.running = Running { id: record.id, intent };
        self.kernel.unskip(&plan.keys, self.running.intent.desired());
        self.note_verdict(&plan);
        self.drift.forget(&plan.keys);
        let (old, new) = (&running.policies, &self.running.intent.policies);
        self.drift.consider(self.settings.clock.now(), old, new);
        let summary = with_count(&record.summary, self.kernel.held().len());
        let held = Holds::of(&plan, &self.running.intent);
        let late = self.record_commit(record, stamp, late);
        self.publish();
        self.notify_less_drift();
        self.pass(Step::Published);
        self.watch_changed(&plan.keys);
        self.ledger.checkpoint(&self.running.version());
        self.note_verified(plan, verified);
        Ok(Done { summary, late, held })
    }

    /// Notes that the objects of a plan were as configured in the kernel.
    fn note_verified(&mut self, plan: TransitionPlan, epoch: Option<Epoch>) {
        let Some(epoch) = epoch.filter(|epoch| self.events.wait_since_before(*epoch)) else {
            return;
        };
        let mut keys = plan.keys;
        // What is held may have become possible since the plan was made.
        keys.retain(|key| !self.kernel.held().contains(key));
        self.events.note_verified(Verified { epoch, keys });
    }

    /// Makes the commit happen, up to its history entry. Returns the errors after the entry was in
    /// its place.
    fn converge_and_file(
        &mut self,
        running: &Intent,
        (tree, diff): (Tree, Diff),
        record: Record,
    ) -> std::result::Result<(Change, Errors), Failure> {
        let change = self.converge_all(running, (tree, diff), record)?;
        match self.ledger.file(change.journal.record.id) {
            Ok(late) => Ok((change, late)),
            Err(errors) => {
                let touched = self.touched().merged(change.intent.desired());
                Err(Failure::Touched { errors, touched, plan: Box::new(change.plan) })
            }
        }
    }

    /// Validates `tree` and brings the kernel to it, while a thread writes the journal.
    fn converge_all(
        &mut self,
        running: &Intent,
        (tree, diff): (Tree, Diff),
        record: Record,
    ) -> std::result::Result<Change, Failure> {
        let store = self.ledger.store().clone();
        let diff = Arc::new(diff);
        thread::scope(|scope| {
            let journal = Writing::begin(scope, store, record, Arc::clone(&diff));
            let intent = running.after(tree, &diff)?;
            self.pass(Step::Lowered);
            self.events.configure([running.desired(), intent.desired()]);
            let left = self.diverged.as_ref().map(|diverged| diverged.touched.clone());
            let transition = match &left {
                Some(touched) => Transition::from_diverged(touched, running, &intent),
                None => Transition::from_running(running, &intent),
            };
            let policy = Policy::AllOrNothing(journal);
            match self.kernel.converge(&transition, policy, &mut self.ledger)? {
                Made { plan, verified, journal: Some(journal) } => {
                    Ok(Change { intent, plan, verified, journal })
                }
                Made { journal: None, .. } => unreachable!("all or nothing is with a journal"),
            }
        })
    }

    /// Undoes a failed attempt: restores the kernel, the state directory, and the objects of others
    /// on links.
    fn undo_attempt(&mut self, failure: Failure) -> Errors {
        match failure {
            Failure::Untouched(errors) => errors,
            Failure::Touched { errors, touched, plan } => {
                let errors = self.revert(errors, touched, plan.keys.clone());
                self.kernel.put_back(*plan);
                errors
            }
        }
    }

    /// Completes a commit that has happened, although its history entry may not survive a loss of
    /// power.
    fn record_commit(&mut self, record: Record, stamp: Stamp, filed: Errors) -> Errors {
        let saved = if record.autosave { self.ledger.follow() } else { Ok(()) };
        self.pass(Step::Saved);
        self.ledger.add(record, stamp);
        let pruned = self.ledger.prune();
        let released = self.release();
        self.pass(Step::Released);
        let failed = [Err(filed), saved, pruned, released].into_iter().filter_map(Result::err);
        let late = Errors(failed.flat_map(|errors| errors.0).collect());
        if !late.0.is_empty() {
            tracing::error!(errors = late.describe(), "committed, but not all of it is on disk");
        }
        late
    }

    /// Fails if another session has locked running, or startup while startup follows running.
    pub(crate) fn may_commit(&self, session: u32) -> Result<()> {
        self.sessions.may_write(session, Datastore::Running)?;
        match self.settings.autosave {
            true => self.sessions.may_write(session, Datastore::Startup),
            false => Ok(()),
        }
    }

    /// The candidate merged into the latest running. The candidate itself does not change.
    pub(crate) fn merged(&mut self, session: u32) -> Result<Tree> {
        let merged = self.sessions.at(session)?.candidate.on(&self.running.intent.tree);
        merged.map_err(|found| self.report_conflicts(session, &found))
    }

    /// The record of a commit from running, without its changes.
    pub(crate) fn record(&self, author: Author) -> Record {
        let Author { origin, comment } = author;
        Record {
            id: self.running.id + 1,
            base: self.running.id,
            previous: self.ledger.latest_digest(),
            origin,
            time: (self.settings.clock.wall)(),
            comment,
            summary: String::new(),
            // Most commits do not change this number.
            held: self.kernel.held().len(),
            autosave: self.settings.autosave,
            awaited: None,
            forward: Changes::default(),
            reverse: Changes::default(),
        }
    }
}

/// The summary of a commit, with the number of objects of running that are held after it.
fn with_count(summary: &str, held: usize) -> String {
    match held {
        0 => summary.to_owned(),
        1 => format!("{summary}; 1 object is held"),
        held => format!("{summary}; {held} objects are held"),
    }
}
