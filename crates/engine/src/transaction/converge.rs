//! The one way to the kernel: from what may have been applied to what shall hold.
//!
//! A commit, the way back from one that failed, a boot, the expiry of a confirmed commit, a repair and the return of a
//! missing link all call [`Kernel::converge`]. They differ in where they go, in how much of the world is affected, and in
//! the [`Policy`]: a commit wants all or nothing, everybody else to get as far as possible.

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
    Scope, Southbound, State, Watched,
};

use crate::error::{Error, Errors, Result};
use crate::kernel_state::held::{Held, Untold};
use crate::ledger::Ledger;
use crate::ledger::journal::{Journal, Writing};
use crate::transaction::affected::{Affected, with_dependents};
use crate::transaction::converge::plan::checked_plan;
use crate::transaction::step::Step;
#[cfg(any(test, feature = "faults"))]
use crate::transaction::step::{Boundary, Fault};
use crate::transaction::transition::{Transition, TransitionPlan};

/// How many objects are skipped before the kernel is left as it is.
pub(crate) const SKIPPED: usize = 64;

/// How often others may be faster to put back what is theirs, before they are in the way.
const OUTRUN: usize = 16;

/// The kernel, and what is known of the configuration in it.
pub(crate) struct Kernel {
    southbound: Box<dyn Southbound>,
    /// What there was before the configuration touched it.
    originals: Originals,
    /// The objects of running that the kernel cannot take yet.
    skipped: BTreeSet<Key>,
    /// Why, for some of them; the others depend on these.
    reasons: BTreeMap<Key, Reason>,
    /// The objects of running that are left out, or are there in part only, by the verdict on it.
    held: Held,
    /// The links that others have renamed or moved, with where they are.
    displaced: BTreeMap<Key, Place>,
    #[cfg(any(test, feature = "faults"))]
    pub(crate) fault: Option<Fault>,
}

/// Why an object is skipped.
#[derive(Clone, Debug)]
pub(crate) struct Reason {
    /// In words, the kernel's where it refused.
    pub(crate) message: String,
    /// Whether the kernel refused, rather than something being missing that others have to bring.
    pub(crate) refused: bool,
}

impl Reason {
    pub(crate) fn of(errors: &Errors) -> Reason {
        let refused = !errors.0.iter().any(|error| matches!(error, Error::Impossible { .. }));
        Reason { message: errors.message(), refused }
    }
}

/// What to do where the kernel cannot take all of a transition.
pub(crate) enum Policy<'a> {
    /// All or nothing: the first failure is the end. The journal is put in place once the originals are on disk, before
    /// the kernel is touched.
    AllOrNothing(Writing<'a>),
    /// What the kernel cannot take is skipped, with all that depends on it; that is no failure. Failure is an object of
    /// before that cannot be removed.
    AsFarAsPossible,
}

/// A transition that has failed.
pub(crate) enum Failure {
    /// Before anything was touched.
    Untouched(Errors),
    /// With the journal or the kernel touched already.
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

/// A transition that is made.
pub(crate) struct Made {
    pub(crate) plan: TransitionPlan,
    /// Where the policy has one.
    pub(crate) journal: Option<Journal>,
}

type Converged = std::result::Result<Made, Failure>;

impl Kernel {
    pub(crate) fn new(southbound: Box<dyn Southbound>, originals: Originals) -> Kernel {
        Kernel {
            southbound,
            originals,
            skipped: BTreeSet::new(),
            reasons: BTreeMap::new(),
            held: Held::default(),
            displaced: BTreeMap::new(),
            #[cfg(any(test, feature = "faults"))]
            fault: None,
        }
    }

    /// Brings the kernel from what may be in it to a configuration. What a plan adds to the originals is on disk before
    /// the kernel is touched.
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

