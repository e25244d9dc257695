//! The commands other than configuration statements: a table of words, with the parser for the rest of each
//! command.

mod commit;
mod show;

use jiff::Timestamp;
use netconf::{Check, Datastore, Revision};
use yang::{Edit, Operation};

use crate::grammar::cursor::{Candidate, Candidates, Cursor, Stop};
use crate::grammar::mode::Mode;
use crate::grammar::parameter::{Import, file, import, revision};
use crate::grammar::pipe::{self, Pipe};
use crate::grammar::resolution::Resolution;
use crate::grammar::statement::{Grammar, Place, Statement};
use crate::grammar::words::{Fault, words};

/// A parsed line.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) command: Command,
    pub(crate) pipes: Vec<Pipe>,
    /// What its abbreviations were understood as.
    pub(crate) abbreviations: Option<String>,
}

/// What a line asks for.
#[derive(Debug)]
pub(crate) enum Command {
    /// An empty line, or a comment.
    Nothing,
    Configure,
    Exit,
    End,
    Top,
    /// Leave this mode. At the top it does nothing.
    Up,
    Quit,
    Help,
    /// The part of a datastore at a path.
    Show(Datastore, Place),
    /// The part of an earlier configuration at a path.
    ShowRevision(Revision, Place),
    ShowConflicts,
    ShowDiff,
    ShowDrift,
    ShowHistory,
    /// The commits that are scheduled.
    ShowSchedule,
    /// The changes of the commit N commits ago.
    ShowCommit(u32),
    Commit {
        comment: Option<String>,
        /// The minutes within which the commit must be confirmed.
        minutes: Option<u32>,
        /// The checks that also confirm the commit.
        checks: Vec<Check>,
    },
    /// Schedules a commit of the candidate at a time.
    CommitAt {
        time: Timestamp,
        comment: Option<String>,
    },
    CommitCancel,
    /// Cancels a scheduled commit, by its number.
    CommitCancelAt(u32),
    CommitCheck,
    DiscardChanges,
    Resolve(Resolution),
    Update,
    Rollback(Revision),
    Load {
        replaces: bool,
        file: String,
    },
    /// Reads what others have set in the kernel into the candidate.
    LoadKernel(Import),
    Save {
        file: String,
    },
    SaveRescue,
    Repair,
    Lock,
    Unlock,
    Set(Statement),
    Delete(Edit),
}

/// The keyword of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Commit,
    Configure,
    DiscardChanges,
    Do,
    End,
    Exit,
    Help,
    Load,
    Lock,
    No,
    Quit,
    Repair,
    Resolve,
    Rollback,
    Save,
    Show,
    Top,
    Unlock,
    Up,
    Update,
}

const ALWAYS: &[(Word, &str, &str)] = &[
    (Word::Exit, "exit", "Leave this mode, or exit the program at the start"),
    (Word::Help, "help", "How to use this command line"),
    (Word::Quit, "quit", "Exit the program"),
    (Word::Repair, "repair", "Repair changes by others in the kernel"),
    (Word::Show, "show", "Show configuration, state or history"),
];
const OPERATIONAL: &[(Word, &str, &str)] =
    &[(Word::Configure, "configure", "Enter configuration mode")];
const CONFIGURATION: &[(Word, &str, &str)] = &[
    (Word::Commit, "commit", "Apply the candidate, completely or not at all"),
    (Word::DiscardChanges, "discard-changes", "Reset the candidate to running"),
    (Word::Do, "do", "Run a command of the start mode"),
    (Word::End, "end", "Leave configuration mode"),
    (Word::Load, "load", "Read configuration from a file into the candidate"),
    (Word::Lock, "lock", "Prevent commits of others"),
    (Word::No, "no", "Delete from the candidate"),
    (Word::Resolve, "resolve", "Resolve conflicts with the commits of others"),
    (Word::Rollback, "rollback", "Load an earlier configuration into the candidate"),
    (Word::Save, "save", "Write the candidate to a file"),
    (Word::Top, "top", "Go to the top of the configuration"),
    (Word::Unlock, "unlock", "Allow commits of others again"),
    (Word::Up, "up", "Go up one level in the configuration"),
    (Word::Update, "update", "Merge what others have committed into the candidate"),
];

