//! The parameters of a commit.

use std::time::Duration;

use netstate::probe::Probe;

use crate::error::{Error, Result};
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

/// The longest text, in characters, that a commit may carry into the history. The model `netloom-rpc`
/// has the same number.
pub(crate) const LONGEST_TEXT: usize = 4096;

/// Refuses a text that is too long for the history. Otherwise a few comments would take the room of
/// many commits.
pub(crate) fn limited(what: &'static str, text: Option<&str>) -> Result<()> {
    match text.map_or(0, |text| text.chars().count()) {
        0..=LONGEST_TEXT => Ok(()),
        length => Err(Error::TextTooLong { what, length, limit: LONGEST_TEXT }.into()),
    }
}
