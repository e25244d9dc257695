//! `<notification>`: an event (RFC 5277), in the format of RFC 6470 or of the module netloom-notifications.

mod read;
mod write;

pub use read::Incoming;

use crate::rpc::Named;

/// `<notification>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// `eventTime`, as `yang:date-and-time`.
    pub time: String,
    /// The event.
    pub event: Event,
}

/// The user and session that caused an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// `username`.
    pub user: String,
    /// `session-id`.
    pub session: u32,
}

/// An event. The user is none if the daemon acted by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// RFC 6470 `netconf-config-change`: running has changed.
    ConfigChange {
        /// Who changed it.
        by: Option<Actor>,
    },
    /// RFC 6470 `netconf-confirmed-commit`.
    ConfirmedCommit {
        /// Who caused the event.
        by: Option<Actor>,
        /// The new phase.
        event: ConfirmEvent,
        /// The remaining seconds, for a start or an extension.
        timeout: Option<u32>,
    },
    /// RFC 6470 `netconf-session-start`.
    SessionStart(Actor),
    /// RFC 6470 `netconf-session-end`.
    SessionEnd {
        /// The session.
        by: Actor,
        /// The reason for the end.
        reason: TerminationReason,
        /// The session that killed it.
        killed_by: Option<u32>,
    },
    /// `netloom-notifications:commit`: the details of a change of running.
    Commit {
        /// The transaction.
        id: u64,
        /// Who made it.
        by: Option<Actor>,
        /// The comment, if there is one.
        comment: Option<String>,
        /// A one-line summary of the changes.
        summary: String,
    },
    /// `netloom-notifications:confirmation`: the phase of a confirmed commit has changed.
    Confirmation {
        /// The transaction.
        id: u64,
        /// Who caused the event.
        by: Option<Actor>,
        /// The new phase.
        phase: Phase,
        /// The remaining seconds until the commit is undone, if it waits.
        seconds: Option<u32>,
    },
    /// `netloom-notifications:scheduled-commit-refused`: a scheduled commit is refused at its time.
    ScheduledRefused {
        /// Its number in the schedule.
        number: u32,
        /// Who scheduled it.
        user: String,
        /// The reason, as text.
        cause: String,
    },
    /// `netloom-notifications:confirmed-commit-not-undone`: nobody confirmed it, and it could not be undone.
    NotUndone {
        /// Its number in the history.
        id: u64,
        /// The reason, as text.
        cause: String,
    },
    /// `netloom-notifications:diverged`: the kernel holds neither the old configuration nor the new one.
    Diverged {
        /// The nodes, as YANG paths.
        paths: Vec<String>,
        /// The reason, as text.
        cause: String,
    },
    /// `netloom-notifications:converged`: kernel and running agree again.
    Converged,
    /// `netloom-notifications:drift`: others have changed configured objects, or no differences are left.
    Drift {
        /// The nodes that differ, as YANG paths. If there are many, these are the first ones.
        paths: Vec<String>,
        /// The number of objects that differ now.
        count: u64,
    },
    /// `netloom-notifications:held`: more or fewer objects are held.
    Held {
        /// Whose commit was the cause. None for changes in the kernel, and for commits that the daemon made by itself.
        by: Option<Actor>,
        /// The nodes that are newly held, as YANG paths. If there are many, these are the first ones.
        paths: Vec<String>,
        /// The number of objects that are held now.
        count: u64,
    },
    /// `netloom-notifications:missed`: this client reads too slowly, and notifications were dropped.
    Missed {
        /// The number of dropped notifications.
        count: u64,
    },
    /// An event of an unknown type.
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

/// RFC 6470 `termination-reason`, as far as Netloom uses it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named by RFC 6470")]
pub enum TerminationReason {
    Closed,
    Killed,
    Dropped,
    #[default]
    Other,
}

/// The phases of a confirmed commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// The commit waits for confirmation.
    #[default]
    Started,
    /// There is another commit on top of it, which waits too.
    Extended,
    /// The commit will be undone soon.
    Expiring,
    /// The commit is confirmed.
    Confirmed,
    /// The commit is undone, because nobody confirmed it in time.
    TimedOut,
    /// The commit is undone, because somebody cancelled it.
    Cancelled,
    /// The commit is undone, because the only session that could have confirmed it has ended.
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
