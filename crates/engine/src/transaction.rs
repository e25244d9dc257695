//! Transactions: each change of running, kernel and datastores together.
//!
//! [`commit`] tells the life of one. A commit that waits for its confirmation and one that waits for its time are made by
//! the same functions.

pub(crate) mod commit;
pub(crate) mod confirmed;
pub(crate) mod converge;
pub(crate) mod probes;
pub(crate) mod reach;
pub(crate) mod scheduled;
pub(crate) mod step;
