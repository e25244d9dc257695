//! Messages over a stream: framing, and the order in which messages are sent.

use std::io;

use ::netconf::framing::pieces;
use ::netconf::{Decoder, Framing, FramingError, encode};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufWriter};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tracing::debug;

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
}

pub(super) enum Incoming {
    Message(String),
    /// A message is lost, but the stream can continue.
    NotUtf8(FramingError),
    /// The peer has closed the stream.
    End,
}

impl Connection {
    pub(super) fn new(stream: UnixStream) -> Self {
        let (read, write) = stream.into_split();
        let buffer = vec![0; 1 << 16].into_boxed_slice();
        let (stream, framing) = (BufWriter::new(write), Framing::default());
        Self {
            input: Input { stream: read, decoder: Decoder::default(), buffer },
            output: Output { stream, framing, owed: Vec::new() },
        }
    }

    pub(super) fn set_framing(&mut self, framing: Framing) {
        self.output.framing = framing;
        self.input.decoder.set_framing(framing);
    }
}

impl Input {
    /// The next message. It is cancel safe: nothing is lost if the caller stops waiting.
    pub(super) async fn message(&mut self) -> io::Result<Incoming> {
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
            let length = match self.stream.read(&mut self.buffer).await {
                // A client that has closed the connection cannot get a reply.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => 0,
                length => length?,
            };
            if length == 0 {
                if self.decoder.is_within_message() {
                    debug!("connection closed within a message");
                }
                return Ok(Incoming::End);
            }
            self.decoder.push(&self.buffer[..length]);
        }
    }
}

impl Output {
    /// Sends a message, after the data that waits to be sent.
    pub(super) async fn send(&mut self, message: &str) -> io::Result<()> {
        let owed = std::mem::take(&mut self.owed);
        self.stream.write_all(&owed).await?;
        for piece in pieces(self.framing, message) {
            self.stream.write_all(&piece).await?;
        }
        self.stream.flush().await
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

pub(super) fn invalid_data(
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
