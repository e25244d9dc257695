//! One NETCONF session on one stream: hellos, the change of framing, then requests one after the other.
//!
//! Whatever a session waits for, it ends when it is killed. Its client has a limited time for the hello, for the next
//! request and to read a reply.

use std::io::{self, Write};
use std::time::Duration;

use ::netconf::{Envelope, ErrorType, Framing, FramingError, Hello, Reply, Rpc, RpcError, encode};
use engine::{Handle, Origin};
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{Instrument, debug, info, info_span, trace, warn};
use yang::Schema;

use super::answer::Answer;
use super::blocking::blocking;
use super::capabilities::capabilities;
use super::connection::{Connection, Incoming, invalid_data};
use super::rpc::Operations;
use super::subscription::Subscription;
use crate::buffers::{Buffers, NoRoom, Share};
use crate::limits::Limits;
use crate::places::Greeted;

/// What all sessions use.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub(crate) engine: Handle,
    pub(crate) schema: &'static Schema,
    pub(crate) limits: Limits,
    pub(crate) buffers: Buffers,
}

/// The other end of a connection. The transport has authenticated the user.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) stream: UnixStream,
    pub(crate) origin: Origin,
    pub(crate) is_root: bool,
    pub(crate) greeted: Greeted,
}

/// Serves NETCONF on one stream until either side closes it.
pub async fn serve(
    stream: UnixStream,
    origin: Origin,
    engine: Handle,
    schema: &'static Schema,
) -> io::Result<()> {
    let (_running, stopping) = watch::channel(());
    // The only client: there is nobody to protect from it.
    let limits = Limits { idle: None, ..Limits::default() };
    let service = Service { engine, schema, limits, buffers: Buffers::new(&limits) };
    let peer = Peer { stream, origin, is_root: true, greeted: Greeted::default() };
    serve_until(peer, service, stopping).await
}

/// The same within the service's limits, and until the sender of `stopping` is dropped. A request that has been read
/// is still answered.
pub(crate) async fn serve_until(
    peer: Peer,
    service: Service,
    stopping: watch::Receiver<()>,
) -> io::Result<()> {
    let Peer { stream, origin, is_root, greeted } = peer;
    let Service { engine, schema, limits, buffers } = service;
    let session = engine.open(origin.clone()).await.map_err(|errors| {
        let message: Vec<String> = errors.iter().map(ToString::to_string).collect();
        io::Error::other(message.join("; "))
    })?;
    let span = info_span!("netconf", session = session.id(), user = origin.user);
    let ended = session.ended();
    let connection = Connection::new(stream, limits.idle);
    let operations = Operations { session, schema, subscription: None };
    let share = buffers.share(is_root);
    let session = Serving { connection, operations, share, limits, stopping };
    async {
        info!(from = origin.from, "session opened");
        let result = tokio::select! {
            biased;
            () = ended => Ok(()),
            result = session.run(&greeted) => result,
        };
        match &result {
            Ok(()) => info!("session closed"),
            Err(error) => warn!(%error, "session failed"),
        }
        result
    }
    .instrument(span)
    .await
}

/// Answers a connection that gets no session: an `<rpc-reply>` with the reason takes the place of the hello.
pub(crate) fn refuse(stream: UnixStream, reason: &str) -> io::Result<()> {
    // The message fits into the buffer of a new connection.
    stream.into_std()?.write_all(&encode(Framing::EndOfMessage, &denied(reason)))
}

/// A session with its connection.
struct Serving {
    connection: Connection,
    operations: Operations,
    share: Share,
    limits: Limits,
    stopping: watch::Receiver<()>,
}

