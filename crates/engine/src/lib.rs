//! Datastores, sessions, commit, journal, history.
//!
//! One thread owns everything that changes; a [`Handle`] is a channel to it. Reading running or
//! startup takes a snapshot and waits for nobody. The kernel is reached only by `netstate::Southbound`.

use std::path::PathBuf;
use std::time::SystemTime;

use netstate::Southbound;
use yang::{Edit, ErrorTag, Schema, Tree};

/// How an engine is to run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where state is kept; made where it is missing.
    pub state_dir: PathBuf,
    /// Whether startup follows running at each commit.
    pub autosave: bool,
    /// Which boot of the host this is (`/proc/sys/kernel/random/boot_id`).
    pub boot_id: String,
}

/// A channel to the engine.
#[derive(Clone, Debug)]
pub struct Handle {}

/// A user's session: its private candidate and its locks go when it is dropped.
#[derive(Debug)]
pub struct Session {}

/// Who asks, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The user's name, or `uid N`.
    pub user: String,
    /// How the user came, for example `unix socket, pid 123`.
    pub from: String,
}

/// RFC 8342 datastores. Each session has a candidate of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "named by the RFC")]
pub enum Datastore {
    Candidate,
    Running,
    Startup,
    Operational,
}

/// What a commit did.
#[derive(Clone, Debug, PartialEq)]
pub struct Committed {
    /// The history entry's stable id; none where there was nothing to commit.
    pub id: Option<u64>,
    /// What changed, for a person, in a line: `2 namespaces, 2 links changed`.
    pub summary: String,
    /// How long it took in the daemon, milliseconds.
    pub milliseconds: f64,
}

/// One commit of the past.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryEntry {
    /// Distance from the present: `rollback 0` is running itself.
    pub position: usize,
    /// Stable id.
    pub id: u64,
    /// Who made it.
    pub origin: Origin,
    /// When.
    pub time: SystemTime,
    /// `commit comment`.
    pub comment: Option<String>,
    /// What changed, in a line.
    pub summary: String,
}

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
    /// `error-message`, for a person, with the kernel's words where the kernel refused.
    pub message: String,
    /// `session-id` of `error-info`: who holds the lock.
    pub session: Option<u32>,
}

impl From<yang::Error> for RpcError {
    fn from(error: yang::Error) -> Self {
        let yang::Error { tag, app_tag, path, message } = error;
        Self { tag, app_tag, path, message, session: None }
    }
}

/// The engine's results; validation may find several faults at once.
pub type Result<T> = std::result::Result<T, Vec<RpcError>>;

/// Brings the kernel to the configuration that the state directory holds (after recovering from a commit that
/// was cut short) and starts the engine's thread.
pub fn start(
    _settings: Settings,
    _schema: &'static Schema,
    _southbound: Box<dyn Southbound>,
) -> Result<Handle> {
    todo!()
}

impl Handle {
    /// Opens a session.
    pub async fn open(&self, _origin: Origin) -> Result<Session> {
        todo!()
    }

    /// The latest snapshot of running, without waiting.
    pub fn running(&self) -> Tree {
        todo!()
    }

    /// Ends the engine's thread once what it does is done.
    pub async fn stop(&self) {
        todo!()
    }
}

impl Session {
    /// The `session-id` (RFC 6241 section 8.1).
    pub fn id(&self) -> u32 {
        todo!()
    }

    /// The content of a datastore. Operational is read from the kernel now, and holds configuration in effect
    /// and state.
    pub async fn read(&self, _datastore: Datastore) -> Result<Tree> {
        todo!()
    }

    /// Edits the candidate.
    pub async fn edit(&self, _edit: Edit) -> Result<()> {
        todo!()
    }

    /// Replaces the candidate's content.
    pub async fn replace(&self, _content: Tree) -> Result<()> {
        todo!()
    }

    /// Replaces startup's content.
    pub async fn replace_startup(&self, _content: Tree) -> Result<()> {
        todo!()
    }

    /// Throws the candidate's changes away.
    pub async fn discard(&self) -> Result<()> {
        todo!()
    }

    /// Validates a datastore's content by schema and by what the mapping knows.
    pub async fn validate(&self, _datastore: Datastore) -> Result<()> {
        todo!()
    }

    /// Validates content that is in no datastore in the same way.
    pub async fn validate_content(&self, _content: Tree) -> Result<()> {
        todo!()
    }

    /// What a commit would do, a line an operation, in words. Changes nothing.
    pub async fn check(&self) -> Result<Vec<String>> {
        todo!()
    }

    /// Makes the candidate running, kernel and all, or changes nothing.
    pub async fn commit(&self, _comment: Option<String>) -> Result<Committed> {
        todo!()
    }

    /// Puts the configuration as it was `position` commits ago into the candidate.
    pub async fn rollback(&self, _position: usize) -> Result<()> {
        todo!()
    }

    /// The commits, the latest first.
    pub async fn history(&self) -> Result<Vec<HistoryEntry>> {
        todo!()
    }

    /// Locks a datastore: nobody else commits to running, or writes startup.
    pub async fn lock(&self, _datastore: Datastore) -> Result<()> {
        todo!()
    }

    /// Takes the lock back.
    pub async fn unlock(&self, _datastore: Datastore) -> Result<()> {
        todo!()
    }

    /// Ends another session: its candidate and locks go.
    pub async fn kill(&self, _session: u32) -> Result<()> {
        todo!()
    }

    /// Resolves once another session, or the engine's end, has ended this one.
    pub async fn ended(&self) {
        todo!()
    }
}
