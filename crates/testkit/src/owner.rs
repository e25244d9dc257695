//! The engine's use of a kernel, without datastores: observe, plan, execute, and check that nothing
//! is left to do.
//!
//! Unlike an engine it observes the whole kernel before and after, so that it also sees what the
//! planner does not observe.

use std::collections::{BTreeMap, BTreeSet};

use netstate::plan::{Whole, WholePlan, wanted, wanted_again};
use netstate::verdict::Contradiction;
use netstate::{
    Key, Originals, Place, Plan, PlanError, Refusal, Scope, Southbound, State, SysctlKey,
};

use crate::conformance::{self, Everything, Step};

/// `EEXIST` (errno.h).
const EEXIST: i32 = 17;

/// `ENODEV` (errno.h).
const ENODEV: i32 = 19;

/// The owner of a configuration in a kernel.
#[derive(Debug)]
pub struct Owner<S> {
    /// The kernel.
    pub southbound: S,
    /// The configuration.
    pub running: State,
    /// The originals.
    pub originals: Originals,
    /// The reasons why objects were held in the last plan.
    pub held: Vec<String>,
    /// Whether everything is compared before and after.
    pub looks_at_everything: bool,
    /// The active part of the configuration.
    active: State,
}

/// The state before a commit.
struct Before {
    all: Everything,
    /// The parameters that were read.
    parameters: BTreeSet<Key>,
}

impl<S: Southbound> Owner<S> {
    /// An owner with an empty configuration.
    pub fn new(southbound: S) -> Self {
        let (running, active) = (State::default(), State::default());
        Self {
            southbound,
            running,
            originals: Originals::default(),
            held: Vec::new(),
            looks_at_everything: true,
            active,
        }
    }

    /// The plan from what may have been applied to what is desired, which adds to the originals. If there
    /// is none, the originals stay as they were.
    pub fn plan(&mut self, touched: &State, desired: &State) -> Result<Plan, PlanError> {
        let originals = self.originals.clone();
        self.way(touched, desired).inspect_err(|_| self.originals = originals)
    }

    fn way(&mut self, touched: &State, desired: &State) -> Result<Plan, PlanError> {
        let scope = Scope::Only(wanted(desired, touched, &self.originals));
        let mut observed = self.southbound.observe(&scope).expect("the kernel can be observed");
        if let Some(more) = wanted_again(desired, touched, &self.originals, &observed) {
            let scope = Scope::Only(more);
            observed = self.southbound.observe(&scope).expect("the kernel can be observed");
        }
        self.originals.remember(desired, touched, &observed);
        self.originals.remember_taken(desired, touched, &observed);
        self.originals.remember_beside((desired, touched), &observed, |_| false);
        let everything = Scope::Everything { known: BTreeMap::new() };
        let everything = self.southbound.observe(&everything).expect("everything can be observed");
        let whole = Whole {
            desired,
            touched,
            originals: &self.originals,
            observed: &observed,
            everything: &everything,
        };
        let verdict = whole.judge();
        if let Some(Contradiction { key, reason, .. }) = verdict.refused.first() {
            return Err(PlanError { key: key.clone(), reason: reason.clone() });
        }
        let WholePlan { desired: mut active, plan, broken } = whole.plan(&verdict)?;
        if let Some(rule) = broken {
            panic!("a plan that is none: {rule}\n{plan}");
        }
        self.held = verdict.holds().map(|(_, hold)| hold.reason.clone()).collect();
        active.objects.retain(|key, _| !verdict.held.contains_key(key));
        self.active = active;
        Ok(plan)
    }

