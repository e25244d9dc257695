//! The errors of the engine, and the one `rpc-error` that a client sees for each of them.

use std::io;
use std::path::PathBuf;

use netstate::{Key, NetnsName, ObserveError, Op, Refusal};
use yang::ErrorTag;

use crate::datastore::Datastore;
use crate::session::origin::Holder;

/// The one error that every northbound translates (RFC 6241 section 4.3).
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{}{message}", path.as_ref().map(|path| format!("{path}: ")).unwrap_or_default())]
pub struct RpcError {
    /// `error-tag`.
    pub tag: ErrorTag,
    /// `error-app-tag`.
    pub app_tag: Option<String>,
    /// `error-path`: the YANG path at fault.
    pub path: Option<String>,
    /// `error-message`, for a person. It contains the kernel's own message if the kernel refused.
    pub message: String,
    /// `session-id` of `error-info`: the session that holds the lock.
    pub session: Option<u32>,
}

/// An error inside the engine. A northbound sees [`RpcError`].
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// An invalid configuration.
    #[error(transparent)]
    Configuration(#[from] yang::Error),
    #[error(
        "another session has changed this since this one saw it: it was {}, is {} now, and would be {}; \
         resolve the conflict, or discard the changes",
        value_or_absent(base),
        value_or_absent(theirs),
        value_or_absent(ours)
    )]
    Conflict { path: String, base: Option<String>, ours: Option<String>, theirs: Option<String> },
    /// Errors after the first [`LISTED`].
    #[error("there are {count} more errors like these")]
    More { count: usize },
    #[error("nothing is in conflict at or below {path}")]
    NoConflict { path: String },
    /// An operation of the plan that is not possible.
    #[error("{reason}")]
    Impossible { path: String, key: Key, reason: String },
    /// A contradiction within the configuration, or with objects of other programs.
    #[error("{reason}")]
    Contradiction { path: String, key: Key, reason: String },
    #[error("the kernel refused to {}: {}", refusal.op, refusal.message)]
    Refused { path: String, refusal: Refusal },
    #[error("this kernel does not have {name}: it accepts a value and does not keep it")]
    Unsupported { path: String, key: Key, name: &'static str },
    #[error("the kernel rounds or limits the value: it was given {given}, and keeps {kept}")]
    Altered { path: String, key: Key, given: String, kept: String },
    #[error("the kernel took the change but does not hold it: it would still have to {op}")]
    Unsettled { path: String, op: Box<Op> },
    #[error(
        "the commit failed ({failure}), and undoing it failed too ({cause}): kernel and running differ"
    )]
    Diverged { failure: String, cause: String },
    #[error(
        "the commit failed ({failure}); the kernel is as it was, but the state directory is not ({cause}), \
         and nothing can be committed until it is"
    )]
    Unforgotten { failure: String, cause: String },
    #[error(
        "an earlier commit failed and cannot be undone yet ({cause}): kernel and running differ; \
         a commit that changes the objects concerned is still possible"
    )]
    StillDiverged { cause: String },
    #[error("there is no namespace {netns}")]
    NoNetns { netns: NetnsName },
    #[error("not repaired: {message}")]
    NotRepaired { path: String, message: String },
    #[error("{count} objects could not be applied, and there may be more")]
    TooManySkipped { count: usize },
    #[error("cannot read the kernel's state")]
    Observe(#[from] ObserveError),
    #[error("{} is locked by {holder}", name(*.datastore))]
    Locked { datastore: Datastore, holder: Holder },
    #[error("{} is already locked by {holder}", name(*.datastore))]
    LockHeld { datastore: Datastore, holder: Holder },
    #[error("the candidate has changes: commit or discard them before locking it")]
    CandidateChanged { session: u32 },
    #[error("{} is not locked by this session", name(*.datastore))]
    NotLocked { datastore: Datastore },
    #[error("{} cannot be locked", name(*.datastore))]
    NotLockable { datastore: Datastore },
    #[error("session {session} has ended")]
    SessionEnded { session: u32 },
    #[error("there is no session {session}")]
    NoSession { session: u32 },
    #[error("a session cannot kill itself; close it instead")]
    KillSelf,
    #[error("the {what} has {length} characters, and at most {limit} are stored in the history")]
    TextTooLong { what: &'static str, length: usize, limit: usize },
    #[error("commit {id} waits for its confirmation: {needs} confirms or cancels it first")]
    Unconfirmed { id: u64, needs: String },
    #[error("no commit waits for its confirmation")]
    NothingPending,
    #[error("that time has passed: it is {now}")]
    Past { now: String },
    #[error("there is nothing to commit")]
    NothingToSchedule,
    #[error("no commit with the number {number} is scheduled")]
    NotScheduled { number: u32 },
    #[error("the engine has stopped")]
    Stopped,
    #[error("there is no rollback {position}: {}", available(*.newest))]
    NoRollback { position: usize, newest: usize },
    #[error("there is no commit {id} in the history")]
    NoCommit { id: u64 },
    #[error("commit {id} cannot be taken back: {fault}")]
    BrokenCommit { id: u64, fault: String },
    #[error("what came before commit {id} is not known: it started from the empty configuration")]
    BeforeAll { id: u64 },
    #[error("there is no rescue configuration: `save rescue` makes one")]
    NoRescue,
    #[error("cannot {doing} {}", path.display())]
    Storage {
        doing: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{}: {fault}", path.display())]
    Corrupt { path: PathBuf, fault: String },
    #[error("cannot start the engine's thread")]
    Thread {
        #[source]
        source: io::Error,
    },
    #[error(
        "nothing in {} is changed: {reason}; mend that, and start netloomd again",
        path.display()
    )]
    Frozen { path: PathBuf, reason: String },
    #[error("{} is in use by another netloomd", path.display())]
    StateDirInUse { path: PathBuf },
}

