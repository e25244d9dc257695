//! From what may have been applied to what shall hold: the one way to the kernel.
//!
//! Commit, failed commit, start and the return of a missing link all come here. [`Engine::survey`] observes and
//! plans, [`Engine::carry_out`] executes and observes again: what is left to do then must be nothing. A commit
//! wants all or nothing; [`Engine::settle`] gets the kernel as close to running as it will go, and remembers what
//! is stuck.

use std::collections::{BTreeMap, BTreeSet};

use netstate::noun::{is_deleted_alone, is_needed, places, takes_along};
use netstate::plan::{plan, target, wanted};
use netstate::{
    Action, Desired, Key, Object, Op, Originals, Plan, PlanError, Refusal, Scope, State,
};
use yang::Tree;

use crate::engine::{Engine, Intent};
use crate::error::{Error, Errors, Result};
use crate::kernel_state::diverged::Obstacle;
use crate::transaction::reach::{Reach, footing, place_of, with_dependents};
use crate::transaction::step::Step;
#[cfg(any(test, feature = "faults"))]
use crate::transaction::step::{Boundary, Fault};

/// How many obstacles are put aside before the kernel is left as it is.
const OBSTACLES: usize = 64;

/// How often others may be faster to put back what is theirs, before they are in the way.
const OUTRUN: usize = 16;

/// Where to go, and what may have been applied before.
pub(crate) struct Way<'a> {
    pub(crate) touched: &'a Desired,
    pub(crate) tree: &'a Tree,
    pub(crate) desired: &'a Desired,
    pub(crate) reach: Reach,
}

impl<'a> Way<'a> {
    /// From what is applied to something new.
    pub(crate) fn from(touched: &'a Desired, to: &'a Intent) -> Self {
        Way { touched, tree: &to.tree, desired: to.desired(), reach: Reach::Change }
    }
}

/// A way as surveyed: the part of the world that it reaches, and what to do there.
pub(crate) struct Course {
    pub(crate) keys: BTreeSet<Key>,
    desired: State,
    touched: State,
    originals: Originals,
    scope: Scope,
    pub(crate) plan: Plan,
    /// What others have on links that the plan may take down, or away.
    others: State,
    /// The links that were seen, and whether each is up.
    pub(crate) links: BTreeMap<Key, bool>,
    /// All originals, where the way adopts something.
    pub(crate) adopted: Option<Originals>,
}

impl Course {
    /// Whether the object is one that hangs on links and that nobody has configured.
    fn is_of_others(&self, key: &Key) -> bool {
        is_of_others(key, [&self.desired, &self.touched])
    }
}

impl Engine {
    /// Observes what the way reaches, and plans. Touches nothing.
    pub(crate) fn survey(&mut self, way: &Way<'_>) -> Result<Course> {
        let keys = self.reached(way);
        let (desired, touched) = (way.desired.part(&keys), way.touched.part(&keys));
        let mut originals = self.originals.clone();
        originals.forget(|key| [&desired, &touched].iter().any(|s| s.objects.contains_key(key)));
        let scope = Scope::Only(wanted(&desired, &touched, &originals));
        let observed = match keys.is_empty() {
            true => State::default(),
            false => self.southbound.observe(&scope)?,
        };
        let ours = self.known_touched(&desired, &touched);
        originals.remember(&desired, &ours, &observed);
        let mut adopted = self.originals.clone();
        adopted.remember(&desired, &ours, &observed);
        let adopted = Some(adopted).filter(|adopted| *adopted != self.originals);
        let scope = match adopted {
            Some(_) => Scope::Only(wanted(&desired, &touched, &originals)),
            None => scope,
        };
        let planned = target(&desired, &touched, &originals, &observed)
            .and_then(|target| plan(&target, &observed));
        let plan = planned.map_err(|error| self.impossible(error, way.tree))?;
        let links = links_up(&observed);
        let others = match plan.ops.iter().any(may_take_along) {
            true => of_others(observed, [&desired, &touched]),
            false => State::default(),
        };
        Ok(Course { keys, desired, touched, originals, scope, plan, others, links, adopted })
    }

    /// Executes the plan, observes again, and finds nothing left to do. What others had on a link that the plan has taken
    /// down is put back, but is theirs: they may be faster, or take it away again.
    pub(crate) fn carry_out(&mut self, way: &Way<'_>, course: &Course) -> Result<()> {
        if course.plan.ops.is_empty() {
            return Ok(());
        }
        let mut outrun = Vec::new();
        let mut executed = self.execute(&course.plan);
        while let Err(refusal) = executed {
            let Op { key, action, .. } = &*refusal.op;
            let again = outrun.len() == OUTRUN || outrun.contains(&(key.clone(), action.clone()));
            if again || !course.is_of_others(&refusal.op.key) {
                let path = self.path(&refusal.op.key, refusal.field, way.tree);
                return Err(Error::Refused { path, refusal }.into());
            }
            let Op { key, action, .. } = *refusal.op;
            outrun.push((key, action));
            let left = self.left(way, course)?;
            executed = self.execute(&left);
        }
        self.pass(Step::Executed);
        let left = self.left(way, course)?;
        if let Some(op) = left.ops.into_iter().find(|op| !course.is_of_others(&op.key)) {
            let path = self.path(&op.key, None, way.tree);
            return Err(Error::Unsettled { path, op: Box::new(op) }.into());
        }
        self.pass(Step::Verified);
        Ok(())
    }

