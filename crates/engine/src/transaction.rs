//! Transactions: each change of running, kernel and datastores together.
//!
//! [`commit`] is the life of a transaction, step by step, and [`converge`] is the one way to the kernel. A commit that
//! waits for its confirmation, one that waits for its time, and the way back from one that failed use both.

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
