//! Requests of a session that concern its candidate and startup.

use yang::{Edit, Tree};

use crate::datastore::intent::Intent;
use crate::datastore::{Datastore, Version};
use crate::engine::Engine;
use crate::error::Result;
use crate::ledger::startup::Startup;
use crate::session::candidate::{Candidate, Draft};
use crate::session::notice::{By, NoticeKind, SessionEnd};
use crate::session::sessions::Connected;

impl Engine {
    /// The session's candidate, merged with the commits of others if there is no conflict.
    pub(crate) fn candidate(&mut self, session: u32) -> Result<Tree> {
        self.saw(session, &self.version())?;
        Ok(self.sessions.at(session)?.candidate.tree().clone())
    }

    /// Notes that the session has seen `running`. Its next changes are based on it.
    pub(crate) fn saw(&mut self, session: u32, running: &Version) -> Result<()> {
        // The commit reports a conflict. Until then the session sees its own version.
        let _contradiction = self.sessions.at(session)?.candidate.refresh(running);
        Ok(())
    }

    /// A copy of the session's candidate.
    pub(crate) fn draft(&mut self, session: u32) -> Result<Draft> {
        let running = self.version();
        Ok(Draft { candidate: self.sessions.at(session)?.candidate.clone(), running })
    }

    pub(crate) fn edit_candidate(&mut self, session: u32, edit: &Edit) -> Result<()> {
        let running = self.version();
        Ok(self.sessions.at(session)?.candidate.edit(edit, &running)?)
    }

    pub(crate) fn replace_candidate(&mut self, session: u32, content: Tree) -> Result<()> {
        self.sessions.at(session)?.candidate.replace(content);
        Ok(())
    }

    /// Puts `content`, which was made from `running`, into the session's candidate.
    pub(crate) fn roll_back(
        &mut self,
        session: u32,
        running: &Version,
        content: Tree,
    ) -> Result<()> {
        let candidate = &mut self.sessions.at(session)?.candidate;
        *candidate = Candidate::of(running.clone());
        candidate.replace(content);
        Ok(())
    }

    pub(crate) fn discard(&mut self, session: u32) -> Result<()> {
        self.sessions.at(session)?.candidate = Candidate::of(self.version());
        Ok(())
    }

    pub(crate) fn replace_startup(&mut self, session: u32, content: Tree) -> Result<()> {
        self.sessions.may_write(session, Datastore::Startup)?;
        let startup = Startup::Fixed { id: self.running.id, tree: Intent::of(content)?.tree };
        self.ledger.set_startup(startup)?;
        self.publish();
        Ok(())
    }

    /// Ends the session, with its candidate, its locks, and a commit that only it could have
    /// confirmed. A second call does nothing.
    pub(crate) fn end_session(&mut self, id: u32, end: SessionEnd) {
        let Some(Connected { origin, .. }) = self.sessions.close(id) else { return };
        self.notices.send(NoticeKind::SessionEnd { by: By::Session { id, origin }, end });
        self.session_ended(id);
    }
}
