//! Notices: events of the engine that are sent to listeners.
//!
//! The engine sends a notice and continues. Notices wait in a ring of fixed size, and each listener
//! takes them at its own pace. A listener that is too slow loses the oldest notices, and learns how
//! many. A notice is sent after the event has happened.
//!
//! A new notice is a variant of [`NoticeKind`], sent by [`Publisher::send`]. The compiler then reports
//! each place that must handle it: the northbound's translation, and the command line's text.

use std::time::{Duration, SystemTime};

use tokio::sync::broadcast::{self, Receiver, error::RecvError};

use crate::clock::Clock;
use crate::session::origin::Origin;

/// The number of notices that are kept for a slow listener.
const WAITING: usize = 256;

/// An event of the engine.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// When it happened.
    pub time: SystemTime,
    /// What happened.
    pub kind: NoticeKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum NoticeKind {
    /// Running has changed.
    Committed {
        /// The transaction.
        id: u64,
        /// Who made it.
        by: By,
        /// Its comment, if any.
        comment: Option<String>,
        /// A one-line summary of the changes.
        summary: String,
    },
    /// A confirmed commit has reached another phase.
    Confirm {
        /// The transaction.
        id: u64,
        /// Who caused this.
        by: By,
        /// The phase.
        phase: Phase,
    },
    /// A scheduled commit has been refused.
    Unscheduled {
        /// Its number in the schedule.
        number: u32,
        /// Who scheduled it.
        user: String,
        /// The reason.
        cause: String,
    },
    /// A confirmed commit could not be undone at its deadline. It stays, and this is tried again.
    NotUndone {
        /// The commit.
        id: u64,
        /// The error.
        cause: String,
    },
    /// A failed commit could not be undone: the kernel holds neither the old nor the new
    /// configuration.
    Diverged {
        /// The paths that could not be restored.
        paths: Vec<String>,
        /// The error.
        cause: String,
    },
    /// The kernel holds running again.
    Converged,
    /// Others have changed configured objects, or everything is as configured again.
    Drift {
        /// The objects that now differ; only the first of many.
        paths: Vec<String>,
        /// The number of objects that differ now.
        count: usize,
    },
    /// The set of held objects has changed.
    Held {
        /// The author of the commit that caused it, or the daemon if a change by others caused it.
        by: By,
        /// The objects that are held now and were not before; only the first of many.
        paths: Vec<String>,
        /// The number of held objects.
        count: usize,
    },
    /// A session has started.
    SessionStart(By),
    /// A session has ended.
    SessionEnd {
        /// Whose session it was.
        by: By,
        /// Why it ended.
        end: SessionEnd,
    },
}

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// The user of a session.
    Session {
        /// Its `session-id`.
        id: u32,
        /// Who has it.
        origin: Origin,
    },
    /// The daemon itself.
    Daemon,
}

/// The phases of a confirmed commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It waits for its confirmation for this time.
    Start(Duration),
    /// Another commit on top of it restarts the wait.
    Extend(Duration),
    /// It is undone after this time. This is announced so that somebody can still confirm it.
    Expiring(Duration),
    /// It is confirmed.
    Complete,
    /// It is undone for this reason.
    Undone(Why),
}

/// The reason why a confirmed commit is undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Nobody confirmed it in time.
    Timeout,
    /// A user cancelled it.
    Cancelled,
    /// Its session ended, and only that session could have confirmed it.
    SessionEnded,
}

/// Why a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionEnd {
    /// The client closed it.
    Closed,
    /// The connection was lost.
    Dropped,
    /// Another session killed it.
    Killed {
        /// The `session-id` of the other session.
        by: u32,
    },
}

/// The notices from now on, for one listener.
#[derive(Debug)]
pub struct Notices(Receiver<Notice>);

/// What a listener receives.
#[derive(Clone, Debug, PartialEq)]
pub enum Delivery {
    /// The next notice.
    Notice(Notice),
    /// This many notices were lost, because the listener was too slow.
    Missed(u64),
}

impl Notices {
    pub(crate) fn of(engine: &broadcast::Sender<Notice>) -> Notices {
        Notices(engine.subscribe())
    }

    /// The next notice; none once the engine is gone. Cancelling this call loses nothing.
    pub async fn next(&mut self) -> Option<Delivery> {
        match self.0.recv().await {
            Ok(notice) => Some(Delivery::Notice(notice)),
            Err(RecvError::Lagged(count)) => Some(Delivery::Missed(count)),
            Err(RecvError::Closed) => None,
        }
    }
}

/// A channel of notices without listeners.
pub(crate) fn channel() -> broadcast::Sender<Notice> {
    broadcast::Sender::new(WAITING)
}

/// The engine's end of the channel.
#[derive(Debug)]
pub(crate) struct Publisher {
    clock: Clock,
    listeners: broadcast::Sender<Notice>,
}

impl Publisher {
    pub(crate) fn new(clock: Clock) -> Publisher {
        Publisher { clock, listeners: channel() }
    }

    /// Sends a notice to all listeners.
    pub(crate) fn send(&self, kind: NoticeKind) {
        let time = (self.clock.wall)();
        // An error only means that there is no listener.
        let _nobody = self.listeners.send(Notice { time, kind });
    }

    /// A weak sender for a handle, so that listeners see the end of the engine.
    pub(crate) fn downgrade(&self) -> broadcast::WeakSender<Notice> {
        self.listeners.downgrade()
    }

    #[cfg(test)]
    pub(crate) fn listen(&self) -> Notices {
        Notices::of(&self.listeners)
    }

    #[cfg(test)]
    pub(crate) fn subscribe(&self) -> Receiver<Notice> {
        self.listeners.subscribe()
    }
}

impl Why {
    /// A phrase that follows the commit's name.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Why::Timeout => "was not confirmed in time",
            Why::Cancelled => "was cancelled",
            Why::SessionEnded => "was not confirmed before its session ended",
        }
    }
}
