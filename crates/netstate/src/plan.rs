//! From what is to what shall be: the ordered operations, as a value.
//!
//! [`target()`] says what the kernel is to hold, [`plan()`] how it gets there. Neither knows a noun but links, which all
//! others are on: what an object needs, when it goes along with another and when it is made is stated by its noun
//! ([`noun`](crate::noun)), and how a link gets from one place and shape to another in `link/transition.rs`. While a plan
//! grows, its account tells what the operations so far have done to the links, and what the kernel took away along with
//! them, so that what got lost is made again by the same step that makes what is new.

mod account;
mod creation;
pub(crate) mod dependents;
mod removal;
mod render;
mod scope;
pub(crate) mod sorted;
mod target;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::name::{LinkId, LinkName};
use crate::noun::{Key, Object};
use crate::state::State;

pub(crate) use account::Account;
pub(crate) use scope::Change;
pub use scope::wanted;
pub(crate) use sorted::{Entry, link_objects};
pub(crate) use target::Past;
pub use target::{Target, target};

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
    /// A change that follows is possible only while the link is down.
    NeedsDown,
    /// The name of this link is needed for another.
    MakesRoom(LinkId),
    /// It is removed to be made again.
    Replaced,
}

/// When in a plan an object is made or altered. Within a stage what an object needs comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// Before all else.
    Namespaces,
    /// Before links come, go and move.
    BeforeLinks,
    /// Once links have their properties, before they come up.
    BeforeUp,
    /// Once links are up.
    AfterUp,
    /// By steps of its own, or not at all.
    Never,
}

/// No order of operations leads there.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{reason}")]
pub struct PlanError {
    /// The object that stands in the way.
    pub key: Key,
    /// Why, in words for the user.
    pub reason: String,
}

/// The operations that turn `observed` into `target`. Tests put them before the [`checker`](crate::checker).
pub fn plan(target: &Target<'_>, observed: &State) -> Result<Plan, PlanError> {
    let objects = target.objects();
    let mut account = Account::new(&objects, target, observed);
    account.settle(Stage::Namespaces);
    account.settle(Stage::BeforeLinks);
    account.remove_surplus();
    account.remove_links();
    account.place_links()?;
    account.alter_links();
    account.settle(Stage::BeforeUp);
    account.raise_links();
    account.settle(Stage::AfterUp);
    account.remove_namespaces()?;
    Ok(Plan { ops: account.ops })
}
