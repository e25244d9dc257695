//! What an engine does with a kernel, without datastores: observe, plan, execute, and find nothing left to do.

use netstate::plan::{plan, target, wanted};
use netstate::{Originals, Plan, PlanError, Refusal, Scope, Southbound, State};

/// One who configures a kernel.
#[derive(Debug)]
pub struct Owner<S> {
    /// The kernel.
    pub southbound: S,
    /// What is configured.
    pub running: State,
    /// What was there before.
    pub originals: Originals,
}

impl<S: Southbound> Owner<S> {
    /// One who has not configured anything.
    pub fn new(southbound: S) -> Self {
        Self { southbound, running: State::default(), originals: Originals::default() }
    }

    /// The way from what may have been applied to what is desired, and the originals of what it touches.
    pub fn plan(&mut self, touched: &State, desired: &State) -> Result<Plan, PlanError> {
        let scope = Scope::Only(wanted(desired, touched, &self.originals));
        let observed = self.southbound.observe(&scope).expect("the kernel can be observed");
        self.originals.remember(desired, touched, &observed);
        plan(&target(desired, touched, &self.originals, &observed)?, &observed)
    }

    /// Makes `desired` what is configured; or tells why not, with the kernel as it was.
    pub fn commit(&mut self, desired: &State) -> Result<Plan, String> {
        let running = self.running.clone();
        let plan = self.plan(&running, desired).map_err(|error| error.to_string())?;
        let touched = running.clone().merged(desired);
        match self.southbound.execute(&plan) {
            Ok(()) => self.settle(&touched, desired, &plan),
            Err(refusal) => {
                self.undo(&touched, &running, (&plan, &refusal));
                Err(refusal.to_string())
            }
        }?;
        self.originals.release(desired);
        self.running = desired.clone();
        Ok(plan)
    }

    fn undo(&mut self, touched: &State, running: &State, (plan, cause): (&Plan, &Refusal)) {
        let undo = self.plan(touched, running).expect("there is a way back");
        if let Err(refusal) = self.southbound.execute(&undo) {
            panic!("the way back is refused: {refusal}\n\nplan:\n{plan}\n{cause}\n\nundo:\n{undo}");
        }
        self.settle(touched, running, &undo).expect("the way back leads there");
        self.originals.release(running);
    }

    fn settle(&mut self, touched: &State, desired: &State, plan: &Plan) -> Result<(), String> {
        let again = self.plan(touched, desired).expect("what is there can be planned again");
        match again.ops.is_empty() {
            true => Ok(()),
            false => panic!("the plan\n{plan}leaves to do:\n{again}"),
        }
    }
}
