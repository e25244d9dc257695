//! The ledger: what is on disk, and the past that it holds.

pub(crate) mod blame;
pub(crate) mod checkpoint;
pub(crate) mod disk;
pub(crate) mod history;
pub(crate) mod journal;
pub(crate) mod past;
pub(crate) mod rescue;
pub(crate) mod seal;
pub(crate) mod store;
pub(crate) mod summary;
