//! The engine: everything that changes, owned by one thread.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mapping::Lowered;
use netstate::{Desired, Key, Originals, Southbound};
use tokio::runtime::Runtime;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::time::sleep;
use yang::{Diff, Edit, Path, Tree};

use crate::clock::Jumps;
use crate::datastore::{Datastore, Snapshot, Startup};
use crate::error::Result;
use crate::kernel_state::diverged::{Diverged, Obstacle};
use crate::kernel_state::drift::{Drift, Policies};
use crate::kernel_state::events::Events;
use crate::ledger::checkpoint::Checkpoint;
use crate::ledger::history::History;
use crate::ledger::store::Store;
use crate::session::Sessions;
use crate::session::candidate::{Candidate, Draft, Version};
use crate::session::notice::Notice;
use crate::settings::Settings;
use crate::start::unrecorded::Unrecorded;
use crate::transaction::confirmed::Pending;
use crate::transaction::probes::Answer;
use crate::transaction::scheduled::Schedule;
use crate::transaction::step::Step;

/// What the engine's thread is asked to do.
pub(crate) enum Request {
    /// To call this with itself.
    Call(Box<dyn FnOnce(&mut Engine) + Send>),
    /// To end, and to say so once everything is let go.
    Stop(oneshot::Sender<()>),
}

/// What the engine's thread does next.
enum Next {
    /// What it is asked; nothing where nobody is left to ask.
    Request(Option<Request>),
    Answer(Answer),
    /// To look at the events that have come.
    Events,
    /// To look at the clock, which comes first in any case.
    Clock,
}

pub(crate) struct Engine {
    pub(crate) settings: Settings,
    pub(crate) southbound: Box<dyn Southbound>,
    pub(crate) store: Store,
    pub(crate) history: History,
    pub(crate) running: Running,
    pub(crate) startup: Startup,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) sessions: Sessions,
    /// What there was before the configuration touched it.
    pub(crate) originals: Originals,
    /// What of running the kernel cannot take as yet.
    pub(crate) stuck: BTreeSet<Key>,
    /// What stands in the way of some of that; the rest needs these.
    pub(crate) obstacles: BTreeMap<Key, Obstacle>,
    /// What of running somebody else has changed.
    pub(crate) drift: Drift,
    /// What may be in the kernel, where the way to running has failed.
    pub(crate) diverged: Option<Diverged>,
    /// Where the host has booted, and the disk has not taken it.
    pub(crate) unrecorded: Option<Unrecorded>,
    /// A commit that is undone unless it is confirmed.
    pub(crate) pending: Option<Pending>,
    /// Commits that are to be made later.
    pub(crate) schedule: Schedule,
    pub(crate) published: watch::Sender<Snapshot>,
    pub(crate) notices: broadcast::Sender<Notice>,
    pub(crate) events: Events,
    /// Where the threads that probe put what they have found.
    pub(crate) answers: mpsc::Sender<Answer>,
    #[cfg(any(test, feature = "faults"))]
    pub(crate) fault: Option<crate::transaction::step::Fault>,
}

/// The configuration in force.
#[derive(Debug)]
pub(crate) struct Running {
    /// The transaction that made it; zero before the first.
    pub(crate) id: u64,
    pub(crate) intent: Intent,
}

/// A configuration that is valid, and what it desires of the kernel. A copy costs nothing.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    pub(crate) tree: Tree,
    pub(crate) policies: Arc<Policies>,
    lowered: Lowered,
}

impl Intent {
    /// Judges a whole configuration.
    pub(crate) fn of(tree: Tree) -> Result<Intent> {
        tree.validate()?;
        let lowered = Lowered::of(&tree)?;
        let policies = Policies::of(&tree)?.into();
        Ok(Intent { tree, policies, lowered })
    }

    /// Judges a configuration that differs from this one by `diff`.
    pub(crate) fn after(&self, tree: Tree, diff: &Diff) -> Result<Intent> {
        tree.validate_change(diff)?;
        let lowered = self.lowered.after((&self.tree, &tree), diff)?;
        let policies = Policies::of(&tree)?.into();
        Ok(Intent { tree, policies, lowered })
    }

    /// Where an object is configured.
    pub(crate) fn path(&self, key: &Key) -> Path {
        self.lowered.path(key, &self.tree)
    }

    pub(crate) fn desired(&self) -> &Desired {
        &self.lowered.desired
    }
}

