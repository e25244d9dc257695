//! The life of a commit, one line a step.
//!
//! Until the journal is on disk nothing has happened. Until it is moved into the history, whatever fails leads back to
//! running as it was. From then on the commit has happened, and what fails is made up for at the next start.

use std::panic::resume_unwind;
use std::thread;

use netstate::Op;
use yang::{Diff, Tree};

use crate::datastore::{Datastore, Startup};
use crate::engine::{Engine, Intent, Running};
use crate::error::{Errors, Result};
use crate::ledger::history::{self, Record};
use crate::ledger::journal;
use crate::ledger::seal::{Draft, Stamp};
use crate::session::Origin;
use crate::session::notice::{By, News};
use crate::transaction::confirmed::{Pending, Request};
use crate::transaction::converge::{Course, Way};
use crate::transaction::step::Step;

/// What a commit did.
#[derive(Clone, Debug, PartialEq)]
pub struct Committed {
    /// The history entry's stable id; none where there was nothing to commit.
    pub id: Option<u64>,
    /// What changed, for a person, in a line: `2 netns, 2 links added`.
    pub summary: String,
    /// How long it took in the daemon, milliseconds.
    pub milliseconds: f64,
}

/// What came of an attempt that did not fail.
enum Attempted {
    /// What changed, in words.
    Changed(String),
    /// A commit that waited is confirmed, but for what failed then.
    Confirmed(Errors),
    /// There was nothing to change.
    Nothing,
}

/// Who commits, and what for.
pub(crate) struct Author {
    pub(crate) origin: Origin,
    pub(crate) comment: Option<String>,
}

/// What a transaction that has happened did.
pub(crate) struct Done {
    /// What changed, in a line.
    pub(crate) summary: String,
    /// What failed after it had happened.
    pub(crate) late: Errors,
}

impl Engine {
    /// Makes the session's candidate running, kernel and all, or changes nothing.
    pub(crate) fn commit(&mut self, session: u32, request: Request) -> Result<Committed> {
        let transaction = self.running.id + 1;
        let _span = tracing::info_span!("commit", transaction, session).entered();
        let begun = self.now();
        let outcome = self.attempt(session, request);
        let milliseconds = self.now().since(begun).as_secs_f64() * 1000.0;
        match outcome {
            Ok(Attempted::Changed(summary)) => {
                let digest =
                    self.history.head().and_then(|head| head.digest).map(tracing::field::display);
                tracing::info!(summary, milliseconds, digest, "committed");
                Ok(Committed { id: Some(transaction), summary, milliseconds })
            }
            Ok(Attempted::Confirmed(late)) => {
                let summary = late.told_after(format!("commit {} is confirmed", self.running.id));
                Ok(Committed { id: None, summary, milliseconds })
            }
            Ok(Attempted::Nothing) => {
                Ok(Committed { id: None, summary: "nothing to commit".into(), milliseconds })
            }
            Err(errors) => {
                tracing::warn!(errors = errors.told(), milliseconds, "refused");
                Err(errors)
            }
        }
    }

    /// What a commit would do, a line an operation, in words.
    pub(crate) fn check(&mut self, session: u32) -> Result<Vec<String>> {
        let tree = self.merged(session)?;
        let diff = self.running.intent.tree.diff(&tree);
        let course = self.foresee(tree, &diff)?;
        Ok(course.plan.ops.iter().map(Op::explained).collect())
    }

    /// How the kernel would get to a configuration that differs from running by `diff`. Nothing is under way.
    pub(crate) fn foresee(&mut self, tree: Tree, diff: &Diff) -> Result<Course> {
        let running = self.running.intent.clone();
        let intent = running.after(tree, diff)?;
        self.survey(&Way::from(running.desired(), &intent))
    }

