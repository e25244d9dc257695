//! A probe: a request from within a namespace, to find out whether something answers.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::name::NetnsName;

/// The request, and the namespace from which it is sent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// The namespace from which it is sent.
    pub netns: NetnsName,
    /// The request.
    pub what: Question,
}

/// The request of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Question {
    /// Whether an echo request is answered (RFC 792, RFC 4443 section 4.1).
    Ping(IpAddr),
    /// Whether a TCP connection is accepted (RFC 9293).
    Tcp(SocketAddr),
}

impl fmt::Display for Probe {
    /// The text as a user types it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.what {
            Question::Ping(address) => write!(f, "ping {address}")?,
            Question::Tcp(to) => write!(f, "tcp {} {}", to.ip(), to.port())?,
        }
        if self.netns.is_own() { Ok(()) } else { write!(f, " netns {}", self.netns) }
    }
}

/// Sends the request once, on the calling thread. This takes about a second at most. The error says
/// why there was no answer.
pub type Attempt = Box<dyn FnOnce() -> Result<(), String> + Send>;
