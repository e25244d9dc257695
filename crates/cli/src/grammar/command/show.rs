//! The arguments of `show`.

use netconf::Datastore;

use super::Command;
use crate::grammar::cursor::{Candidate, Cursor, Stop};
use crate::grammar::mode::Mode;
use crate::grammar::parameter::{position, revision};
use crate::grammar::statement::Grammar;

/// Reads the rest of a line that begins with `show`.
pub(super) fn read(
    grammar: &Grammar<'_>,
    mode: Option<&Mode>,
    cursor: &mut Cursor<'_>,
) -> Result<Command, Stop> {
    let what = [
        Candidate::word("config-candidate", "The configuration with your uncommitted changes"),
        Candidate::word("config-running", "The configuration in effect"),
        Candidate::word("config-startup", "The configuration of the next boot"),
        Candidate::word("conflicts", "Nodes that you and others have changed differently"),
        Candidate::word("drift", "Configured objects that others have changed"),
        Candidate::word("history", "The commits, the latest first"),
        Candidate::word("operational-data", "The state of the kernel"),
        Candidate::word("rollback", "An earlier configuration"),
        Candidate::word("schedule", "The scheduled commits"),
    ];
    let datastore = match cursor.choose(&what, mode.is_some())? {
        None => {
            let path = mode.map(Mode::path).unwrap_or_default();
            return Ok(Command::Show(Datastore::Candidate, path.into()));
        }
        Some(0) => {
            let diff = [Candidate::word("diff", "The differences from the running configuration")];
            if cursor.matches(&diff) {
                cursor.choose(&diff, false)?;
                cursor.finish()?;
                return Ok(Command::ShowDiff);
            }
            Datastore::Candidate
        }
        Some(1) => Datastore::Running,
        Some(2) => Datastore::Startup,
        Some(3) => {
            cursor.finish()?;
            return Ok(Command::ShowConflicts);
        }
        Some(4) => {
            cursor.finish()?;
            return Ok(Command::ShowDrift);
        }
        Some(5) => return history(cursor),
        Some(7) => {
            let revision = revision(cursor)?;
            let place = grammar.place(cursor, false)?;
            cursor.finish()?;
            return Ok(Command::ShowRevision(revision, place));
        }
        Some(8) => {
            cursor.finish()?;
            return Ok(Command::ShowSchedule);
        }
        Some(_) => Datastore::Operational,
    };
    let place = grammar.place(cursor, datastore == Datastore::Candidate)?;
    cursor.finish()?;
    Ok(Command::Show(datastore, place))
}

fn history(cursor: &mut Cursor<'_>) -> Result<Command, Stop> {
    let number = Candidate::placeholder("<number>", "How many commits ago; 0 is the latest");
    if cursor.is_at_completion() && cursor.peek().is_none() {
        return Err(cursor.candidates([number].into_iter(), true));
    }
    if cursor.peek().is_none() {
        return Ok(Command::ShowHistory);
    }
    let position = position(cursor)?;
    cursor.choose(&[Candidate::word("diff", "The changes of the commit")], false)?;
    cursor.finish()?;
    Ok(Command::ShowCommit(position))
}