/// One or more errors: validation reports everything that is wrong at once.
#[derive(Debug, Default)]
pub(crate) struct Errors(pub(crate) Vec<Error>);

/// The engine's results for its users; validation may report several errors at once.
pub type RpcResult<T> = std::result::Result<T, Vec<RpcError>>;

pub(crate) type Result<T> = std::result::Result<T, Errors>;

impl Error {
    /// The `rpc-error` for this error.
    fn rpc(&self) -> RpcError {
        let message = self.message();
        let plain = |tag| RpcError { tag, app_tag: None, path: None, message, session: None };
        match self {
            Error::Configuration(error) => error.clone().into(),
            Error::Conflict { path, .. } => RpcError {
                app_tag: Some("conflict".into()),
                path: Some(path.clone()),
                ..plain(ErrorTag::OperationFailed)
            },
            Error::NoConflict { .. } | Error::More { .. } | Error::NoNetns { .. } => {
                plain(ErrorTag::InvalidValue)
            }
            Error::Impossible { path, .. } => RpcError {
                app_tag: Some("impossible".into()),
                path: Some(path.clone()),
                ..plain(ErrorTag::OperationFailed)
            },
            Error::Contradiction { path, .. } => RpcError {
                app_tag: Some("contradiction".into()),
                path: Some(path.clone()),
                ..plain(ErrorTag::InvalidValue)
            },
            Error::Refused { path, .. } | Error::NotRepaired { path, .. } => RpcError {
                app_tag: Some("kernel-refused".into()),
                path: Some(path.clone()),
                ..plain(ErrorTag::OperationFailed)
            },
            Error::Unsupported { path, .. } => RpcError {
                app_tag: Some("kernel-lacks".into()),
                path: Some(path.clone()),
                ..plain(ErrorTag::OperationNotSupported)
            },
            Error::Altered { path, .. } | Error::Unsettled { path, .. } => RpcError {
                app_tag: Some("kernel-differs".into()),
                path: Some(path.clone()),
                ..plain(ErrorTag::OperationFailed)
            },
            Error::Diverged { .. } | Error::Unforgotten { .. } | Error::StillDiverged { .. } => {
                RpcError { app_tag: Some("diverged".into()), ..plain(ErrorTag::RollbackFailed) }
            }
            Error::TooManySkipped { .. } => plain(ErrorTag::OperationFailed),
            Error::Observe(_) => plain(ErrorTag::OperationFailed),
            Error::Locked { holder, .. } => {
                let session = Some(holder.session);
                RpcError { session, ..plain(ErrorTag::InUse) }
            }
            Error::LockHeld { holder, .. } => {
                let session = Some(holder.session);
                RpcError { session, ..plain(ErrorTag::LockDenied) }
            }
            Error::CandidateChanged { session } => {
                RpcError { session: Some(*session), ..plain(ErrorTag::LockDenied) }
            }
            Error::NotLocked { .. } => plain(ErrorTag::OperationFailed),
            Error::NotLockable { .. } => plain(ErrorTag::OperationNotSupported),
            Error::SessionEnded { .. } => plain(ErrorTag::OperationFailed),
            Error::NoSession { .. } => plain(ErrorTag::InvalidValue),
            Error::KillSelf => plain(ErrorTag::InvalidValue),
            Error::TextTooLong { .. } => plain(ErrorTag::TooBig),
            Error::Unconfirmed { .. } => plain(ErrorTag::InUse),
            Error::NothingPending => plain(ErrorTag::InvalidValue),
            Error::Past { .. } | Error::NothingToSchedule | Error::NotScheduled { .. } => {
                plain(ErrorTag::InvalidValue)
            }
            Error::Stopped => plain(ErrorTag::OperationFailed),
            Error::NoRollback { .. } | Error::NoCommit { .. } | Error::NoRescue => {
                plain(ErrorTag::InvalidValue)
            }
            Error::BrokenCommit { .. } | Error::BeforeAll { .. } => {
                plain(ErrorTag::OperationFailed)
            }
            Error::Storage { .. } | Error::Frozen { .. } => plain(ErrorTag::OperationFailed),
            Error::Corrupt { .. } => plain(ErrorTag::OperationFailed),
            Error::Thread { .. } => plain(ErrorTag::ResourceDenied),
            Error::StateDirInUse { .. } => plain(ErrorTag::InUse),
        }
    }