    /// One attempt: observes and plans, keeps originals and journal, executes, and observes again.
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
            match self.carry_out(transition, &plan) {
                Err(errors) if is_awaited_in_vain(&errors) => {
                    plan = self.carry_out_the_rest(transition, &plan, ledger)?;
                }
                carried_out => carried_out?,
            }
            Ok(journal)
        });
        match carried_out {
            Ok(journal) => Ok(Made { plan, journal }),
            Err(errors) => {
                // A part of it may have been made all the same: others have not made that before.
                let touched = transition.touched.merged(&plan.desired.clone().into());
                Err(Failure::Touched { errors, touched, plan: Box::new(plan) })
            }
        }
    }

    /// An address was awaited in vain: the link that has come up for it has no carrier. This is known only once it is up,
    /// and what needs the address is then held, as it is on a link that was up before.
    fn carry_out_the_rest(
        &mut self,
        transition: &Transition<'_>,
        plan: &TransitionPlan,
        ledger: &mut Ledger,
    ) -> Result<TransitionPlan> {
        // What was made so far is ours, and no original of others.
        let touched = transition.touched.merged(&plan.desired.clone().into());
        let affected = Affected::Named(plan.keys.clone());
        let rest = Transition { touched: &touched, affected, ..*transition };
        let plan = self.plan(&rest)?;
        if let Some(originals) = &plan.adopted {
            self.keep_originals(originals.clone(), ledger)?;
        }
        self.carry_out(&rest, &plan)?;
        Ok(plan)
    }

    /// Attempts until none fails, each without the objects that failed before.
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
            // What depends on an object that cannot be removed may go all the same, unless it fails again.
            if !desired.contains(&key) && self.skipped.insert(key.clone()) {
                left_behind.extend(errors.0);
            } else {
                let dependents = with_dependents(BTreeSet::from([key]), &[desired, &touched]);
                self.skipped.extend(dependents);
            }
        }
        Err(Errors::from(Error::TooManySkipped { count: SKIPPED }).into())
    }

    /// Of what could not be removed at first, fails with what is still there: it may have gone with something else.
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

    /// Executes the plan, observes again, and finds nothing left to do. What others had on a link that the plan has taken
    /// down is put back, but is theirs: they may be faster, or take it away again.
    fn carry_out(&mut self, transition: &Transition<'_>, plan: &TransitionPlan) -> Result<()> {
        if plan.plan.ops.is_empty() {
            return Ok(());
        }
        let mut outrun = Vec::new();
        let mut executed = self.execute(&plan.plan);
        while let Err(refusal) = executed {
            let Op { key, action, .. } = &*refusal.op;
            let again = outrun.len() == OUTRUN || outrun.contains(&(key.clone(), action.clone()));
            if again || !plan.is_of_others(&refusal.op.key) {
                let path = transition.path(&refusal.op.key, refusal.field);
                return Err(Error::Refused { path, refusal }.into());
            }
            let Op { key, action, .. } = *refusal.op;
            outrun.push((key, action));
            let left = self.left(transition, plan)?;
            executed = self.execute(&left);
        }
        self.pass(Step::Executed);
        let left = self.left(transition, plan)?;
        if let Some(op) = left.ops.into_iter().find(|op| !plan.is_of_others(&op.key)) {
            if let Some(name) = op.fields_unseen().first() {
                let path = transition.path(&op.key, Some(name));
                return Err(Error::Unsupported { path, key: op.key, name }.into());
            }
            let path = transition.path(&op.key, None);
            return Err(Error::Unsettled { path, op: Box::new(op) }.into());
        }
        self.pass(Step::Verified);
        Ok(())
    }

    /// What is left to do of a plan.
    fn left(&mut self, transition: &Transition<'_>, made: &TransitionPlan) -> Result<Plan> {
        let observed = self.southbound.observe(&made.scope)?;
        self.note_displaced(&made.scope, &observed);
        let left = checked_plan(made.goal(), &made.touched, &made.originals, &observed);
        left.map_err(|error| transition.impossible(error).into())
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

    /// Passes a boundary of a transaction: the one place at which a fault can be made to strike.
    pub(crate) fn pass(&self, step: Step) {
        tracing::debug!(step = step.name());
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

    /// Forgets the originals of what a configuration no longer touches: they have been given back.
    pub(crate) fn release(&mut self, running: &Desired, ledger: &mut Ledger) -> Result<()> {
        let mut held = self.originals.clone();
        let keys = held.objects.keys().cloned().collect();
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

    /// The links that others have renamed or moved, with where they are.
    pub(crate) fn displaced(&self) -> &BTreeMap<Key, Place> {
        &self.displaced
    }

    /// Takes over which of the links that were looked for are where nobody has put them.
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

    /// What is held by the verdict on running.
    pub(crate) fn held(&self) -> &Held {
        &self.held
    }

    /// Takes over the verdict on the objects of a plan that applies.
    pub(crate) fn note_verdict(&mut self, plan: &TransitionPlan, now: SystemTime) {
        self.held.note(plan, now);
    }

    /// What of that has changed since this was last asked.
    pub(crate) fn take_untold(&mut self) -> Untold {
        self.held.take_untold()
    }

    /// Why an object is skipped; none where it depends on another that is.
    pub(crate) fn reason(&self, key: &Key) -> Option<&Reason> {
        self.reasons.get(key)
    }

    /// Skips an object with what depends on it until there is reason to try again.
    pub(crate) fn skip(&mut self, key: Key, reason: Reason, dependents: BTreeSet<Key>) {
        self.reasons.insert(key, reason);
        self.skipped.extend(dependents);
    }

    /// These have been applied, and only what is desired is skipped.
    pub(crate) fn unskip(&mut self, applied: &BTreeSet<Key>, desired: &Desired) {
        self.skipped.retain(|key| desired.contains(key) && !applied.contains(key));
    }

    pub(crate) fn observe(&mut self, scope: &Scope) -> std::result::Result<State, ObserveError> {
        self.southbound.observe(scope)
    }

    /// Reads what is needed to know these objects as a configuration would have them.
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

/// Whether duplicate address detection has not ended in time.
fn is_awaited_in_vain(errors: &Errors) -> bool {
    let timeout = rustix::io::Errno::TIMEDOUT.raw_os_error();
    errors.0.iter().any(|error| {
        matches!(error, Error::Refused { refusal, .. }
            if refusal.op.action == Action::Await && refusal.errno == timeout)
    })
}
