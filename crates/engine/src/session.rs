//! Sessions, and the notices for listeners.
//!
//! A [`Session`] is the user's end. It sends each request to the engine's thread as a closure, and
//! waits for the answer. The engine's end is in [`sessions`].

pub(crate) mod candidate;
pub(crate) mod conflict;
pub(crate) mod merge;
pub(crate) mod notice;
pub(crate) mod origin;
mod requests;
mod resolve;
pub(crate) mod sessions;

use std::time::SystemTime;

use tokio::sync::watch;
use yang::{Edit, Path, Selected, Tree};

use crate::datastore::intent::Intent;
use crate::datastore::{Datastore, Version};
use crate::engine::Engine;
use crate::engine::handle::Handle;
use crate::engine::pulse::written_in;
use crate::error::{Result, RpcResult};
use crate::kernel_state::import::{ImportRequest, Imported};
use crate::kernel_state::operational::Observed;
use crate::ledger::past::Past;
use crate::ledger::rescue;
use crate::session::candidate::{Draft, Side};
use crate::session::conflict::Conflicts;
use crate::session::notice::{By, NoticeKind, Notices, SessionEnd};
use crate::session::origin::Origin;
use crate::transaction::commit::{Checked, Committed};
use crate::transaction::request::CommitRequest;
use crate::transaction::schedule::Scheduled;

/// A user's session. Its private candidate and its locks are released when it is dropped.
#[derive(Debug)]
pub struct Session {
    id: u32,
    handle: Handle,
    ended: watch::Receiver<()>,
    /// The reason that is reported when it is dropped.
    end: SessionEnd,
    /// The running that it has read since its last request.
    seen: watch::Sender<Option<Version>>,
}

impl Handle {
    /// Opens a session.
    pub async fn open(&self, origin: Origin) -> RpcResult<Session> {
        Session::open(self.clone(), origin).await
    }
}

impl Session {
    /// The engine creates the session. If the opener is gone by then, the session is dropped like
    /// any other.
    pub(crate) async fn open(handle: Handle, origin: Origin) -> RpcResult<Session> {
        let theirs = handle.clone();
        let open = move |engine: &mut Engine| {
            let (id, ended) = engine.sessions.open(origin.clone(), engine.version());
            engine.notices.send(NoticeKind::SessionStart(By::Session { id, origin }));
            Ok(Session {
                id,
                handle: theirs,
                ended,
                end: SessionEnd::Dropped,
                seen: watch::Sender::new(None),
            })
        };
        handle.place().await?.ask("open a session", open).await
    }

    /// The `session-id` (RFC 6241 section 8.1).
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The content of a datastore. Operational is read from the kernel now, and holds the
    /// configuration in effect and the state. A session that has read running or the candidate has
    /// seen all commits of others up to that time.
    pub async fn read(&self, datastore: Datastore) -> RpcResult<Tree> {
        match datastore {
            Datastore::Running => {
                let running = self.handle.snapshot().running;
                self.seen.send_replace(Some(running.clone()));
                Ok(running.tree)
            }
            Datastore::Startup => Ok(self.handle.snapshot().startup),
            Datastore::Candidate => self.ask(|engine, id| engine.candidate(id)).await,
            Datastore::Operational => self.observe(None).await?.into_tree(),
        }
    }

    /// Reads the selected part of operational from the kernel, and perhaps more; without a
    /// selection, all of it. The engine's own state is read without the kernel.
    pub async fn observe(&self, selected: Option<Vec<Selected>>) -> RpcResult<Observed> {
        self.ask(move |engine, _| engine.observe(selected.as_deref())).await
    }

    /// Edits the candidate.
    pub async fn edit(&self, edit: Edit) -> RpcResult<()> {
        self.ask(move |engine, id| engine.edit_candidate(id, &edit)).await
    }

    /// A copy of the candidate, to try edits on.
    pub async fn draft(&self) -> RpcResult<Draft> {
        self.ask(|engine, id| engine.draft(id)).await
    }

    /// Replaces the candidate's content. Commits of others that the session has not seen yet stay.
    pub async fn replace(&self, content: Tree) -> RpcResult<()> {
        self.ask(move |engine, id| engine.replace_candidate(id, content)).await
    }

    /// Puts a configuration of the past into the candidate. The rollback starts from running as it
    /// was then.
    pub async fn roll_back(&self, past: &Past, content: Tree) -> RpcResult<()> {
        let seen = past.running().clone();
        self.ask(move |engine, id| engine.roll_back(id, &seen, content)).await
    }

    /// The conflicts of the candidate with what others have committed.
    pub async fn conflicts(&self) -> RpcResult<Conflicts> {
        self.ask(|engine, id| engine.conflicts(id)).await
    }

    /// Resolves the conflicts at or below `place`. Returns how many are left. Only conflicts that
    /// were shown by [`conflicts`](Self::conflicts) or by the latest refusal are resolved. A later
    /// change is a new conflict.
    pub async fn resolve(&self, place: Path, side: Side) -> RpcResult<usize> {
        self.ask(move |engine, id| engine.resolve(id, &place, side)).await
    }

    /// Merges the commits of others into the candidate. If there are conflicts, the preferred side
    /// wins. Without a preferred side the candidate does not change, and the conflicts are returned
    /// as errors.
    pub async fn update(&self, prefers: Option<Side>) -> RpcResult<()> {
        self.ask(move |engine, id| engine.update(id, prefers)).await
    }