    /// Makes again what others had on links that an attempt has taken down, once the links are as they were: what of
    /// it is gone, and can be made. Others may be faster.
    pub(crate) fn put_back(&mut self, Course { scope, others, .. }: Course) {
        if others.objects.is_empty() {
            return;
        }
        let mut refused: BTreeMap<Key, Op> = BTreeMap::new();
        loop {
            let observed = match self.southbound.observe(&scope) {
                Ok(observed) => observed,
                Err(error) => return tracing::error!(%error, "what others had is not put back"),
            };
            let is_gone = |key: &Key| !observed.objects.contains_key(key);
            let gone = others.objects.iter().filter(|(key, _)| is_gone(key));
            let ops = gone
                .filter(|(key, _)| !refused.contains_key(key))
                .map(|(key, object)| Op::new(key.clone(), Action::Create(object.clone())));
            match self.southbound.execute(&Plan { ops: ops.collect() }) {
                Ok(()) => {
                    refused.retain(|key, _| is_gone(key));
                    break;
                }
                Err(Refusal { op, .. }) if refused.len() < OUTRUN => {
                    refused.insert(op.key.clone(), *op);
                }
                Err(Refusal { op, message, .. }) => {
                    return tracing::error!(%op, message, "what others had is not put back");
                }
            }
        }
        // One may stand on another that came later.
        for op in refused.into_values() {
            if let Err(Refusal { op, message, .. }) =
                self.southbound.execute(&Plan { ops: vec![op] })
            {
                tracing::warn!(%op, message, "what others had is not put back");
            }
        }
    }

    /// What is left to do of a course.
    fn left(&mut self, way: &Way<'_>, course: &Course) -> Result<Plan> {
        let observed = self.southbound.observe(&course.scope)?;
        let left = target(&course.desired, &course.touched, &course.originals, &observed)
            .and_then(|target| plan(&target, &observed));
        left.map_err(|error| self.impossible(error, way.tree).into())
    }

    /// Gets the kernel as close to running as it will go, see [`Engine::settle_at`].
    pub(crate) fn settle(&mut self, touched: &Desired, reach: &Reach) -> Result<()> {
        let running = self.running.intent.clone();
        self.settle_at(&running, touched, reach)
    }

    /// Gets the kernel as close to `to` as it will go. What the kernel cannot take as yet is stuck, with all that
    /// needs it; that is no failure. Failure is what `touched` left behind and cannot be removed.
    pub(crate) fn settle_at(
        &mut self,
        to: &Intent,
        touched: &Desired,
        reach: &Reach,
    ) -> Result<()> {
        match reach {
            Reach::Everything => self.stuck.clear(),
            Reach::Named(keys) => self.stuck.retain(|key| !keys.contains(key)),
            Reach::Change => {}
        }
        self.obstacles.retain(|key, _| self.stuck.contains(key));
        let (mut touched, mut left_behind) = (touched.clone(), Vec::new());
        for _ in 0..OBSTACLES {
            let Err(errors) = self.converge(to, &mut touched, reach.clone()) else {
                self.stuck.retain(|key| to.desired().contains(key));
                if matches!(reach, Reach::Everything) {
                    self.drift.clear();
                }
                return self.still_there(to, &touched, left_behind);
            };
            let Some(key) = errors.0.iter().find_map(Error::key).cloned() else {
                return Err(errors);
            };
            tracing::error!(errors = errors.told(), "put aside");
            self.obstacles.insert(key.clone(), Obstacle::of(&errors));
            let desired = to.desired();
            if desired.contains(&key) {
                let states = [desired, &touched];
                self.stuck.extend(with_dependents(BTreeSet::from([key]), &states));
            } else {
                // What stands on something that stays can go all the same, unless that is what it takes along.
                match self.stuck.insert(key.clone()) {
                    true => left_behind.extend(errors.0),
                    false => {
                        let states = [desired, &touched];
                        self.stuck.extend(with_dependents(BTreeSet::from([key]), &states));
                    }
                }
            }
        }
        Err(Error::Obstacles { count: OBSTACLES }.into())
    }

