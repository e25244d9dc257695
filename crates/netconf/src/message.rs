//! NETCONF messages as values (RFC 6241), Netloom's own operations among them.

/// A self-contained fragment of XML: elements side by side, each with the namespace declarations that it needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Xml(pub String);

/// `<hello>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The capabilities' URIs.
    pub capabilities: Vec<String>,
    /// From the server only.
    pub session_id: Option<u32>,
}

/// A datastore by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "named by RFC 6241 and RFC 8342")]
pub enum Datastore {
    Candidate,
    Running,
    Startup,
    Operational,
}

/// What an operation reads from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A datastore.
    Datastore(Datastore),
    /// Content within the request.
    Config(Xml),
}

/// `<rpc>`: an operation. Filters are the children of `<filter type="subtree">`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "named by RFC 6241, RFC 8526, RFC 6022 and the module netloom-rpc")]
pub enum Rpc {
    GetConfig {
        source: Datastore,
        filter: Option<Xml>,
    },
    Get {
        filter: Option<Xml>,
    },
    GetData {
        datastore: Datastore,
        filter: Option<Xml>,
    },
    EditConfig {
        target: Datastore,
        default_operation: String,
        test_option: String,
        error_option: String,
        config: Xml,
    },
    CopyConfig {
        target: Datastore,
        source: Source,
    },
    DeleteConfig {
        target: Datastore,
    },
    Lock(Datastore),
    Unlock(Datastore),
    Validate(Source),
    Commit {
        comment: Option<String>,
    },
    DiscardChanges,
    CloseSession,
    KillSession(u32),
    GetSchema {
        identifier: String,
        version: Option<String>,
        format: Option<String>,
    },
    /// `netloom-rpc:check-commit`: what a commit would do, in words.
    CheckCommit,
    /// `netloom-rpc:rollback`: the configuration of N commits ago into the candidate.
    Rollback {
        position: u32,
    },
    /// `netloom-rpc:get-history`.
    GetHistory,
}

/// `<rpc-reply>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// `<ok/>`.
    Ok,
    /// Whatever else the reply holds, for example `<data>…</data>`.
    Data(Xml),
    /// `<rpc-error>`, one or more.
    Errors(Vec<RpcError>),
}

/// `<rpc-error>` (RFC 6241 section 4.3).
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "named by the RFC")]
pub struct RpcError {
    pub error_type: String,
    pub tag: String,
    pub severity: String,
    pub app_tag: Option<String>,
    pub path: Option<String>,
    pub message: Option<String>,
    pub info: Option<Xml>,
}

/// Text that is no NETCONF message.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct MessageError {
    /// The `message-id`, where it could be read.
    pub message_id: Option<String>,
    /// What to answer.
    pub error: Box<RpcError>,
    /// The same, for a log.
    pub message: String,
}

impl Hello {
    /// Reads a `<hello>`.
    pub fn from_xml(_text: &str) -> Result<Hello, MessageError> {
        todo!()
    }

    /// Writes it.
    pub fn to_xml(&self) -> String {
        todo!()
    }
}

impl Rpc {
    /// Reads an `<rpc>`; answers its `message-id` too.
    pub fn from_xml(_text: &str) -> Result<(String, Rpc), MessageError> {
        todo!()
    }

    /// Writes it.
    pub fn to_xml(&self, _message_id: &str) -> String {
        todo!()
    }
}

impl Reply {
    /// Reads an `<rpc-reply>`; answers its `message-id` too.
    pub fn from_xml(_text: &str) -> Result<(Option<String>, Reply), MessageError> {
        todo!()
    }

    /// Writes it.
    pub fn to_xml(&self, _message_id: Option<&str>) -> String {
        todo!()
    }
}
