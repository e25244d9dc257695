//! Notices: what happens, sent to whoever listens.
//!
//! The engine sends and goes on: notices wait in a ring of fixed size, from which each listener takes them at its own
//! pace. A listener that is too slow loses the oldest, and learns how many. A notice is sent after what it describes has
//! happened.
//!
//! A new notice is a variant of [`News`], sent by [`Publisher::send`] where it happens. The compiler
//! then names what must learn of it: the northbound's translation, and after it the command line's words.

use std::time::{Duration, SystemTime};

use tokio::sync::broadcast::{self, Receiver, error::RecvError};

use crate::clock::Clock;
use crate::origin::Origin;

/// How many notices wait for a listener that is slow.
const WAITING: usize = 256;

/// Something that has happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// When.
    pub time: SystemTime,
    /// What.
    pub news: News,
}

/// What has happened.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// Running has changed.
    Committed {
        /// The transaction.
        id: u64,
        /// Who made it.
        by: By,
        /// Why, where it was said.
        comment: Option<String>,
        /// What changed, for a person, in a line.
        summary: String,
    },
    /// A confirmed commit has come to this.
    Confirm {
        /// The transaction.
        id: u64,
        /// Who brought it there.
        by: By,
        /// What it has come to.
        phase: Phase,
    },
    /// A commit that was scheduled has been refused.
    Unscheduled {
        /// Its number in the schedule.
        number: u32,
        /// Who scheduled it.
        user: String,
        /// Why, in words.
        cause: String,
    },
    /// A failed commit could not be taken back: the kernel holds neither the old nor the new.
    Diverged {
        /// Where the way back ended.
        paths: Vec<String>,
        /// What failed, in words.
        cause: String,
    },
    /// Kernel and running agree again.
    Converged,
    /// Others have changed what is configured; or nothing differs any more.
    Drift {
        /// What has come to differ; of many the first few.
        paths: Vec<String>,
        /// How many objects differ by now.
        count: usize,
    },
    /// What is configured and left out of the kernel has changed.
    Held {
        /// Whose commit it is a consequence of; the daemon, if what others have done is the cause.
        by: By,
        /// What is held now and was not before; of many the first few.
        paths: Vec<String>,
        /// How many objects are held by now.
        count: usize,
    },
    /// Somebody has come.
    SessionStart(By),
    /// Somebody has gone.
    SessionEnd {
        /// Who.
        by: By,
        /// How.
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
    /// The daemon, unasked.
    Daemon,
}

/// Where a confirmed commit is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It waits for its confirmation, this long.
    Start(Duration),
    /// Another on top of it waits anew.
    Extend(Duration),
    /// It is undone so soon that somebody may want to hurry.
    Expiring(Duration),
    /// It is confirmed.
    Complete,
    /// It is undone, for this reason.
    Undone(Why),
}

/// Why a confirmed commit is undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Nobody confirmed it in time.
    Timeout,
    /// Somebody took it back.
    Cancelled,
    /// Only its session could have confirmed it.
    SessionEnded,
}

/// How a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionEnd {
    /// It said goodbye.
    Closed,
    /// It was gone.
    Dropped,
    /// Another session killed it.
    Killed {
        /// The other's `session-id`.
        by: u32,
    },
}

/// The notices from now on, for one listener.
#[derive(Debug)]
pub struct Notices(Receiver<Notice>);

/// What a listener hears.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// The next notice.
    Notice(Notice),
    /// So many were lost: the listener was too slow.
    Missed(u64),
}

impl Notices {
    pub(crate) fn of(engine: &broadcast::Sender<Notice>) -> Notices {
        Notices(engine.subscribe())
    }

    /// What is next; none once the engine is gone. Nothing is lost where the caller stops waiting.
    pub async fn next(&mut self) -> Option<Heard> {
        match self.0.recv().await {
            Ok(notice) => Some(Heard::Notice(notice)),
            Err(RecvError::Lagged(count)) => Some(Heard::Missed(count)),
            Err(RecvError::Closed) => None,
        }
    }
}

/// A channel of notices that nobody listens to yet.
pub(crate) fn channel() -> broadcast::Sender<Notice> {
    broadcast::Sender::new(WAITING)
}

/// Where an engine puts its notices.
#[derive(Debug)]
pub(crate) struct Publisher {
    clock: Clock,
    listeners: broadcast::Sender<Notice>,
}

impl Publisher {
    pub(crate) fn new(clock: Clock) -> Publisher {
        Publisher { clock, listeners: channel() }
    }

    /// Sends everybody who listens what has happened.
    pub(crate) fn send(&self, news: News) {
        let time = (self.clock.wall)();
        // It is no failure if nobody does.
        let _nobody = self.listeners.send(Notice { time, news });
    }

    /// For a handle, which does not keep listeners waiting once the engine is gone.
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
    /// In words, after the commit's name.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Why::Timeout => "was not confirmed in time",
            Why::Cancelled => "was cancelled",
            Why::SessionEnded => "was not confirmed before its session ended",
        }
    }
}
