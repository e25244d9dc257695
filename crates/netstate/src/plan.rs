//! From what is to what shall be: the ordered operations, as a value.
//!
//! [`target()`] says what the kernel is to hold, [`plan()`] how it gets there. While a plan grows, it keeps account of what
//! the operations so far have done to the links, and of what the kernel took away along with them, so that
//! what got lost is made again by the same step that makes what is new.

pub(crate) mod hangers;
mod links;
mod multipath;
mod render;
mod scope;
pub(crate) mod sorted;
mod target;
mod work;

use serde::{Deserialize, Serialize};

use crate::state::{Key, Object, State};

pub use hangers::{goes_with_down, stands_on};
pub use scope::wanted;
pub use target::{Target, target};
use work::Work;
pub(crate) use work::{is_kernels, link_objects};

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

/// The operations that turn `observed` into `target`.
pub fn plan(target: &Target<'_>, observed: &State) -> Result<Plan, PlanError> {
    let target = target.objects();
    let mut work = Work::new(&target, observed);
    work.make_namespaces();
    work.set_parameters(|key| key.path.dev().is_none());
    work.prune();
    work.remove_links()?;
    work.place_links()?;
    work.set_parameters(|key| key.path.dev().is_some());
    work.alter_links();
    work.hang_addresses(false);
    work.raise_links();
    work.hang_addresses(true);
    work.hang(|key| matches!(key, Key::Neighbor(_)));
    work.hang_routes();
    work.remove_namespaces()?;
    Ok(Plan { ops: work.ops })
}