/// Parses a line. `mode` is none outside configuration mode.
pub(crate) fn parse(grammar: &Grammar<'_>, mode: Option<&Mode>, line: &str) -> Result<Line, Fault> {
    let words = words(line);
    if words.is_empty() {
        return Ok(Line { command: Command::Nothing, pipes: Vec::new(), abbreviations: None });
    }
    let split = words.iter().position(|word| word.text == "|" && !word.quoted);
    let (command, pipes) = words.split_at(split.unwrap_or(words.len()));
    let end = pipes.first().map_or(line.len(), |bar| bar.span.start);
    let mut cursor = Cursor::parsing(command, end);
    let mut stages = Cursor::parsing(pipes, line.len());
    let parsed = self::command(grammar, mode, &mut cursor)
        .and_then(|command| Ok((command, pipe::parse(&mut stages)?)));
    match parsed {
        Ok((command, pipes)) if !pipes.is_empty() && !command.prints() => {
            Err(Fault::new(end..line.len(), "the command has no output for a pipe"))
        }
        Ok((command, pipes)) => {
            let all = [cursor.abbreviations(), stages.abbreviations()];
            let abbreviations = all.into_iter().flatten().reduce(|a, b| a + ", " + &b);
            Ok(Line { command, pipes, abbreviations })
        }
        Err(Stop::Fault(fault)) => Err(cursor.explained(fault)),
        Err(Stop::Candidates(_)) => Err(Fault::new(end..end, "the command is incomplete")),
    }
}

/// The candidates for completion at the end of `line`, which ends at the cursor.
pub(crate) fn complete(
    grammar: &Grammar<'_>,
    mode: Option<&Mode>,
    line: &str,
) -> Result<crate::grammar::cursor::Candidates, Fault> {
    let words = words(line);
    let split = words.iter().rposition(|word| word.text == "|" && !word.quoted);
    let stop = match split {
        Some(at) => pipe::parse(&mut Cursor::completing(&words[at..], line.len())).map(|_| ()),
        None => {
            let mut cursor = Cursor::completing(&words, line.len());
            command(grammar, mode, &mut cursor).map(|_| ())
        }
    };
    match stop {
        Err(Stop::Candidates(mut candidates)) => {
            candidates.list.dedup_by(|a, b| a.text == b.text);
            Ok(candidates)
        }
        Err(Stop::Fault(fault)) => Err(fault),
        Ok(()) => Ok(Candidates::default()),
    }
}

impl Command {
    /// Whether the command may change the candidate.
    pub(crate) fn edits(&self) -> bool {
        matches!(
            self,
            Command::Set(_)
                | Command::Delete(_)
                | Command::Load { .. }
                | Command::LoadKernel(_)
                | Command::Rollback(_)
        )
    }

    /// Whether a `commit check` before the command no longer says what is to be committed.
    pub(crate) fn ends_check(&self) -> bool {
        self.edits()
            || matches!(
                self,
                Command::Commit { .. }
                    | Command::CommitAt { .. }
                    | Command::CommitCancel
                    | Command::DiscardChanges
                    | Command::Resolve(_)
                    | Command::Update
                    | Command::Repair
            )
    }

    /// Whether the command prints configuration or state, and not messages.
    pub(crate) fn shows_data(&self) -> bool {
        matches!(
            self,
            Command::Show(..)
                | Command::ShowRevision(..)
                | Command::ShowDiff
                | Command::ShowCommit(_)
        )
    }

    fn prints(&self) -> bool {
        match self {
            Command::Show(..)
            | Command::ShowRevision(..)
            | Command::ShowConflicts
            | Command::ShowDiff
            | Command::ShowDrift
            | Command::ShowHistory
            | Command::ShowSchedule
            | Command::ShowCommit(_)
            | Command::CommitCheck
            | Command::Help => true,
            Command::Nothing
            | Command::Configure
            | Command::Exit
            | Command::End
            | Command::Top
            | Command::Up
            | Command::Quit
            | Command::Commit { .. }
            | Command::CommitAt { .. }
            | Command::CommitCancel
            | Command::CommitCancelAt(_)
            | Command::DiscardChanges
            | Command::Resolve(_)
            | Command::Update
            | Command::Rollback(_)
            | Command::Load { .. }
            | Command::LoadKernel(_)
            | Command::Save { .. }
            | Command::SaveRescue
            | Command::Repair
            | Command::Lock
            | Command::Unlock
            | Command::Set(_)
            | Command::Delete(_) => false,
        }
    }
}

