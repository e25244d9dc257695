//! Why a line was not executed.

use std::io;

use crate::client::ClientError;
use crate::grammar::statement::NotFound;
use crate::grammar::words::Fault;

/// Why a line was not executed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ShellError {
    #[error("{}", .fault.show(.line))]
    Line { line: String, fault: Fault },
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    NotFound(#[from] NotFound),
    #[error("{file}: {source}")]
    File { file: String, source: io::Error },
    #[error("{file}: {message}")]
    Content { file: String, message: String },
    #[error("`blame` works only for config-running, as text or with `display set`")]
    Blame,
    #[error("a difference is shown as text, json or xml")]
    Difference,
    #[error("this is shown as text, json or xml, and not with `display set`")]
    Form,
    #[error("this is text only: it has no other format")]
    OnlyText,
    #[error(
        "there are uncommitted changes: `commit` applies them, `discard-changes` discards them"
    )]
    Uncommitted,
    #[error(
        "others have changed the same nodes as you; nothing is done, and your candidate is unchanged\n\
         {0}`resolve PATH mine` or `theirs` resolves one of these, `resolve all mine` or `theirs` all"
    )]
    Conflicts(String),
}

impl ShellError {
    /// Whether a deletion was refused because there is nothing to delete.
    pub(crate) fn is_absence(&self) -> bool {
        matches!(self, ShellError::Client(ClientError::Refused(errors))
            if !errors.is_empty() && errors.iter().all(|error| error.tag == "data-missing"))
    }

    /// Whether the session is over.
    pub(crate) fn is_fatal(&self) -> bool {
        match self {
            ShellError::Client(error) => error.is_fatal(),
            ShellError::Line { .. }
            | ShellError::File { .. }
            | ShellError::Content { .. }
            | ShellError::NotFound(_)
            | ShellError::Blame
            | ShellError::Difference
            | ShellError::Form
            | ShellError::OnlyText
            | ShellError::Uncommitted
            | ShellError::Conflicts(_) => false,
        }
    }
}
