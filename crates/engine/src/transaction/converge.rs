//! The only way to the kernel: from what may have been applied to what is desired.
//!
//! A commit, the undoing of a failed commit, a boot, the expiry of a confirmed commit, a repair and
//! the return of a missing link all call [`Kernel::converge`]. They differ in their target, in the
//! affected objects, and in the [`Policy`]: a commit is all or nothing, and the others get as far
//! as possible.

mod judge;
mod plan;
mod put_back;

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use netstate::link::is_displaced;
use netstate::plan::wanted;
use netstate::probe::{Attempt, Probe};
use netstate::{
    Action, Desired, EventSink, Key, Object, ObserveError, Op, Originals, Place, Plan, Refusal,
    Scope, Southbound, State, Unkept, Watched,
};

use crate::engine::pulse::Heart;
use crate::error::{Error, Errors, Result};
use crate::kernel_state::events::{Epoch, Epochs};
use crate::kernel_state::held::{Held, HeldChanges};
use crate::ledger::Ledger;
use crate::ledger::journal::{Journal, Writing};
use crate::transaction::affected::{Affected, parameters_over, with_dependents};
use crate::transaction::converge::plan::checked_plan;
use crate::transaction::step::Step;
#[cfg(any(test, feature = "faults"))]
use crate::transaction::step::{Boundary, Fault};
use crate::transaction::transition::{Transition, TransitionPlan};

/// The number of skipped objects at which a convergence gives up.
pub(crate) const SKIPPED: usize = 64;

/// The number of times that others may restore their own objects first, before this counts as a
/// failure.
const OUTRUN: usize = 64;

/// The kernel, and what is known about the configuration in it.
pub(crate) struct Kernel {
    southbound: Box<dyn Southbound>,
    /// The state of objects before the configuration touched them.
    originals: Originals,
    /// The objects of running that the kernel cannot take yet.
    skipped: BTreeSet<Key>,
    /// The reasons for some of them. The others depend on these.
    reasons: BTreeMap<Key, Reason>,
    /// The objects of running that are held completely or in part, according to its verdict.
    held: Held,
    /// The links that others have renamed or moved, with their present places.
    displaced: BTreeMap<Key, Place>,
    /// An epoch begins with each verification.
    epochs: Epochs,
    /// Where the thread reports its progress.
    pub(crate) heart: Heart,
    #[cfg(any(test, feature = "faults"))]
    pub(crate) fault: Option<Fault>,
}

/// The reason why an object is skipped.
#[derive(Clone, Debug)]
pub(crate) struct Reason {
    /// A message, which is the kernel's if the kernel refused.
    pub(crate) message: String,
    /// Whether the kernel refused. If false, something is missing that others must provide.
    pub(crate) refused: bool,
}

impl Reason {
    pub(crate) fn of(errors: &Errors) -> Reason {
        let refused = !errors.0.iter().any(|error| matches!(error, Error::Impossible { .. }));
        Reason { message: errors.message(), refused }
    }
}

/// What happens if the kernel cannot take all of a transition.
pub(crate) enum Policy<'a> {
    /// All or nothing: the first failure ends the transition. The journal is put in its place after
    /// the originals are on disk and before the kernel is touched.
    AllOrNothing(Writing<'a>),
    /// An object that the kernel cannot take is skipped with its dependents, which is no failure.
    /// It is a failure if an old object cannot be removed.
    AsFarAsPossible,
}

/// A failed transition.
pub(crate) enum Failure {
    /// It failed before anything was touched.
    Untouched(Errors),
    /// It failed after the journal or the kernel was touched.
    Touched {
        errors: Errors,
        /// What may be in the kernel.
        touched: Desired,
        plan: Box<TransitionPlan>,
    },
}

impl From<Errors> for Failure {
    fn from(errors: Errors) -> Failure {
        Failure::Untouched(errors)
    }
}

impl From<Failure> for Errors {
    fn from(failure: Failure) -> Errors {
        match failure {
            Failure::Untouched(errors) | Failure::Touched { errors, .. } => errors,
        }
    }
}

/// A completed transition.
pub(crate) struct Made {
    pub(crate) plan: TransitionPlan,
    /// The epoch that began before the objects of the plan were verified; none if they were not.
    pub(crate) verified: Option<Epoch>,
    /// The journal, if the policy has one.
    pub(crate) journal: Option<Journal>,
}

type Converged = std::result::Result<Made, Failure>;

impl Kernel {
    pub(crate) fn new(
        southbound: Box<dyn Southbound>,
        originals: Originals,
        epochs: Epochs,
    ) -> Kernel {
        Kernel {
            southbound,
            epochs,
            originals,
            skipped: BTreeSet::new(),
            reasons: BTreeMap::new(),
            held: Held::default(),
            displaced: BTreeMap::new(),
            heart: Heart::new(),
            #[cfg(any(test, feature = "faults"))]
            fault: None,
        }
    }

