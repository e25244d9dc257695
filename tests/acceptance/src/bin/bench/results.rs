//! What came of it, as it is stored: a cell for each way to do each step of each case.

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
    /// Beside a million routes of others; empty where that was not measured.
    pub(crate) beside: Vec<BesideOthers>,
    pub(crate) cells: Vec<Cell>,
}

/// What something costs without the routes of others and beside them: seconds of the processor, or bytes.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct BesideOthers {
    pub(crate) of: String,
    /// Whether the kernel goes through all routes for it.
    pub(crate) walks: bool,
    pub(crate) alone: f64,
    pub(crate) beside: f64,
}

/// The daemon's memory, KiB.
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

/// What it took, or why there is nothing to tell.
#[derive(Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub(crate) enum Outcome {
    Figures(Figures),
    Missing { why: String },
}

/// What it took.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Figures {
    pub(crate) runs: usize,
    /// The median of the runs.
    pub(crate) seconds: f64,
    /// The part of it that the daemon tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) daemon_seconds: Option<f64>,
    /// The most that the program had resident.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_peak_kib: Option<u64>,
    /// The most that the daemon had resident.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) daemon_peak_kib: Option<u64>,
    /// What the daemon had resident when it was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) daemon_rest_kib: Option<u64>,
}

impl Results {
    /// The figures of a cell. Who keeps no state does its work again in place of a restart.
    pub(crate) fn figures(&self, case: Case, step: Step, way: Way) -> Option<&Figures> {
        match self.outcome(case, step, way)? {
            Outcome::Figures(figures) => Some(figures),
            Outcome::Missing { .. } => None,
        }
    }

    /// As [`Results::figures`], with the reason where there are none.
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
