//! The only way to the kernel, or to its replacement in tests.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::name::{LinkId, LinkName, NetnsName};
use crate::noun::link::Place;
use crate::noun::sysctl::SysctlKey;
use crate::noun::{Key, Noun, Wanted};
use crate::operation::{Op, Plan};
use crate::probe::{Attempt, Probe};
use crate::state::State;

/// A kernel: it can be observed, and it executes plans.
pub trait Southbound: Send {
    /// Reads the kernel's state in `scope`. Objects that do not exist are absent from the result.
    fn observe(&mut self, scope: &Scope) -> Result<State, ObserveError>;

    /// Executes the operations in order, in batches if possible, and stops at the first one that is
    /// refused. Later operations of the same batch may have been sent. Therefore the caller must
    /// observe before it decides anything.
    fn execute(&mut self, plan: &Plan) -> Result<(), Refusal>;

    /// Prepares a probe. The caller of the result sends it.
    fn probe(&mut self, probe: &Probe) -> Attempt;

    /// From now on, reports changes of `what` to `sink`, whoever makes them. Replaces what was
    /// watched before.
    fn watch(&mut self, what: Watched, sink: EventSink) -> Result<(), ObserveError>;
}

/// What is watched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watched {
    /// Namespaces: all of their links, addresses, neighbours and routes.
    pub namespaces: BTreeSet<NetnsName>,
    /// Kernel parameters within them.
    pub parameters: BTreeSet<SysctlKey>,
}

/// How much to observe.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "a scope is made once for each observation")]
pub enum Scope {
    /// Every object of every named namespace, including foreign ones, with their state. A link is
    /// keyed by its kernel name, or by `NAME@NETNS` if an earlier namespace (`1` first, then by
    /// name) has this name. But a link at a place in `known` has the identity given there.
    Everything {
        /// The link at each place, as far as the configuration knows.
        known: BTreeMap<Place, LinkId>,
    },
    /// A part of that.
    Part(Part),
    /// Certain objects only.
    Only(Wanted),
}

/// A part of the whole state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Part {
    /// The link at each place, as far as the configuration knows.
    pub known: BTreeMap<Place, LinkId>,
    /// The nouns to read. If links are not among them, their names are reported anyway, because
    /// objects on links contain these.
    pub nouns: BTreeSet<Noun>,
    /// The namespaces to read; all if none.
    pub namespaces: Option<BTreeSet<NetnsName>>,
    /// The links to read, and those whose addresses and neighbours are read; all if none. They are
    /// keyed as in `known`, or by their kernel names.
    pub links: Option<BTreeSet<Place>>,
}

impl Part {
    /// Everything.
    pub fn all(known: BTreeMap<Place, LinkId>) -> Part {
        let nouns = Noun::ALL.iter().copied().collect();
        Part { known, nouns, namespaces: None, links: None }
    }

    /// Whether a namespace is read.
    pub fn has_netns(&self, netns: &NetnsName) -> bool {
        self.namespaces.as_ref().is_none_or(|namespaces| namespaces.contains(netns))
    }

    /// Whether a link is read.
    pub fn has_link(&self, place: &Place) -> bool {
        self.has_netns(&place.netns)
            && self.links.as_ref().is_none_or(|links| links.contains(place))
    }
}

/// Reading the kernel's state failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{doing}: {cause}")]
pub struct ObserveError {
    /// What was being read, for example `dump routes of namespace vpn10`.
    pub doing: String,
    /// The kernel's message.
    pub cause: String,
}

/// The kernel refused an operation.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{op}: {message}")]
pub struct Refusal {
    /// The operation's place in the plan, from zero.
    pub index: usize,
    /// The operation.
    pub op: Box<Op>,
    /// The kernel's errno(3), positive; zero if the failure is not the kernel's.
    pub errno: i32,
    /// The kernel's message: the extended acknowledgement if there is one, and the text of the
    /// error.
    pub message: String,
    /// The field to which the kernel pointed (`NLMSGERR_ATTR_OFFS`), by its name here.
    pub field: Option<&'static str>,
}

/// Takes events, from any thread; must not block.
pub type EventSink = Arc<dyn Fn(Event) + Send + Sync>;

/// Something that may have changed: a reason to read again, not a fact.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// A link appeared, changed or vanished.
    Link(NetnsName, LinkName),
    /// An object on a link, a route, or a parameter.
    Key(Key),
    /// An address was removed from a link. IPv4 routes are lost with the last one, and routes are
    /// lost with their source address. Linux does not report either.
    AddressGone(NetnsName, LinkName),
    /// A namespace appeared or vanished.
    Netns(NetnsName),
    /// Events of this namespace were lost (`ENOBUFS`): anything in it may have changed.
    Overrun(NetnsName),
}
