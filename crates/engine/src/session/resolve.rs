//! Settling conflicts: listing them, and choosing a side.

use yang::Path;

use crate::engine::Engine;
use crate::error::{Error, Errors, Result};
use crate::session::candidate::Side;
use crate::session::conflict::{Conflicts, contradicting};
use crate::session::merge::Contradiction;

impl Engine {
    /// How the session's candidate contradicts running; what is settled next is what this returns.
    pub(crate) fn conflicts(&mut self, session: u32) -> Result<Conflicts> {
        let (running, past) = (self.version(), self.past());
        let candidate = &mut self.sessions.at(session)?.candidate;
        candidate.note_shown(running);
        Ok(Conflicts { base: candidate.base().clone(), ours: candidate.tree().clone(), past })
    }

    /// Settles the conflicts at or below `place` that the session has been shown; answers how many of these are left.
    pub(crate) fn resolve(&mut self, session: u32, place: &Path, side: Side) -> Result<usize> {
        let running = self.version();
        let candidate = &mut self.sessions.at(session)?.candidate;
        let disputed = candidate.disputed(running);
        match candidate.settle(&disputed, place, side) {
            (0, _) => Err(Error::NoConflict { path: place.to_string() }.into()),
            (_, left) => Ok(left),
        }
    }

    /// Brings what others have committed into the session's candidate; where that contradicts, `prefers` decides, or
    /// nothing is done.
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

    /// Shows the session what contradicts running, as errors.
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
