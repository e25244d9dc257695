//! A plan as a value: operations on objects, each with its reason.

mod render;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::name::{LinkId, LinkName};
use crate::noun::{Key, Object};

/// Operations in the order in which a kernel accepts them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The operations.
    pub ops: Vec<Op>,
}

/// One operation: one request to the kernel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Op {
    /// The object.
    pub key: Key,
    /// What to do with it.
    pub action: Action,
    /// Why.
    pub because: Because,
}

impl Op {
    /// The fields of a link that are to be altered and that were not seen at all: the kernel does not have them.
    pub fn fields_unseen(&self) -> Vec<&'static str> {
        let Action::Update { from: Object::Link(from), change: Object::Link(change) } =
            &self.action
        else {
            return Vec::new();
        };
        let seen: Vec<&str> = from.set().into_iter().map(|field| field.name).collect();
        let names = change.set().into_iter().map(|field| field.name);
        names.filter(|name| !seen.contains(name)).collect()
    }

    /// An operation that the configuration asks for.
    pub fn new(key: Key, action: Action) -> Op {
        Op { key, action, because: Because::Configured }
    }
}

/// What an operation does with its object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Action {
    /// Makes it, with these properties.
    Create(Object),
    /// Alters it: of a link, those fields of `change` that are set (a `place` other than that of `from`
    /// moves or renames it); anything else is replaced by `change`.
    Update {
        /// As it is before this operation.
        from: Object,
        /// What to alter.
        change: Object,
    },
    /// Removes it; the object is as it was seen.
    Delete(Object),
    /// Waits until an address has passed duplicate address detection (RFC 4862, section 5.4); it may be refused as a
    /// duplicate.
    Await,
}

/// Why an operation is in a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Because {
    /// The configuration says so.
    Configured,
    /// The configuration does not have it, and Netloom made it.
    NotConfigured,
    /// It was so before it was configured.
    GivenBack,
    /// It is lost when this link goes down.
    LinkDown(LinkName),
    /// It is lost when this link is removed or made anew.
    LinkRemoved(LinkName),
    /// It is lost when this link moves to another namespace.
    LinkMoved(LinkName),
    /// It is on a link of this name that gets another.
    LinkRenamed(LinkName),
    /// It is lost with this address.
    AddressRemoved(IpNet),
    /// The kernel alters it along with this.
    SetAlong(Box<Key>),
    /// It is lost when this switches IPv6 off.
    Ipv6Off(Box<Key>),
    /// A change that follows is possible only while the link is down.
    NeedsDown,
    /// The name of this link is needed for another.
    MakesRoom(LinkId),
    /// It is removed to be made again.
    Replaced,
}