    /// Commits `desired`. If it is refused, returns the reason, and the kernel is as it was.
    pub fn commit(&mut self, desired: &State) -> Result<Plan, String> {
        let running = self.running.clone();
        let before = self.before(&running, desired);
        let plan = self.plan(&running, desired).map_err(|error| error.to_string())?;
        let touched = running.clone().merged(desired);
        let mut executed = self.southbound.execute(&plan);
        let mut given_up = BTreeSet::new();
        // The kernel or others may create again first what is not configured, or have removed its link.
        while let Err(refusal) = &executed
            && [EEXIST, ENODEV].contains(&refusal.errno)
            && !touched.objects.contains_key(&refusal.op.key)
            && (refusal.errno == EEXIST || given_up.insert(refusal.op.key.clone()))
        {
            let mut left = self.plan(&touched, desired).map_err(|error| error.to_string())?;
            left.ops.retain(|op| !given_up.contains(&op.key));
            executed = self.southbound.execute(&left);
        }
        match executed {
            Ok(()) => {
                self.settle(&touched, desired, (&plan, &given_up));
                let active = self.active.clone();
                self.conform(&before, (&touched, &active), &plan);
                Ok(())
            }
            Err(refusal) => {
                let undo = self.undo(&touched, &running, (&plan, &refusal));
                let active = self.active.clone();
                self.conform(&before, (&touched, &active), &undo);
                self.originals.release(&running);
                Err(refusal.to_string())
            }
        }?;
        self.originals.release(desired);
        self.running = desired.clone();
        Ok(plan)
    }

    fn undo(&mut self, touched: &State, running: &State, (plan, cause): (&Plan, &Refusal)) -> Plan {
        let undo = self.plan(touched, running).expect("there is a way back");
        if let Err(refusal) = self.southbound.execute(&undo) {
            panic!("the way back is refused: {refusal}\n\nplan:\n{plan}\n{cause}\n\nundo:\n{undo}");
        }
        self.settle(touched, running, (&undo, &BTreeSet::new()));
        undo
    }

    fn settle(
        &mut self,
        touched: &State,
        desired: &State,
        (plan, given_up): (&Plan, &BTreeSet<Key>),
    ) {
        let mut again = self.plan(touched, desired).expect("what is there can be planned again");
        again.ops.retain(|op| !given_up.contains(&op.key));
        assert!(again.ops.is_empty(), "the plan\n{plan}leaves to do:\n{again}");
    }

    /// Reads everything before a commit.
    fn before(&mut self, touched: &State, desired: &State) -> Before {
        let step = Step { touched, desired, originals: &self.originals };
        let parameters = parameters(step);
        let places = conformance::places_before(step);
        let all = conformance::observe(&mut self.southbound, places, parameters.clone());
        Before { all, parameters }
    }

    /// Checks everything after a commit.
    fn conform(&mut self, before: &Before, (touched, desired): (&State, &State), plan: &Plan) {
        if !self.looks_at_everything {
            return;
        }
        let step = Step { touched, desired, originals: &self.originals };
        let places = conformance::places_after(step);
        let parameters = &before.parameters | &parameters(step);
        let after = conformance::observe(&mut self.southbound, places, parameters);
        conformance::check(step, &before.all, &after, plan);
    }
}

/// The kernel parameters of a step. Those of a link are included under each name that it has in the
/// step.
fn parameters(step: Step<'_>) -> BTreeSet<Key> {
    let all = [&step.touched.objects, &step.desired.objects, &step.originals.objects];
    let objects = || all.into_iter().flatten();
    let mut places: BTreeMap<&Key, BTreeSet<&Place>> = BTreeMap::new();
    for (key, object) in objects() {
        if let Some(link) = object.link() {
            places.entry(key).or_default().insert(&link.place);
        }
    }
    let mut parameters = BTreeSet::new();
    for (key, _) in objects() {
        let Key::Sysctl(at) = key else { continue };
        parameters.insert(key.clone());
        let Some(ifname) = at.path.dev() else { continue };
        let place = Place { netns: at.netns.clone(), ifname };
        let of_link = places.values().filter(|names| names.contains(&place)).flatten();
        for other in of_link.filter(|other| other.netns == at.netns) {
            if let Some(path) = at.path.of_dev(&other.ifname) {
                parameters.insert(Key::Sysctl(SysctlKey { path, ..at.clone() }));
            }
        }
    }
    parameters
}
