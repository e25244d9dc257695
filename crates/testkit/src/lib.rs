//! Throw-away namespaces, a kernel of values, scripts and golden files.

use std::collections::BTreeSet;

use netstate::{EventSink, NetnsName, ObserveError, Plan, Refusal, Scope, Southbound, State};

/// A kernel of values: it holds a [`State`] and behaves as Linux does, side effects and refusals too.
#[derive(Clone, Debug, Default)]
pub struct FakeKernel {
    /// What it holds.
    pub state: State,
}

impl Southbound for FakeKernel {
    fn observe(&mut self, _scope: &Scope) -> Result<State, ObserveError> {
        todo!()
    }

    fn execute(&mut self, _plan: &Plan) -> Result<(), Refusal> {
        todo!()
    }

    fn watch(
        &mut self,
        _namespaces: &BTreeSet<NetnsName>,
        _sink: EventSink,
    ) -> Result<(), ObserveError> {
        todo!()
    }
}
