//! The planner: the ordered operations from the observed state to the target, as a value.
//!
//! [`target()`] decides what the kernel must hold, and [`plan()`] how it gets there. Both are
//! independent of nouns, except for links, on which all others are, and namespaces, which are
//! removed last. The facts of a noun ([`noun`](crate::noun)) say what an object needs, with what it
//! is lost, and when it is created. `plan/links.rs` moves and changes links. While a plan grows,
//! its account records what the operations so far have done to links, and what the kernel removes
//! with them. Lost objects are created again by the step that creates new ones.

mod account;
mod creation;
mod links;
mod mtu;
mod recreation;
mod removal;
mod scope;
mod target;
mod whole;

use crate::checker::{self, Violation};
use crate::noun::{Key, Stage};
use crate::operation::Plan;
use crate::originals::Originals;
use crate::state::State;

use account::Account;
pub use recreation::Recreation;
pub use scope::{wanted, wanted_again};
pub use target::{Goal, Target, target};
pub use whole::{Whole, WholePlan};

/// There is no order of operations that leads to the target.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{reason}")]
pub struct PlanError {
    /// The object that makes it impossible.
    pub key: Key,
    /// The reason, for the user.
    pub reason: String,
}

/// The plan from the observed to the desired state, given what may have been applied. In debug builds the checker, whose rules
/// are written independently of the planner's, checks the plan, and the rule that it breaks is returned too.
pub fn checked_plan<'a>(
    goal: impl Into<Goal<'a>>,
    touched: &'a State,
    originals: &'a Originals,
    observed: &'a State,
) -> Result<(Plan, Option<Violation>), PlanError> {
    let target = target(goal, touched, originals, observed)?;
    let plan = plan(&target, observed)?;
    let broken = match cfg!(debug_assertions) {
        true => checker::check(observed, &plan, target.entries()).err(),
        false => None,
    };
    Ok((plan, broken))
}

/// The operations that turn `observed` into `target`. Tests and debug builds check the plan with
/// the [`checker`].
pub fn plan(target: &Target<'_>, observed: &State) -> Result<Plan, PlanError> {
    let objects = target.objects();
    let mut account = Account::new(&objects, target, observed);
    account.settle(Stage::Namespaces);
    account.settle(Stage::BeforeLinks);
    account.remove_surplus();
    account.remove_links();
    account.place_links()?;
    account.alter_links();
    account.find_links_to_take_down();
    account.settle(Stage::BeforeUp);
    account.raise_links();
    account.settle(Stage::AfterUp);
    account.remove_last();
    account.remove_namespaces()?;
    Ok(Plan { ops: account.ops })
}
