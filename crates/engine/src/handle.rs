//! The handle: how everybody else reaches the engine's thread.
//!
//! Requests wait in a queue of fixed size. Whoever asks while it is full awaits a place, in the order of asking. Readers
//! of running and startup take a snapshot and ask nobody.

use std::thread;

use tokio::sync::{broadcast, mpsc, oneshot, watch};
use yang::Tree;

use crate::datastore::Snapshot;
use crate::engine::{Engine, Request};
use crate::error::{self, Error, Errors, RpcError, RpcResult};
use crate::session::notice::{self, Notice, Notices};

/// How many requests wait for the engine's thread before those who ask have to.
pub(crate) const QUEUE: usize = 256;

/// A channel to the engine.
#[derive(Clone, Debug)]
pub struct Handle {
    pub(crate) requests: mpsc::Sender<Request>,
    pub(crate) snapshot: watch::Receiver<Snapshot>,
    /// Weak, so that listeners learn when the engine is gone.
    pub(crate) notices: broadcast::WeakSender<Notice>,
}

impl Handle {
    /// The latest snapshot of running, without waiting.
    pub fn running(&self) -> Tree {
        self.snapshot.borrow().running.tree.clone()
    }

    /// Listens to what happens from now on.
    pub fn notices(&self) -> Notices {
        Notices::of(&self.notices.upgrade().unwrap_or_else(notice::channel))
    }

    /// Ends the engine's thread once the requests before this one are done.
    pub async fn stop(&self) {
        let (reply, stopped) = oneshot::channel();
        if self.requests.send(Request::Stop(reply)).await.is_ok() {
            // An error means that the engine has stopped before.
            let _gone = stopped.await;
        }
    }

    /// Awaits the end of the engine's thread.
    pub async fn ended(&self) {
        self.requests.closed().await;
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        self.snapshot.borrow().clone()
    }

    /// Awaits a place in the queue.
    pub(crate) async fn place(&self) -> RpcResult<Place<'_>> {
        match self.requests.reserve().await {
            Ok(permit) => Ok(Place(permit)),
            Err(_stopped) => Err(stopped()),
        }
    }

    /// Has the engine's thread do something, if it is still there. Does not wait, so that destructors can call it.
    pub(crate) fn send(&self, call: impl FnOnce(&mut Engine) + Send + 'static) {
        let Err(mpsc::error::TrySendError::Full(request)) =
            self.requests.try_send(Request::Call(Box::new(call)))
        else {
            return;
        };
        let requests = self.requests.clone();
        let wait = move || drop(requests.blocking_send(request));
        if let Err(error) = thread::Builder::new().name("waiting request".into()).spawn(wait) {
            tracing::error!(%error, "a request is lost: the queue is full, and no thread can wait");
        }
    }
}

/// A place in the queue of requests.
pub(crate) struct Place<'a>(mpsc::Permit<'a, Request>);

impl Place<'_> {
    /// Has the engine's thread answer.
    pub(crate) async fn ask<T: Send + 'static>(
        self,
        question: impl FnOnce(&mut Engine) -> error::Result<T> + Send + 'static,
    ) -> RpcResult<T> {
        let (reply, answer) = oneshot::channel();
        self.0.send(Request::Call(Box::new(move |engine| {
            // Nobody waits for the answer where the user has gone away.
            let _unheard = reply.send(question(engine));
        })));
        match answer.await {
            Ok(answer) => answer.map_err(|errors| errors.rpc()),
            Err(_stopped) => Err(stopped()),
        }
    }
}

fn stopped() -> Vec<RpcError> {
    Errors::from(Error::Stopped).rpc()
}
