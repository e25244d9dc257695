//! Records on disk, each with the digest of its text, so that a change to the history is noticed.
//!
//! A record names the digest of the record before it, so that the digests form a chain. To change,
//! remove or add a record, somebody has to write every later one again. The digest of the latest
//! record then still differs, and each commit logs its digest. The digest follows the record in the
//! file, so that it can be computed while the record is written.

use std::io::Write;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::Result;
use crate::ledger::digest::Digest;
use crate::ledger::record::Record;
use crate::ledger::store::{self, Store};

/// A record as it is on disk.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored<'a> {
    #[serde(borrow)]
    record: &'a RawValue,
    digest: Digest,
}

/// A record as it was read.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) record: Record,
    /// The digest of its text.
    pub(crate) digest: Digest,
    /// Whether this digest is the one that is stored with it.
    pub(crate) intact: bool,
    /// Its size on disk.
    pub(crate) bytes: usize,
}

/// A record that is written but not yet in its place.
#[derive(Debug)]
pub(crate) struct Draft {
    digest: Digest,
    document: store::Draft,
}

/// Writes a record beside its place, as [`Stored`]. Its text is never in memory as a whole.
pub(crate) fn draft(store: &Store, name: &str, record: &Record) -> Result<Draft> {
    let (document, digest) = store.draft_with(name, |to| {
        to.write_all(b"{\"record\":")?;
        let digest = Digest::of_written(to, |to| Ok(serde_json::to_writer(to, record)?))?;
        write!(to, ",\"digest\":\"{digest}\"}}")?;
        Ok(digest)
    })?;
    Ok(Draft { digest, document })
}

impl Draft {
    /// Puts the record in its place.
    pub(crate) fn place(self) -> Result<Stamp> {
        Ok(Stamp { digest: self.digest, bytes: self.document.place()? })
    }
}

/// The size and the digest of a record on disk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    pub(crate) digest: Digest,
    pub(crate) bytes: usize,
}

/// Reads a record; none if the file does not exist. A record that was altered is returned as it is.
pub(crate) fn read(store: &Store, name: &str) -> Result<Option<Opened>> {
    let Some(text) = store.text(name)? else { return Ok(None) };
    let Stored { digest: stored, record } = store.content(name, &text)?;
    let digest = Digest::of(record.get());
    let record = serde_json::from_str(record.get());
    let record = record.map_err(|error| store.corrupt(name, error.to_string()))?;
    Ok(Some(Opened { record, digest, intact: digest == stored, bytes: text.len() }))
}
