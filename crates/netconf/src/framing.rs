//! Splits a byte stream into messages: end-of-message framing until both hellos are read, chunked framing
//! afterwards (RFC 6242 section 4).
//!
//! The decoder reads each byte once and stores at most one message. Bytes after a message wait until that message
//! is taken, because a hello changes the framing of the bytes after it.

use std::borrow::Cow;

/// The framing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    /// `]]>]]>` after each message: for hellos, and always with base:1.0.
    #[default]
    EndOfMessage,
    /// Chunks with their lengths, with base:1.1.
    Chunked,
}

/// An error in the byte stream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    /// A chunk header that RFC 6242 section 4.2 does not allow. The rest of the stream cannot be read.
    #[error("byte {offset}: chunk header expected, found {found:?}")]
    Header {
        /// The position from the start of the stream.
        offset: u64,
        /// The bytes at that position.
        found: String,
    },
    /// A message that is longer than the limit. The rest of the stream cannot be read.
    #[error("message of more than {limit} bytes")]
    TooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// A message that is not UTF-8. The stream can continue after this message.
    #[error("message is not UTF-8 at byte {offset} of it")]
    Utf8 {
        /// The position in the message.
        offset: usize,
    },
}

/// Finds messages in a stream of bytes.
#[derive(Debug)]
pub struct Decoder {
    framing: Framing,
    limit: usize,
    /// Received bytes. Those before `taken` are processed.
    input: Vec<u8>,
    taken: usize,
    /// The number of bytes that were processed and removed from `input`.
    dropped: u64,
    /// The position in `input` up to which the end of the message was searched.
    searched: usize,
    /// The chunks so far of the current message.
    message: Vec<u8>,
    /// The number of missing bytes of the current chunk.
    missing: usize,
    /// The error after which nothing more can be read.
    broken: Option<FramingError>,
}

const END_OF_MESSAGE: &[u8] = b"]]>]]>";
const END_OF_CHUNKS: &[u8] = b"\n##\n";
/// LF, `#`, ten digits (RFC 6242 section 4.2: at most 4294967295), LF.
const LONGEST_HEADER: usize = 13;

impl Default for Decoder {
    /// A decoder for a new session. Its limit is enough for a million routes.
    fn default() -> Self {
        Self::with_limit(256 << 20)
    }
}

impl Decoder {
    /// A decoder for messages of at most `limit` bytes.
    pub fn with_limit(limit: usize) -> Self {
        Self {
            framing: Framing::EndOfMessage,
            limit,
            input: Vec::new(),
            taken: 0,
            dropped: 0,
            searched: 0,
            message: Vec::new(),
            missing: 0,
            broken: None,
        }
    }

    /// Changes the framing of the bytes after the messages that were already taken.
    pub fn set_framing(&mut self, framing: Framing) {
        self.framing = framing;
        self.searched = self.taken;
    }

    /// Adds received bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        // The remaining bytes are moved to the front only when they are the smaller half, so that the total cost is
        // linear.
        if self.taken > self.input.len() / 2 {
            self.input.drain(..self.taken);
            self.dropped += self.taken as u64;
            self.searched = self.searched.saturating_sub(self.taken);
            self.taken = 0;
        }
        // What is missing of a chunk need not wait in the input.
        let within = if self.taken == self.input.len() { bytes.len().min(self.missing) } else { 0 };
        let (content, rest) = bytes.split_at(within);
        self.message.extend_from_slice(content);
        self.missing -= within;
        self.dropped += within as u64;
        self.input.extend_from_slice(rest);
    }

    /// The next complete message, if there is one.
    pub fn message(&mut self) -> Result<Option<String>, FramingError> {
        if let Some(broken) = &self.broken {
            return Err(broken.clone());
        }
        let bytes = match self.framing {
            Framing::EndOfMessage => self.until_end_of_message(),
            Framing::Chunked => self.chunks(),
        };
        let bytes = bytes.inspect_err(|error| self.broken = Some(error.clone()))?;
        bytes
            .map(String::from_utf8)
            .transpose()
            .map_err(|error| FramingError::Utf8 { offset: error.utf8_error().valid_up_to() })
    }

    /// The number of bytes that wait for the end of their message.
    pub fn held_bytes(&self) -> usize {
        self.input.len() - self.taken + self.message.len()
    }

    /// Whether there are bytes of an incomplete message.
    pub fn is_within_message(&self) -> bool {
        self.taken < self.input.len() || !self.message.is_empty() || self.missing > 0
    }

    fn until_end_of_message(&mut self) -> Result<Option<Vec<u8>>, FramingError> {
        let from = self.searched.max(self.taken);
        let found = self.input[from..]
            .windows(END_OF_MESSAGE.len())
            .position(|window| window == END_OF_MESSAGE)
            .map(|position| from + position);
        let end = found.unwrap_or(self.input.len());
        if end - self.taken > self.limit {
            return Err(FramingError::TooLong { limit: self.limit });
        }
        match found {
            Some(end) => {
                let rest = self.input.split_off(end + END_OF_MESSAGE.len());
                // The buffer of a large message goes with it.
                let mut bytes = std::mem::replace(&mut self.input, rest);
                bytes.truncate(end);
                bytes.drain(..self.taken);
                self.dropped += (end + END_OF_MESSAGE.len()) as u64;
                (self.taken, self.searched) = (0, 0);
                Ok(Some(bytes))
            }
            None => {
                self.searched = end.saturating_sub(END_OF_MESSAGE.len() - 1);
                Ok(None)
            }
        }
    }

    fn chunks(&mut self) -> Result<Option<Vec<u8>>, FramingError> {
        loop {
            let there = &self.input[self.taken..];
            if self.missing > 0 {
                let part = there.len().min(self.missing);
                self.message.extend_from_slice(&there[..part]);
                self.taken += part;
                self.missing -= part;
                if self.missing > 0 {
                    return Ok(None);
                }
                continue;
            }
            match header(there, !self.message.is_empty()) {
                Header::Incomplete => return Ok(None),
                Header::Wrong => {
                    let shown = &there[..there.len().min(LONGEST_HEADER)];
                    return Err(FramingError::Header {
                        offset: self.dropped + self.taken as u64,
                        found: String::from_utf8_lossy(shown).into_owned(),
                    });
                }
                Header::Chunk { header, size } => {
                    if size > (self.limit - self.message.len()) as u64 {
                        return Err(FramingError::TooLong { limit: self.limit });
                    }
                    self.taken += header;
                    self.missing = size as usize;
                }
                Header::End { header } => {
                    self.taken += header;
                    return Ok(Some(std::mem::take(&mut self.message)));
                }
            }
        }
    }
}

