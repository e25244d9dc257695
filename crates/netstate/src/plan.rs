//! From what is to what shall be: the ordered operations, as a value.

mod render;

use serde::{Deserialize, Serialize};

use crate::originals::Originals;
use crate::state::{Key, Object, State};

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

/// No order of operations leads there.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{reason}")]
pub struct PlanError {
    /// The object that stands in the way.
    pub key: Key,
    /// Why, in words for the user.
    pub reason: String,
}

/// What the kernel is to hold once `desired` applies: `desired` itself; what `touched` (the states that
/// may have been applied before, merged) had and `desired` has not goes back to its original, or goes;
/// everything else in `observed` stays as it is.
pub fn target(
    desired: &State,
    touched: &State,
    originals: &Originals,
    observed: &State,
) -> Result<State, PlanError> {
    let _ = (desired, touched, originals, observed);
    Err(PlanError { key: Key::Netns(crate::NetnsName::own()), reason: "unwritten".into() })
}

/// The operations that turn `observed` into `target`.
pub fn plan(target: &State, observed: &State) -> Result<Plan, PlanError> {
    let _ = (target, observed);
    Ok(Plan::default())
}
