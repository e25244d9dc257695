//! The one way to the kernel, or to what stands in for it.

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
    /// Reads what the kernel holds of `scope`. Objects that do not exist are absent from the answer.
    fn observe(&mut self, scope: &Scope) -> Result<State, ObserveError>;

    /// Carries out the operations in order, batched where their order allows, and stops at the first
    /// that is refused: operations after it may have been sent in the same batch, so the caller
    /// observes before it decides anything.
    fn execute(&mut self, plan: &Plan) -> Result<(), Refusal>;

    /// Prepares to ask a question from within a namespace: the attempt is made by whoever calls what this answers.
    fn probe(&mut self, probe: &Probe) -> Attempt;

    /// From here on reports to `sink` what changes of `what`, whoever changes it. Replaces what was watched before.
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
pub enum Scope {
    /// Every object of every namespace that has a name, foreign ones too, with their state. A link is keyed
    /// by its kernel name, or `NAME@NETNS` where an earlier namespace (`1` first, then by name) took it,
    /// but a link at a place in `known` has the identity given there.
    Everything {
        /// Which link is at which place, as far as the configuration knows.
        known: BTreeMap<Place, LinkId>,
    },
    /// A part of that.
    Part(Part),
    /// Certain objects only.
    Only(Wanted),
}

/// The part of all state that somebody asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Part {
    /// Which link is at which place, as far as the configuration knows.
    pub known: BTreeMap<Place, LinkId>,
    /// The nouns that are asked for. Where links are not among them, they are told all the same, as names only: what is on
    /// them is called by these.
    pub nouns: BTreeSet<Noun>,
    /// The namespaces that are asked for; all where none is named.
    pub namespaces: Option<BTreeSet<NetnsName>>,
    /// The links that are asked for, and those that addresses and neighbours are asked of; all where none is named. They
    /// are keyed as `known` says, or by their kernel names.
    pub links: Option<BTreeSet<Place>>,
}

impl Part {
    /// Everything.
    pub fn all(known: BTreeMap<Place, LinkId>) -> Part {
        let nouns = Noun::ALL.iter().copied().collect();
        Part { known, nouns, namespaces: None, links: None }
    }

    /// Whether a namespace is asked for.
    pub fn has_netns(&self, netns: &NetnsName) -> bool {
        self.namespaces.as_ref().is_none_or(|namespaces| namespaces.contains(netns))
    }

    /// Whether a link is asked for.
    pub fn has_link(&self, place: &Place) -> bool {
        self.has_netns(&place.netns)
            && self.links.as_ref().is_none_or(|links| links.contains(place))
    }
}

/// Reading the kernel's state failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{doing}: {cause}")]
pub struct ObserveError {
    /// What was read, for example `dump routes of namespace vpn10`.
    pub doing: String,
    /// The kernel's words.
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
    /// The kernel's error number (errno(3)), positive; zero where the failure is not the kernel's.
    pub errno: i32,
    /// The kernel's words: its extended acknowledgement where it gave one, with the error's text.
    pub message: String,
    /// The field that the kernel pointed at (`NLMSGERR_ATTR_OFFS`), by its name here.
    pub field: Option<&'static str>,
}

/// Takes events, from any thread; must not block.
pub type EventSink = Arc<dyn Fn(Event) + Send + Sync>;

/// What may have changed: a reason to read again, never a fact.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// A link appeared, changed or vanished.
    Link(NetnsName, LinkName),
    /// Something on a link, a route, or a parameter.
    Key(Key),
    /// An address has gone from a link. IPv4 routes go with the last one, and routes with the one that is their source,
    /// of which Linux says nothing.
    AddressGone(NetnsName, LinkName),
    /// A namespace appeared or vanished.
    Netns(NetnsName),
    /// Events of this namespace were lost (`ENOBUFS`): anything in it may have changed.
    Overrun(NetnsName),
}
