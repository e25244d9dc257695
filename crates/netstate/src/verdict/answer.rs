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

/// What matters of a nexthop to the objects that use it.
#[derive(Clone)]
pub(super) struct NexthopState {
    /// Why it is not there; `Met` if it is.
    pub(super) answer: Answer,
    pub(super) is_group: bool,
    pub(super) is_fdb: bool,
    /// Whether it is a blackhole.
    pub(super) drops: bool,
    /// The nexthop of IPv4 that it is or uses first.
    pub(super) of_ipv4: Option<u32>,
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
