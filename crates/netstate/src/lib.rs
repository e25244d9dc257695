//! The model of Linux networking, and the planner.
//!
//! Desired state and observed state are values of the same types: a [`State`] maps each [`Key`] to
//! its [`Object`]. In a desired object a field that is `None` is not configured and is not touched.
//! An observed object has every field that the kernel reported. [`plan`](plan::plan) compares the
//! two and returns the ordered operations that turn one into the other. A [`Southbound`] executes
//! them. This crate does no I/O and does not use YANG.

pub mod attribute;
pub mod checker;
pub mod desired;
pub mod name;
pub mod noun;
pub mod operation;
pub mod originals;
pub mod plan;
pub mod probe;
pub mod southbound;
pub mod state;
pub mod uapi;
pub mod verdict;

pub use attribute::{Attributes, Fields, Flags};
pub use desired::Desired;
pub use name::{InvalidName, LinkId, LinkName, MacAddress, NetnsName};
pub use noun::address::{Address, AddressKey, AddressOptions, AddressStatus};
pub use noun::fdb::{FdbEntry, FdbKey};
pub use noun::link::{Link, LinkAttributes, LinkFlags, LinkKind, LinkStatus, Master, Place};
pub use noun::neighbor::{Neighbor, NeighborKey};
pub use noun::nexthop::{NexthopKey, NexthopObject};
pub use noun::route::{Nexthop, Nexthops, Route, RouteKey, RouteKind, RouteMetrics};
pub use noun::rule::{Rule, RuleKey};
pub use noun::sysctl::{SysctlKey, SysctlPath};
pub use noun::{Anchor, How, Key, Need, Needs, Noun, Object, Wanted};
pub use noun::{address, fdb, link, neighbor, netns, nexthop, route, rule, sysctl};
pub use operation::{Action, Because, Op, Plan, Unkept};
pub use originals::Originals;
pub use plan::PlanError;
pub use southbound::{Event, EventSink, ObserveError, Part, Refusal, Scope, Southbound, Watched};
pub use state::State;
pub use verdict::{Hold, Verdict};
