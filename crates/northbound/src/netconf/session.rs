//! One NETCONF session on one stream: hellos, the change of framing, then requests one after the other.

use std::io;

use ::netconf::{ErrorType, FramingError, Hello, Reply, Rpc, RpcError};
use engine::{Handle, Origin};
use tokio::net::UnixStream;
use tokio::sync::watch;
use tracing::{Instrument, debug, info, info_span, trace, warn};
use yang::Schema;

use super::capabilities::capabilities;
use super::connection::{Connection, Incoming, invalid_data};
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
