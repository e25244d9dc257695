//! Messages on a byte stream: end-of-message framing until both hellos are read, chunked after (RFC 6242 section 4).

/// Which framing is in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    /// `]]>]]>` after each message: hellos, and base:1.0 throughout.
    #[default]
    EndOfMessage,
    /// Chunks with their lengths: base:1.1.
    Chunked,
}

/// Bytes that are no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    /// A chunk header that RFC 6242 section 4.2 does not allow.
    #[error("byte {offset}: chunk header expected, found {found:?}")]
    Header {
        /// Where, from the stream's start.
        offset: u64,
        /// What was there.
        found: String,
    },
    /// A message longer than the limit.
    #[error("message of more than {limit} bytes")]
    TooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// Bytes that are not UTF-8.
    #[error("message is not UTF-8 at byte {offset} of it")]
    Utf8 {
        /// Where in the message.
        offset: usize,
    },
}

/// Finds messages in bytes as they come.
#[derive(Debug, Default)]
pub struct Decoder {
    framing: Framing,
}

impl Decoder {
    /// Changes the framing for what comes after the messages already taken.
    pub fn set_framing(&mut self, framing: Framing) {
        self.framing = framing;
    }

    /// Takes bytes.
    pub fn push(&mut self, _bytes: &[u8]) {
        todo!()
    }

    /// The next whole message, if it is there.
    pub fn message(&mut self) -> Result<Option<String>, FramingError> {
        todo!()
    }
}

/// A message as bytes to send.
pub fn encode(_framing: Framing, _message: &str) -> Vec<u8> {
    todo!()
}
