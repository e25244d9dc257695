//! `<rpc>`: an operation and its parameters (RFC 6241 section 7, RFC 5277, RFC 8526, RFC 6022, module netloom-rpc).

mod read;
mod write;

use std::net::IpAddr;

use crate::namespace::BASE;
use crate::xml::{Xml, attribute_escaped};

/// What an answer repeats of the request: `message-id` and every other attribute and namespace declaration of
/// `<rpc>`, as written (RFC 6241 section 4.1), and the prefix that the element had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// With the colon; empty where there is none.
    pub(crate) prefix: String,
    /// With the space before them. The declaration of the base namespace is among them.
    pub(crate) attributes: String,
}

impl Default for Envelope {
    /// That of a request of which nothing could be read.
    fn default() -> Self {
        Self { prefix: String::new(), attributes: format!(" xmlns=\"{BASE}\"") }
    }
}

impl Envelope {
    /// That of a request with this `message-id` and nothing else.
    pub fn new(message_id: &str) -> Self {
        let mut envelope = Self::default();
        envelope.attributes += &format!(" message-id=\"{}\"", attribute_escaped(message_id));
        envelope
    }
}

/// A datastore by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "named by RFC 6241 and RFC 8342")]
pub enum Datastore {
    Candidate,
    Running,
    Startup,
    Operational,
}

impl Datastore {
    /// The name as an element or an identity.
    pub fn name(self) -> &'static str {
        match self {
            Datastore::Candidate => "candidate",
            Datastore::Running => "running",
            Datastore::Startup => "startup",
            Datastore::Operational => "operational",
        }
    }

    /// The datastore of this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Candidate, Self::Running, Self::Startup, Self::Operational]
            .into_iter()
            .find(|datastore| datastore.name() == name)
    }
}

/// What an operation reads from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A datastore.
    Datastore(Datastore),
    /// Content within the request: that of `<config>`.
    Config(Xml),
}

/// What an edit does where it names no operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named by RFC 6241 section 7.2")]
pub enum DefaultOperation {
    #[default]
    Merge,
    Replace,
    None,
}

/// Whether an edit is validated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named by RFC 6241 section 8.6")]
pub enum TestOption {
    #[default]
    TestThenSet,
    Set,
    TestOnly,
}

/// What an edit does on an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named by RFC 6241 section 7.2")]
pub enum ErrorOption {
    #[default]
    StopOnError,
    ContinueOnError,
    RollbackOnError,
}

/// What an update does where a session and others have changed the same node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named by draft-ietf-netconf-privcand")]
pub enum ResolutionMode {
    #[default]
    RevertOnConflict,
    PreferCandidate,
    PreferRunning,
}

/// Whose version of a node in conflict holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Side {
    /// The session's.
    #[default]
    Mine,
    /// That of running.
    Theirs,
}

/// A configuration of the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revision {
    /// As it was so many commits ago; 0 is running itself.
    Position(u32),
    /// As the commit of this id made it.
    Id(u64),
    /// The rescue configuration.
    Rescue,
}

/// A configuration, of now or of the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Configuration {
    /// A datastore's; operational data are none.
    Datastore(Datastore),
    /// One of the past.
    Revision(Revision),
}

/// That a commit is undone unless it is confirmed in time (RFC 6241 section 8.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmed {
    /// `confirm-timeout`, seconds.
    pub timeout: u32,
    /// `persist`: the name by which another session may confirm it.
    pub persist: Option<String>,
}

impl Confirmed {
    /// What `confirm-timeout` is where a request does not say.
    pub const TIMEOUT: u32 = 600;
}

/// A question whose answer helps to confirm a commit (`netloom-rpc:commit`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What is asked.
    pub question: Question,
    /// The namespace that it is asked from; the daemon's own where none is named.
    pub netns: Option<String>,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Whether this address answers an echo request.
    Ping(IpAddr),
    /// Whether a TCP connection to this port is accepted.
    Tcp(IpAddr, u16),
}

