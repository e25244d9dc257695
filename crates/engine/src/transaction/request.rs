//! The parameters of a commit.

use std::time::Duration;

use netstate::probe::Probe;

use crate::ledger::confirmation::ConfirmedBy;

/// The parameters of a commit.
#[derive(Clone, Debug, Default)]
pub struct CommitRequest {
    /// A comment for the history.
    pub comment: Option<String>,
    /// Set if the commit is undone unless it is confirmed.
    pub confirmed: Option<Confirmed>,
    /// The `persist-id` of the confirmed commit that this one confirms or follows.
    pub persist_id: Option<String>,
}

/// How a commit is confirmed.
#[derive(Clone, Debug)]
pub struct Confirmed {
    /// How long it waits for its confirmation.
    pub timeout: Duration,
    /// Who may confirm it.
    pub by: ConfirmedBy,
    /// Probes that confirm the commit when all of them have been answered.
    pub probes: Vec<Probe>,
}
