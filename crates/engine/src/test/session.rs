//! What several sessions do: their candidates, their locks, and what they are told.

mod conflicts;
mod notices;
mod sessions;
mod stale;

use super::*;
