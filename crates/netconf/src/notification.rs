//! `<notification>`: something that has happened (RFC 5277), told in the words of RFC 6470 and of the module
//! netloom-notifications.

mod read;
mod write;

pub use read::Incoming;

use crate::rpc::Named;

/// `<notification>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// `eventTime`, as `yang:date-and-time`.
    pub time: String,
    /// What has happened.
    pub event: Event,
}

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// `username`.
    pub user: String,
    /// `session-id`.
    pub session: u32,
}

/// What has happened. Who did it is none where it was the server, unasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// RFC 6470 `netconf-config-change`: running has changed.
    ConfigChange {
        /// Who changed it.
        by: Option<Actor>,
    },
    /// RFC 6470 `netconf-confirmed-commit`.
    ConfirmedCommit {
        /// Who brought it there.
        by: Option<Actor>,
        /// Where.
        event: ConfirmEvent,
        /// Seconds that are left, of a start or an extension.
        timeout: Option<u32>,
    },
    /// RFC 6470 `netconf-session-start`.
    SessionStart(Actor),
    /// RFC 6470 `netconf-session-end`.
    SessionEnd {
        /// Whose.
        by: Actor,
        /// How.
        reason: TerminationReason,
        /// The session that killed it.
        killed_by: Option<u32>,
    },
    /// `netloom-notifications:commit`: what running's change was.
    Commit {
        /// The transaction.
        id: u64,
        /// Who made it.
        by: Option<Actor>,
        /// Why, where it was said.
        comment: Option<String>,
        /// What changed, in a line.
        summary: String,
    },
    /// `netloom-notifications:confirmation`: what a confirmed commit has come to.
    Confirmation {
        /// The transaction.
        id: u64,
        /// Who brought it there.
        by: Option<Actor>,
        /// Where.
        phase: Phase,
        /// Seconds that are left until it is undone, where it waits.
        seconds: Option<u32>,
    },
    /// `netloom-notifications:scheduled-commit-refused`: a commit that was to be made at a time is not.
    ScheduledRefused {
        /// Its number in the schedule.
        number: u32,
        /// Who scheduled it.
        user: String,
        /// Why, in words.
        cause: String,
    },
    /// `netloom-notifications:diverged`: the kernel holds neither the old configuration nor the new one.
    Diverged {
        /// Where, as YANG paths.
        paths: Vec<String>,
        /// Why, in words.
        cause: String,
    },
    /// `netloom-notifications:converged`: kernel and running agree again.
    Converged,
    /// `netloom-notifications:drift`: others have changed what is configured, or nothing differs any more.
    Drift {
        /// What has come to differ, as YANG paths; of many the first few.
        paths: Vec<String>,
        /// How many objects differ by now.
        count: u64,
    },
    /// `netloom-notifications:missed`: this client has read too slowly for so many.
    Missed {
        /// How many are lost.
        count: u64,
    },
    /// One that is not known here.
    Other {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
}

/// RFC 6470 `confirm-event`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named by RFC 6470")]
pub enum ConfirmEvent {
    #[default]
    Start,
    Cancel,
    Timeout,
    Extend,
    Complete,
}

/// RFC 6470 `termination-reason`, as far as it happens here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named by RFC 6470")]
pub enum TerminationReason {
    Closed,
    Killed,
    Dropped,
    #[default]
    Other,
}

/// Where a confirmed commit is in its life, and how it ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// It waits for its confirmation.
    #[default]
    Started,
    /// Another on top of it waits anew.
    Extended,
    /// It is undone soon.
    Expiring,
    /// It is confirmed.
    Confirmed,
    /// It is undone: nobody confirmed it in time.
    TimedOut,
    /// It is undone: somebody took it back.
    Cancelled,
    /// It is undone: only its session could have confirmed it.
    SessionEnded,
}

impl Named for ConfirmEvent {
    const NAMES: &'static [(Self, &'static str)] = &[
        (Self::Start, "start"),
        (Self::Cancel, "cancel"),
        (Self::Timeout, "timeout"),
        (Self::Extend, "extend"),
        (Self::Complete, "complete"),
    ];
}

impl Named for TerminationReason {
    const NAMES: &'static [(Self, &'static str)] = &[
        (Self::Closed, "closed"),
        (Self::Killed, "killed"),
        (Self::Dropped, "dropped"),
        (Self::Other, "other"),
    ];
}

impl Named for Phase {
    const NAMES: &'static [(Self, &'static str)] = &[
        (Self::Started, "started"),
        (Self::Extended, "extended"),
        (Self::Expiring, "expiring"),
        (Self::Confirmed, "confirmed"),
        (Self::TimedOut, "timed-out"),
        (Self::Cancelled, "cancelled"),
        (Self::SessionEnded, "session-ended"),
    ];
}
