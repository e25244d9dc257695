//! Who asks, and from where.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Who asks, and from where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The user's name, or `uid N`.
    pub user: String,
    /// How the user came, for example `unix socket, pid 123`.
    pub from: String,
}

/// Who holds a lock, in words.
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
