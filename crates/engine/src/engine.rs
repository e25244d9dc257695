//! The engine: everything that changes, owned by one thread.

pub(crate) mod handle;
pub(crate) mod pulse;
mod run;

use std::fmt;

use netstate::Desired;
use tokio::sync::{mpsc, oneshot, watch};

use crate::clock::Moment;
use crate::datastore::intent::Running;
use crate::datastore::{Snapshot, Version};
use crate::error::Result;
use crate::kernel_state::diverged::Diverged;
use crate::kernel_state::drift::Drift;
use crate::kernel_state::events::Events;
use crate::ledger::Ledger;
use crate::ledger::past::Past;
use crate::session::notice::{By, Publisher};
use crate::session::sessions::Sessions;
use crate::settings::Settings;
use crate::transaction::affected::Affected;
use crate::transaction::converge::{Kernel, Policy};
use crate::transaction::pending::{Answer, Pending};
use crate::transaction::schedule::Schedule;
use crate::transaction::step::Step;
use crate::transaction::transition::Transition;

/// A message to the engine's thread.
pub(crate) enum Request {
    /// Calls this function with the engine. The name is for the watchdog.
    Call(&'static str, Box<dyn FnOnce(&mut Engine) + Send>),
    /// Ends the thread, and reports when everything is released.
    Stop(oneshot::Sender<()>),
}

pub(crate) struct Engine {
    pub(crate) settings: Settings,
    pub(crate) running: Running,
    pub(crate) sessions: Sessions,
    pub(crate) ledger: Ledger,
    pub(crate) kernel: Kernel,
    /// What other programs have changed of running.
    pub(crate) drift: Drift,
    /// What may be in the kernel after the return to running has failed.
    pub(crate) diverged: Option<Diverged>,
    pub(crate) events: Events,
    /// A commit that is undone unless it is confirmed.
    pub(crate) pending: Option<Pending>,
    /// The channel through which the probe threads send their results.
    pub(crate) answers: mpsc::Sender<Answer>,
    /// Commits that are scheduled for later.
    pub(crate) schedule: Schedule,
    /// What readers see.
    pub(crate) snapshot: watch::Sender<Snapshot>,
    pub(crate) notices: Publisher,
}

impl Engine {
    pub(crate) fn version(&self) -> Version {
        self.running.version()
    }

    /// The commits up to now, and running, which can be read without the engine.
    pub(crate) fn past(&self) -> Past {
        self.ledger.past(self.version())
    }

    pub(crate) fn now(&self) -> Moment {
        self.settings.clock.now()
    }

    /// Makes running and startup visible to readers.
    pub(crate) fn publish(&self) {
        let desired = self.running.intent.desired();
        self.events.configure([desired, desired]);
        let running = self.version();
        let startup = self.ledger.startup().tree(self.settled()).clone();
        self.snapshot.send_replace(Snapshot { running, startup });
    }

    /// Marks that a step of a transaction is done.
    pub(crate) fn pass(&self, step: Step) {
        self.kernel.pass(step);
    }

    /// Brings the kernel as close to running as possible.
    pub(crate) fn converge(&mut self, touched: &Desired, affected: Affected) -> Result<()> {
        let running = self.running.intent.clone();
        let everything = matches!(affected, Affected::Everything);
        let transition =
            Transition { touched, to: &running, running: &running, affected, is_commit: false };
        let made = self.kernel.converge(&transition, Policy::AsFarAsPossible, &mut self.ledger)?;
        self.note_verdict(&made.plan);
        self.notify_held(By::Daemon);
        if everything {
            self.drift.clear();
        }
        Ok(())
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("running", &self.running.id).finish_non_exhaustive()
    }
}