    /// Brings the kernel from what may be in it to a configuration. Originals that the plan adds
    /// are on disk before the kernel is touched.
    pub(crate) fn converge(
        &mut self,
        transition: &Transition<'_>,
        policy: Policy<'_>,
        ledger: &mut Ledger,
    ) -> Converged {
        match policy {
            Policy::AllOrNothing(journal) => self.attempt(transition, Some(journal), ledger),
            Policy::AsFarAsPossible => self.approach(transition, ledger),
        }
    }

    /// One attempt: observes, plans, saves originals and journal, executes, and observes again.
    fn attempt(
        &mut self,
        transition: &Transition<'_>,
        journal: Option<Writing<'_>>,
        ledger: &mut Ledger,
    ) -> Converged {
        let mut plan = self.plan(transition)?;
        let written = journal.map(|journal| {
            self.pass(Step::Planned);
            journal.finish().with_held(self.held.count_after(&plan), ledger.store())
        });
        if let Some(originals) = &plan.adopted {
            self.keep_originals(originals.clone(), ledger)?;
        }
        let journal = written.map(|written| {
            self.pass(Step::Adopted);
            let journal = written.place()?;
            self.pass(Step::Journalled);
            Ok(journal)
        });
        let carried_out = journal.transpose().and_then(|journal| {
            let verified = match self.carry_out(transition, &mut plan) {
                Err(errors) if is_awaited_in_vain(&errors) => {
                    plan = self.carry_out_the_rest(transition, &plan, ledger)?;
                    None
                }
                carried_out => carried_out?,
            };
            Ok((journal, verified))
        });
        match carried_out {
            Ok((journal, verified)) => Ok(Made { plan, verified, journal }),
            Err(errors) => {
                // The plan may have been executed in part. Objects from that part are not
                // originals.
                let touched = transition.touched.merged(&plan.applied().into());
                Err(Failure::Touched { errors, touched, plan: Box::new(plan) })
            }
        }
    }

    /// An address or a carrier was awaited in vain, because the link that the plan has set up has no
    /// carrier. This is known only once the link is up. Objects that need it are then held, as they
    /// are on a link that was up before.
    fn carry_out_the_rest(
        &mut self,
        transition: &Transition<'_>,
        plan: &TransitionPlan,
        ledger: &mut Ledger,
    ) -> Result<TransitionPlan> {
        // What was applied so far is ours, and is not an original.
        let touched = transition.touched.merged(&plan.applied().into());
        let affected = Affected::Named(plan.keys.clone());
        let rest = Transition { touched: &touched, affected, ..*transition };
        let mut plan = self.plan(&rest)?;
        if let Some(originals) = &plan.adopted {
            self.keep_originals(originals.clone(), ledger)?;
        }
        self.carry_out(&rest, &mut plan)?;
        Ok(plan)
    }

    /// Attempts until one succeeds, each time without the objects that failed before.
    fn approach(&mut self, transition: &Transition<'_>, ledger: &mut Ledger) -> Converged {
        let Transition { to, running, affected, is_commit, .. } = transition;
        match affected {
            Affected::Everything => self.skipped.clear(),
            Affected::Named(keys) => self.skipped.retain(|key| !keys.contains(key)),
            Affected::Change => {}
        }
        self.reasons.retain(|key, _| self.skipped.contains(key));
        let (mut touched, mut left_behind) = (transition.touched.clone(), Vec::new());
        for _ in 0..SKIPPED {
            let affected = affected.clone();
            let next =
                Transition { touched: &touched, to, running, affected, is_commit: *is_commit };
            let errors = match self.attempt(&next, None, ledger) {
                Ok(made) => {
                    self.skipped.retain(|key| to.desired().contains(key));
                    self.still_there(&next, left_behind)?;
                    return Ok(made);
                }
                Err(Failure::Untouched(errors)) => errors,
                Err(Failure::Touched { errors, touched: more, .. }) => {
                    touched = more;
                    errors
                }
            };
            let Some(key) = errors.0.iter().find_map(Error::key).cloned() else {
                return Err(errors.into());
            };
            tracing::error!(errors = errors.describe(), "object skipped");
            let desired = to.desired();
            self.reasons.insert(key.clone(), Reason::of(&errors));
            // The dependents of an object that cannot be removed may still be removable, unless the
            // object fails again.
            if !desired.contains(&key) && self.skipped.insert(key.clone()) {
                left_behind.extend(errors.0);
            } else {
                let dependents = with_dependents(BTreeSet::from([key]), &[desired, &touched]);
                self.skipped.extend(dependents);
            }
        }
        Err(Errors::from(Error::TooManySkipped { count: SKIPPED }).into())
    }

