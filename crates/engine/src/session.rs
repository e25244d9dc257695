//! Sessions, and what listeners are sent.
//!
//! A [`Session`] is the user's end: it sends what it is asked for to the engine's thread as a closure and waits
//! for the answer. The engine's end is in [`sessions`].

pub(crate) mod candidate;
pub(crate) mod conflict;
pub(crate) mod merge;
pub(crate) mod notice;
mod requests;
mod resolve;
pub(crate) mod sessions;

use std::time::SystemTime;

use tokio::sync::watch;
use yang::{Edit, Path, Selected, Tree};

use crate::datastore::{Datastore, Version};
use crate::engine::Engine;
use crate::error::{Result, RpcResult};
use crate::handle::Handle;
use crate::intent::Intent;
use crate::ledger::past::Past;
use crate::ledger::rescue;
use crate::origin::Origin;
use crate::session::candidate::{Draft, Side};
use crate::session::conflict::Conflicts;
use crate::session::notice::{By, News, Notices, SessionEnd};
use crate::transaction::commit::{Checked, Committed};
use crate::transaction::request::CommitRequest;
use crate::transaction::schedule::Scheduled;

/// A user's session: its private candidate and its locks go when it is dropped.
#[derive(Debug)]
pub struct Session {
    id: u32,
    handle: Handle,
    ended: watch::Receiver<()>,
    /// How it ends when it is dropped.
    end: SessionEnd,
    /// What it has read of running since it last asked for something.
    seen: watch::Sender<Option<Version>>,
}

impl Handle {
    /// Opens a session.
    pub async fn open(&self, origin: Origin) -> RpcResult<Session> {
        Session::open(self.clone(), origin).await
    }
}

impl Session {
    /// The engine makes the session, so that one whose opener has gone away is dropped like any other.
    pub(crate) async fn open(handle: Handle, origin: Origin) -> RpcResult<Session> {
        let theirs = handle.clone();
        let open = move |engine: &mut Engine| {
            let (id, ended) = engine.sessions.open(origin.clone(), engine.version());
            engine.notices.send(News::SessionStart(By::Session { id, origin }));
            Ok(Session {
                id,
                handle: theirs,
                ended,
                end: SessionEnd::Dropped,
                seen: watch::Sender::new(None),
            })
        };
        handle.place().await?.ask(open).await
    }

    /// The `session-id` (RFC 6241 section 8.1).
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The content of a datastore. Operational is read from the kernel now, and holds configuration in effect
    /// and state. Who has read running or the candidate has seen what others have committed by then.
    pub async fn read(&self, datastore: Datastore) -> RpcResult<Tree> {
        match datastore {
            Datastore::Running => {
                let running = self.handle.snapshot().running;
                self.seen.send_replace(Some(running.clone()));
                Ok(running.tree)
            }
            Datastore::Startup => Ok(self.handle.snapshot().startup),
            Datastore::Candidate => self.ask(|engine, id| engine.candidate(id)).await,
            Datastore::Operational => self.ask(|engine, _| engine.operational()).await,
        }
    }

    /// The part of operational that is selected, and perhaps more. Nothing else is read from the kernel, and what the
    /// daemon knows by itself waits for no kernel.
    pub async fn operational(&self, selected: Vec<Selected>) -> RpcResult<Tree> {
        self.ask(move |engine, _| engine.operational_of(&selected)).await
    }

    /// Edits the candidate.
    pub async fn edit(&self, edit: Edit) -> RpcResult<()> {
        self.ask(move |engine, id| engine.edit_candidate(id, &edit)).await
    }

    /// The candidate as it is, to be edited on trial.
    pub async fn draft(&self) -> RpcResult<Draft> {
        self.ask(|engine, id| engine.draft(id)).await
    }

    /// Replaces the candidate's content. What others have committed since the session last saw running stays.
    pub async fn replace(&self, content: Tree) -> RpcResult<()> {
        self.ask(move |engine, id| engine.replace_candidate(id, content)).await
    }

    /// Puts a configuration of the past into the candidate: the way there starts from running as it was then.
    pub async fn roll_back(&self, past: &Past, content: Tree) -> RpcResult<()> {
        let seen = past.running().clone();
        self.ask(move |engine, id| engine.roll_back(id, &seen, content)).await
    }

    /// How the candidate contradicts what others have committed.
    pub async fn conflicts(&self) -> RpcResult<Conflicts> {
        self.ask(|engine, id| engine.conflicts(id)).await
    }

    /// Settles the conflicts at or below `place`; answers how many are left. What is settled is what was shown by
    /// [`conflicts`](Self::conflicts) or by a refusal, whichever was last: a later change is a conflict of its own.
    pub async fn resolve(&self, place: Path, side: Side) -> RpcResult<usize> {
        self.ask(move |engine, id| engine.resolve(id, &place, side)).await
    }

