//! The Linux kernel by netlink: observe, execute, monitor.

use netstate::{EventSink, NetnsName, ObserveError, Plan, Refusal, Scope, Southbound, State};

/// This host's kernel, as seen from the namespace that the process was started in.
#[derive(Debug)]
pub struct Kernel {}

impl Kernel {
    /// Opens the kernel; `/run/netns` holds the namespaces' names.
    pub fn open() -> Result<Kernel, ObserveError> {
        todo!()
    }
}

impl Southbound for Kernel {
    fn observe(&mut self, _scope: &Scope) -> Result<State, ObserveError> {
        todo!()
    }

    fn execute(&mut self, _plan: &Plan) -> Result<(), Refusal> {
        todo!()
    }

    fn watch(
        &mut self,
        _namespaces: &std::collections::BTreeSet<NetnsName>,
        _sink: EventSink,
    ) -> Result<(), ObserveError> {
        todo!()
    }
}
