//! The operational datastore: the kernel's state, and the engine's own state.

use std::collections::{BTreeMap, BTreeSet};

use netstate::{Key, LinkId, Noun, Part, Place, Scope, State, Wanted};
use serde::Serialize;
use yang::{Path, Selected, Tree};

use crate::clock::rfc3339;
use crate::engine::Engine;
use crate::error::{Errors, Result, RpcResult};
use crate::kernel_state::held::HeldObject;
use crate::kernel_state::policy;

const MODULE: &str = "netloom-state";

/// The container of the engine's own state.
const STATE: &str = "/netloom-state:configuration-state";

/// Whether the daemon itself holds all data of a module, so that the kernel need not be read.
fn is_own(module: &str) -> bool {
    [policy::MODULE, MODULE].contains(&module)
}

/// What was read for operational data. Converting it to a tree takes longer than reading it, and does not need the
/// engine.
#[derive(Debug)]
pub struct Observed {
    state: State,
    /// The nouns that are shown. The other objects provide names.
    nouns: BTreeSet<Noun>,
    running: Tree,
    /// The engine's own state.
    own: Tree,
}

impl Observed {
    /// The operational tree.
    pub fn into_tree(self) -> RpcResult<Tree> {
        let Observed { state, nouns, running, own } = self;
        let raised = mapping::raise_nouns(&state, &running, |noun| nouns.contains(&noun));
        let mut tree = raised.map_err(|error| Errors::from(error).rpc())?;
        tree.merge(&own);
        Ok(tree)
    }
}

/// The content of the container.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct OwnState {
    running_id: u64,
    converged: bool,
    held: Vec<HeldEntry>,
    missing: Vec<Entry>,
    diverged: Vec<Entry>,
    not_undone: Vec<NotUndoneEntry>,
}

/// A confirmed commit that could not be undone at its deadline.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct NotUndoneEntry {
    id: u64,
    reason: String,
    attempts: u32,
    next_attempt: String,
}

/// A held object and the reason.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct HeldEntry {
    path: String,
    reason: String,
    since: String,
    waits_for: String,
    in_part: bool,
}

/// An object that cannot be applied, and the reason.
#[derive(Serialize)]
struct Entry {
    path: String,
    reason: String,
}

impl Engine {
    /// Reads the selected part of the kernel state, and perhaps more; without a selection, all of it. The engine's
    /// own state is added.
    pub(crate) fn observe(&mut self, selected: Option<&[Selected]>) -> Result<Observed> {
        let own = self.own_state()?;
        let running = self.running.intent.tree.clone();
        let is_own = |selected: &Selected| is_own(&selected.top.module.name);
        let part = match selected {
            Some(selected) if selected.iter().all(is_own) => {
                let (state, nouns) = (State::default(), BTreeSet::new());
                return Ok(Observed { state, nouns, running, own });
            }
            Some(selected) => mapping::part(selected, &running),
            None => {
                let links = self.running.intent.desired().links();
                Part::all(links.map(|(id, link)| (link.place.clone(), id.clone())).collect())
            }
        };
        let nouns = part.nouns.clone();
        let state = self.observe_part(part)?;
        Ok(Observed { state, nouns, running, own })
    }

    pub(crate) fn observe_part(&mut self, mut part: Part) -> Result<State> {
        self.follow_displaced(&mut part);
        // Kernel parameters are read only if they are named, because there are too many.
        let mut keys = BTreeSet::new();
        if part.nouns.contains(&Noun::Sysctl) {
            let parameters = self.running.intent.desired().parameters();
            let parameters = parameters.filter(|key| part.has_netns(&key.netns));
            keys.extend(parameters.cloned().map(Key::Sysctl));
        }
        let mut observed = self.kernel.observe(&Scope::Part(part))?;
        if !keys.is_empty() {
            let parameters = Scope::Only(Wanted { keys, ..Wanted::default() });
            observed.objects.extend(self.kernel.observe(&parameters)?.objects);
        }
        Ok(observed)
    }

    /// Shows links that others have renamed or moved under their configured names.
    fn follow_displaced(&self, part: &mut Part) {
        let displaced = self.kernel.displaced();
        if displaced.is_empty() {
            return;
        }
        let is_displaced =
            |_: &Place, id: &mut LinkId| displaced.contains_key(&Key::Link(id.clone()));
        let left: Vec<(Place, LinkId)> = part.known.extract_if(.., is_displaced).collect();
        for (place, id) in left {
            let Some(now) = displaced.get(&Key::Link(id.clone())) else { continue };
            part.known.insert(now.clone(), id);
            if let Some(links) = part.links.as_mut().filter(|links| links.contains(&place)) {
                links.insert(now.clone());
            }
        }
    }

    /// The engine's own state.
    pub(crate) fn own_state(&self) -> Result<Tree> {
        let mut tree = Tree::empty(self.running.intent.tree.schema());
        self.report_drift(&mut tree)?;
        let diverged = self.diverged.as_ref().map(|diverged| diverged.reasons());
        let not_undone = self.not_undone().map(|failed| NotUndoneEntry {
            id: self.running.id,
            reason: failed.cause.clone(),
            attempts: failed.attempts,
            next_attempt: rfc3339::milliseconds(failed.again),
        });
        let state = OwnState {
            running_id: self.running.id,
            converged: self.diverged.is_none() && self.kernel.skipped().is_empty(),
            held: self.held(),
            missing: entries(self.missing()),
            diverged: entries(diverged.unwrap_or_default()),
            not_undone: not_undone.into_iter().collect(),
        };
        tree.serialize(&Path::parse(tree.schema(), STATE)?, &state)?;
        Ok(tree)
    }

    /// The objects of running that are held.
    fn held(&self) -> Vec<HeldEntry> {
        let running = &self.running.intent;
        let entry = |(key, held): (&Key, &HeldObject)| HeldEntry {
            path: running.path(key).to_string(),
            reason: held.hold.reason.clone(),
            since: rfc3339::milliseconds(held.since),
            waits_for: running.path(&held.hold.waits_for).to_string(),
            in_part: held.partly,
        };
        self.kernel.held().iter().map(entry).collect()
    }

    /// The objects of running that the kernel cannot take yet, by path, with the reasons.
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
