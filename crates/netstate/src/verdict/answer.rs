//! The answer to a condition, which is the same for all objects with the condition.

use super::{Contradiction, Hold};
use crate::name::NetnsName;
use crate::noun::Key;

/// Whether a condition is met.
#[derive(Clone)]
pub(super) enum Answer {
    Met,
    Held(Hold),
    Refused(Contradiction),
    /// It depends on what others have in this namespace, which has not been observed yet.
    Unknown(NetnsName),
}

impl Answer {
    /// The same answer about another object with the same condition.
    pub(super) fn about(&self, key: &Key) -> Answer {
        match self {
            Answer::Refused(contradiction) => {
                Answer::Refused(Contradiction { key: key.clone(), ..contradiction.clone() })
            }
            Answer::Met | Answer::Held(_) | Answer::Unknown(_) => self.clone(),
        }
    }
}