    /// Fails with the objects that could not be removed and still exist. Some may have been removed
    /// together with others.
    fn still_there(&mut self, transition: &Transition<'_>, left: Vec<Error>) -> Result<()> {
        if left.is_empty() {
            return Ok(());
        }
        let keys = left.iter().filter_map(Error::key).cloned().collect();
        match self.plan(&Transition { affected: Affected::Named(keys), ..*transition }) {
            Ok(plan) if plan.plan.ops.is_empty() => Ok(()),
            Ok(_) | Err(_) => Err(Errors(left)),
        }
    }

    /// Executes the plan, observes again, and checks that nothing is left to do. Objects of others
    /// on a link that the plan has taken down are restored. But others may restore them first, or
    /// remove them again. Returns the epoch that began before the last observation.
    fn carry_out(
        &mut self,
        transition: &Transition<'_>,
        plan: &mut TransitionPlan,
    ) -> Result<Option<Epoch>> {
        if plan.plan.ops.is_empty() {
            return Ok(None);
        }
        // The plan has a part of the configuration.
        let is_of_others = |plan: &TransitionPlan, key: &Key| {
            plan.is_of_others(key) && !transition.to.desired().contains(key)
        };
        let mut outrun = Vec::new();
        // Objects of others that cannot be created again. They do not make the commit fail.
        let mut given_up: BTreeSet<Key> = BTreeSet::new();
        let mut executed = self.execute(&plan.plan);
        while let Err(refusal) = executed {
            if outrun.len() == OUTRUN || !is_of_others(plan, &refusal.op.key) {
                let path = transition.path(&refusal.op.key, refusal.field);
                return Err(Error::Refused { path, refusal }.into());
            }
            let Refusal { op, message, .. } = refusal;
            let again = (op.key.clone(), op.action.clone());
            if outrun.contains(&again) {
                tracing::warn!(%op, message, "what others had is not put back");
                given_up.insert(op.key);
            }
            outrun.push(again);
            let mut left = self.left(transition, plan)?;
            left.ops.retain(|op| !given_up.contains(&op.key));
            executed = self.execute(&left);
        }
        self.pass(Step::Executed);
        plan.forget_executed();
        let epoch = self.epochs.begin();
        let left = self.left(transition, plan)?;
        if let Some(op) = left.ops.iter().find(|op| !is_of_others(plan, &op.key)) {
            return Err(unkept(transition, &left, op).into());
        }
        self.pass(Step::Verified);
        Ok(Some(epoch))
    }

    /// The operations of a plan that are still to do.
    fn left(&mut self, transition: &Transition<'_>, made: &TransitionPlan) -> Result<Plan> {
        let observed = self.observe(&made.scope)?;
        self.note_displaced(&made.scope, &observed);
        let left = checked_plan(made.goal(), &made.touched, &made.originals, &observed);
        left.map_err(|error| transition.impossible(error).into())
    }

    /// Executes a plan on the kernel.
    fn execute(&mut self, plan: &Plan) -> std::result::Result<(), Refusal> {
        self.heart.beat(Some("execute operations"));
        #[cfg(any(test, feature = "faults"))]
        if let Some(Fault { at: Boundary::Operations(count), strike }) = self.fault
            && count <= plan.ops.len()
        {
            self.southbound.execute(&Plan { ops: plan.ops[..count].to_vec() })?;
            strike()
        }
        self.southbound.execute(plan)
    }

    /// Marks that a step of a transaction is done. This is the only place at which a test can
    /// inject a fault.
    pub(crate) fn pass(&self, step: Step) {
        tracing::debug!(step = step.name());
        self.heart.beat(Some(step.name()));
        #[cfg(any(test, feature = "faults"))]
        if let Some(fault) = &self.fault
            && fault.at == Boundary::Step(step)
        {
            (fault.strike)()
        }
    }

    fn keep_originals(&mut self, originals: Originals, ledger: &mut Ledger) -> Result<()> {
        ledger.save_originals(&originals)?;
        self.originals = originals;
        Ok(())
    }

    /// Forgets the originals of objects that a configuration no longer touches: they have been
    /// restored.
    pub(crate) fn release(&mut self, running: &Desired, ledger: &mut Ledger) -> Result<()> {
        let mut held = self.originals.clone();
        let mut keys: BTreeSet<Key> = held.objects.keys().cloned().collect();
        keys.extend(held.present_keys(|key| running.get(key)).into_values());
        // A link that the configuration has created may have lost IPv6.
        let objects = held.objects.iter();
        let places = objects.flat_map(|(key, object)| netstate::noun::places(key, object));
        let links = places.filter_map(|place| running.link_at(&place));
        keys.extend(links.map(|(id, _)| Key::Link(id.clone())));
        keys.extend(parameters_over(&keys, &[running]));
        held.release(&running.part(&keys));
        if held == self.originals { Ok(()) } else { self.keep_originals(held, ledger) }
    }

