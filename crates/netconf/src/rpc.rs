//! `<rpc>`: an operation and its parameters (RFC 6241 section 7, RFC 5277, RFC 8526, RFC 6022, module netloom-rpc).

mod read;
mod write;

use std::net::IpAddr;

use crate::namespace::BASE;
use crate::xml::{Xml, attribute_escaped};

/// The parts of a request that its reply repeats: `message-id` and all other attributes and namespace declarations
/// of `<rpc>`, as written (RFC 6241 section 4.1), and the prefix of the element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The prefix with the colon. Empty if there is no prefix.
    pub(crate) prefix: String,
    /// The attributes, each with the space before it. They include the declaration of the base namespace.
    pub(crate) attributes: String,
}

impl Default for Envelope {
    /// For a request that could not be read.
    fn default() -> Self {
        Self { prefix: String::new(), attributes: format!(" xmlns=\"{BASE}\"") }
    }
}

impl Envelope {
    /// For a request with this `message-id` and no other attributes.
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

/// The source of data for an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A datastore.
    Datastore(Datastore),
    /// Content in the request: the content of `<config>`.
    Config(Xml),
}

/// The default operation of an edit.
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

/// The reaction of an edit to an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named by RFC 6241 section 7.2")]
pub enum ErrorOption {
    #[default]
    StopOnError,
    ContinueOnError,
    RollbackOnError,
}

/// How an update resolves conflicts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named by draft-ietf-netconf-privcand")]
pub enum ResolutionMode {
    #[default]
    RevertOnConflict,
    PreferCandidate,
    PreferRunning,
}

/// The side to keep in a conflict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Side {
    /// The value of the session.
    #[default]
    Mine,
    /// The value of running.
    Theirs,
}

/// An earlier configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revision {
    /// The configuration so many commits ago. 0 is running itself.
    Position(u32),
    /// The configuration that the commit with this id made.
    Id(u64),
    /// The rescue configuration.
    Rescue,
}

/// A present or earlier configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Configuration {
    /// The content of a datastore other than operational.
    Datastore(Datastore),
    /// An earlier configuration.
    Revision(Revision),
}

/// The parameters of a confirmed commit, which is undone unless it is confirmed in time (RFC 6241 section 8.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmed {
    /// `confirm-timeout`, seconds.
    pub timeout: u32,
    /// `persist`: the name with which another session can confirm the commit.
    pub persist: Option<String>,
}

impl Confirmed {
    /// The default of `confirm-timeout`.
    pub const TIMEOUT: u32 = 600;
}

/// A check that helps to confirm a commit (`netloom-rpc:commit`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The check.
    pub question: Question,
    /// The namespace that the check is sent from. None is the daemon's own namespace.
    pub netns: Option<String>,
}

/// The type of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// The address must answer an ICMP echo request.
    Ping(IpAddr),
    /// The address must accept a TCP connection to this port.
    Tcp(IpAddr, u16),
}

/// `<rpc>`: an operation. A filter is the content of `<filter type="subtree">`, and `config` is the content of
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
    /// RFC 8526 section 3.1. `config_filter` limits the reply to configuration.
    GetData {
        datastore: Datastore,
        filter: Option<Xml>,
        config_filter: Option<bool>,
    },
    EditConfig {
        target: Datastore,
        default_operation: DefaultOperation,
        /// None if the request does not specify it.
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
    /// draft-ietf-netconf-privcand: merges what others have committed into the candidate.
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
    /// `netloom-rpc:commit`: like `<commit>`, but with a comment for the history and the reply
    /// [`CommitOutput`](crate::CommitOutput). With a timeout, in seconds, any session can confirm the commit. It is
    /// also confirmed when all of its checks have been answered.
    CommitWithComment {
        comment: Option<String>,
        confirm_timeout: Option<u32>,
        checks: Vec<Check>,
    },
    /// `netloom-rpc:check-commit`: the operations of a commit, as text ([`CheckOutput`](crate::CheckOutput)).
    CheckCommit,
    /// `netloom-rpc:rollback`: loads an earlier configuration into the candidate.
    Rollback(Revision),
    /// `netloom-rpc:get-revision`: an earlier configuration.
    GetRevision(Revision),
    /// `netloom-rpc:get-difference`: the parts of two configurations that differ
    /// ([`DifferenceOutput`](crate::DifferenceOutput)).
    GetDifference {
        from: Configuration,
        to: Configuration,
    },
    /// `netloom-rpc:import`: the configuration that describes what others have set in the kernel
    /// ([`ImportOutput`](crate::ImportOutput)).
    Import {
        /// All if none are named.
        netns: Vec<String>,
        routing_daemons: bool,
    },
    /// `netloom-rpc:repair`: repairs changes by others, so that the kernel matches running.
    Repair,
    /// `netloom-rpc:save-rescue`: saves running as the rescue configuration.
    SaveRescue,
    /// `netloom-rpc:delete-rescue`.
    DeleteRescue,
    /// `netloom-rpc:get-conflicts` ([`ConflictsOutput`](crate::ConflictsOutput)).
    GetConflicts,
    /// `netloom-rpc:resolve-conflicts` ([`ResolveOutput`](crate::ResolveOutput)). Without a path it resolves all
    /// conflicts.
    ResolveConflicts {
        path: Option<String>,
        keep: Side,
    },
    /// `netloom-rpc:get-blame`: who last changed each node of running, or each node at a path and below
    /// ([`BlameOutput`](crate::BlameOutput)).
    GetBlame {
        path: Option<String>,
    },
    /// `netloom-rpc:schedule-commit`: schedules a commit of the candidate at `time`, a `yang:date-and-time`
    /// ([`ScheduleOutput`](crate::ScheduleOutput) with this commit).
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

/// One table of names for both directions.
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
