//! From what is to what shall be: the ordered operations, as a value.
//!
//! [`target()`] says what the kernel is to hold, [`plan()`] how it gets there. Neither knows a noun but links, which all
//! others are on, and the namespaces that go last: what an object needs, when it goes along with another and when it is made is stated by its noun
//! ([`noun`](crate::noun)), and how a link gets from one place and shape to another in `plan/links.rs`. While a plan
//! grows, its account tells what the operations so far have done to the links, and what the kernel took away along with
//! them, so that what got lost is made again by the same step that makes what is new.

mod account;
mod creation;
mod links;
mod removal;
mod scope;
mod target;

use crate::noun::{Key, Stage};
use crate::operation::Plan;
use crate::state::State;

use account::Account;
pub use scope::wanted;
pub use target::{Goal, Target, target};

/// No order of operations leads there.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{reason}")]
pub struct PlanError {
    /// The object that stands in the way.
    pub key: Key,
    /// Why, in words for the user.
    pub reason: String,
}

/// The operations that turn `observed` into `target`. Tests and debug builds put them before the
/// [`checker`](crate::checker).
pub fn plan(target: &Target<'_>, observed: &State) -> Result<Plan, PlanError> {
    let objects = target.objects();
    let mut account = Account::new(&objects, target, observed);
    account.settle(Stage::Namespaces);
    account.settle(Stage::BeforeLinks);
    account.remove_surplus();
    account.remove_links();
    account.place_links()?;
    account.alter_links();
    account.foresee_lowered();
    account.settle(Stage::BeforeUp);
    account.raise_links();
    account.settle(Stage::AfterUp);
    account.remove_namespaces()?;
    Ok(Plan { ops: account.ops })
}
