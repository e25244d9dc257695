//! A probe: the question whether something answers, asked from within a namespace.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::name::NetnsName;

/// What is asked, and where from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// The namespace that it is asked from.
    pub netns: NetnsName,
    /// What is asked.
    pub what: Question,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Question {
    /// Whether an echo request is answered (RFC 792, RFC 4443 section 4.1).
    Ping(IpAddr),
    /// Whether a TCP connection is accepted (RFC 9293).
    Tcp(SocketAddr),
}

impl fmt::Display for Probe {
    /// As one would type it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.what {
            Question::Ping(address) => write!(f, "ping {address}")?,
            Question::Tcp(to) => write!(f, "tcp {} {}", to.ip(), to.port())?,
        }
        if self.netns.is_own() { Ok(()) } else { write!(f, " netns {}", self.netns) }
    }
}

/// Asks once, on whatever thread it is called; it takes about a second at most. Fails with why there was no answer.
pub type Attempt = Box<dyn FnOnce() -> Result<(), String> + Send>;
