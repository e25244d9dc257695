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
    /// The reason.
    pub because: Because,
}

impl Op {
    /// What cannot be restored after this operation, if the commit is refused or undone.
    pub fn irrevocable(&self) -> Option<&'static str> {
        match (&self.key, &self.action) {
            (Key::Link(_), Action::Delete(_)) => {
                Some("created again, it has another index and link-layer address")
            }
            (Key::Sysctl(key), Action::Create(_)) if key.path.is_secret() => {
                Some("the kernel cannot unset it")
            }
            (Key::Sysctl(key), Action::Create(_) | Action::Update { .. })
                if key.path.is_one_way() =>
            {
                Some("the kernel cannot unset it")
            }
            _ => None,
        }
    }

    /// An operation that the configuration requires.
    pub fn new(key: Key, action: Action) -> Op {
        Op { key, action, because: Because::Configured }
    }
}

/// A field of a link that the kernel accepted and did not keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unkept {
    /// The field.
    pub name: &'static str,
    /// The field with the value that the kernel was given.
    pub given: String,
    /// The field with the value that the kernel reports; none if it does not report the field.
    pub kept: Option<String>,
}

impl Plan {
    /// The fields that this plan sets on a link, or creates it again for. If the same plan has just
    /// been carried out, the kernel has not kept these.
    pub fn unkept(&self, key: &Key) -> Vec<Unkept> {
        let (mut seen, mut wanted) = (None, None);
        for op in self.ops.iter().filter(|op| op.key == *key) {
            match &op.action {
                Action::Update { from, change } => (seen, wanted) = (from.link(), change.link()),
                Action::Delete(object) => seen = object.link(),
                Action::Create(object) => wanted = object.link(),
                Action::Await => {}
            }
        }
        let Some((seen, wanted)) = seen.zip(wanted) else { return Vec::new() };
        let change = wanted.changes(seen);
        let (given, kept) = (change.values(), seen.values());
        let of = |values: &[String], name: &str| {
            let is_of = |value: &&String| value.split_once(' ').is_some_and(|(of, _)| of == name);
            values.iter().find(is_of).cloned()
        };
        let unkept = change.set().into_iter().filter_map(|field| {
            let (name, given) = (field.name, of(&given, field.name)?);
            Some(Unkept { name, given, kept: of(&kept, name) })
        });
        unkept.collect()
    }
}

/// What an operation does with its object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Action {
    /// Creates it, with these properties.
    Create(Object),
    /// Changes it. For a link, the fields that are set in `change` are changed; a `place` other
    /// than that of `from` moves or renames it. Any other object is replaced by `change`.
    Update {
        /// The object before this operation.
        from: Object,
        /// The change.
        change: Object,
    },
    /// Removes it; the object is as it was observed.
    Delete(Object),
    /// Waits until an address has passed duplicate address detection (RFC 4862, section 5.4). This
    /// fails if the address is a duplicate.
    Await,
}

/// Why an operation is in a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Because {
    /// The configuration requires it.
    Configured,
    /// The configuration does not contain it, and Netloom created it.
    NotConfigured,
    /// It had this form before it was configured.
    GivenBack,
    /// It is lost when this link goes down.
    LinkDown(LinkName),
    /// It is lost when this link is removed or created again.
    LinkRemoved(LinkName),
    /// It is lost when this link moves to another namespace.
    LinkMoved(LinkName),
    /// It is on a link of this name, which is renamed.
    LinkRenamed(LinkName),
    /// It is lost with this address.
    AddressRemoved(IpNet),
    /// The kernel also changes it when this object is set.
    SetAlong(Box<Key>),
    /// It is lost when the link-layer address or the ARP mode of this link changes.
    LinkLayer(LinkName),
    /// It is lost with IPv6, for which the MTU of this link becomes too small.
    SmallMtu(LinkName),
    /// It is lost when this switches IPv6 off.
    Ipv6Off(Box<Key>),
    /// A change that follows is possible only while the link is down.
    NeedsDown,
    /// A bridge whose MTU was never changed would follow its ports.
    HoldsMtu,
    /// Another link needs the name of this link.
    MakesRoom(LinkId),
    /// It is removed to be created again.
    Replaced,
    /// It is lost when this link loses its carrier.
    CarrierLost(LinkName),
    /// It uses this nexthop, which is removed or created again.
    NexthopRemoved(u32),
}