impl Serving {
    async fn run(mut self, greeted: &Greeted) -> io::Result<()> {
        let within = self.limits.hello;
        let greeting = tokio::select! {
            biased;
            _ = self.stopping.changed() => return Ok(()),
            greeting = timeout(within, exchange_hellos(&mut self.connection, &self.operations)) => greeting,
        };
        match greeting {
            Ok(Ok(true)) => greeted.set(),
            Ok(Ok(false)) => return Ok(()),
            Ok(Err(error)) => return Err(error),
            Err(_elapsed) => {
                let reason = format!("no <hello> within {} s", within.as_secs_f32());
                return self.leave(&reason).await;
            }
        }
        let mut active = Instant::now();
        loop {
            let Connection { input, output } = &mut self.connection;
            let Operations { session: _, subscription, .. } = &mut self.operations;
            let (owes, subscribed) = (output.owes(), subscription.is_some());
            let idle = async {
                match self.limits.idle {
                    Some(limit) => sleep_until(active + limit).await,
                    None => std::future::pending().await,
                }
            };
            // A peer that reads no notifications can still send requests, and delays only itself.
            let message = tokio::select! {
                biased;
                _ = self.stopping.changed() => return Ok(()),
                paid = output.pay(), if owes => {
                    paid?;
                    continue;
                }
                notifications = next(subscription.as_mut()), if !owes => {
                    notifications.iter().for_each(|notification| output.owe(notification));
                    continue;
                }
                message = input.message(&mut self.share) => message?,
                () = idle => {
                    active = Instant::now();
                    if subscribed && !input.is_within_message() {
                        continue;
                    }
                    let limit = self.limits.idle.unwrap_or_default().as_secs_f32() / 60.0;
                    let reason = format!("no request for {limit} minutes (`netloomd --idle-minutes`)");
                    return self.leave(&reason).await;
                }
            };
            let text = match message {
                Incoming::Message(text) => text,
                Incoming::NotUtf8(error) => {
                    self.connection.output.send(&not_utf8(&error)).await?;
                    continue;
                }
                Incoming::NoRoom(reason) => return self.leave(&reason.to_string()).await,
                Incoming::End => return Ok(()),
            };
            trace!(length = text.len(), "request");
            let (envelope, answer, closes) = answer(&mut self.operations, text).await;
            let answer = match self.share.resize(answer.size()) {
                Ok(()) => answer,
                Err(reason) => Reply::Errors(vec![too_much(&reason)]).into(),
            };
            answer.send(&envelope, &mut self.connection.output).await?;
            self.share.release();
            active = Instant::now();
            if closes {
                self.operations.session.close();
                return Ok(());
            }
        }
    }

    /// Ends the session, and tells the client why if it reads.
    async fn leave(mut self, reason: &str) -> io::Result<()> {
        self.share.release();
        let reply = denied(reason);
        let _unread = timeout(FAREWELL, self.connection.output.send(&reply)).await;
        Err(io::Error::other(reason.to_owned()))
    }
}

/// How long a client may take to read why its session ends.
const FAREWELL: Duration = Duration::from_secs(1);

/// The next notification. Waits forever if the session has not subscribed.
async fn next(subscription: Option<&mut Subscription>) -> Vec<String> {
    match subscription {
        Some(subscription) => subscription.next().await,
        None => std::future::pending().await,
    }
}

/// The longest hello, in bytes.
const LONGEST_HELLO: usize = 1 << 20;

/// RFC 6241 section 8.1. Returns whether the session continues.
async fn exchange_hellos(connection: &mut Connection, operations: &Operations) -> io::Result<bool> {
    let own = Hello {
        capabilities: capabilities(operations.schema),
        session_id: Some(operations.session.id()),
    };
    connection.output.send(&own.to_xml()).await?;
    let Some(text) = connection.input.hello(LONGEST_HELLO).await? else {
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

/// The answer to a request, and whether the session ends after it.
async fn answer(operations: &mut Operations, text: String) -> (Envelope, Answer, bool) {
    let (envelope, rpc) = match blocking(move || Rpc::from_xml(&text)).await {
        Ok(request) => request,
        Err(error) => {
            debug!(%error, "request refused");
            return (error.envelope, Reply::Errors(vec![*error.error]).into(), false);
        }
    };
    let closes = rpc == Rpc::CloseSession;
    let answer = operations.perform(rpc).await.unwrap_or_else(|errors| {
        debug!(?errors, "request failed");
        errors.into_reply(operations.schema).into()
    });
    (envelope, answer, closes)
}

fn not_utf8(error: &FramingError) -> String {
    let error = RpcError::new(ErrorType::Rpc, "malformed-message", error.to_string());
    Reply::Errors(vec![error]).into_xml(&Envelope::default())
}

/// The answer to no request in particular.
fn denied(reason: &str) -> String {
    let error = RpcError::new(ErrorType::Protocol, "resource-denied", reason);
    Reply::Errors(vec![error]).into_xml(&Envelope::default())
}

fn too_much(reason: &NoRoom) -> RpcError {
    RpcError::new(ErrorType::Protocol, "resource-denied", reason.to_string())
}
