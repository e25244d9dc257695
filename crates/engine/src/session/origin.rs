//! The user of a request, and where the user is connected from.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The user of a request, and where the user is connected from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The user's name, or `uid N`.
    pub user: String,
    /// The connection, for example `unix socket, pid 123`.
    pub from: String,
}

/// The holder of a lock, for a message.
#[derive(Clone, Debug)]
pub(crate) struct Holder {
    pub(crate) session: u32,
    pub(crate) origin: Origin,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Origin { user, from } = &self.origin;
        write!(f, "session {} of {user} ({from})", self.session)
    }
}
