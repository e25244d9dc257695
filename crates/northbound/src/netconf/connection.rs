//! Messages over a stream: framing, and the order in which messages are sent.

use std::io;
use std::time::Duration;

use ::netconf::framing::{end, part};
use ::netconf::{Decoder, Framing, FramingError, encode};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufWriter};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;
use tracing::debug;

use crate::buffers::{NoRoom, Share};

/// Messages over a stream. Each direction is independent of the other.
pub(super) struct Connection {
    pub(super) input: Input,
    pub(super) output: Output,
}

pub(super) struct Input {
    stream: OwnedReadHalf,
    decoder: Decoder,
    buffer: Box<[u8]>,
}

pub(super) struct Output {
    /// Small pieces are sent together, large pieces without a copy.
    stream: BufWriter<OwnedWriteHalf>,
    framing: Framing,
    /// Framed notifications that the peer has not read yet. Later ones wait in the engine's ring.
    owed: Vec<u8>,
    /// How long the peer may take to read a part of a message.
    patience: Option<Duration>,
}

pub(super) enum Incoming {
    Message(String),
    /// A message is lost, but the stream can continue.
    NotUtf8(FramingError),
    /// The message is too large for what the sessions may take together. The rest of it cannot be read.
    NoRoom(NoRoom),
    /// The peer has closed the stream.
    End,
}

impl Connection {
    pub(super) fn new(stream: UnixStream, patience: Option<Duration>) -> Self {
        let (read, write) = stream.into_split();
        let buffer = vec![0; 1 << 16].into_boxed_slice();
        let (stream, framing) = (BufWriter::new(write), Framing::default());
        Self {
            input: Input { stream: read, decoder: Decoder::default(), buffer },
            output: Output { stream, framing, owed: Vec::new(), patience },
        }
    }

    pub(super) fn set_framing(&mut self, framing: Framing) {
        self.output.framing = framing;
        self.input.decoder.set_framing(framing);
    }
}

impl Input {
    /// The hello, of at most `limit` bytes. None if the peer closes the stream before.
    pub(super) async fn hello(&mut self, limit: usize) -> io::Result<Option<String>> {
        loop {
            match self.decoder.message() {
                Ok(Some(hello)) => return Ok(Some(hello)),
                Ok(None) if self.decoder.held_bytes() > limit => {
                    return Err(invalid_data(FramingError::TooLong { limit }));
                }
                Ok(None) => {}
                Err(error) => return Err(invalid_data(error)),
            }
            if !self.read().await? {
                return Ok(None);
            }
        }
    }

    /// The next message. `share` grows with it. It is cancel safe: nothing is lost if the caller stops waiting.
    pub(super) async fn message(&mut self, share: &mut Share) -> io::Result<Incoming> {
        loop {
            match self.decoder.message() {
                Ok(Some(message)) => return Ok(Incoming::Message(message)),
                Ok(None) => {}
                Err(error @ FramingError::Utf8 { .. }) => return Ok(Incoming::NotUtf8(error)),
                // RFC 6242 section 4.2: the session must be closed.
                Err(error @ (FramingError::Header { .. } | FramingError::TooLong { .. })) => {
                    return Err(invalid_data(error));
                }
            }
            if let Err(no_room) = share.resize(self.decoder.held_bytes()) {
                return Ok(Incoming::NoRoom(no_room));
            }
            if !self.read().await? {
                return Ok(Incoming::End);
            }
        }
    }

    /// Whether a part of a message has come.
    pub(super) fn is_within_message(&self) -> bool {
        self.decoder.is_within_message()
    }

    /// Reads what has come. Returns whether the stream goes on.
    async fn read(&mut self) -> io::Result<bool> {
        let length = match self.stream.read(&mut self.buffer).await {
            // A client that has closed the connection cannot get a reply.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => 0,
            length => length?,
        };
        if length == 0 {
            if self.decoder.is_within_message() {
                debug!("connection closed within a message");
            }
            return Ok(false);
        }
        self.decoder.push(&self.buffer[..length]);
        Ok(true)
    }
}

/// How much is sent at once.
const PART: usize = 1 << 16;

impl Output {
    /// Sends a message, after the data that waits to be sent.
    pub(super) async fn send(&mut self, message: &str) -> io::Result<()> {
        self.send_part(message.as_bytes()).await?;
        self.end().await
    }

    /// Sends a part of a message. At least one part must not be empty, and [`end`](Self::end) must follow the last one.
    pub(super) async fn send_part(&mut self, text: &[u8]) -> io::Result<()> {
        let owed = std::mem::take(&mut self.owed);
        self.write(&owed).await?;
        for piece in part(self.framing, text) {
            self.write(&piece).await?;
        }
        Ok(())
    }

    /// Ends a message that was sent in parts.
    pub(super) async fn end(&mut self) -> io::Result<()> {
        self.write(end(self.framing)).await?;
        patiently(self.patience, self.stream.flush()).await
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        for part in bytes.chunks(PART) {
            patiently(self.patience, self.stream.write_all(part)).await?;
        }
        Ok(())
    }

    /// Whether data waits to be sent.
    pub(super) fn owes(&self) -> bool {
        !self.owed.is_empty()
    }

    /// Queues a message. It is sent as fast as the peer reads.
    pub(super) fn owe(&mut self, message: &str) {
        self.owed.extend(encode(self.framing, message));
    }

    /// Sends some of the queued data. It is cancel safe: nothing is lost or sent twice if the caller stops waiting.
    pub(super) async fn pay(&mut self) -> io::Result<()> {
        let length = self.stream.get_mut().write(&self.owed).await?;
        self.owed.drain(..length);
        Ok(())
    }
}

/// Fails if the peer does not read in time.
async fn patiently(
    patience: Option<Duration>,
    sent: impl Future<Output = io::Result<()>>,
) -> io::Result<()> {
    match patience {
        None => sent.await,
        Some(patience) => timeout(patience, sent).await.unwrap_or_else(|_elapsed| {
            Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read its reply"))
        }),
    }
}

pub(super) fn invalid_data(
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
