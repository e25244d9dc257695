//! Datastores, sessions, commit, journal, history.
//!
//! One thread owns everything that changes; a [`Handle`] is a channel to it. Reading running or
//! startup takes a snapshot and waits for nobody. The kernel is reached only by `netstate::Southbound`.
//! Commit, failed commit, start and the return of a missing link are all one function, `converge`. Whoever may open
//! a session may read and write: the interface that lets a user in decides who that is.

mod clock;
mod datastore;
mod engine;
mod error;
mod kernel_state;
mod ledger;
mod session;
mod start;
#[cfg(test)]
mod test;
mod transaction;

use std::path::PathBuf;
use std::{fs, io, thread};

use netstate::Southbound;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use yang::{Schema, Tree};

use crate::datastore::Snapshot;
use crate::engine::{Engine, Request};
use crate::error::{Error, Errors};
use crate::kernel_state::events::Events;
use crate::start::boot::Boot;

pub use crate::clock::Clock;
pub use crate::datastore::Datastore;
pub use crate::error::RpcError;
pub use crate::ledger::blame::Blamed;
pub use crate::ledger::history::{HistoryEntry, Limits};
pub use crate::session::candidate::Draft;
pub use crate::session::conflict::{Conflict, Conflicts, Side};
pub use crate::session::notice::{By, Heard, News, Notice, Notices, Phase, SessionEnd, Why};
pub use crate::start::give_back::release;
pub use crate::transaction::commit::Committed;
pub use crate::transaction::confirmed::{Confirmed, ConfirmedBy, Request as CommitRequest};
pub use netstate::NetnsName;
pub use netstate::probe::{Probe, Question};

pub use crate::ledger::past::{Past, Revision};
pub use crate::ledger::seal::Digest;
pub use crate::session::{Origin, Session};
pub use crate::transaction::scheduled::Scheduled;
pub use crate::transaction::step::Step;

/// How an engine is to run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where state is kept; made where it is missing.
    pub state_dir: PathBuf,
    /// Whether startup follows running at each commit.
    pub autosave: bool,
    /// How much of the past is kept.
    pub history: Limits,
    /// Which boot of the host this is (`/proc/sys/kernel/random/boot_id`).
    pub boot_id: String,
    /// Where the time comes from.
    pub clock: Clock,
}

impl Settings {
    /// How an engine runs on this host where nobody says otherwise. Fails with the file that does not tell of the boot.
    pub fn of_host(state_dir: PathBuf) -> io::Result<Settings> {
        const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
        let boot_id = fs::read_to_string(BOOT_ID)
            .map_err(|error| io::Error::new(error.kind(), format!("{BOOT_ID}: {error}")))?;
        let (history, clock) = (Limits::default(), Clock::HOST);
        Ok(Settings { state_dir, autosave: true, history, boot_id: boot_id.trim().into(), clock })
    }
}

/// The engine's results; validation may find several faults at once.
pub type Result<T> = std::result::Result<T, Vec<RpcError>>;

/// A channel to the engine.
#[derive(Clone, Debug)]
pub struct Handle {
    requests: mpsc::UnboundedSender<Request>,
    snapshot: watch::Receiver<Snapshot>,
    /// Weak, so that listeners learn when the engine is gone.
    notices: broadcast::WeakSender<Notice>,
}

/// Brings the kernel to the configuration that the state directory holds (after recovering from a commit that
/// was cut short) and starts the engine's thread.
pub fn start(
    settings: Settings,
    schema: &'static Schema,
    southbound: Box<dyn Southbound>,
) -> Result<Handle> {
    let (requests, received) = mpsc::unbounded_channel();
    let boot = Boot { settings, schema, southbound, events: Events::new(requests.downgrade()) };
    let engine = boot.start().map_err(|errors| errors.rpc())?;
    let snapshot = engine.published.subscribe();
    let notices = engine.notices.downgrade();
    let thread = thread::Builder::new().name("engine".into());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.and_then(|runtime| thread.spawn(move || engine.run(&runtime, received))) {
        Ok(_) => Ok(Handle { requests, snapshot, notices }),
        Err(source) => Err(Errors::from(Error::Thread { source }).rpc()),
    }
}

impl Handle {
    /// Opens a session.
    pub async fn open(&self, origin: Origin) -> Result<Session> {
        Session::open(self.clone(), origin).await
    }

    /// The latest snapshot of running, without waiting.
    pub fn running(&self) -> Tree {
        self.snapshot.borrow().running.tree.clone()
    }

    /// Ends the engine's thread once what it does is done.
    pub async fn stop(&self) {
        let (reply, stopped) = oneshot::channel();
        if self.requests.send(Request::Stop(reply)).is_ok() {
            // Whether it answers or has stopped before, it is gone.
            let _gone = stopped.await;
        }
    }

    /// Awaits that the engine's thread is gone, stopped or not.
    pub async fn ended(&self) {
        self.requests.closed().await;
    }

    fn snapshot(&self) -> Snapshot {
        self.snapshot.borrow().clone()
    }

    /// Has the engine's thread answer.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Engine) -> error::Result<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        self.tell(move |engine| {
            // A user who has gone away does not hear the answer.
            let _unheard = reply.send(question(engine));
        });
        let answer = answer.await.unwrap_or_else(|_| Err(Error::Stopped.into()));
        answer.map_err(|errors| errors.rpc())
    }

    /// Has the engine's thread do something, if it is still there.
    fn tell(&self, what: impl FnOnce(&mut Engine) + Send + 'static) {
        let _stopped = self.requests.send(Request::Call(Box::new(what)));
    }
}
