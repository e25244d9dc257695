//! The digest of a record's text.

use std::fmt;
use std::io::{self, Write};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest as _, Sha256};

/// The SHA-256 digest of a record's text, shown in hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest([u8; 32]);

impl Digest {
    pub(crate) fn of(text: &str) -> Self {
        Digest(Sha256::digest(text).into())
    }

    /// Passes what `write` writes on to `to`. Returns the digest of this text.
    pub(crate) fn of_written<W: Write>(
        to: &mut W,
        write: impl FnOnce(&mut Digesting<'_, W>) -> io::Result<()>,
    ) -> io::Result<Self> {
        let mut digesting = Digesting { to, hasher: Sha256::new() };
        write(&mut digesting)?;
        Ok(Digest(digesting.hasher.finalize().into()))
    }

    /// Parses the hexadecimal form.
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

/// A writer that computes the digest of what passes through it.
pub(crate) struct Digesting<'a, W> {
    to: &'a mut W,
    hasher: Sha256,
}

impl<W: Write> Write for Digesting<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
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
    fn a_text_has_the_same_digest_when_it_is_written_in_pieces() {
        let mut to = Vec::new();
        let digest = Digest::of_written(&mut to, |to| {
            ["net", "", "loom"].into_iter().try_for_each(|piece| to.write_all(piece.as_bytes()))
        });
        assert_eq!(digest.unwrap(), Digest::of("netloom"));
        assert_eq!(to, b"netloom");
        // A text that could not be written completely has no digest.
        let digest = Digest::of_written(&mut [0; 4].as_mut_slice(), |to| to.write_all(b"netloom"));
        assert_eq!(digest.unwrap_err().kind(), io::ErrorKind::WriteZero);
    }

    #[test]
    fn a_displayed_digest_can_be_parsed() {
        let digest = Digest::of("netloom");
        let shown = digest.to_string();
        assert_eq!(shown.len(), 64);
        assert_eq!(Digest::parse(&shown), Some(digest));
        // FIPS 180-4: the digest of the empty text.
        assert!(Digest::of("").to_string().starts_with("e3b0c44298fc1c149afbf4c8996fb924"));
        for wrong in ["", "00", &"0".repeat(63), &"g".repeat(64), &"é".repeat(32)] {
            assert_eq!(Digest::parse(wrong), None, "{wrong}");
        }
    }
}
