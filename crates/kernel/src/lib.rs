//! The Linux kernel through netlink: observe, execute, monitor.
//!
//! Each namespace has a socket that was opened inside it, so that only short-lived threads change
//! their namespace. Requests are sent in batches. The kernel answers each request that it refuses,
//! with a reason. `netstate` describes how each field is encoded. The file of a noun has only what
//! is special about its messages.

mod awaiting;
mod ethtool;
mod execute;
mod execution;
mod fault;
mod message;
mod monitor;
mod namespaces;
mod noun;
mod observe;
mod observer;
mod probe;
mod socket;
mod tun;
mod uapi;

use netstate::probe::{Attempt, Probe};
use netstate::{EventSink, ObserveError, Part, Plan, Refusal, Scope, Southbound, State, Watched};

use crate::fault::Fault;
use crate::monitor::Monitor;
use crate::namespaces::Namespaces;
use crate::noun::link::identity::Identities;

/// This host's kernel, as seen from the namespace that the process was started in.
#[derive(Debug)]
pub struct Kernel {
    namespaces: Namespaces,
    identities: Identities,
    monitor: Option<Monitor>,
}

impl Kernel {
    /// Opens the kernel. The names of namespaces are in `/run/netns`.
    pub fn open() -> Result<Kernel, ObserveError> {
        let doing = || "open namespace 1".into();
        let namespaces = Namespaces::open()
            .map_err(|fault| ObserveError { doing: doing(), cause: fault.to_string() })?;
        Ok(Kernel { namespaces, identities: Identities::default(), monitor: None })
    }
}

impl Southbound for Kernel {
    fn observe(&mut self, scope: &Scope) -> Result<State, ObserveError> {
        match scope {
            Scope::Everything { known } => {
                observe::part(&mut self.namespaces, &Part::all(known.clone()))
            }
            Scope::Part(part) => observe::part(&mut self.namespaces, part),
            Scope::Only(wanted) => {
                observe::only(&mut self.namespaces, &mut self.identities, wanted)
            }
        }
    }

    fn execute(&mut self, plan: &Plan) -> Result<(), Refusal> {
        self.identities.forget_removed(plan);
        execute::execute(&mut self.namespaces, plan)
    }

    fn probe(&mut self, probe: &Probe) -> Attempt {
        let netns = match self.namespaces.find(&probe.netns) {
            Ok(Some(namespace)) => namespace.file.try_clone().map_err(Fault::from),
            Ok(None) => Err(Fault::of("there is no such namespace", rustix::io::Errno::NOENT)),
            Err(fault) => Err(fault),
        };
        let probe = probe.clone();
        Box::new(move || {
            netns.and_then(|file| probe::ask(&probe, &file)).map_err(|fault| fault.to_string())
        })
    }

    fn watch(&mut self, what: Watched, sink: EventSink) -> Result<(), ObserveError> {
        let before = self.monitor.take();
        let started = self
            .namespaces
            .own_file()
            .and_then(|own| Monitor::start(own, what, sink, before))
            .map_err(|fault| ObserveError {
                doing: "watch namespaces".into(),
                cause: fault.to_string(),
            })?;
        self.monitor = Some(started);
        Ok(())
    }
}
