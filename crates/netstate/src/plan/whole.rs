//! A whole configuration and a whole kernel: what of the one is active, and the plan that makes it so in the other.

use std::collections::BTreeSet;

use super::{Goal, PlanError, checked_plan};
use crate::checker::Violation;
use crate::noun::Key;
use crate::operation::Plan;
use crate::originals::Originals;
use crate::state::State;
use crate::verdict::{Environment, Verdict};

/// A configuration, and everything that its verdict and its plan follow from.
#[derive(Clone, Copy, Debug)]
pub struct Whole<'a> {
    /// What is configured.
    pub desired: &'a State,
    /// What may have been applied before.
    pub touched: &'a State,
    /// What there was before that.
    pub originals: &'a Originals,
    /// What was observed of what the plan is about.
    pub observed: &'a State,
    /// Everything that was observed, whoever made it.
    pub everything: &'a State,
}

/// What is to be done, and what there is then.
#[derive(Clone, Debug)]
pub struct WholePlan {
    /// The configured objects as they are to be, those that are held among them.
    pub desired: State,
    /// The operations.
    pub plan: Plan,
    /// The rule that the plan breaks.
    pub broken: Option<Violation>,
}

impl Whole<'_> {
    /// Judges all objects of the configuration.
    pub fn judge(&self) -> Verdict {
        let Whole { desired, touched, originals, observed, everything } = *self;
        let keys: BTreeSet<Key> = desired.objects.keys().cloned().collect();
        let answers = Some(everything);
        let environment = Environment { observed, looked_for: &keys, touched, originals, answers };
        Verdict::of(&desired.clone().into(), &keys, &environment)
    }

    /// The plan that makes active what the verdict leaves of the configuration.
    pub fn plan(&self, verdict: &Verdict) -> Result<WholePlan, PlanError> {
        let mut desired = self.desired.clone();
        verdict.amend(&mut desired);
        let goal = Goal { desired: &desired, held: &verdict.held };
        let (plan, broken) = checked_plan(goal, self.touched, self.originals, self.observed)?;
        Ok(WholePlan { desired, plan, broken })
    }
}
