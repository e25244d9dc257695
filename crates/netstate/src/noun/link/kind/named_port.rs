//! A port of a link that an attribute of the link names. The kernel numbers it by its index.

use serde::{Deserialize, Serialize};

use crate::attribute::Value;
use crate::name::{InvalidName, LinkName};

/// The port that an attribute names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum NamedPort {
    /// None.
    None,
    /// This link, in the same namespace.
    Port(LinkName),
}

impl TryFrom<String> for NamedPort {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        if text.is_empty() { Ok(NamedPort::None) } else { text.parse().map(NamedPort::Port) }
    }
}

impl From<NamedPort> for String {
    fn from(port: NamedPort) -> String {
        match port {
            NamedPort::None => String::new(),
            NamedPort::Port(name) => name.as_str().into(),
        }
    }
}

impl Value for NamedPort {
    fn put(&self, out: &mut Vec<u8>) {
        String::from(self.clone()).put(out);
    }

    fn take(bytes: &[u8]) -> Option<Self> {
        String::take(bytes)?.try_into().ok()
    }
}
