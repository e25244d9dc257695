//! Errors in a module, a document, an edit or a tree.

use std::fmt::Display;

/// The result type of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error, with its path and, if a protocol requires it, the RFC 6241 error-tag.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{}{message}", path.as_ref().map(|path| format!("{path}: ")).unwrap_or_default())]
pub struct Error {
    /// The type of the error (RFC 6241 appendix A).
    pub tag: ErrorTag,
    /// `error-app-tag`, if the schema or RFC 7950 section 15 defines one.
    pub app_tag: Option<String>,
    /// The invalid instance.
    pub path: Option<String>,
    /// The message for users. It names line and column if a document cannot be parsed.
    pub message: String,
    /// The element of `error-info` that RFC 6241 appendix A requires for the tag: (`bad-element`, its name).
    pub info: Vec<(&'static str, String)>,
}

impl Error {
    /// An error without a path.
    pub fn new(tag: ErrorTag, message: impl Into<String>) -> Self {
        Self { tag, app_tag: None, path: None, message: message.into(), info: Vec::new() }
    }

    /// The same error, at `path`.
    pub fn at(self, path: impl Display) -> Self {
        Self { path: Some(path.to_string()), ..self }
    }

    /// The same error, with the element's name.
    pub(crate) fn of_element(mut self, name: &str) -> Self {
        self.info.push(("bad-element", name.to_owned()));
        self
    }

    /// The same error, with the attribute's name.
    pub(crate) fn of_attribute(mut self, name: &str) -> Self {
        self.info.push(("bad-attribute", name.to_owned()));
        self
    }

    /// The same error, with the namespace.
    pub(crate) fn of_namespace(mut self, namespace: &str) -> Self {
        self.info.push(("bad-namespace", namespace.to_owned()));
        self
    }

    /// The same error, with one more step before its path.
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
