//! What a session asks of a commit.

use std::time::Duration;

use netstate::probe::Probe;

use crate::ledger::confirmation::ConfirmedBy;

/// What a session asks of a commit.
#[derive(Clone, Debug, Default)]
pub struct CommitRequest {
    /// Why, for the history.
    pub comment: Option<String>,
    /// That it is undone unless it is confirmed.
    pub confirmed: Option<Confirmed>,
    /// The `persist-id` of the confirmed commit that this one confirms or follows.
    pub persist_id: Option<String>,
}

/// How long a commit waits for its confirmation, and from whom.
#[derive(Clone, Debug)]
pub struct Confirmed {
    /// How long.
    pub timeout: Duration,
    /// From whom.
    pub by: ConfirmedBy,
    /// What confirms it too: that all of these have been answered.
    pub probes: Vec<Probe>,
}
