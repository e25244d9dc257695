//! The datastores of RFC 8342, and what readers see of them.

pub(crate) mod intent;

use yang::Tree;

/// RFC 8342 datastores. Each session has a candidate of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "named by the RFC")]
pub enum Datastore {
    Candidate,
    Running,
    Startup,
    Operational,
}

/// Running at a certain time.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    /// The transaction that made it.
    pub(crate) id: u64,
    pub(crate) tree: Tree,
}

/// What readers see without waiting for the engine.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(crate) running: Version,
    pub(crate) startup: Tree,
}