fn command(
    grammar: &Grammar<'_>,
    mode: Option<&Mode>,
    cursor: &mut Cursor<'_>,
) -> Result<Command, Stop> {
    let Some(mode) = mode else {
        let table: Vec<_> = OPERATIONAL.iter().chain(ALWAYS).copied().collect();
        return built_in(grammar, None, cursor, &table);
    };
    let table: Vec<_> = CONFIGURATION.iter().chain(ALWAYS).copied().collect();
    let built_in_words = candidates(&table);
    let steps = mode.path().steps;
    let beginnings = grammar.beginnings(&steps);
    let above = grammar.beginnings_above(&steps);
    if cursor.is_at_completion() {
        let all = beginnings.into_iter().chain(above).chain(built_in_words);
        return Err(cursor.candidates(all, false));
    }
    let is = |options: &[Candidate], whole: bool| {
        cursor.peek().is_some_and(|word| {
            options.iter().any(|option| match whole {
                true => option.text == word.text,
                false => option.text.starts_with(&*word.text),
            })
        })
    };
    // A complete word on one side has priority. A prefix that fits both sides is ambiguous.
    let whole = (is(&beginnings, true) || is(&above, true), is(&built_in_words, true));
    let begun = (is(&beginnings, false), is(&built_in_words, false));
    if whole.0 || (begun.0 && !begun.1) {
        let statement = grammar.statement(cursor, &steps)?;
        cursor.finish()?;
        return Ok(Command::Set(statement));
    }
    if whole.1 || begun.1 && !begun.0 {
        return built_in(grammar, Some(mode), cursor, &table);
    }
    let all: Vec<Candidate> = beginnings.into_iter().chain(built_in_words).collect();
    cursor.choose(&all, false)?;
    Ok(Command::Nothing)
}

fn candidates(table: &[(Word, &'static str, &'static str)]) -> Vec<Candidate> {
    table.iter().map(|(_, word, help)| Candidate::word(*word, *help)).collect()
}

fn built_in(
    grammar: &Grammar<'_>,
    mode: Option<&Mode>,
    cursor: &mut Cursor<'_>,
    table: &[(Word, &'static str, &'static str)],
) -> Result<Command, Stop> {
    let Some(chosen) = cursor.choose(&candidates(table), false)? else {
        return Ok(Command::Nothing);
    };
    let command = match table[chosen].0 {
        Word::Configure => {
            cursor.choose(&[Candidate::word("terminal", "From this terminal")], true)?;
            Command::Configure
        }
        Word::Exit => Command::Exit,
        Word::End => Command::End,
        Word::Top => Command::Top,
        Word::Up => Command::Up,
        Word::Quit => Command::Quit,
        Word::Repair => Command::Repair,
        Word::Help => Command::Help,
        Word::Lock => Command::Lock,
        Word::Unlock => Command::Unlock,
        Word::DiscardChanges => Command::DiscardChanges,
        Word::Update => Command::Update,
        Word::Resolve => Command::Resolve(grammar.resolution(cursor)?),
        Word::Show => return show::read(grammar, mode, cursor),
        Word::Commit => commit::read(cursor)?,
        Word::Do => return command(grammar, None, cursor),
        Word::No => {
            let path = mode.map(Mode::path).unwrap_or_default();
            let (path, value) = grammar.deletion(cursor, &path.steps)?;
            Command::Delete(Edit::one(&path, Operation::Delete, value))
        }
        Word::Rollback => Command::Rollback(revision(cursor)?),
        Word::Load => {
            let ways = [
                Candidate::word("merge", "Merge the file into the candidate"),
                Candidate::word("replace", "Replace the candidate with the file"),
                Candidate::word(
                    "running-kernel",
                    "Add what others have set in the kernel to the candidate",
                ),
            ];
            match cursor.choose(&ways, false)? {
                Some(2) => Command::LoadKernel(import(cursor)?),
                way => Command::Load { replaces: way == Some(1), file: file(cursor, "")? },
            }
        }
        Word::Save => match file(cursor, "rescue")? {
            rescue if rescue == "rescue" => Command::SaveRescue,
            file => Command::Save { file },
        },
    };
    cursor.finish()?;
    Ok(command)
}
