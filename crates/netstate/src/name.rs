//! Names that are valid by construction.

mod text;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use self::text::{Short, Text};
use crate::attribute::Value;

/// Why a text is not a valid name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {text:?} {reason}")]
pub struct InvalidName {
    /// What the text should name, for example `network namespace`.
    pub kind: &'static str,
    /// The text as given.
    pub text: String,
    /// The violated rule, as the end of a sentence.
    pub reason: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident($text:ty), $kind:literal, $check:path) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name($text);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                match $check(text) {
                    Some(reason) => Err(InvalidName { kind: $kind, text: text.into(), reason }),
                    None => Ok(Self(text.into())),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.as_str().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self.as_str(), f)
            }
        }
    };
}

name! {
    /// A network namespace: `1` is the one in which the daemon was started, any other is a file in
    /// `/run/netns` (ip-netns(8)).
    NetnsName(Text), "network namespace", netns_fault
}

name! {
    /// The kernel's name of a link in its namespace (`IFLA_IFNAME`): at most 15 bytes
    /// (`dev_valid_name` in net/core/dev.c).
    LinkName(Short<15>), "link name", link_name_fault
}

name! {
    /// The configuration's name of a link, unique over all namespaces.
    LinkId(Text), "link", link_id_fault
}

impl NetnsName {
    /// The namespace in which the daemon was started.
    pub fn own() -> Self {
        Self("1".into())
    }

    /// Whether this is the namespace in which the daemon was started.
    pub fn is_own(&self) -> bool {
        *self == Self::own()
    }
}

impl LinkName {
    /// The name of the loopback of each namespace.
    pub fn loopback() -> Self {
        Self("lo".into())
    }

    /// A name that sorts before all others.
    pub(crate) fn least() -> Self {
        Self("!".into())
    }
}

impl Value for LinkName {
    /// Writes a zero byte at the end, as most attributes with names require.
    fn put(&self, out: &mut Vec<u8>) {
        out.extend(self.as_str().bytes());
        out.push(0);
    }

    fn take(bytes: &[u8]) -> Option<Self> {
        String::take(bytes)?.parse().ok()
    }
}

/// A link-layer address: six octets for Ethernet, four for an IPv4 tunnel, up to 32
/// (`MAX_ADDR_LEN`, include/linux/netdevice.h).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MacAddress(Vec<u8>);

impl MacAddress {
    /// The octets in network order.
    pub fn octets(&self) -> &[u8] {
        &self.0
    }
}

impl From<&[u8]> for MacAddress {
    fn from(octets: &[u8]) -> Self {
        Self(octets.to_vec())
    }
}

impl FromStr for MacAddress {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let fault = || InvalidName {
            kind: "link-layer address",
            text: text.into(),
            reason: "is not 1 to 32 pairs of hexadecimal digits with `:` between them",
        };
        let octet = |pair: &str| match pair.len() {
            2 => u8::from_str_radix(pair, 16).map_err(|_| fault()),
            _ => Err(fault()),
        };
        let octets = text.split(':').map(octet).collect::<Result<Vec<u8>, _>>()?;
        if octets.len() > 32 { Err(fault()) } else { Ok(Self(octets)) }
    }
}

impl TryFrom<String> for MacAddress {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<MacAddress> for String {
    fn from(address: MacAddress) -> String {
        address.to_string()
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs: Vec<String> = self.0.iter().map(|octet| format!("{octet:02x}")).collect();
        f.pad(&pairs.join(":"))
    }
}

fn netns_fault(text: &str) -> Option<&'static str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-@+".contains(c);
    match text {
        "" => Some("is empty"),
        "." | ".." => Some("names a directory"),
        _ if text.len() > 255 => Some("is longer than 255 characters"),
        _ if text.contains('/') => Some("contains `/`"),
        _ if text.starts_with('-') => {
            Some("starts with `-`, which ip-netns(8) takes for an option")
        }
        _ if !text.chars().all(plain) => Some("may hold only letters, digits and `._-@+`"),
        _ => None,
    }
}

fn link_name_fault(text: &str) -> Option<&'static str> {
    match text {
        "" => Some("is empty"),
        "." | ".." => Some("names a directory"),
        _ if text.len() > 15 => Some("is longer than the kernel's 15 characters"),
        _ if text.contains(['/', ':']) => Some("contains `/` or `:`"),
        _ if text.contains(char::is_whitespace) => Some("contains white space"),
        _ if text.contains(char::is_control) => Some("contains a control character"),
        _ if text.contains('%') => Some("contains `%`, which the kernel takes for a pattern"),
        _ => None,
    }
}

fn link_id_fault(text: &str) -> Option<&'static str> {
    match text {
        "" => Some("is empty"),
        _ if text.contains(char::is_control) => Some("contains a control character"),
        _ => None,
    }
}
