//! The server's answers as text for a person.

pub(crate) mod blame;
pub(crate) mod conflict;
pub(crate) mod difference;
pub(crate) mod drift;
pub(crate) mod history;
