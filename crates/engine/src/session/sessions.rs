//! The engine's end of the sessions: the open sessions, their candidates, and the locks.

use std::collections::BTreeMap;

use tokio::sync::watch;

use crate::datastore::{Datastore, Version};
use crate::error::{Error, Result};
use crate::session::candidate::Candidate;
use crate::session::origin::{Holder, Origin};

/// The session number that no session has.
pub(crate) const NOBODY: u32 = 0;

/// The engine's data of a session.
#[derive(Debug)]
pub(crate) struct Connected {
    pub(crate) origin: Origin,
    pub(crate) candidate: Candidate,
    /// Dropped with this value. The user's side then notices that the session is gone.
    _alive: watch::Sender<()>,
}

/// The open sessions, and the locks.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    connected: BTreeMap<u32, Connected>,
    locks: BTreeMap<Datastore, u32>,
    last: u32,
}

impl Sessions {
    pub(crate) fn open(&mut self, origin: Origin, running: Version) -> (u32, watch::Receiver<()>) {
        let (alive, ended) = watch::channel(());
        self.last += 1;
        let candidate = Candidate::of(running);
        self.connected.insert(self.last, Connected { origin, candidate, _alive: alive });
        (self.last, ended)
    }

    pub(crate) fn close(&mut self, session: u32) -> Option<Connected> {
        self.locks.retain(|_, holder| *holder != session);
        self.connected.remove(&session)
    }

    /// Whether one session may end another.
    pub(crate) fn may_kill(&self, killer: u32, session: u32) -> Result<()> {
        if killer == session {
            return Err(Error::KillSelf.into());
        }
        if !self.connected.contains_key(&session) {
            return Err(Error::NoSession { session }.into());
        }
        Ok(())
    }

    /// The session, unless it has been killed.
    pub(crate) fn at(&mut self, session: u32) -> Result<&mut Connected> {
        Ok(self.connected.get_mut(&session).ok_or(Error::SessionEnded { session })?)
    }

    /// RFC 6241 section 7.5. A candidate is private, so a lock on it only requires that it has no
    /// changes.
    pub(crate) fn lock(&mut self, session: u32, datastore: Datastore) -> Result<()> {
        match datastore {
            Datastore::Operational => return Err(Error::NotLockable { datastore }.into()),
            Datastore::Candidate => {
                if self.at(session)?.candidate.changed() {
                    return Err(Error::CandidateChanged { session }.into());
                }
                return Ok(());
            }
            Datastore::Running | Datastore::Startup => {}
        }
        if let Some(holder) = self.holder(datastore) {
            return Err(Error::LockHeld { datastore, holder }.into());
        }
        self.locks.insert(datastore, session);
        Ok(())
    }

    pub(crate) fn unlock(&mut self, session: u32, datastore: Datastore) -> Result<()> {
        if datastore == Datastore::Candidate {
            return Ok(());
        }
        match self.locks.get(&datastore) {
            Some(holder) if *holder == session => {
                self.locks.remove(&datastore);
                Ok(())
            }
            Some(_) | None => Err(Error::NotLocked { datastore }.into()),
        }
    }

    /// Whether this session may write: no other session holds the lock.
    pub(crate) fn may_write(&self, session: u32, datastore: Datastore) -> Result<()> {
        match self.holder(datastore) {
            Some(holder) if holder.session != session => {
                Err(Error::Locked { datastore, holder }.into())
            }
            Some(_) | None => Ok(()),
        }
    }

    fn holder(&self, datastore: Datastore) -> Option<Holder> {
        let session = *self.locks.get(&datastore)?;
        let origin = self.connected.get(&session)?.origin.clone();
        Some(Holder { session, origin })
    }
}