impl Engine {
    /// Does what it is asked until it is asked to stop, or nobody is left to ask.
    pub(crate) fn run(
        mut self,
        runtime: &Runtime,
        mut requests: mpsc::Receiver<Request>,
        mut answers: mpsc::Receiver<Answer>,
    ) {
        let mut events = self.events.subscribe();
        let entered = runtime.enter();
        let mut jumps = Jumps::watch();
        drop(entered);
        loop {
            // First, so that those who ask without end do not keep it from what is due.
            if self.waits() == Some(Duration::ZERO) {
                self.look_at_clock();
            }
            let wait = self.waits();
            let next = async {
                tokio::select! {
                    request = requests.recv() => Next::Request(request),
                    Some(answer) = answers.recv() => Next::Answer(answer),
                    Ok(()) = events.changed() => Next::Events,
                    () = sleep(wait.unwrap_or_default()), if wait.is_some() => Next::Clock,
                    () = jumps.next() => Next::Clock,
                }
            };
            match runtime.block_on(next) {
                Next::Clock => {}
                Next::Events => self.look_at_events(),
                Next::Answer(answer) => self.answered(answer),
                Next::Request(None) => return,
                Next::Request(Some(Request::Call(call))) => call(&mut self),
                Next::Request(Some(Request::Stop(reply))) => {
                    self.last_checkpoint();
                    drop(self);
                    let _unheard = reply.send(());
                    return;
                }
            }
        }
    }

    /// The session's candidate, with what others have committed since as far as it does not contradict.
    pub(crate) fn candidate(&mut self, session: u32) -> Result<Tree> {
        self.saw(session, &self.version())?;
        Ok(self.sessions.at(session)?.candidate.tree().clone())
    }

    /// The session has seen `running`, and decides about it from now on.
    pub(crate) fn saw(&mut self, session: u32, running: &Version) -> Result<()> {
        // A contradiction is told by the commit; until then the session sees what it has made.
        let _contradiction = self.sessions.at(session)?.candidate.refresh(running);
        Ok(())
    }

    /// The session's candidate apart from the session.
    pub(crate) fn draft(&mut self, session: u32) -> Result<Draft> {
        let running = self.version();
        Ok(Draft { candidate: self.sessions.at(session)?.candidate.clone(), running })
    }

    pub(crate) fn version(&self) -> Version {
        Version { id: self.running.id, tree: self.running.intent.tree.clone() }
    }

    pub(crate) fn edit_candidate(&mut self, session: u32, edit: &Edit) -> Result<()> {
        let running = self.version();
        Ok(self.sessions.at(session)?.candidate.edit(edit, &running)?)
    }

    pub(crate) fn replace_candidate(&mut self, session: u32, content: Tree) -> Result<()> {
        self.sessions.at(session)?.candidate.replace(content);
        Ok(())
    }

    /// Puts `content`, which was made from `running`, into the session's candidate.
    pub(crate) fn roll_back(
        &mut self,
        session: u32,
        running: &Version,
        content: Tree,
    ) -> Result<()> {
        let candidate = &mut self.sessions.at(session)?.candidate;
        *candidate = Candidate::of(running.clone());
        candidate.replace(content);
        Ok(())
    }

    pub(crate) fn discard(&mut self, session: u32) -> Result<()> {
        self.sessions.at(session)?.candidate = Candidate::of(self.version());
        Ok(())
    }

    pub(crate) fn replace_startup(&mut self, session: u32, content: Tree) -> Result<()> {
        self.sessions.may_write(session, Datastore::Startup)?;
        let startup = Startup::Fixed { id: self.running.id, tree: Intent::of(content)?.tree };
        startup.save(&self.store)?;
        self.startup = startup;
        self.publish();
        Ok(())
    }

    /// Shows readers what running and startup are.
    pub(crate) fn publish(&self) {
        let desired = self.running.intent.desired();
        self.events.heed([desired, desired]);
        let running = self.version();
        let startup = self.startup.tree(self.settled()).clone();
        self.published.send_replace(Snapshot { running, startup });
    }

    /// Passes a boundary of a transaction: the one place at which a fault can be made to strike.
    pub(crate) fn pass(&self, step: Step) {
        tracing::debug!(step = step.name());
        #[cfg(any(test, feature = "faults"))]
        if let Some(fault) = &self.fault
            && fault.at == crate::transaction::step::Boundary::Step(step)
        {
            (fault.strike)()
        }
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("running", &self.running.id).finish_non_exhaustive()
    }
}
