//! The stored results: a cell for each way, step and case.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::case::{Case, Step};
use crate::way::Way;

/// A run of the benchmark.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Results {
    /// The machine and the versions.
    pub(crate) machine: BTreeMap<String, String>,
    pub(crate) growth: Growth,
    /// With a million routes of others; empty if that was not measured.
    pub(crate) beside: Vec<BesideOthers>,
    pub(crate) cells: Vec<Cell>,
}

/// The cost of something without and with the routes of others: processor time in seconds, or
/// bytes.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct BesideOthers {
    pub(crate) of: String,
    /// Whether the kernel walks all routes for it.
    pub(crate) walks: bool,
    pub(crate) alone: f64,
    pub(crate) beside: f64,
}

/// The daemon's memory in KiB.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Growth {
    pub(crate) idle_kib: u64,
    pub(crate) commits: u32,
    pub(crate) reads: u32,
    pub(crate) before_kib: u64,
    pub(crate) after_kib: u64,
}

/// A way to do a step of a case.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Cell {
    #[serde(flatten)]
    pub(crate) case: Case,
    pub(crate) step: Step,
    pub(crate) way: Way,
    #[serde(flatten)]
    pub(crate) outcome: Outcome,
}

/// The measured values, or why there are none.
#[derive(Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub(crate) enum Outcome {
    Figures(Figures),
    Missing { why: String },
}

/// The measured values.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Figures {
    pub(crate) runs: usize,
    /// The median of the runs.
    pub(crate) seconds: f64,
    /// The part of it that the daemon reports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) daemon_seconds: Option<f64>,
    /// The peak resident memory of the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_peak_kib: Option<u64>,
    /// The peak resident memory of the daemon.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) daemon_peak_kib: Option<u64>,
    /// The resident memory of the daemon at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) daemon_rest_kib: Option<u64>,
}

impl Results {
    /// The values of a cell. A way without stored state repeats its work instead of a restart.
    pub(crate) fn figures(&self, case: Case, step: Step, way: Way) -> Option<&Figures> {
        match self.outcome(case, step, way)? {
            Outcome::Figures(figures) => Some(figures),
            Outcome::Missing { .. } => None,
        }
    }

    /// As [`Results::figures`], with the reason if there are none.
    pub(crate) fn outcome(&self, case: Case, step: Step, way: Way) -> Option<&Outcome> {
        let step = match (way, step) {
            (Way::Ip | Way::Floor | Way::Nmstate | Way::Ndb, Step::RestartFull) => Step::Again,
            (Way::Ip | Way::Floor | Way::Nmstate | Way::Ndb, Step::RestartEmpty) => Step::Load,
            (_, step) => step,
        };
        let found = |cell: &&Cell| (cell.case, cell.step, cell.way) == (case, step, way);
        self.cells.iter().find(found).map(|cell| &cell.outcome)
    }

    /// The cases that were measured.
    pub(crate) fn cases(&self) -> Vec<Case> {
        let mut cases: Vec<Case> = self.cells.iter().map(|cell| cell.case).collect();
        cases.sort();
        cases.dedup();
        cases
    }
}