    fn attempt(&mut self, session: u32, request: Request) -> Result<Attempted> {
        let Request { comment, confirmed, persist_id } = request;
        self.may_commit(session)?;
        self.may_settle(session, persist_id.as_deref())?;
        let tree = self.merged(session)?;
        self.pass(Step::Merged);
        self.reconcile()?;
        let origin = self.sessions.at(session)?.origin.clone();
        let by = By::Session { id: session, origin: origin.clone() };
        let waiting = self.waiting();
        let diff = self.running.intent.tree.diff(&tree);
        if diff.is_empty() {
            match (&self.pending, &confirmed) {
                // It waits anew, which is a commit of its own.
                (Some(_), Some(_)) => {}
                (Some(_), None) => {
                    self.sessions.at(session)?.candidate.committed();
                    let confirmed = self.confirm();
                    self.tell_phase(by, waiting);
                    return confirmed.map(Attempted::Confirmed);
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
        let Done { summary, late } = self.transact(tree, &diff, record)?;
        let told = late.told_after(summary);
        self.sessions.at(session)?.candidate.committed();
        let (id, summary) = (self.running.id, told.clone());
        self.tell_all(News::Committed { id, by: by.clone(), comment, summary });
        self.tell_phase(by, waiting);
        Ok(Attempted::Changed(told))
    }

    /// What a configuration desires that differs from running by `diff`, and how the kernel gets there.
    fn judge(&mut self, tree: Tree, diff: &Diff) -> Result<(Intent, Course)> {
        let running = self.running.intent.clone();
        let intent = running.after(tree, diff)?;
        self.pass(Step::Lowered);
        let course = self.survey(&Way::from(running.desired(), &intent))?;
        self.pass(Step::Planned);
        Ok((intent, course))
    }

    /// Brings kernel and datastores to `tree`, which differs from running by `diff`, or leaves both as they are.
    pub(crate) fn transact(&mut self, tree: Tree, diff: &Diff, record: Record) -> Result<Done> {
        let store = self.store.clone();
        // Writing a change down and judging it are as much work, and neither needs the other. What is written is no
        // journal until it is in its place: after what was there before, which a journal relies on, is on disk too.
        let (judged, (record, draft)) = thread::scope(|scope| {
            let written = scope.spawn(|| {
                let record = record.telling(diff);
                let draft = journal::draft(&store, &record);
                (record, draft)
            });
            let judged = self.judge(tree, diff);
            (judged, written.join().unwrap_or_else(|panic| resume_unwind(panic)))
        });
        let (intent, course) = judged?;
        self.adopt(&course)?;
        self.pass(Step::Adopted);
        let running = self.running.intent.clone();
        self.events.heed([running.desired(), intent.desired()]);
        let taken = draft.and_then(Draft::place).and_then(|stamp| {
            self.pass(Step::Journalled);
            self.carry_out(&Way::from(running.desired(), &intent), &course)?;
            history::file(&self.store, record.id).map(|late| (stamp, late))
        });
        let (stamp, filed) = match taken {
            Ok(taken) => taken,
            Err(failure) => {
                let touched = running.desired().merged(intent.desired());
                let failure = self.revert(failure, touched, course.keys.clone());
                self.put_back(course);
                return Err(failure);
            }
        };
        self.pass(Step::Committed);
        let settled = self.settled().clone();
        self.pending =
            record.awaited.clone().map(|awaited| Pending::new(awaited, settled, &self.settings));
        self.running = Running { id: record.id, intent };
        let desired = self.running.intent.desired();
        self.stuck.retain(|key| desired.contains(key) && !course.keys.contains(key));
        self.drift.forget(&course.keys);
        self.drift.consider(
            self.settings.clock.now(),
            &running.policies,
            &self.running.intent.policies,
        );
        let summary = record.summary.clone();
        let late = self.seal(record, stamp, filed);
        self.publish();
        self.tell_no_drift();
        self.pass(Step::Published);
        self.watch_changed(&course.keys);
        self.checkpoint();
        Ok(Done { summary, late })
    }

    /// What follows from a commit that has happened, though its filing may not survive a loss of power.
    fn seal(&mut self, record: Record, stamp: Stamp, filed: Errors) -> Errors {
        let saved = if record.autosave { self.follow() } else { Ok(()) };
        self.pass(Step::Saved);
        self.checkpoint.add(&record);
        self.history.add(record, stamp);
        let pruned = self.history.prune(&self.store, self.settings.history, self.checkpoint.id());
        let released = self.release();
        self.pass(Step::Released);
        let failed = [Err(filed), saved, pruned, released].into_iter().filter_map(Result::err);
        let late = Errors(failed.flat_map(|errors| errors.0).collect());
        if !late.0.is_empty() {
            tracing::error!(errors = late.told(), "committed, but not all of it is on disk");
        }
        late
    }

    /// Makes startup what running is, from now on.
    pub(crate) fn follow(&mut self) -> Result<()> {
        if matches!(self.startup, Startup::Fixed { .. }) {
            Startup::Follows.save(&self.store)?;
            self.startup = Startup::Follows;
        }
        Ok(())
    }

    /// Neither running nor, where it follows, startup is locked by another session.
    pub(crate) fn may_commit(&self, session: u32) -> Result<()> {
        self.sessions.may_write(session, Datastore::Running)?;
        match self.settings.autosave {
            true => self.sessions.may_write(session, Datastore::Startup),
            false => Ok(()),
        }
    }

    /// The candidate on top of the latest running. It stays what the session has made of what it saw.
    pub(crate) fn merged(&mut self, session: u32) -> Result<Tree> {
        let merged = self.sessions.at(session)?.candidate.on(&self.running.intent.tree);
        merged.map_err(|found| self.told(session, &found))
    }

    /// The journal, and later the history entry, of a commit from running, but for what it changes.
    pub(crate) fn record(&self, author: Author) -> Record {
        let Author { origin, comment } = author;
        Record {
            id: self.running.id + 1,
            base: self.running.id,
            previous: self.history.head().and_then(|head| head.digest),
            origin,
            time: (self.settings.clock.wall)(),
            comment,
            summary: String::new(),
            autosave: self.settings.autosave,
            awaited: None,
            forward: String::new(),
            reverse: String::new(),
        }
    }
}
