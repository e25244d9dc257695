//! What the engine does without being asked, when its time has come.

use std::time::{Duration, SystemTime};

use crate::engine::Engine;
use crate::notice::Why;

/// How long to wait before what has failed is tried again.
const AGAIN: Duration = Duration::from_secs(10);

impl Engine {
    /// How long until there is something to do; none where nothing is.
    pub(crate) fn waits(&self) -> Option<Duration> {
        let now = (self.settings.clock)();
        let dues = [
            self.foretold_at(),
            self.undone_at(),
            self.probes_at(),
            self.restored_at(),
            self.drift.due(),
            self.schedule.due(),
        ];
        let waits =
            dues.into_iter().flatten().map(|due| due.duration_since(now).unwrap_or_default());
        waits.chain(self.events.due()).min()
    }

    /// Does what there is to do by now: undoes a commit that nobody has confirmed, or says that this will be soon,
    /// makes one that was scheduled, and brings a kernel that could not be brought back nearer to running.
    pub(crate) fn look_at_clock(&mut self) {
        let now = (self.settings.clock)();
        self.look_at_events();
        if self.undone_at().is_some_and(|due| due <= now) {
            self.expire(Why::Timeout);
        } else if self.foretold_at().is_some_and(|due| due <= now) {
            self.foretell();
        }
        if self.probes_at().is_some_and(|due| due <= now) {
            self.probe(now);
        }
        if self.schedule.due().is_some_and(|due| due <= now) {
            self.commit_scheduled(now);
        }
        if self.drift.due().is_some_and(|due| due <= now) {
            self.look_again(now);
        }
        if self.restored_at().is_some_and(|due| due <= now) {
            match self.reconcile() {
                Ok(()) => tracing::info!("kernel and running agree again"),
                Err(errors) => tracing::error!(errors = errors.told(), "diverged"),
            }
        }
    }

    /// When what has just failed is tried again.
    pub(crate) fn again(&self) -> SystemTime {
        (self.settings.clock)() + AGAIN
    }

    /// When a way back that has failed is tried again.
    fn restored_at(&self) -> Option<SystemTime> {
        self.diverged.as_ref().map(|diverged| diverged.again)
    }
}
