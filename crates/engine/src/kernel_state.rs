//! The kernel's state as the engine sees it: what differs from running, what cannot be applied as yet, and what was
//! there before.

pub(crate) mod diverged;
pub(crate) mod drift;
pub(crate) mod events;
pub(crate) mod operational;
pub(crate) mod ownership;