/// The bytes at the position of a chunk header.
enum Header {
    Incomplete,
    Wrong,
    Chunk { header: usize, size: u64 },
    End { header: usize },
}

/// Reads `LF "#" chunk-size LF`, or `LF "##" LF` after a chunk.
fn header(bytes: &[u8], end_allowed: bool) -> Header {
    let Some(rest) = bytes.strip_prefix(b"\n#") else {
        let incomplete = bytes.is_empty() || bytes == b"\n";
        return if incomplete { Header::Incomplete } else { Header::Wrong };
    };
    if let Some(rest) = rest.strip_prefix(b"#") {
        return match rest.first() {
            _ if !end_allowed => Header::Wrong,
            Some(b'\n') => Header::End { header: 4 },
            Some(_) => Header::Wrong,
            None => Header::Incomplete,
        };
    }
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if rest.first() == Some(&b'0') || digits > 10 {
        return Header::Wrong;
    }
    match rest.get(digits) {
        None => Header::Incomplete,
        Some(b'\n') if digits > 0 => {
            let size = rest[..digits].iter().fold(0, |n, digit| n * 10 + u64::from(digit - b'0'));
            if size > u64::from(u32::MAX) {
                return Header::Wrong;
            }
            Header::Chunk { header: 2 + digits + 1, size }
        }
        Some(_) => Header::Wrong,
    }
}

/// A message as a list of pieces to send. The message itself is not copied.
pub fn pieces(framing: Framing, message: &str) -> Vec<Cow<'_, [u8]>> {
    let mut pieces = part(framing, message.as_bytes());
    pieces.push(end(framing).into());
    pieces
}

/// A part of a message as a list of pieces to send, if the message is sent before all of it is known. At least one
/// part must not be empty. The part itself is not copied.
pub fn part(framing: Framing, part: &[u8]) -> Vec<Cow<'_, [u8]>> {
    match framing {
        Framing::EndOfMessage => vec![part.into()],
        Framing::Chunked => {
            let chunks = part.chunks(u32::MAX as usize);
            let header = |chunk: &[u8]| format!("\n#{}\n", chunk.len()).into_bytes();
            chunks.flat_map(|chunk| [header(chunk).into(), chunk.into()]).collect()
        }
    }
}

/// What follows the last part of a message.
pub fn end(framing: Framing) -> &'static [u8] {
    match framing {
        Framing::EndOfMessage => END_OF_MESSAGE,
        Framing::Chunked => END_OF_CHUNKS,
    }
}

