//! The kernel's state as the engine sees it: what differs from running, and what is done about it.

pub(crate) mod diverged;
pub(crate) mod drift;
pub(crate) mod events;
pub(crate) mod held;
pub(crate) mod operational;
pub(crate) mod policy;
