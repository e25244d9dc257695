//! Translates the engine's errors into NETCONF errors (RFC 6241 appendix A). No other file does this.

use ::netconf::{ErrorType, Reply, RpcError};
use yang::{ErrorTag, Schema};

/// The errors of a failed request, at least one.
#[derive(Debug, PartialEq)]
pub(super) struct Errors(pub(super) Vec<RpcError>);

pub(super) type Result<T> = std::result::Result<T, Errors>;

impl Errors {
    /// An error in the request itself.
    pub(super) fn request(tag: ErrorTag, message: impl Into<String>) -> Self {
        Errors(vec![RpcError::new(ErrorType::Protocol, name(tag), message)])
    }

    /// The reply with the errors.
    pub(super) fn into_reply(self, schema: &Schema) -> Reply {
        let Errors(mut errors) = self;
        for error in &mut errors {
            let Some(path) = &error.path else { continue };
            let named = schema.modules().iter().filter(|m| path.contains(&format!("{}:", m.name)));
            error.modules = named.map(|m| (m.name.clone(), m.namespace.clone())).collect();
        }
        Reply::Errors(errors)
    }
}

impl From<Vec<engine::RpcError>> for Errors {
    fn from(errors: Vec<engine::RpcError>) -> Self {
        Errors(errors.into_iter().map(translate).collect())
    }
}

impl From<yang::Error> for Errors {
    fn from(mut error: yang::Error) -> Self {
        let info = std::mem::take(&mut error.info);
        let translated = translate(engine::RpcError::from(error));
        let named =
            info.iter().fold(translated, |error, (name, value)| error.with_info(name, value));
        Errors(vec![named])
    }
}

fn translate(error: engine::RpcError) -> RpcError {
    let engine::RpcError { tag, app_tag, path, message, session } = error;
    let error_type = match tag {
        ErrorTag::LockDenied => ErrorType::Protocol,
        ErrorTag::MalformedMessage => ErrorType::Rpc,
        ErrorTag::InUse
        | ErrorTag::InvalidValue
        | ErrorTag::TooBig
        | ErrorTag::MissingAttribute
        | ErrorTag::BadAttribute
        | ErrorTag::UnknownAttribute
        | ErrorTag::MissingElement
        | ErrorTag::BadElement
        | ErrorTag::UnknownElement
        | ErrorTag::UnknownNamespace
        | ErrorTag::AccessDenied
        | ErrorTag::ResourceDenied
        | ErrorTag::RollbackFailed
        | ErrorTag::DataExists
        | ErrorTag::DataMissing
        | ErrorTag::OperationNotSupported
        | ErrorTag::OperationFailed => ErrorType::Application,
    };
    let error = RpcError { app_tag, path, ..RpcError::new(error_type, name(tag), message) };
    match session {
        Some(session) => error.with_info("session-id", &session.to_string()),
        None => error,
    }
}

fn name(tag: ErrorTag) -> &'static str {
    match tag {
        ErrorTag::InUse => "in-use",
        ErrorTag::InvalidValue => "invalid-value",
        ErrorTag::TooBig => "too-big",
        ErrorTag::MissingAttribute => "missing-attribute",
        ErrorTag::BadAttribute => "bad-attribute",
        ErrorTag::UnknownAttribute => "unknown-attribute",
        ErrorTag::MissingElement => "missing-element",
        ErrorTag::BadElement => "bad-element",
        ErrorTag::UnknownElement => "unknown-element",
        ErrorTag::UnknownNamespace => "unknown-namespace",
        ErrorTag::AccessDenied => "access-denied",
        ErrorTag::LockDenied => "lock-denied",
        ErrorTag::ResourceDenied => "resource-denied",
        ErrorTag::RollbackFailed => "rollback-failed",
        ErrorTag::DataExists => "data-exists",
        ErrorTag::DataMissing => "data-missing",
        ErrorTag::OperationNotSupported => "operation-not-supported",
        ErrorTag::OperationFailed => "operation-failed",
        ErrorTag::MalformedMessage => "malformed-message",
    }
}
