//! Drift as operational data (module netloom-drift).

use serde::Serialize;
use yang::{Path, Tree};

use crate::clock::rfc3339;
use crate::engine::Engine;
use crate::error::Result;
use crate::kernel_state::policy::{MODULE, Policy};

/// The state part of container `drift`.
#[derive(Serialize)]
struct Report {
    object: Vec<Object>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Object {
    path: String,
    since: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<String>,
    difference: String,
    policy: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    waits_for: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repairs: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Engine {
    /// Adds the known drift.
    pub(crate) fn report_drift(&self, tree: &mut Tree) -> Result<()> {
        let running = &self.running.intent;
        let policies = running.tree.top().find(|node| node.schema().module.name == MODULE);
        if policies.is_some() {
            tree.merge(&running.tree.subtree(&Path::parse(tree.schema(), DRIFT)?));
        }
        let differing = self.drift.differing.iter();
        let differing = differing.filter(|(_, differing)| differing.policy != Policy::Ignore);
        let object = differing.map(|(key, differing)| Object {
            path: running.path(key).to_string(),
            since: rfc3339::milliseconds(differing.since),
            change: differing.change.clone(),
            difference: differing.difference.clone(),
            policy: differing.policy.name(),
            waits_for: differing.waits_for.as_ref().map(|key| running.path(key).to_string()),
            repairs: self.drift.repaired.get(key).map(|(times, _)| *times),
            reason: differing.reason.clone(),
        });
        let object: Vec<Object> = object.collect();
        if !object.is_empty() {
            tree.serialize(&Path::parse(tree.schema(), DRIFT)?, &Report { object })?;
        }
        Ok(())
    }
}

const DRIFT: &str = "/netloom-drift:drift";
