//! The engine: everything that changes, owned by one thread.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use mapping::Lowered;
use netstate::{Desired, Key, LinkId, Originals, Place, Scope, Southbound, Wanted};
use tokio::runtime::Runtime;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use yang::{Diff, Edit, Path, Tree};

use crate::Settings;
use crate::checkpoint::Checkpoint;
use crate::confirmed::Pending;
use crate::datastore::{Candidate, Datastore, Snapshot, Startup};
use crate::drift::{self, Drift, Policies};
use crate::error::Result;
use crate::events::Events;
use crate::history::History;
use crate::notice::Notice;
use crate::session::Sessions;
use crate::step::Step;
use crate::store::Store;

/// What the engine's thread is asked to do.
pub(crate) enum Request {
    /// To call this with itself.
    Call(Box<dyn FnOnce(&mut Engine) + Send>),
    /// To look at the events that have come.
    Events,
    /// To end, and to say so once everything is let go.
    Stop(oneshot::Sender<()>),
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
    /// What of running somebody else has changed.
    pub(crate) drift: Drift,
    /// What a failed commit may have left in the kernel, where the way back failed too.
    pub(crate) diverged: Option<Desired>,
    /// When that is tried again.
    pub(crate) restored: SystemTime,
    /// A commit that is undone unless it is confirmed.
    pub(crate) pending: Option<Pending>,
    pub(crate) published: watch::Sender<Snapshot>,
    pub(crate) notices: broadcast::Sender<Notice>,
    pub(crate) events: Events,
    #[cfg(any(test, feature = "faults"))]
    pub(crate) fault: Option<crate::step::Fault>,
}

/// Whether the daemon itself knows all that is in a module, so that the kernel need not be asked.
pub(crate) fn is_own(module: &str) -> bool {
    module == drift::MODULE
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
    pub(crate) fn run(mut self, clock: &Runtime, mut requests: mpsc::UnboundedReceiver<Request>) {
        loop {
            let next = async {
                match self.waits() {
                    Some(wait) => tokio::time::timeout(wait, requests.recv()).await.ok(),
                    None => Some(requests.recv().await),
                }
            };
            let Some(next) = clock.block_on(next) else {
                self.look_at_clock();
                continue;
            };
            let Some(request) = next else { return };
            match request {
                Request::Call(call) => call(&mut self),
                Request::Events => self.look_at_events(),
                Request::Stop(reply) => {
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
        let candidate = &mut self.sessions.at(session)?.candidate;
        // A contradiction is told by the commit; until then the session sees what it has made.
        let _contradiction = candidate.refresh(&self.running.intent.tree);
        Ok(candidate.tree().clone())
    }

    pub(crate) fn edit_candidate(&mut self, session: u32, edit: &Edit) -> Result<()> {
        self.candidate(session)?;
        Ok(self.sessions.at(session)?.candidate.edit(edit)?)
    }

    pub(crate) fn replace_candidate(&mut self, session: u32, content: Tree) -> Result<()> {
        self.sessions.at(session)?.candidate.replace(content, &self.running.intent.tree);
        Ok(())
    }

    pub(crate) fn discard(&mut self, session: u32) -> Result<()> {
        self.sessions.at(session)?.candidate = Candidate::of(&self.running.intent.tree);
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

    /// Everything that the kernel holds, under the configuration's names.
    pub(crate) fn operational(&mut self) -> Result<Tree> {
        let scope = Scope::Everything { known: self.known() };
        let mut observed = self.southbound.observe(&scope)?;
        // Kernel parameters are too many to be read without being named.
        let objects = self.running.intent.desired().iter();
        let is_parameter = |key: &&Key| matches!(key, Key::Sysctl(_));
        let keys = objects.map(|(key, _)| key).filter(is_parameter).cloned().collect();
        let parameters = Scope::Only(Wanted { keys, ..Wanted::default() });
        observed.objects.extend(self.southbound.observe(&parameters)?.objects);
        let mut tree = mapping::raise(&observed, &self.running.intent.tree)?;
        tree.merge(&self.own_state()?);
        Ok(tree)
    }

    /// What the daemon knows by itself.
    pub(crate) fn own_state(&self) -> Result<Tree> {
        let mut tree = Tree::empty(self.running.intent.tree.schema());
        self.tell_drift(&mut tree)?;
        Ok(tree)
    }

    /// Shows readers what running and startup are.
    pub(crate) fn publish(&self) {
        let desired = self.running.intent.desired();
        self.events.heed([desired, desired]);
        let running = self.running.intent.tree.clone();
        let startup = self.startup.tree(self.settled()).clone();
        self.published.send_replace(Snapshot { running, startup });
    }

    /// Passes a boundary of a transaction: the one place at which a fault can be made to strike.
    pub(crate) fn pass(&self, step: Step) {
        tracing::debug!(step = step.name());
        #[cfg(any(test, feature = "faults"))]
        if let Some(fault) = &self.fault
            && fault.at == crate::step::Boundary::Step(step)
        {
            (fault.strike)()
        }
    }

    /// Which link is at which place, as far as the configuration knows.
    fn known(&self) -> BTreeMap<Place, LinkId> {
        let links = self.running.intent.desired().links();
        links.map(|(id, link)| (link.place.clone(), id.clone())).collect()
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("running", &self.running.id).finish_non_exhaustive()
    }
}
