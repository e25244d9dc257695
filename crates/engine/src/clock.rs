//! What the engine does without being asked, when its time has come.

use std::time::{Duration, SystemTime};

use crate::engine::Engine;
use crate::notice::Why;

/// How long to wait before what has failed is tried again.
const AGAIN: Duration = Duration::from_secs(10);

impl Engine {
    /// How long until there is something to do; none where nothing is.
    pub(crate) fn waits(&self) -> Option<Duration> {
        let dues = [self.foretold_at(), self.undone_at(), self.restored_at()];
        let due = dues.into_iter().flatten().min()?;
        Some(due.duration_since((self.settings.clock)()).unwrap_or_default())
    }

    /// Does what there is to do by now: undoes a commit that nobody has confirmed, or says that this will be soon, and
    /// brings a kernel that could not be brought back nearer to running.
    pub(crate) fn look_at_clock(&mut self) {
        let now = (self.settings.clock)();
        if self.undone_at().is_some_and(|due| due <= now) {
            self.expire(Why::Timeout);
        } else if self.foretold_at().is_some_and(|due| due <= now) {
            self.foretell();
        }
        if self.restored_at().is_some_and(|due| due <= now) {
            match self.reconcile() {
                Ok(()) => tracing::info!("kernel and running agree again"),
                Err(errors) => {
                    tracing::error!(errors = errors.told(), "diverged");
                    self.restored = self.again();
                }
            }
        }
    }

    /// When what has just failed is tried again.
    pub(crate) fn again(&self) -> SystemTime {
        (self.settings.clock)() + AGAIN
    }

    /// When a way back that has failed is tried again.
    fn restored_at(&self) -> Option<SystemTime> {
        self.diverged.as_ref().map(|_| self.restored)
    }
}