    pub(crate) fn originals(&self) -> &Originals {
        &self.originals
    }

    /// The objects of running that the kernel cannot take yet.
    pub(crate) fn skipped(&self) -> &BTreeSet<Key> {
        &self.skipped
    }

    /// The links that others have renamed or moved, with their present places.
    pub(crate) fn displaced(&self) -> &BTreeMap<Key, Place> {
        &self.displaced
    }

    /// Notes which of the observed links are not in their configured places.
    fn note_displaced(&mut self, scope: &Scope, observed: &State) {
        let Scope::Only(wanted) = scope else { return };
        for id in wanted.links.keys() {
            let key = Key::Link(id.clone());
            match observed.objects.get(&key).and_then(Object::link) {
                Some(link) if is_displaced(wanted, id, &link.place) => {
                    self.displaced.insert(key, link.place.clone());
                }
                Some(_) | None if self.displaced.is_empty() => {}
                Some(_) | None => drop(self.displaced.remove(&key)),
            }
        }
    }

    /// The held objects of running.
    pub(crate) fn held(&self) -> &Held {
        &self.held
    }

    /// Takes over the verdict on the objects of a plan that was applied.
    pub(crate) fn note_verdict(&mut self, plan: &TransitionPlan, now: SystemTime) {
        self.held.note(plan, now);
    }

    /// The changes to the held objects since the last call.
    pub(crate) fn take_changes(&mut self) -> HeldChanges {
        self.held.take_changes()
    }

    /// The reason why an object is skipped; none if it depends on another skipped object.
    pub(crate) fn reason(&self, key: &Key) -> Option<&Reason> {
        self.reasons.get(key)
    }

    /// Skips an object with its dependents until there is a reason to try again.
    pub(crate) fn skip(&mut self, key: Key, reason: Reason, dependents: BTreeSet<Key>) {
        self.reasons.insert(key, reason);
        self.skipped.extend(dependents);
    }

    /// Notes that these have been applied, and forgets skipped objects that are not desired.
    pub(crate) fn unskip(&mut self, applied: &BTreeSet<Key>, desired: &Desired) {
        self.skipped.retain(|key| desired.contains(key) && !applied.contains(key));
    }

    pub(crate) fn observe(&mut self, scope: &Scope) -> std::result::Result<State, ObserveError> {
        self.heart.beat(Some("observe the kernel"));
        self.southbound.observe(scope)
    }

    /// Observes what is needed to compare these objects with a configuration.
    pub(crate) fn observe_objects(
        &mut self,
        part: &State,
    ) -> std::result::Result<State, ObserveError> {
        self.southbound.observe(&Scope::Only(wanted(part, part, &self.originals)))
    }

    pub(crate) fn probe(&mut self, probe: &Probe) -> Attempt {
        self.southbound.probe(probe)
    }

    pub(crate) fn watch(
        &mut self,
        watched: Watched,
        sink: EventSink,
    ) -> std::result::Result<(), ObserveError> {
        self.southbound.watch(watched, sink)
    }

    #[cfg(test)]
    pub(crate) fn replace(&mut self, southbound: Box<dyn Southbound>) {
        self.southbound = southbound;
    }
}

/// Whether duplicate address detection has not finished in time, or a link has got no carrier for a
/// nexthop.
fn is_awaited_in_vain(errors: &Errors) -> bool {
    let timeout = rustix::io::Errno::TIMEDOUT.raw_os_error();
    errors.0.iter().any(|error| {
        matches!(error, Error::Refused { refusal, .. }
            if refusal.errno == timeout
                && (refusal.op.action == Action::Await || matches!(refusal.op.key, Key::Nexthop(_))))
    })
}

/// The error for an operation that would still have to be done after the plan was carried out.
fn unkept(transition: &Transition<'_>, left: &Plan, op: &Op) -> Error {
    let key = op.key.clone();
    let Some(Unkept { name, given, kept }) = left.unkept(&key).into_iter().next() else {
        let path = transition.path(&key, None);
        return Error::Unsettled { path, op: Box::new(op.clone()) };
    };
    let path = transition.path(&key, Some(name));
    match kept {
        Some(kept) => Error::Altered { path, key, given, kept },
        None => Error::Unsupported { path, key, name },
    }
}
