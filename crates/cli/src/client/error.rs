//! Why a request did not get a valid reply, in words for the user.

use std::io;

use netconf::{Incoming, MessageError, Reply, RpcError};

use crate::show::one_line;

/// Why a request did not get a valid reply.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error("the connection to netloomd is lost")]
    Lost(#[source] io::Error),
    #[error("netloomd closed the connection; uncommitted changes are lost")]
    Closed,
    #[error("netloomd refuses the session: {}", texts(.0, "; "))]
    TurnedAway(Vec<RpcError>),
    #[error("netloomd has ended the session, uncommitted changes are lost: {}", texts(.0, "; "))]
    Ended(Vec<RpcError>),
    #[error("invalid NETCONF message from netloomd: {0}")]
    Protocol(String),
    #[error("{}", texts(.0, "\n"))]
    Refused(Vec<RpcError>),
}

impl ClientError {
    /// Whether the request was refused only because of conflicts.
    pub(crate) fn is_conflict(&self) -> bool {
        let conflict = |error: &RpcError| error.app_tag.as_deref() == Some("conflict");
        matches!(self, ClientError::Refused(errors) if errors.iter().all(conflict))
    }

    /// Whether the connection is lost.
    pub(crate) fn is_fatal(&self) -> bool {
        match self {
            ClientError::Lost(_)
            | ClientError::Closed
            | ClientError::TurnedAway(_)
            | ClientError::Ended(_)
            | ClientError::Protocol(_) => true,
            ClientError::Refused(_) => false,
        }
    }
}

pub(super) fn protocol(error: &MessageError) -> ClientError {
    ClientError::Protocol(error.to_string())
}

/// The reason of a server that has sent an error instead of its hello.
pub(super) fn refusal(greeting: &str) -> Option<ClientError> {
    match Incoming::from_xml(greeting) {
        Ok(Incoming::Reply { reply: Reply::Errors(errors), .. }) => {
            Some(ClientError::TurnedAway(errors))
        }
        Ok(Incoming::Reply { .. } | Incoming::Notification(_)) | Err(_) => None,
    }
}

fn texts(errors: &[RpcError], between: &str) -> String {
    errors.iter().map(text).collect::<Vec<_>>().join(between)
}

fn text(error: &RpcError) -> String {
    let message = one_line(error.message.as_deref().unwrap_or(&error.tag));
    match &error.path {
        Some(path) => format!("{}: {message}", one_line(path)),
        None => message,
    }
}
