//! Resolving conflicts: listing them, and choosing a side.

use yang::Path;

use crate::engine::Engine;
use crate::error::{Error, Errors, Result};
use crate::session::candidate::Side;
use crate::session::conflict::{Conflicts, contradicting};
use crate::session::merge::Contradiction;

impl Engine {
    /// The conflicts of the session's candidate with running. These are the ones that are resolved
    /// next.
    pub(crate) fn conflicts(&mut self, session: u32) -> Result<Conflicts> {
        let (running, past) = (self.version(), self.past());
        let candidate = &mut self.sessions.at(session)?.candidate;
        candidate.note_shown(running);
        Ok(Conflicts { base: candidate.base().clone(), ours: candidate.tree().clone(), past })
    }

    /// Resolves the conflicts at or below `place` that were shown to the session. Returns how many
    /// are left.
    pub(crate) fn resolve(&mut self, session: u32, place: &Path, side: Side) -> Result<usize> {
        let running = self.version();
        let candidate = &mut self.sessions.at(session)?.candidate;
        let disputed = candidate.disputed(running);
        match candidate.settle(&disputed, place, side) {
            (0, _) => Err(Error::NoConflict { path: place.to_string() }.into()),
            (_, left) => Ok(left),
        }
    }

    /// Merges the commits of others into the session's candidate. If there are conflicts, `prefers`
    /// decides; without it, nothing changes.
    pub(crate) fn update(&mut self, session: u32, prefers: Option<Side>) -> Result<()> {
        let running = self.version();
        let candidate = &mut self.sessions.at(session)?.candidate;
        if let Some(side) = prefers {
            candidate.settle(&running, &Path::default(), side);
        }
        match candidate.refresh(&running) {
            Ok(()) => Ok(()),
            Err(found) => Err(self.report_conflicts(session, &found)),
        }
    }

    /// Reports the conflicts with running to the session, as errors.
    pub(crate) fn report_conflicts(&mut self, session: u32, found: &[Contradiction]) -> Errors {
        let running = self.version();
        let candidate = match self.sessions.at(session) {
            Ok(connected) => &mut connected.candidate,
            Err(ended) => return ended,
        };
        let (base, ours) = (&candidate.base().tree, candidate.tree());
        let errors = contradicting(found, base, ours, &running.tree);
        candidate.note_shown(running);
        errors
    }
}
