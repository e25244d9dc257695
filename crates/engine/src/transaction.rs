//! Transactions: each one changes running, the kernel and the datastores together.
//!
//! [`commit`] is the life of a transaction, step by step. [`converge`] is the only way to the
//! kernel. Confirmed commits, scheduled commits and the undoing of a failed commit use both.

pub(crate) mod affected;
pub(crate) mod commit;
pub(crate) mod confirmed;
pub(crate) mod converge;
pub(crate) mod pending;
pub(crate) mod probes;
pub(crate) mod request;
pub(crate) mod revert;
pub(crate) mod schedule;
pub(crate) mod scheduled;
pub(crate) mod step;
pub(crate) mod transition;
