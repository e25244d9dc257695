//! The engine's thread: requests, events, and the work that is due at a certain time.

use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::clock::{Jumps, Moment};
use crate::engine::{Engine, Request};
use crate::error::Result;
use crate::session::notice::Why;
use crate::transaction::pending::Answer;

/// The time after which a failed action is tried again.
const AGAIN: Duration = Duration::from_secs(10);

/// What the engine's thread does next.
enum Next {
    /// A request; none if no handle is left.
    Request(Option<Request>),
    Answer(Answer),
    /// Events have arrived.
    Events,
    /// Something is due. This is checked first.
    Clock,
}

impl Engine {
    /// Handles requests until one of them is to stop, or until no handle is left.
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
            // This comes first, so that an endless stream of requests does not delay what is due.
            if self.waits() == Some(Duration::ZERO) {
                self.kernel.heart.beat(Some("due work"));
                self.do_due_work();
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
            let heart = self.kernel.heart.clone();
            heart.beat(None);
            match runtime.block_on(next) {
                Next::Clock => {}
                Next::Events => {
                    heart.beat(Some("look at events"));
                    self.look_at_events();
                }
                Next::Answer(answer) => {
                    heart.beat(Some("answer of a probe"));
                    self.answered(answer);
                }
                Next::Request(None) => return,
                Next::Request(Some(Request::Call(name, call))) => {
                    heart.beat(Some(name));
                    call(&mut self);
                }
                Next::Request(Some(Request::Stop(reply))) => {
                    heart.beat(Some("stop"));
                    let running = self.version();
                    self.ledger.last_checkpoint(&running);
                    drop(self);
                    let _unheard = reply.send(());
                    return;
                }
            }
        }
    }

    /// The time until something is due; none if nothing is.
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

    /// Does what is due now. It undoes a commit that nobody has confirmed, or announces that this
    /// will happen soon. It makes a scheduled commit. It tries again to bring a diverged kernel to
    /// running.
    pub(crate) fn do_due_work(&mut self) {
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
                Ok(()) => tracing::info!("boot written to disk"),
                Err(errors) => {
                    tracing::error!(errors = errors.describe(), "boot not written to disk yet");
                }
            }
        }
        if self.restored_at().is_some_and(|due| due <= now) {
            match self.reconcile() {
                Ok(()) => tracing::info!("kernel and running agree again"),
                Err(errors) => {
                    tracing::error!(errors = errors.describe(), "kernel and running differ")
                }
            }
        }
    }

    /// Writes to disk what could not be written since the host booted.
    pub(crate) fn catch_up(&mut self) -> Result<()> {
        let again = self.again();
        self.ledger.catch_up(self.kernel.originals(), again)
    }

    /// The time of the next attempt after a failure.
    pub(crate) fn again(&self) -> Moment {
        self.now() + AGAIN
    }

    /// The time at which writing to disk is tried again.
    fn recorded_at(&self) -> Option<Moment> {
        self.ledger.unrecorded_until()
    }

    /// The time at which a failed return to running is tried again.
    fn restored_at(&self) -> Option<Moment> {
        self.diverged.as_ref().map(|diverged| diverged.again)
    }
}