/// `<rpc>`: an operation. Filters are the children of `<filter type="subtree">`, and `config` those of
/// `<config>`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "named by RFC 6241, RFC 5277, RFC 8526, RFC 6022 and the module netloom-rpc"
)]
pub enum Rpc {
    GetConfig {
        source: Datastore,
        filter: Option<Xml>,
    },
    Get {
        filter: Option<Xml>,
    },
    /// RFC 8526 section 3.1; `config_filter` limits the answer to configuration.
    GetData {
        datastore: Datastore,
        filter: Option<Xml>,
        config_filter: Option<bool>,
    },
    EditConfig {
        target: Datastore,
        default_operation: DefaultOperation,
        /// None where the request leaves it to the server.
        test_option: Option<TestOption>,
        error_option: ErrorOption,
        config: Xml,
    },
    CopyConfig {
        target: Datastore,
        source: Source,
    },
    DeleteConfig {
        target: Datastore,
    },
    Lock(Datastore),
    Unlock(Datastore),
    Validate(Source),
    /// RFC 6241 sections 8.3.4.1 and 8.4.
    Commit {
        confirmed: Option<Confirmed>,
        persist_id: Option<String>,
    },
    CancelCommit {
        persist_id: Option<String>,
    },
    DiscardChanges,
    /// draft-ietf-netconf-privcand: what others have committed comes into the candidate.
    Update(ResolutionMode),
    CloseSession,
    /// RFC 5277 section 2.1.1.
    CreateSubscription {
        stream: Option<String>,
        filter: Option<Xml>,
    },
    KillSession(u32),
    GetSchema {
        identifier: String,
        version: Option<String>,
        format: Option<String>,
    },
    /// `netloom-rpc:commit`: as `<commit>`, but with a comment for the history, and answered by
    /// [`CommitOutput`](crate::CommitOutput). With a timeout, in seconds, any session may confirm it, and so do answers
    /// to all of its checks.
    CommitWithComment {
        comment: Option<String>,
        confirm_timeout: Option<u32>,
        checks: Vec<Check>,
    },
    /// `netloom-rpc:check-commit`: what a commit would do, in words ([`CheckOutput`](crate::CheckOutput)).
    CheckCommit,
    /// `netloom-rpc:rollback`: an earlier configuration into the candidate.
    Rollback(Revision),
    /// `netloom-rpc:get-revision`: an earlier configuration.
    GetRevision(Revision),
    /// `netloom-rpc:get-difference`: two configurations as far as they differ
    /// ([`DifferenceOutput`](crate::DifferenceOutput)).
    GetDifference {
        from: Configuration,
        to: Configuration,
    },
    /// `netloom-rpc:repair`: makes the kernel what running says where others have changed it.
    Repair,
    /// `netloom-rpc:save-rescue`: keeps running as the rescue configuration.
    SaveRescue,
    /// `netloom-rpc:delete-rescue`.
    DeleteRescue,
    /// `netloom-rpc:get-conflicts` ([`ConflictsOutput`](crate::ConflictsOutput)).
    GetConflicts,
    /// `netloom-rpc:resolve-conflicts` ([`ResolveOutput`](crate::ResolveOutput)); without a path all of them.
    ResolveConflicts {
        path: Option<String>,
        keep: Side,
    },
    /// `netloom-rpc:get-blame`: who last changed what of running, all of it or at a path and below
    /// ([`BlameOutput`](crate::BlameOutput)).
    GetBlame {
        path: Option<String>,
    },
    /// `netloom-rpc:schedule-commit`: has the candidate committed at `time`, a `yang:date-and-time`
    /// ([`ScheduleOutput`](crate::ScheduleOutput) of that one).
    ScheduleCommit {
        time: String,
        comment: Option<String>,
    },
    /// `netloom-rpc:cancel-scheduled-commit`, by its number in the schedule.
    CancelScheduledCommit(u32),
    /// `netloom-rpc:get-schedule` ([`ScheduleOutput`](crate::ScheduleOutput)).
    GetSchedule,
    /// `netloom-rpc:get-history` ([`HistoryOutput`](crate::HistoryOutput)).
    GetHistory,
}

/// One table for both directions: a choice of names.
pub(crate) trait Named: Copy + Default + PartialEq + 'static {
    const NAMES: &'static [(Self, &'static str)];

    fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(value, _)| *value == self).map_or("", |(_, name)| name)
    }

    fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, known)| *known == name).map(|(value, _)| *value)
    }
}

impl Named for DefaultOperation {
    const NAMES: &'static [(Self, &'static str)] =
        &[(Self::Merge, "merge"), (Self::Replace, "replace"), (Self::None, "none")];
}

impl Named for TestOption {
    const NAMES: &'static [(Self, &'static str)] =
        &[(Self::TestThenSet, "test-then-set"), (Self::Set, "set"), (Self::TestOnly, "test-only")];
}

impl Named for ErrorOption {
    const NAMES: &'static [(Self, &'static str)] = &[
        (Self::StopOnError, "stop-on-error"),
        (Self::ContinueOnError, "continue-on-error"),
        (Self::RollbackOnError, "rollback-on-error"),
    ];
}

impl Named for ResolutionMode {
    const NAMES: &'static [(Self, &'static str)] = &[
        (Self::RevertOnConflict, "revert-on-conflict"),
        (Self::PreferCandidate, "prefer-candidate"),
        (Self::PreferRunning, "prefer-running"),
    ];
}

impl Named for Side {
    const NAMES: &'static [(Self, &'static str)] =
        &[(Self::Mine, "mine"), (Self::Theirs, "theirs")];
}
