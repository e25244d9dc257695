//! NETCONF errors (RFC 6241 section 4.3 and appendix A).

use std::collections::BTreeMap;
use std::fmt;

use crate::namespace::BASE;
use crate::path::{from_xpath, to_xpath};
use crate::rpc::Envelope;
use crate::xml::{Malformed, Reader, Xml, attribute_escaped, escaped, leaf};

/// `<rpc-error>`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "named by the RFC")]
pub struct RpcError {
    pub error_type: ErrorType,
    pub tag: String,
    pub severity: Severity,
    pub app_tag: Option<String>,
    /// The path in the format of RFC 7951 instance-identifiers. In messages it is XPath.
    pub path: Option<String>,
    /// The namespaces of the modules in the path, which `<error-path>` declares.
    pub modules: BTreeMap<String, String>,
    pub message: Option<String>,
    /// The content of `<error-info>`.
    pub info: Option<Xml>,
}

/// The layer at which the error occurred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "named by the RFC")]
pub enum ErrorType {
    Transport,
    Rpc,
    Protocol,
    Application,
}

/// Whether the operation failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "named by the RFC")]
pub enum Severity {
    Error,
    Warning,
}

/// A message that cannot be executed, and the error reply to it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct MessageError {
    /// The attributes of the request that the reply repeats, as far as they could be read.
    pub envelope: Envelope,
    /// The error.
    pub error: Box<RpcError>,
}

impl RpcError {
    /// An error with a message for users.
    pub fn new(error_type: ErrorType, tag: &str, message: impl Into<String>) -> Self {
        Self {
            error_type,
            tag: tag.into(),
            severity: Severity::Error,
            app_tag: None,
            path: None,
            modules: BTreeMap::new(),
            message: Some(message.into()),
            info: None,
        }
    }

    /// Adds a leaf to `<error-info>`, such as `bad-element`.
    pub fn with_info(mut self, name: &str, value: &str) -> Self {
        self.info.get_or_insert_default().0 += &Xml::leaf(name, BASE, value).0;
        self
    }

    /// The error for a message that cannot be parsed.
    pub(crate) fn malformed(fault: &Malformed) -> Self {
        Self::new(
            ErrorType::Rpc,
            "malformed-message",
            format!("the message does not parse: {fault}"),
        )
    }

    /// Writes `<rpc-error>`. `prefix` is the prefix of the elements.
    pub(crate) fn write(&self, out: &mut String, prefix: &str) {
        leaf(out, &format!("{prefix}error-type"), self.error_type.name());
        leaf(out, &format!("{prefix}error-tag"), &self.tag);
        leaf(out, &format!("{prefix}error-severity"), self.severity.name());
        if let Some(app_tag) = &self.app_tag {
            leaf(out, &format!("{prefix}error-app-tag"), app_tag);
        }
        if let Some(path) = &self.path {
            self.write_path(out, prefix, path);
        }
        if let Some(message) = &self.message {
            let message = escaped(message);
            *out += &format!(
                "<{prefix}error-message xml:lang=\"en\">{message}</{prefix}error-message>"
            );
        }
        if let Some(Xml(info)) = &self.info {
            *out += &format!("<{prefix}error-info>{info}</{prefix}error-info>");
        }
    }

    /// If a namespace is not known, the path is written unchanged: an invalid XPath is better than no path.
    fn write_path(&self, out: &mut String, prefix: &str, path: &str) {
        let xpath = to_xpath(path).and_then(|(xpath, used)| {
            let declare = |module: &str| {
                let namespace = attribute_escaped(self.modules.get(module)?);
                Some(format!(" xmlns:{module}=\"{namespace}\""))
            };
            let declarations = used.into_iter().map(declare).collect::<Option<String>>()?;
            Some((xpath, declarations))
        });
        let (path, declarations) = xpath.unwrap_or_else(|| (path.to_string(), String::new()));
        let path = escaped(&path);
        *out += &format!("<{prefix}error-path{declarations}>{path}</{prefix}error-path>");
    }

    /// Reads the content of the `<rpc-error>` element that was entered.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut error = Self::new(ErrorType::Application, "operation-failed", "");
        error.message = None;
        while let Some(field) = reader.child()? {
            match field.name.as_str() {
                "error-info" => error.info = Some(reader.fragment()?),
                name => {
                    let text = reader.text()?.trim().to_string();
                    match name {
                        "error-type" => error.error_type = ErrorType::named(&text),
                        "error-tag" => error.tag = text,
                        "error-severity" if text == "warning" => error.severity = Severity::Warning,
                        "error-app-tag" => error.app_tag = Some(text),
                        "error-path" => {
                            for module in to_xpath(&text).map(|(_, used)| used).unwrap_or_default()
                            {
                                let (namespace, _) = reader.qualified(&format!("{module}:x"));
                                if !namespace.is_empty() {
                                    error.modules.insert(module.to_string(), namespace);
                                }
                            }
                            error.path = Some(from_xpath(&text));
                        }
                        "error-message" => error.message = Some(text),
                        _ => {}
                    }
                }
            }
        }
        Ok(error)
    }
}

impl fmt::Display for RpcError {
    /// The path, if there is one, and the message. If there is no message, the tag.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.path {
            write!(f, "{path}: ")?;
        }
        f.write_str(self.message.as_deref().unwrap_or(&self.tag))
    }
}

impl ErrorType {
    fn name(self) -> &'static str {
        match self {
            ErrorType::Transport => "transport",
            ErrorType::Rpc => "rpc",
            ErrorType::Protocol => "protocol",
            ErrorType::Application => "application",
        }
    }

    fn named(name: &str) -> Self {
        match name {
            "transport" => ErrorType::Transport,
            "rpc" => ErrorType::Rpc,
            "protocol" => ErrorType::Protocol,
            _ => ErrorType::Application,
        }
    }
}

impl Severity {
    fn name(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}