    /// Of what could not be removed at first, fails with what is there still: it may have gone with something else.
    fn still_there(&mut self, to: &Intent, touched: &Desired, left: Vec<Error>) -> Result<()> {
        if left.is_empty() {
            return Ok(());
        }
        let reach = Reach::Named(left.iter().filter_map(Error::key).cloned().collect());
        match self.survey(&Way { reach, ..Way::from(touched, to) }) {
            Ok(course) if course.plan.ops.is_empty() => Ok(()),
            Ok(_) | Err(_) => Err(Errors(left)),
        }
    }

    /// What may be in the kernel because of a configuration.
    pub(crate) fn touched(&self) -> Desired {
        let diverged = self.diverged.as_ref().map(|diverged| &diverged.touched);
        diverged.unwrap_or(self.running.intent.desired()).clone()
    }

    /// From `touched` to `to`, in one go. What a failure may have left is touched too.
    fn converge(&mut self, to: &Intent, touched: &mut Desired, reach: Reach) -> Result<()> {
        let way = Way { reach, ..Way::from(touched, to) };
        let course = self.survey(&way)?;
        self.adopt(&course)?;
        let outcome = self.carry_out(&way, &course);
        if outcome.is_err() {
            // A part of it may have been made all the same: it is not something that others had made before.
            *touched = touched.merged(&course.desired.into());
        }
        outcome
    }

    /// The objects that a way reaches.
    fn reached(&self, way: &Way<'_>) -> BTreeSet<Key> {
        match &way.reach {
            Reach::Everything => {
                let objects = way.touched.iter().chain(way.desired.iter());
                let keys = objects.map(|(key, _)| key);
                keys.filter(|key| !self.stuck.contains(key)).cloned().collect()
            }
            Reach::Named(keys) => keys.difference(&self.stuck).cloned().collect(),
            Reach::Change => {
                let changed = way.touched.differing(way.desired);
                let footing = footing(&changed, way.touched, way.desired);
                let stuck_below = self.stuck_below(&changed, way.desired);
                // What is stuck and stays as it was is left alone, but for a link that something new is to stand on.
                let left_alone: BTreeSet<Key> = self.stuck.difference(&changed).cloned().collect();
                // What is new is stood on by what is new only.
                let mut keys =
                    match changed.iter().any(|key| is_needed(key) && way.touched.contains(key)) {
                        true => with_dependents(changed, &[way.touched, way.desired]),
                        false => changed,
                    };
                if !left_alone.is_empty() {
                    keys.retain(|key| !left_alone.contains(key));
                }
                keys.extend(stuck_below);
                keys.extend(footing.into_iter().filter(|key| !self.stuck.contains(key)));
                keys
            }
        }
    }

    /// The links that are stuck and that one of these objects is to stand on.
    fn stuck_below(&self, keys: &BTreeSet<Key>, desired: &Desired) -> Vec<Key> {
        let stuck_at = |key: &Key| Some((place_of(desired.get(key)?)?.clone(), key.clone()));
        let stuck: Vec<_> = self.stuck.iter().filter_map(stuck_at).collect();
        if stuck.is_empty() {
            return Vec::new();
        }
        let new = keys.iter().filter_map(|key| Some((key, desired.get(key)?)));
        let places: BTreeSet<_> = new.flat_map(|(key, object)| places(key, object)).collect();
        let needed = stuck.into_iter().filter(|(place, _)| places.contains(place));
        needed.map(|(_, key)| key).collect()
    }

    /// What of `touched` has really been touched. A link that is desired without a kind and has no original has not:
    /// it was missing, and is as others left it.
    fn known_touched(&self, desired: &State, touched: &State) -> State {
        let mut known = touched.clone();
        known.objects.retain(|key, _| match desired.objects.get(key) {
            Some(Object::Link(link)) => {
                link.kind.is_some() || self.originals.objects.contains_key(key)
            }
            Some(_) | None => true,
        });
        known
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
        let new = mapping::path(key, field, tree);
        let parsed = yang::Path::parse(tree.schema(), &new);
        let there = parsed.is_ok_and(|path| tree.node(&path).is_some());
        match there || !self.running.intent.desired().contains(key) {
            true => new,
            false => mapping::path(key, field, &self.running.intent.tree),
        }
    }
}

/// Whether what others have on a link may go with what is done.
fn may_take_along(op: &Op) -> bool {
    takes_along(&op.key) && !matches!(op.action, Action::Create(_))
}

/// What hangs on links and is in none of these.
fn of_others(mut observed: State, configured: [&State; 2]) -> State {
    observed.objects.retain(|key, _| is_of_others(key, configured));
    observed
}

fn is_of_others(key: &Key, configured: [&State; 2]) -> bool {
    is_deleted_alone(key) && !configured.iter().any(|state| state.objects.contains_key(key))
}

fn links_up(observed: &State) -> BTreeMap<Key, bool> {
    let links = observed.objects.iter().filter_map(|(key, object)| Some((key, object.link()?)));
    links.map(|(key, link)| (key.clone(), link.flags.up == Some(true))).collect()
}