/// A message as bytes to send. The message must not be empty.
pub fn encode(framing: Framing, message: &str) -> Vec<u8> {
    pieces(framing, message).concat()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    /// Decodes `bytes` at once, then byte by byte. Both must give the same result.
    fn check(framing: Framing, bytes: &[u8], expect: Expect) {
        let found = |step: usize| {
            let mut decoder = Decoder::with_limit(40);
            decoder.set_framing(framing);
            let mut found = Vec::new();
            for part in bytes.chunks(step.max(1)) {
                decoder.push(part);
                loop {
                    match decoder.message() {
                        Ok(Some(message)) => found.push(format!("{message:?}")),
                        Ok(None) => break,
                        Err(error @ FramingError::Utf8 { .. }) => found.push(error.to_string()),
                        Err(error) => {
                            found.push(error.to_string());
                            return found;
                        }
                    }
                }
            }
            if decoder.is_within_message() {
                found.push("…".into());
            }
            found
        };
        let whole = found(bytes.len());
        if !whole.iter().any(|line| line.contains("header")) {
            assert_eq!(whole, found(1));
        }
        expect.assert_eq(&whole.join("\n"));
    }

    #[test]
    fn end_of_message() {
        let check = |bytes: &[u8], expect| check(Framing::EndOfMessage, bytes, expect);
        check(b"", expect![""]);
        check(
            b"<a/>]]>]]><b/>]]>]]>",
            expect![[r#"
            "<a/>"
            "<b/>""#]],
        );
        check(
            b"<a/>]]>]]>\n<b/>]]>]]",
            expect![[r#"
            "<a/>"
            …"#]],
        );
        check(b"]]]>]]>", expect![[r#""]""#]]);
        check(
            b"\xff]]>]]>ok]]>]]>",
            expect![[r#"
            message is not UTF-8 at byte 0 of it
            "ok""#]],
        );
        check(&[b'x'; 60], expect!["message of more than 40 bytes"]);
    }

    #[test]
    fn chunks() {
        let check = |bytes: &[u8], expect| check(Framing::Chunked, bytes, expect);
        check(
            b"\n#4\n<rpc\n#18\n message-id=\"102\"\n\n#4\n</a>\n##\n",
            expect![[r#""<rpc message-id=\"102\"\n</a>""#]],
        );
        check(
            b"\n#1\na\n##\n\n#1\nb\n##\n",
            expect![[r#"
            "a"
            "b""#]],
        );
        check("\n#1\n\u{e9}".as_bytes(), expect![[r#"byte 5: chunk header expected, found "�""#]]);
        check(b"\n#1\n\xc3\n#1\n\xa9\n##\n", expect![[r#""é""#]]);
        check(b"\n#3\nab", expect!["…"]);
        check(b"\n#41\n", expect!["message of more than 40 bytes"]);
        check(b"\n#4294967295\n", expect!["message of more than 40 bytes"]);
        check(
            b"\n#30\n012345678901234567890123456789\n#11\n",
            expect!["message of more than 40 bytes"],
        );
    }

    #[test]
    fn wrong_headers() {
        let check = |bytes: &[u8], expect| check(Framing::Chunked, bytes, expect);
        check(b"<rpc/>", expect![[r#"byte 0: chunk header expected, found "<rpc/>""#]]);
        check(b"\n##\n", expect![[r#"byte 0: chunk header expected, found "\n##\n""#]]);
        check(b"\n#0\n", expect![[r#"byte 0: chunk header expected, found "\n#0\n""#]]);
        check(b"\n#04\nabcd", expect![[r#"byte 0: chunk header expected, found "\n#04\nabcd""#]]);
        check(b"\n#\n", expect![[r#"byte 0: chunk header expected, found "\n#\n""#]]);
        check(b"\n#4 \n", expect![[r#"byte 0: chunk header expected, found "\n#4 \n""#]]);
        check(b"\n#-1\n", expect![[r##"byte 0: chunk header expected, found "\n#-1\n""##]]);
        check(
            b"\n#4294967296\n",
            expect![[r#"byte 0: chunk header expected, found "\n#4294967296\n""#]],
        );
        check(b"\n#1\nab", expect![[r#"byte 5: chunk header expected, found "b""#]]);
        check(
            b"\n#1\na\n##\nx",
            expect![[r#""a"
byte 9: chunk header expected, found "x""#]],
        );
    }

    #[test]
    fn a_broken_stream_stays_broken() {
        let mut decoder = Decoder::default();
        decoder.set_framing(Framing::Chunked);
        decoder.push(b"garbage");
        let error = decoder.message();
        decoder.push(b"\n#1\na\n##\n");
        assert_eq!(decoder.message(), error);
    }

    #[test]
    fn the_framing_changes_between_messages() {
        let mut decoder = Decoder::default();
        decoder.push(b"<hello/>]]>]]>\n#6\n<rpc/>\n##\n");
        assert_eq!(decoder.message(), Ok(Some("<hello/>".into())));
        decoder.set_framing(Framing::Chunked);
        assert_eq!(decoder.message(), Ok(Some("<rpc/>".into())));
        assert_eq!(decoder.message(), Ok(None));
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        for framing in [Framing::EndOfMessage, Framing::Chunked] {
            let mut decoder = Decoder::default();
            decoder.set_framing(framing);
            for message in ["<a/>", "<b>é</b>", "x"] {
                decoder.push(&encode(framing, message));
                assert_eq!(decoder.message(), Ok(Some(message.into())));
            }
            assert!(!decoder.is_within_message());
        }
    }
}
