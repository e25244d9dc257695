//! The operational datastore: what the kernel holds, and what the engine makes of its configuration.

use std::collections::BTreeMap;

use netstate::{Key, LinkId, Noun, Place, Scope, Wanted};
use serde::Serialize;
use yang::{Path, Tree};

use crate::engine::Engine;
use crate::error::Result;
use crate::kernel_state::policy;

const MODULE: &str = "netloom-state";

/// Its container.
const STATE: &str = "/netloom-state:configuration-state";

/// Whether the daemon itself knows all that is in a module, so that the kernel need not be asked.
pub(crate) fn is_own(module: &str) -> bool {
    [policy::MODULE, MODULE].contains(&module)
}

/// What the container holds.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct State {
    running_id: u64,
    converged: bool,
    missing: Vec<Entry>,
    diverged: Vec<Entry>,
}

/// What stands in the way, and where.
#[derive(Serialize)]
struct Entry {
    path: String,
    reason: String,
}

impl Engine {
    /// Everything that the kernel holds, under the configuration's names, and what the daemon knows by itself.
    pub(crate) fn operational(&mut self) -> Result<Tree> {
        let scope = Scope::Everything { known: self.known() };
        let mut observed = self.kernel.observe(&scope)?;
        // Kernel parameters are too many to be read without being named.
        let objects = self.running.intent.desired().iter();
        let is_parameter = |key: &&Key| key.noun() == Noun::Sysctl;
        let keys = objects.map(|(key, _)| key).filter(is_parameter).cloned().collect();
        let parameters = Scope::Only(Wanted { keys, ..Wanted::default() });
        observed.objects.extend(self.kernel.observe(&parameters)?.objects);
        let mut tree = mapping::raise(&observed, &self.running.intent.tree)?;
        tree.merge(&self.own_state()?);
        Ok(tree)
    }

    /// What the daemon knows by itself.
    pub(crate) fn own_state(&self) -> Result<Tree> {
        let mut tree = Tree::empty(self.running.intent.tree.schema());
        self.report_drift(&mut tree)?;
        let diverged = self.diverged.as_ref().map(|diverged| diverged.reasons());
        let state = State {
            running_id: self.running.id,
            converged: self.diverged.is_none() && self.kernel.skipped().is_empty(),
            missing: entries(self.missing()),
            diverged: entries(diverged.unwrap_or_default()),
        };
        tree.serialize(&Path::parse(tree.schema(), STATE)?, &state)?;
        Ok(tree)
    }

    /// Which link is at which place, as far as the configuration knows.
    fn known(&self) -> BTreeMap<Place, LinkId> {
        let links = self.running.intent.desired().links();
        links.map(|(id, link)| (link.place.clone(), id.clone())).collect()
    }

    /// The objects of running that the kernel cannot take yet, by path, and why.
    fn missing(&self) -> BTreeMap<String, String> {
        let reason = |key| match self.kernel.reason(key) {
            Some(reason) => reason.message.clone(),
            None => "it needs something else that is missing".into(),
        };
        let running = &self.running.intent;
        self.kernel
            .skipped()
            .iter()
            .map(|key| (running.path(key).to_string(), reason(key)))
            .collect()
    }
}

fn entries(reasons: BTreeMap<String, String>) -> Vec<Entry> {
    reasons.into_iter().map(|(path, reason)| Entry { path, reason }).collect()
}