    /// The object that the kernel cannot have in its desired form.
    pub(crate) fn key(&self) -> Option<&Key> {
        match self {
            Error::Impossible { key, .. }
            | Error::Contradiction { key, .. }
            | Error::Altered { key, .. }
            | Error::Unsupported { key, .. } => Some(key),
            Error::Refused { refusal, .. } => Some(&refusal.op.key),
            Error::Unsettled { op, .. } => Some(&op.key),
            Error::Configuration(_)
            | Error::Conflict { .. }
            | Error::NoConflict { .. }
            | Error::More { .. }
            | Error::Diverged { .. }
            | Error::Unforgotten { .. }
            | Error::StillDiverged { .. }
            | Error::NotRepaired { .. }
            | Error::NoNetns { .. }
            | Error::TooManySkipped { .. }
            | Error::Observe(_)
            | Error::Locked { .. }
            | Error::LockHeld { .. }
            | Error::CandidateChanged { .. }
            | Error::NotLocked { .. }
            | Error::NotLockable { .. }
            | Error::SessionEnded { .. }
            | Error::NoSession { .. }
            | Error::KillSelf
            | Error::TextTooLong { .. }
            | Error::Unconfirmed { .. }
            | Error::NothingPending
            | Error::Past { .. }
            | Error::NothingToSchedule
            | Error::NotScheduled { .. }
            | Error::Stopped
            | Error::NoRollback { .. }
            | Error::NoCommit { .. }
            | Error::BrokenCommit { .. }
            | Error::BeforeAll { .. }
            | Error::NoRescue
            | Error::Storage { .. }
            | Error::Frozen { .. }
            | Error::Corrupt { .. }
            | Error::Thread { .. }
            | Error::StateDirInUse { .. } => None,
        }
    }

    /// The error with its causes, on one line.
    fn message(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}

/// The number of errors that are reported one by one. A single mistake can make a million routes impossible.
const LISTED: usize = 100;

impl Errors {
    /// The first errors, and the number of the others.
    pub(crate) fn listed(errors: impl IntoIterator<Item = Error>) -> Errors {
        let mut errors = errors.into_iter();
        let mut listed: Vec<Error> = errors.by_ref().take(LISTED).collect();
        let count = errors.count();
        listed.extend((count > 0).then_some(Error::More { count }));
        Errors(listed)
    }

    /// All errors with their paths, on one line.
    pub(crate) fn describe(&self) -> String {
        self.rpc().iter().map(RpcError::to_string).collect::<Vec<_>>().join("; ")
    }

    /// These errors, followed by `those`.
    pub(crate) fn and(mut self, those: Errors) -> Errors {
        self.0.extend(those.0);
        self
    }

    /// The paths of the errors that have one.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.rpc().into_iter().filter_map(|error| error.path).collect()
    }

    /// A message that says what was done, and that these errors happened afterwards.
    pub(crate) fn described_after(&self, done: String) -> String {
        if self.0.is_empty() { done } else { format!("{done}; but {}", self.describe()) }
    }

    /// All errors without their paths, on one line.
    pub(crate) fn message(&self) -> String {
        self.0.iter().map(Error::message).collect::<Vec<_>>().join("; ")
    }

    pub(crate) fn rpc(&self) -> Vec<RpcError> {
        self.0.iter().map(Error::rpc).collect()
    }
}

impl<E: Into<Error>> From<E> for Errors {
    fn from(error: E) -> Errors {
        Errors(vec![error.into()])
    }
}

impl From<Vec<yang::Error>> for Errors {
    fn from(errors: Vec<yang::Error>) -> Errors {
        Errors::listed(errors.into_iter().map(Error::from))
    }
}

impl From<yang::Error> for RpcError {
    fn from(error: yang::Error) -> RpcError {
        let yang::Error { tag, app_tag, path, message, info: _ } = error;
        RpcError { tag, app_tag, path, message, session: None }
    }
}

fn name(datastore: Datastore) -> &'static str {
    match datastore {
        Datastore::Candidate => "candidate",
        Datastore::Running => "running",
        Datastore::Startup => "startup",
        Datastore::Operational => "operational",
    }
}

/// The value at the place of a conflict, for a message.
fn value_or_absent(what: &Option<String>) -> &str {
    match what.as_deref() {
        None => "absent",
        Some("") => "present",
        Some(value) => value,
    }
}

fn available(newest: usize) -> String {
    match newest {
        0 => "nothing has been committed before".into(),
        1 => "0 and 1 can be had".into(),
        newest => format!("0 to {newest} can be had"),
    }
}
