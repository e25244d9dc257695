//! From what may have been applied to what shall hold: the one way to the kernel.
//!
//! Commit, failed commit, start and the return of a missing link all come here. [`Engine::survey`] observes and
//! plans, [`Engine::carry_out`] executes and observes again: what is left to do then must be nothing. A commit
//! wants all or nothing; [`Engine::settle`] gets the kernel as close to running as it will go, and remembers what
//! is stuck.

use std::sync::Arc;

use netstate::plan::{plan, target};
use netstate::{Key, Originals, Plan, PlanError, Refusal, Scope, State};
use yang::Tree;

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ownership::{self, union};
use crate::step::Step;
#[cfg(any(test, feature = "faults"))]
use crate::step::{Boundary, Fault};

/// How many obstacles are put aside before the kernel is left as it is.
const OBSTACLES: usize = 64;

/// Where to go, and what may have been applied before.
pub(crate) struct Way<'a> {
    pub(crate) touched: &'a State,
    pub(crate) tree: &'a Tree,
    pub(crate) desired: &'a State,
}

/// A way as surveyed: what to look at, and what to do.
pub(crate) struct Course {
    scope: Scope,
    desired: State,
    touched: State,
    /// What the objects that the way touches first were like, with those known before; absent where it adds none.
    pub(crate) originals: Option<Originals>,
    pub(crate) plan: Plan,
}

impl Engine {
    /// Observes what the way concerns, and plans. Touches nothing.
    pub(crate) fn survey(&mut self, way: &Way<'_>) -> Result<Course> {
        let desired = self.without_stuck(way.desired, way);
        let touched = self.without_stuck(way.touched, way);
        let scope = Scope::Everything { known: self.known() };
        let observed = self.southbound.observe(&scope)?;
        let originals = ownership::adopted(&self.originals, &desired, &touched, &observed);
        let known = originals.as_ref().unwrap_or(&self.originals);
        let planned = target(&desired, &touched, known, &observed)
            .and_then(|target| plan(&target, &observed));
        let plan = planned.map_err(|error| self.impossible(error, way.tree))?;
        Ok(Course { scope, desired, touched, originals, plan })
    }

    /// Executes the plan, observes again, and finds nothing left to do.
    pub(crate) fn carry_out(&mut self, way: &Way<'_>, course: &Course) -> Result<()> {
        if course.plan.ops.is_empty() {
            return Ok(());
        }
        self.execute(&course.plan).map_err(|refusal| {
            let path = self.path(&refusal.op.key, refusal.field, way.tree);
            Error::Refused { path, refusal }
        })?;
        self.pass(Step::Executed);
        let observed = self.southbound.observe(&course.scope)?;
        let left = target(&course.desired, &course.touched, &self.originals, &observed)
            .and_then(|target| plan(&target, &observed));
        let left = left.map_err(|error| self.impossible(error, way.tree))?;
        if let Some(op) = left.ops.into_iter().next() {
            let path = self.path(&op.key, None, way.tree);
            return Err(Error::Unsettled { path, op: Box::new(op) }.into());
        }
        self.pass(Step::Verified);
        Ok(())
    }

    /// Gets the kernel as close to running as it will go. What the kernel cannot take as yet is stuck, with all that
    /// needs it; that is no failure. Failure is what `touched` left behind and cannot be removed.
    pub(crate) fn settle(&mut self, touched: &State) -> Result<()> {
        self.stuck.clear();
        if touched.objects.is_empty() && self.running.desired.objects.is_empty() {
            return Ok(());
        }
        let mut put_aside = 0;
        loop {
            let Err(errors) = self.converge(touched) else { return Ok(()) };
            let obstacle = errors.0.iter().find_map(Error::key).cloned();
            let known = obstacle.filter(|key| self.running.desired.objects.contains_key(key));
            let Some(key) = known.filter(|_| put_aside < OBSTACLES) else { return Err(errors) };
            put_aside += 1;
            tracing::error!(errors = errors.told(), "put aside until it can be applied");
            self.stuck.extend(ownership::dependents(&self.running.desired, key));
        }
    }

    /// What may be in the kernel because of a configuration.
    pub(crate) fn touched(&self) -> Arc<State> {
        match &self.diverged {
            Some(attempted) => Arc::new(union(&self.running.desired, attempted)),
            None => Arc::clone(&self.running.desired),
        }
    }

    /// From `touched` to running, in one go.
    fn converge(&mut self, touched: &State) -> Result<()> {
        let (tree, desired) = (self.running.tree.clone(), Arc::clone(&self.running.desired));
        let way = Way { touched, tree: &tree, desired: &desired };
        let course = self.survey(&way)?;
        self.adopt(&course)?;
        self.carry_out(&way, &course)
    }

    /// Leaves out what is stuck, unless the way changes it: it is neither put in place nor taken away.
    fn without_stuck(&self, state: &State, way: &Way<'_>) -> State {
        let mut state = state.clone();
        let unchanged =
            |key: &&Key| way.desired.objects.get(*key) == self.running.desired.objects.get(*key);
        for key in self.stuck.iter().filter(unchanged) {
            state.objects.remove(key);
        }
        state
    }

    /// Has the kernel carry out a plan.
    fn execute(&mut self, plan: &Plan) -> std::result::Result<(), Refusal> {
        #[cfg(any(test, feature = "faults"))]
        if let Some(Fault { at: Boundary::Operations(count), strike }) = self.fault
            && count <= plan.ops.len()
        {
            self.southbound.execute(&Plan { ops: plan.ops[..count].to_vec() })?;
            strike()
        }
        self.southbound.execute(plan)
    }

    fn impossible(&self, error: PlanError, tree: &Tree) -> Error {
        let PlanError { key, reason } = error;
        let path = self.path(&key, None, tree);
        Error::Impossible { path, key, reason }
    }

    /// Where an object is configured: in `tree`, or in running where `tree` no longer has it.
    fn path(&self, key: &Key, field: Option<&str>, tree: &Tree) -> String {
        let running = self.running.desired.objects.contains_key(key);
        let new = mapping::path(key, field, tree);
        let there = |path: &str| {
            yang::Path::parse(tree.schema(), path).is_ok_and(|path| tree.node(&path).is_some())
        };
        match running && !there(&new) {
            true => mapping::path(key, field, &self.running.tree),
            false => new,
        }
    }
}
