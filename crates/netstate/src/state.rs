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
    Fdb(Box<FdbKey>),
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
    /// A kernel parameter's value, as [`plain_value`](crate::sysctl::plain_value) gives it.
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
#[serde(transparent)]
pub struct State {
    /// The objects, in pairs on disk: keys are no texts.
    #[serde(with = "pairs")]
    pub objects: BTreeMap<Key, Object>,
}

impl Key {
    /// The namespace that it names, of what hangs on a link or may. A namespace is in none, and a link's key does not
    /// tell where the link is.
    pub fn netns(&self) -> Option<&NetnsName> {
        match self {
            Key::Netns(_) | Key::Link(_) => None,
            Key::Sysctl(key) => Some(&key.netns),
            Key::Address(key) => Some(&key.netns),
            Key::Neighbor(key) => Some(&key.netns),
            Key::Fdb(key) => Some(&key.netns),
            Key::Route(key) => Some(&key.netns),
        }
    }

    /// The route's key, if it is one.
    pub fn route(&self) -> Option<&RouteKey> {
        if let Key::Route(key) = self { Some(key) } else { None }
    }
}

impl Object {
    /// The link, if it is one.
    pub fn link(&self) -> Option<&Link> {
        if let Object::Link(link) = self { Some(link) } else { None }
    }
}

impl State {
    /// Both states in one: of an object that both have, a link has the fields of both and is where `other` has
    /// it, and anything else is as in `other`.
    pub fn merged(mut self, other: &State) -> State {
        for (key, object) in &other.objects {
            match (self.objects.get_mut(key), object) {
                (Some(Object::Link(link)), Object::Link(other)) => link.overlay(other),
                _ => {
                    self.objects.insert(key.clone(), object.clone());
                }
            }
        }
        self
    }
}

/// A map whose keys are no texts, as a sequence of pairs.
pub(crate) mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer};

    use super::{Key, Object};

    pub(crate) fn serialize<S: Serializer>(
        objects: &BTreeMap<Key, Object>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(objects)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<Key, Object>, D::Error> {
        Ok(Vec::<(Key, Object)>::deserialize(deserializer)?.into_iter().collect())
    }
}
