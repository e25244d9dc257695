//! Formats the server's replies for users.

pub(crate) mod blame;
pub(crate) mod conflict;
pub(crate) mod difference;
pub(crate) mod drift;
pub(crate) mod history;
