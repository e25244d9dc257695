//! The kernel's state as the engine sees it: the differences from running, and the reaction to
//! them.

pub(crate) mod diverged;
pub(crate) mod drift;
pub(crate) mod events;
pub(crate) mod held;
pub(crate) mod import;
pub(crate) mod operational;
pub(crate) mod policy;
