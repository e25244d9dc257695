//! What can be wrong with a module, a document, an edit or a tree.

use std::fmt::Display;

/// The crate's results.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A fault, with the place and, where a protocol asks for one, the RFC 6241 error-tag.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{}{message}", path.as_ref().map(|path| format!("{path}: ")).unwrap_or_default())]
pub struct Error {
    /// What kind of fault it is (RFC 6241 appendix A).
    pub tag: ErrorTag,
    /// `error-app-tag`, where the schema or RFC 7950 section 15 gives one.
    pub app_tag: Option<String>,
    /// The instance at fault.
    pub path: Option<String>,
    /// What is wrong with it, for a person. Names line and column where a document does not parse.
    pub message: String,
    /// What RFC 6241 appendix A wants named in `error-info` beside the tag: (`bad-element`, its name).
    pub info: Vec<(&'static str, String)>,
}

impl Error {
    /// A fault without a place.
    pub fn new(tag: ErrorTag, message: impl Into<String>) -> Self {
        Self { tag, app_tag: None, path: None, message: message.into(), info: Vec::new() }
    }

    /// The same fault, at `path`.
    pub fn at(self, path: impl Display) -> Self {
        Self { path: Some(path.to_string()), ..self }
    }

    /// The same fault, with the element's name.
    pub(crate) fn of_element(mut self, name: &str) -> Self {
        self.info.push(("bad-element", name.to_owned()));
        self
    }

    /// The same fault, with the attribute's name.
    pub(crate) fn of_attribute(mut self, name: &str) -> Self {
        self.info.push(("bad-attribute", name.to_owned()));
        self
    }

    /// The same fault, with the namespace.
    pub(crate) fn of_namespace(mut self, namespace: &str) -> Self {
        self.info.push(("bad-namespace", namespace.to_owned()));
        self
    }

    /// The same fault, seen from one step further up.
    pub(crate) fn below(self, step: impl Display) -> Self {
        let path = self.path.unwrap_or_default();
        Self { path: Some(format!("{step}{path}")), ..self }
    }
}

/// RFC 6241 appendix A.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "named by the RFC")]
pub enum ErrorTag {
    InUse,
    InvalidValue,
    TooBig,
    MissingAttribute,
    BadAttribute,
    UnknownAttribute,
    MissingElement,
    BadElement,
    UnknownElement,
    UnknownNamespace,
    AccessDenied,
    LockDenied,
    ResourceDenied,
    RollbackFailed,
    DataExists,
    DataMissing,
    OperationNotSupported,
    OperationFailed,
    MalformedMessage,
}
