//! Network state as a value: every object under its key, in the order of the keys.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::address::{Address, AddressKey};
use crate::fdb::{FdbEntry, FdbKey};
use crate::link::Link;
use crate::name::{LinkId, NetnsName};
use crate::neighbor::{Neighbor, NeighborKey};
use crate::route::{Route, RouteKey};
use crate::sysctl::SysctlKey;

/// What an object is called. A link keeps its key when it moves to another namespace or is renamed;
/// what hangs on a link is keyed by where the link is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Key {
    /// A network namespace.
    Netns(NetnsName),
    /// A link.
    Link(LinkId),
    /// A kernel parameter.
    Sysctl(SysctlKey),
    /// An IP address on a link.
    Address(AddressKey),
    /// A neighbour on a link.
    Neighbor(NeighborKey),
    /// A forwarding entry; state only.
    Fdb(FdbKey),
    /// A route.
    Route(RouteKey),
}

/// What is said of an object, or seen of it. Its variant is that of its key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Object {
    /// The namespace exists.
    Netns,
    /// A link.
    Link(Box<Link>),
    /// A kernel parameter's value, without the newline, fields separated as the kernel prints them.
    Sysctl(String),
    /// An IP address on a link.
    Address(Address),
    /// A neighbour on a link.
    Neighbor(Neighbor),
    /// A forwarding entry; state only.
    Fdb(FdbEntry),
    /// A route.
    Route(Route),
}

/// Objects by key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The objects.
    pub objects: BTreeMap<Key, Object>,
}
