//! Seals: what is altered in the history is noticed.
//!
//! A record is sealed by the SHA-256 digest of its text, and names the digest of the record before it. Whoever changes,
//! removes or puts in a record has to write every later one anew; the digest of the latest, which each commit tells
//! in the log, then differs all the same.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::value::{RawValue, to_raw_value};
use sha2::{Digest as _, Sha256};

use crate::error::Result;
use crate::ledger::history::Record;
use crate::ledger::store::{self, Store};

/// The SHA-256 digest of a record's text, shown in hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest([u8; 32]);

/// A record as it is on disk.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed<'a> {
    digest: Digest,
    #[serde(borrow)]
    record: &'a RawValue,
}

/// A record as it was read.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) record: Record,
    /// That of its text.
    pub(crate) digest: Digest,
    /// Whether that is the one that it was sealed with.
    pub(crate) intact: bool,
    /// What it takes on disk.
    pub(crate) bytes: usize,
}

/// A record that is sealed, and on disk beside its place.
#[derive(Debug)]
pub(crate) struct Draft {
    digest: Digest,
    document: store::Draft,
}

/// Seals a record, and writes it beside its place.
pub(crate) fn draft(store: &Store, name: &str, record: &Record) -> Result<Draft> {
    let text = to_raw_value(record).map_err(|error| store.corrupt(name, error.to_string()))?;
    let digest = Digest::of(text.get());
    let document = store.draft(name, &Sealed { digest, record: &text })?;
    Ok(Draft { digest, document })
}

impl Draft {
    /// Puts the record in its place; answers how it was sealed.
    pub(crate) fn place(self) -> Result<Stamp> {
        Ok(Stamp { digest: self.digest, bytes: self.document.place()? })
    }
}

/// How a record is on disk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    pub(crate) digest: Digest,
    pub(crate) bytes: usize,
}

/// Reads a record; none where there is no such file. One that was altered is answered as it is.
pub(crate) fn read(store: &Store, name: &str) -> Result<Option<Opened>> {
    let Some(text) = store.text(name)? else { return Ok(None) };
    let Sealed { digest: sealed, record } = store.content(name, &text)?;
    let digest = Digest::of(record.get());
    let record = serde_json::from_str(record.get());
    let record = record.map_err(|error| store.corrupt(name, error.to_string()))?;
    Ok(Some(Opened { record, digest, intact: digest == sealed, bytes: text.len() }))
}

impl Digest {
    fn of(text: &str) -> Self {
        Digest(Sha256::digest(text).into())
    }

    /// Reads what is shown.
    fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        if text.len() != 2 * bytes.len() || !text.bytes().all(|c| c.is_ascii_hexdigit()) {
            return None;
        }
        for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
            *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
        }
        Some(Digest(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Digest::parse(&text).ok_or_else(|| de::Error::custom(format!("{text:?} is no digest")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_read_as_it_is_shown() {
        let digest = Digest::of("netloom");
        let shown = digest.to_string();
        assert_eq!(shown.len(), 64);
        assert_eq!(Digest::parse(&shown), Some(digest));
        // FIPS 180-4: the digest of nothing.
        assert!(Digest::of("").to_string().starts_with("e3b0c44298fc1c149afbf4c8996fb924"));
        for wrong in ["", "00", &"0".repeat(63), &"g".repeat(64), &"é".repeat(32)] {
            assert_eq!(Digest::parse(wrong), None, "{wrong}");
        }
    }
}
