//! A kernel parameter of a namespace: a file below `/proc/sys/net` (sysctl(8), Documentation/networking/ip-sysctl.rst).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::name::{InvalidName, LinkName, NetnsName};

/// Which parameter, of which namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SysctlKey {
    /// The namespace.
    pub netns: NetnsName,
    /// The parameter.
    pub path: SysctlPath,
}

/// A path below `/proc/sys`, with `/` between its parts, the first of which is `net`: it cannot lead elsewhere.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SysctlPath(Arc<str>);

impl SysctlPath {
    /// The path as text, for example `net/ipv4/conf/eth0/rp_filter`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path as sysctl(8) shows it: dots between the parts, and slashes for the dots within them.
    pub fn dotted(&self) -> String {
        let swap = |c| match c {
            '/' => '.',
            '.' => '/',
            other => other,
        };
        self.0.chars().map(swap).collect()
    }

    /// The link whose parameter this is (`net/FAMILY/conf/LINK/…`, `net/FAMILY/neigh/LINK/…`); none for
    /// `all` and `default`.
    pub fn dev(&self) -> Option<LinkName> {
        let mut parts = self.0.split('/').skip(2);
        match (parts.next()?, parts.next()?) {
            ("conf" | "neigh", "all" | "default") => None,
            ("conf" | "neigh", dev) => dev.parse().ok(),
            _ => None,
        }
    }

    /// The same parameter of another link; none where it is not a link's.
    pub fn of_dev(&self, dev: &LinkName) -> Option<SysctlPath> {
        let mut parts: Vec<&str> = self.0.split('/').collect();
        self.dev()?;
        *parts.get_mut(3)? = dev.as_str();
        Some(Self(parts.join("/").into()))
    }
}

/// A parameter's value in the one form that values are compared in: without a newline, its fields with one space
/// between. The kernel reads any white space, and prints tabs.
pub fn plain_value(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl FromStr for SysctlPath {
    type Err = InvalidName;

    /// Takes both `net/ipv4/ip_forward` and `net.ipv4.ip_forward` (sysctl(8): the first separator decides,
    /// so that a link's name may hold the other).
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let fault = |reason| InvalidName { kind: "sysctl", text: text.into(), reason };
        let slashes: String = match text.find(['.', '/']).map(|at| &text[at..=at]) {
            Some(".") => text
                .chars()
                .map(|c| match c {
                    '.' => '/',
                    '/' => '.',
                    other => other,
                })
                .collect(),
            _ => text.into(),
        };
        let mut parts = slashes.split('/');
        if parts.next() != Some("net") {
            return Err(fault("is not below net/"));
        }
        let mut depth = 0;
        for part in parts {
            let plain = |c: char| c.is_ascii_graphic() && c != '\\';
            if part.is_empty() || part == "." || part == ".." || !part.chars().all(plain) {
                return Err(fault("has a part that names no parameter"));
            }
            depth += 1;
        }
        if depth == 0 { Err(fault("names no parameter")) } else { Ok(Self(slashes.into())) }
    }
}

impl TryFrom<String> for SysctlPath {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<SysctlPath> for String {
    fn from(path: SysctlPath) -> String {
        path.0.to_string()
    }
}

impl fmt::Display for SysctlPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SysctlPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
