//! One NETCONF session on one stream: hellos, the change of framing, then requests one after the other.

use std::io;

use ::netconf::framing::pieces;
use ::netconf::{Decoder, ErrorType, Framing, FramingError, Hello, Reply, Rpc, RpcError, encode};
use engine::{Handle, Origin};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufWriter};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;
use tracing::{Instrument, debug, info, info_span, trace, warn};
use yang::Schema;

use super::capabilities::capabilities;
use super::rpc::{Operations, blocking};
use super::subscription::Subscription;

/// Serves NETCONF on one stream until either side closes it.
pub async fn serve(
    stream: UnixStream,
    origin: Origin,
    engine: Handle,
    schema: &'static Schema,
) -> io::Result<()> {
    let (_running, stopping) = watch::channel(());
    serve_until(stream, origin, (engine, schema), stopping).await
}

/// The same, but also ends between two requests after the sender of `stopping` is dropped.
pub(crate) async fn serve_until(
    stream: UnixStream,
    origin: Origin,
    (engine, schema): (Handle, &'static Schema),
    stopping: watch::Receiver<()>,
) -> io::Result<()> {
    let session = engine.open(origin.clone()).await.map_err(|errors| {
        let message: Vec<String> = errors.iter().map(ToString::to_string).collect();
        io::Error::other(message.join("; "))
    })?;
    let span = info_span!("netconf", session = session.id(), user = origin.user);
    let connection = Connection::new(stream);
    let operations = Operations { session, schema, subscription: None };
    async {
        info!(from = origin.from, "session opened");
        let result = run(connection, operations, stopping).await;
        match &result {
            Ok(()) => info!("session closed"),
            Err(error) => warn!(%error, "session failed"),
        }
        result
    }
    .instrument(span)
    .await
}

async fn run(
    mut connection: Connection,
    mut operations: Operations,
    mut stopping: watch::Receiver<()>,
) -> io::Result<()> {
    if !exchange_hellos(&mut connection, &operations).await? {
        return Ok(());
    }
    loop {
        let Connection { input, output } = &mut connection;
        let Operations { session, subscription, .. } = &mut operations;
        let owes = output.owes();
        // A peer that reads no notifications can still send requests, and delays only itself.
        let message = tokio::select! {
            biased;
            _ = stopping.changed() => return Ok(()),
            () = session.ended() => return Ok(()),
            paid = output.pay(), if owes => {
                paid?;
                continue;
            }
            notifications = next(subscription.as_mut()), if !owes => {
                notifications.iter().for_each(|notification| output.owe(notification));
                continue;
            }
            message = input.message() => message?,
        };
        let text = match message {
            Incoming::Message(text) => text,
            Incoming::NotUtf8(error) => {
                output.send(&not_utf8(&error)).await?;
                continue;
            }
            Incoming::End => return Ok(()),
        };
        trace!(length = text.len(), "request");
        let (reply, closes) = answer(&mut operations, text).await;
        connection.output.send(&reply).await?;
        if closes {
            operations.session.close();
            return Ok(());
        }
    }
}

/// The next notification. Waits forever if the session has not subscribed.
async fn next(subscription: Option<&mut Subscription>) -> Vec<String> {
    match subscription {
        Some(subscription) => subscription.next().await,
        None => std::future::pending().await,
    }
}

/// RFC 6241 section 8.1. Returns whether the session continues.
async fn exchange_hellos(connection: &mut Connection, operations: &Operations) -> io::Result<bool> {
    let own = Hello {
        capabilities: capabilities(operations.schema),
        session_id: Some(operations.session.id()),
    };
    connection.output.send(&own.to_xml()).await?;
    let Incoming::Message(text) = connection.input.message().await? else {
        debug!("connection closed before a hello");
        return Ok(false);
    };
    let peer = Hello::from_xml(&text).map_err(invalid_data)?;
    if let Some(id) = peer.session_id {
        return Err(invalid_data(format!("a client's <hello> has no session-id, but {id} came")));
    }
    let framing = own.framing(&peer);
    let framing = framing.ok_or_else(|| invalid_data("no common version of NETCONF"))?;
    connection.set_framing(framing);
    Ok(true)
}

/// The reply to a request, and whether the session ends after it.
async fn answer(operations: &mut Operations, text: String) -> (String, bool) {
    let (envelope, rpc) = match blocking(move || Rpc::from_xml(&text)).await {
        Ok(request) => request,
        Err(error) => {
            debug!(%error, "request refused");
            return (Reply::Errors(vec![*error.error]).into_xml(&error.envelope), false);
        }
    };
    let closes = rpc == Rpc::CloseSession;
    let reply = operations.perform(rpc).await.unwrap_or_else(|errors| {
        debug!(?errors, "request failed");
        errors.into_reply(operations.schema)
    });
    (reply.into_xml(&envelope), closes)
}

fn not_utf8(error: &FramingError) -> String {
    let error = RpcError::new(ErrorType::Rpc, "malformed-message", error.to_string());
    Reply::Errors(vec![error]).into_xml(&::netconf::Envelope::default())
}

fn invalid_data(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// Messages over a stream. Each direction is independent of the other.
struct Connection {
    input: Input,
    output: Output,
}

struct Input {
    stream: OwnedReadHalf,
    decoder: Decoder,
    buffer: Box<[u8]>,
}

struct Output {
    /// Small pieces are sent together, large pieces without a copy.
    stream: BufWriter<OwnedWriteHalf>,
    framing: Framing,
    /// Framed notifications that the peer has not read yet. Later ones wait in the engine's ring.
    owed: Vec<u8>,
}

enum Incoming {
    Message(String),
    /// A message is lost, but the stream can continue.
    NotUtf8(FramingError),
    /// The peer has closed the stream.
    End,
}

impl Connection {
    fn new(stream: UnixStream) -> Self {
        let (read, write) = stream.into_split();
        let buffer = vec![0; 1 << 16].into_boxed_slice();
        let (stream, framing) = (BufWriter::new(write), Framing::default());
        Self {
            input: Input { stream: read, decoder: Decoder::default(), buffer },
            output: Output { stream, framing, owed: Vec::new() },
        }
    }

    fn set_framing(&mut self, framing: Framing) {
        self.output.framing = framing;
        self.input.decoder.set_framing(framing);
    }
}

impl Input {
    /// The next message. It is cancel safe: nothing is lost if the caller stops waiting.
    async fn message(&mut self) -> io::Result<Incoming> {
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
    async fn send(&mut self, message: &str) -> io::Result<()> {
        let owed = std::mem::take(&mut self.owed);
        self.stream.write_all(&owed).await?;
        for piece in pieces(self.framing, message) {
            self.stream.write_all(&piece).await?;
        }
        self.stream.flush().await
    }

    /// Whether data waits to be sent.
    fn owes(&self) -> bool {
        !self.owed.is_empty()
    }

    /// Queues a message. It is sent as fast as the peer reads.
    fn owe(&mut self, message: &str) {
        self.owed.extend(encode(self.framing, message));
    }

    /// Sends some of the queued data. It is cancel safe: nothing is lost or sent twice if the caller stops waiting.
    async fn pay(&mut self) -> io::Result<()> {
        let length = self.stream.get_mut().write(&self.owed).await?;
        self.owed.drain(..length);
        Ok(())
    }
}
