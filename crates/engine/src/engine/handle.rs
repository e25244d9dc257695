//! The handle: the way to send requests to the engine's thread.
//!
//! Requests wait in a queue of fixed size. While the queue is full, callers wait for a place in the
//! order in which they came. Readers of running and startup take a snapshot and send no request.

use std::thread;

use tokio::sync::{broadcast, mpsc, oneshot, watch};
use yang::Tree;

use crate::datastore::Snapshot;
use crate::engine::pulse::{Pulse, written_in};
use crate::engine::{Engine, Request};
use crate::error::{self, Error, Errors, RpcError, RpcResult};
use crate::session::notice::{self, Notice, Notices};

/// The number of requests that the queue holds. Further callers wait for a place.
pub(crate) const QUEUE: usize = 256;

/// A channel to the engine.
#[derive(Clone, Debug)]
pub struct Handle {
    pub(crate) requests: mpsc::Sender<Request>,
    pub(crate) snapshot: watch::Receiver<Snapshot>,
    /// Weak, so that listeners notice when the engine is gone.
    pub(crate) notices: broadcast::WeakSender<Notice>,
    pub(crate) pulse: Pulse,
}

impl Handle {
    /// The latest snapshot of running. This does not wait.
    pub fn running(&self) -> Tree {
        self.snapshot.borrow().running.tree.clone()
    }

    /// Subscribes to the notices from now on.
    pub fn notices(&self) -> Notices {
        Notices::of(&self.notices.upgrade().unwrap_or_else(notice::channel))
    }

    /// Ends the engine's thread once all earlier requests are done.
    pub async fn stop(&self) {
        let (reply, stopped) = oneshot::channel();
        if self.requests.send(Request::Stop(reply)).await.is_ok() {
            // An error means that the engine has already stopped.
            let _gone = stopped.await;
        }
    }

    /// Waits for the end of the engine's thread.
    pub async fn ended(&self) {
        self.requests.closed().await;
    }

    /// The pulse of the engine's thread.
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        self.snapshot.borrow().clone()
    }

    /// Waits for a place in the queue.
    pub(crate) async fn place(&self) -> RpcResult<Place<'_>> {
        match self.requests.reserve().await {
            Ok(permit) => Ok(Place(permit)),
            Err(_stopped) => Err(stopped()),
        }
    }

    /// Sends a call to the engine's thread, if it still runs. This does not wait, so that
    /// destructors can use it.
    pub(crate) fn send<F: FnOnce(&mut Engine) + Send + 'static>(&self, call: F) {
        let Err(mpsc::error::TrySendError::Full(request)) =
            self.requests.try_send(Request::Call(written_in::<F>(), Box::new(call)))
        else {
            return;
        };
        let requests = self.requests.clone();
        let wait = move || drop(requests.blocking_send(request));
        if let Err(error) = thread::Builder::new().name("waiting request".into()).spawn(wait) {
            tracing::error!(%error, "request lost: the queue is full, and no thread can be started to wait");
        }
    }
}

/// A place in the queue of requests.
pub(crate) struct Place<'a>(mpsc::Permit<'a, Request>);

impl Place<'_> {
    /// Sends a question to the engine's thread, and waits for the answer.
    pub(crate) async fn ask<T: Send + 'static>(
        self,
        name: &'static str,
        question: impl FnOnce(&mut Engine) -> error::Result<T> + Send + 'static,
    ) -> RpcResult<T> {
        let (reply, answer) = oneshot::channel();
        let call = Box::new(move |engine: &mut Engine| {
            // A session that has ended in the meantime costs nothing more.
            if reply.is_closed() {
                return;
            }
            // The caller may stop waiting for the answer at any moment.
            let _unheard = reply.send(question(engine));
        });
        self.0.send(Request::Call(name, call));
        match answer.await {
            Ok(answer) => answer.map_err(|errors| errors.rpc()),
            Err(_stopped) => Err(stopped()),
        }
    }
}

fn stopped() -> Vec<RpcError> {
    Errors::from(Error::Stopped).rpc()
}