    /// Brings what others have committed into the candidate. Where that contradicts, the side that is preferred
    /// holds; without one, the candidate stays as it is, and the conflicts are the errors.
    pub async fn update(&self, prefers: Option<Side>) -> RpcResult<()> {
        self.ask(move |engine, id| engine.update(id, prefers)).await
    }

    /// Replaces startup's content.
    pub async fn replace_startup(&self, content: Tree) -> RpcResult<()> {
        self.ask(move |engine, id| engine.replace_startup(id, content)).await
    }

    /// Throws the candidate's changes away.
    pub async fn discard(&self) -> RpcResult<()> {
        self.ask(|engine, id| engine.discard(id)).await
    }

    /// Validates a datastore's content by schema and by what the mapping knows.
    pub async fn validate(&self, datastore: Datastore) -> RpcResult<()> {
        let content = match datastore {
            // To judge is not to look: the session has seen no more than before.
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

    /// What a commit would do. Changes nothing.
    pub async fn check(&self) -> RpcResult<Checked> {
        self.ask(|engine, id| engine.check(id)).await
    }

    /// Makes the candidate running, kernel and all, or changes nothing.
    pub async fn commit(&self, request: CommitRequest) -> RpcResult<Committed> {
        self.ask(|engine, id| engine.commit(id, request)).await
    }

    /// Has the candidate committed at a time to come, on top of what is running by then.
    pub async fn schedule(&self, due: SystemTime, comment: Option<String>) -> RpcResult<Scheduled> {
        self.ask(move |engine, id| engine.schedule(id, due, comment)).await
    }

    /// Forgets a commit that waits for its time.
    pub async fn unschedule(&self, number: u32) -> RpcResult<()> {
        self.ask(move |engine, _| engine.unschedule(number)).await
    }

    /// The commits that wait for their time, the next one first.
    pub async fn scheduled(&self) -> RpcResult<Vec<Scheduled>> {
        self.ask(|engine, _| Ok(engine.schedule.waiting().to_vec())).await
    }

    /// Undoes a commit that waits for its confirmation.
    pub async fn cancel(&self, persist_id: Option<String>) -> RpcResult<()> {
        self.ask(move |engine, id| engine.cancel(id, persist_id.as_deref())).await
    }

    /// The past as it is now: the commits, the configurations that they made, and who changed what.
    pub async fn past(&self) -> RpcResult<Past> {
        self.ask(|engine, _| Ok(engine.past())).await
    }

    /// Makes the kernel what running says where others have changed it.
    pub async fn repair(&self) -> RpcResult<()> {
        self.ask(|engine, id| engine.repair_all(id)).await
    }

    /// Keeps running as the rescue configuration.
    pub async fn save_rescue(&self) -> RpcResult<()> {
        self.ask(|engine, _| rescue::write(engine.ledger.store(), &engine.version())).await
    }

    /// Forgets the rescue configuration.
    pub async fn delete_rescue(&self) -> RpcResult<()> {
        self.ask(|engine, _| rescue::delete(engine.ledger.store())).await
    }

    /// Locks a datastore: nobody else commits to running, or writes startup.
    pub async fn lock(&self, datastore: Datastore) -> RpcResult<()> {
        self.ask(move |engine, id| engine.sessions.lock(id, datastore)).await
    }

    /// Takes the lock back.
    pub async fn unlock(&self, datastore: Datastore) -> RpcResult<()> {
        self.ask(move |engine, id| engine.sessions.unlock(id, datastore)).await
    }

    /// Ends another session: its candidate and locks go.
    pub async fn kill(&self, session: u32) -> RpcResult<()> {
        self.ask(move |engine, id| {
            engine.sessions.may_kill(id, session)?;
            tracing::info!(session, killer = id, "session killed");
            engine.end_session(session, SessionEnd::Killed { by: id });
            Ok(())
        })
        .await
    }

    /// Listens to what happens from now on.
    pub fn notices(&self) -> Notices {
        self.handle.notices()
    }

    /// Ends the session as its user has asked.
    pub fn close(mut self) {
        self.end = SessionEnd::Closed;
    }

    /// Resolves once another session, or the engine's end, has ended this one.
    pub async fn ended(&self) {
        let mut ended = self.ended.clone();
        while ended.changed().await.is_ok() {}
    }

    /// Has the engine's thread answer, as long as this session is open there.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Engine, u32) -> Result<T> + Send + 'static,
    ) -> RpcResult<T> {
        let place = self.handle.place().await?;
        // What is read from here on has been seen by the next question.
        let (id, seen) = (self.id, self.seen.send_replace(None));
        let asked = move |engine: &mut Engine| {
            engine.sessions.at(id)?;
            if let Some(running) = seen {
                engine.saw(id, &running)?;
            }
            question(engine, id)
        };
        place.ask(asked).await
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let (id, end) = (self.id, self.end);
        self.handle.send(move |engine| engine.end_session(id, end));
    }
}