    /// Replaces startup's content.
    pub async fn replace_startup(&self, content: Tree) -> RpcResult<()> {
        self.ask(move |engine, id| engine.replace_startup(id, content)).await
    }

    /// Discards the candidate's changes.
    pub async fn discard(&self) -> RpcResult<()> {
        self.ask(|engine, id| engine.discard(id)).await
    }

    /// Validates a datastore's content against the schema and the mapping.
    pub async fn validate(&self, datastore: Datastore) -> RpcResult<()> {
        let content = match datastore {
            // Validating does not count as reading: the session has not seen more than before.
            Datastore::Candidate => self.draft().await?.merged(),
            Datastore::Running | Datastore::Startup | Datastore::Operational => {
                self.read(datastore).await?.config_only()
            }
        };
        self.validate_content(content).await
    }

    /// Validates content that is in no datastore in the same way.
    pub async fn validate_content(&self, content: Tree) -> RpcResult<()> {
        self.ask(move |_, _| Intent::of(content).map(drop)).await
    }

    /// The plan of a commit. This changes nothing.
    pub async fn check(&self) -> RpcResult<Checked> {
        self.ask(|engine, id| engine.check(id)).await
    }

    /// Commits the candidate: changes running and the kernel, or nothing at all.
    pub async fn commit(&self, request: CommitRequest) -> RpcResult<Committed> {
        self.ask(|engine, id| engine.commit(id, request)).await
    }

    /// Schedules a commit of the candidate. Its changes are merged with what is running at that
    /// time.
    pub async fn schedule(&self, due: SystemTime, comment: Option<String>) -> RpcResult<Scheduled> {
        self.ask(move |engine, id| engine.schedule(id, due, comment)).await
    }

    /// Removes a scheduled commit.
    pub async fn unschedule(&self, number: u32) -> RpcResult<()> {
        self.ask(move |engine, _| engine.unschedule(number)).await
    }

    /// The scheduled commits, the next one first.
    pub async fn scheduled(&self) -> RpcResult<Vec<Scheduled>> {
        self.ask(|engine, _| Ok(engine.schedule.waiting().to_vec())).await
    }

    /// Undoes a commit that waits for its confirmation.
    pub async fn cancel(&self, persist_id: Option<String>) -> RpcResult<()> {
        self.ask(move |engine, id| engine.cancel(id, persist_id.as_deref())).await
    }

    /// The past: the commits, their configurations, and who changed what.
    pub async fn past(&self) -> RpcResult<Past> {
        self.ask(|engine, _| Ok(engine.past())).await
    }

    /// The configuration that describes what others have set in the kernel.
    pub async fn import(&self, request: ImportRequest) -> RpcResult<Imported> {
        self.ask(move |engine, _| engine.import(&request)).await
    }

    /// Restores running in the kernel after changes by others.
    pub async fn repair(&self) -> RpcResult<()> {
        self.ask(|engine, id| engine.repair_all(id)).await
    }

    /// Saves running as the rescue configuration.
    pub async fn save_rescue(&self) -> RpcResult<()> {
        self.ask(|engine, _| rescue::write(engine.ledger.store(), &engine.version())).await
    }

    /// Deletes the rescue configuration.
    pub async fn delete_rescue(&self) -> RpcResult<()> {
        self.ask(|engine, _| rescue::delete(engine.ledger.store())).await
    }

    /// Locks a datastore: no other session can commit to running, or write startup.
    pub async fn lock(&self, datastore: Datastore) -> RpcResult<()> {
        self.ask(move |engine, id| engine.sessions.lock(id, datastore)).await
    }

    /// Releases the lock.
    pub async fn unlock(&self, datastore: Datastore) -> RpcResult<()> {
        self.ask(move |engine, id| engine.sessions.unlock(id, datastore)).await
    }

    /// Ends another session: its candidate and its locks are released.
    pub async fn kill(&self, session: u32) -> RpcResult<()> {
        self.ask(move |engine, id| {
            engine.sessions.may_kill(id, session)?;
            tracing::info!(session, killer = id, "session killed");
            engine.end_session(session, SessionEnd::Killed { by: id });
            Ok(())
        })
        .await
    }

    /// Subscribes to the notices from now on.
    pub fn notices(&self) -> Notices {
        self.handle.notices()
    }

    /// Ends the session at its user's request.
    pub fn close(mut self) {
        self.end = SessionEnd::Closed;
    }

    /// Resolves when the session was ended by another session or by the engine's end.
    pub fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut ended = self.ended.clone();
        async move { while ended.changed().await.is_ok() {} }
    }

    /// Sends a question to the engine's thread, if this session is still open there, and waits for
    /// the answer.
    async fn ask<T, F>(&self, question: F) -> RpcResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Engine, u32) -> Result<T> + Send + 'static,
    {
        let place = self.handle.place().await?;
        // What is read from here on counts as seen by the next request.
        let (id, seen) = (self.id, self.seen.send_replace(None));
        let asked = move |engine: &mut Engine| {
            engine.sessions.at(id)?;
            if let Some(running) = seen {
                engine.saw(id, &running)?;
            }
            question(engine, id)
        };
        place.ask(written_in::<F>(), asked).await
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let (id, end) = (self.id, self.end);
        self.handle.send(move |engine| engine.end_session(id, end));
    }
}
