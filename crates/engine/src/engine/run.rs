//! The engine's thread: what it is asked, what has happened, and what it does unasked when its time has come.

use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::clock::{Jumps, Moment};
use crate::engine::{Engine, Request};
use crate::error::Result;
use crate::session::notice::Why;
use crate::transaction::pending::Answer;

/// How long to wait before what has failed is tried again.
const AGAIN: Duration = Duration::from_secs(10);

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
                    let running = self.version();
                    self.ledger.last_checkpoint(&running);
                    drop(self);
                    let _unheard = reply.send(());
                    return;
                }
            }
        }
    }

    /// How long until there is something to do; none where nothing is.
    pub(crate) fn waits(&self) -> Option<Duration> {
        let now = self.now();
        let dues = [
            self.announced_at(),
            self.undone_at(),
            self.probes_at(),
            self.restored_at(),
            self.recorded_at(),
            self.drift.due(),
        ];
        let waits = dues.into_iter().flatten().map(|due| due.left(now));
        waits.chain(self.schedule.waits(&self.settings.clock)).chain(self.events.due(now)).min()
    }

    /// Does what there is to do by now: undoes a commit that nobody has confirmed, or says that this will be soon,
    /// makes one that was scheduled, and brings a kernel that could not be brought back nearer to running.
    pub(crate) fn look_at_clock(&mut self) {
        let now = self.now();
        self.look_at_events();
        if self.undone_at().is_some_and(|due| due <= now) {
            self.expire(Why::Timeout);
        } else if self.announced_at().is_some_and(|due| due <= now) {
            self.announce_undoing();
        }
        if self.probes_at().is_some_and(|due| due <= now) {
            self.probe(now);
        }
        if self.schedule.waits(&self.settings.clock) == Some(Duration::ZERO) {
            self.commit_scheduled();
        }
        if self.drift.due().is_some_and(|due| due <= now) {
            self.look_again(now);
        }
        if self.recorded_at().is_some_and(|due| due <= now) {
            match self.catch_up() {
                Ok(()) => tracing::info!("the boot is on disk"),
                Err(errors) => {
                    tracing::error!(errors = errors.describe(), "the boot is not on disk yet");
                }
            }
        }
        if self.restored_at().is_some_and(|due| due <= now) {
            match self.reconcile() {
                Ok(()) => tracing::info!("kernel and running agree again"),
                Err(errors) => tracing::error!(errors = errors.describe(), "diverged"),
            }
        }
    }

    /// Has the disk take what it has not taken since the host booted.
    pub(crate) fn catch_up(&mut self) -> Result<()> {
        let again = self.again();
        self.ledger.catch_up(self.kernel.originals(), again)
    }

    /// When what has just failed is tried again.
    pub(crate) fn again(&self) -> Moment {
        self.now() + AGAIN
    }

    /// When what the disk has not taken is tried again.
    fn recorded_at(&self) -> Option<Moment> {
        self.ledger.unrecorded_until()
    }

    /// When a way back that has failed is tried again.
    fn restored_at(&self) -> Option<Moment> {
        self.diverged.as_ref().map(|diverged| diverged.again)
    }
}
