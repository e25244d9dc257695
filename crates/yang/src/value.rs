//! A leaf's value, canonical and typed.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// A value in its canonical form (RFC 7950 section 9). A union's value is that of the member that took it.
/// Values are ordered as people count: digits within texts compare as numbers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the YANG types of those names")]
pub enum Value {
    Empty,
    Boolean(bool),
    Integer(i64),
    Unsigned(u64),
    /// 64-bit integers and decimals are texts in JSON (RFC 7951 section 6.1).
    Integer64(i64),
    Unsigned64(u64),
    Decimal64(Arc<str>),
    String(Arc<str>),
    /// The name, and the number that the schema gives it.
    Enumeration(Arc<str>, i32),
    /// The defining module and the identity.
    Identity(Arc<str>, Arc<str>),
    Bits(Arc<str>),
    Binary(Arc<str>),
    InstanceIdentifier(Arc<str>),
}

impl fmt::Display for Value {
    /// The canonical text; an identity as `module:name`.
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}

impl Ord for Value {
    fn cmp(&self, _other: &Self) -> Ordering {
        todo!()
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
