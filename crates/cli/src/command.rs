//! The commands that are not configuration: a table of words, and what each goes on with.

use jiff::Timestamp;
use netconf::{Check, Datastore, Question, Revision};
use yang::{Edit, Operation, Path};

use crate::conflict::Resolution;
use crate::cursor::{Candidate, Cursor, Stop};
use crate::mode::Mode;
use crate::pipe::{self, Pipe};
use crate::statement::{Grammar, Statement};
use crate::time;
use crate::words::{Fault, words};

/// A line, understood.
#[derive(Debug)]
pub(crate) enum Command {
    /// An empty line, or a comment.
    Nothing,
    Configure,
    Exit,
    End,
    Top,
    Quit,
    Help,
    /// What of a datastore is at a path.
    Show(Datastore, Path),
    /// What of a configuration of the past is at a path.
    ShowRevision(Revision, Path),
    ShowConflicts,
    ShowDiff,
    ShowDrift,
    ShowHistory,
    /// What is to be committed at which time.
    ShowSchedule,
    /// What the commit so many commits ago changed.
    ShowCommit(u32),
    Commit {
        comment: Option<String>,
        /// Within how many it is to be confirmed.
        minutes: Option<u32>,
        /// What confirms it too.
        checks: Vec<Check>,
    },
    /// The candidate is to be committed at a time.
    CommitAt {
        time: Timestamp,
        comment: Option<String>,
    },
    CommitCancel,
    /// A scheduled commit, by its number, is not to be made.
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

/// What a user can do where.
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
    Update,
}

const ALWAYS: &[(Word, &str, &str)] = &[
    (Word::Exit, "exit", "Leave this mode; at the start, leave the program"),
    (Word::Help, "help", "How to use this command line"),
    (Word::Quit, "quit", "Leave the program"),
    (Word::Repair, "repair", "Make the kernel what running says where others have changed it"),
    (Word::Show, "show", "Show configuration, state or history"),
];
const OPERATIONAL: &[(Word, &str, &str)] =
    &[(Word::Configure, "configure", "Enter configuration mode")];
const CONFIGURATION: &[(Word, &str, &str)] = &[
    (Word::Commit, "commit", "Bring the candidate into effect, whole or not at all"),
    (Word::DiscardChanges, "discard-changes", "Make the candidate what is running"),
    (Word::Do, "do", "Run a command of the start mode"),
    (Word::End, "end", "Leave configuration mode"),
    (Word::Load, "load", "Read configuration from a file into the candidate"),
    (Word::Lock, "lock", "Keep others from committing"),
    (Word::No, "no", "Delete from the candidate"),
    (Word::Resolve, "resolve", "Settle conflicts with what others have committed"),
    (Word::Rollback, "rollback", "Put an earlier configuration into the candidate"),
    (Word::Save, "save", "Write the candidate to a file"),
    (Word::Top, "top", "Go to the top of the configuration"),
    (Word::Unlock, "unlock", "Let others commit again"),
    (Word::Update, "update", "Bring what others have committed into the candidate"),
];

/// Understands a line; `mode` is none outside configuration mode.
pub(crate) fn parse(
    grammar: &Grammar<'_>,
    mode: Option<&Mode>,
    line: &str,
) -> Result<(Command, Vec<Pipe>), Fault> {
    let words = words(line);
    if words.is_empty() {
        return Ok((Command::Nothing, Vec::new()));
    }
    let split = words.iter().position(|word| word.text == "|" && !word.quoted);
    let (command, pipes) = words.split_at(split.unwrap_or(words.len()));
    let end = pipes.first().map_or(line.len(), |bar| bar.span.start);
    let mut cursor = Cursor::parsing(command, end);
    let parsed = self::command(grammar, mode, &mut cursor)
        .and_then(|command| Ok((command, pipe::parse(&mut Cursor::parsing(pipes, line.len()))?)));
    match parsed {
        Ok((command, pipes)) if !pipes.is_empty() && !command.prints() => {
            Err(Fault::new(end..line.len(), "the command prints nothing that could be piped"))
        }
        Ok(parsed) => Ok(parsed),
        Err(Stop::Fault(fault)) => Err(fault),
        Err(Stop::Candidates(_)) => Err(Fault::new(end..end, "the command is incomplete")),
    }
}

/// What could stand at the end of `line`, up to the cursor.
pub(crate) fn complete(
    grammar: &Grammar<'_>,
    mode: Option<&Mode>,
    line: &str,
) -> Result<crate::cursor::Candidates, Fault> {
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
        Ok(()) => Ok(crate::cursor::Candidates::default()),
    }
}

impl Command {
    /// Whether it may change the candidate.
    pub(crate) fn edits(&self) -> bool {
        matches!(
            self,
            Command::Set(_) | Command::Delete(_) | Command::Load { .. } | Command::Rollback(_)
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
    let beginnings = grammar.beginnings(&mode.path().steps);
    if cursor.is_at_completion() {
        let all = beginnings.into_iter().chain(built_in_words);
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
    // A word that is whole on one side is meant there; a beginning that fits both is nobody's.
    let whole = (is(&beginnings, true), is(&built_in_words, true));
    let begun = (is(&beginnings, false), is(&built_in_words, false));
    if whole.0 || (begun.0 && !begun.1) {
        let statement = grammar.statement(cursor, &mode.path().steps)?;
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
        Word::Quit => Command::Quit,
        Word::Repair => Command::Repair,
        Word::Help => Command::Help,
        Word::Lock => Command::Lock,
        Word::Unlock => Command::Unlock,
        Word::DiscardChanges => Command::DiscardChanges,
        Word::Update => Command::Update,
        Word::Resolve => Command::Resolve(grammar.resolution(cursor)?),
        Word::Show => return show(grammar, mode, cursor),
        Word::Commit => commit(cursor)?,
        Word::Do => return command(grammar, None, cursor),
        Word::No => {
            let path = mode.map(Mode::path).unwrap_or_default();
            let (path, value) = grammar.deletion(cursor, &path)?;
            Command::Delete(Edit::one(&path, Operation::Delete, value))
        }
        Word::Rollback => Command::Rollback(revision(cursor)?),
        Word::Load => {
            let ways = [
                Candidate::word("merge", "Add to the candidate"),
                Candidate::word("replace", "Take the place of the candidate"),
            ];
            let replaces = cursor.choose(&ways, false)? == Some(1);
            Command::Load { replaces, file: file(cursor, "")? }
        }
        Word::Save => match file(cursor, "rescue")? {
            rescue if rescue == "rescue" => Command::SaveRescue,
            file => Command::Save { file },
        },
    };
    cursor.finish()?;
    Ok(command)
}

fn show(
    grammar: &Grammar<'_>,
    mode: Option<&Mode>,
    cursor: &mut Cursor<'_>,
) -> Result<Command, Stop> {
    let what = [
        Candidate::word("config-candidate", "What a commit would make of the configuration"),
        Candidate::word("config-running", "The configuration in effect"),
        Candidate::word("config-startup", "The configuration of the next boot"),
        Candidate::word("conflicts", "What you and others have changed, each in another way"),
        Candidate::word("drift", "What others have changed of what is configured"),
        Candidate::word("history", "The commits, the latest first"),
        Candidate::word("operational-data", "What the kernel holds"),
        Candidate::word("rollback", "An earlier configuration"),
        Candidate::word("schedule", "The commits that wait for their time"),
    ];
    let datastore = match cursor.choose(&what, mode.is_some())? {
        None => {
            let path = mode.map(Mode::path).unwrap_or_default();
            return Ok(Command::Show(Datastore::Candidate, path));
        }
        Some(0) => {
            let diff = [Candidate::word("diff", "What differs from the running configuration")];
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
            let path = grammar.place(cursor, false)?;
            cursor.finish()?;
            return Ok(Command::ShowRevision(revision, path));
        }
        Some(8) => {
            cursor.finish()?;
            return Ok(Command::ShowSchedule);
        }
        Some(_) => Datastore::Operational,
    };
    let path = grammar.place(cursor, datastore == Datastore::Candidate)?;
    cursor.finish()?;
    Ok(Command::Show(datastore, path))
}

fn commit(cursor: &mut Cursor<'_>) -> Result<Command, Stop> {
    let more = [
        Candidate::word("at", "Do it at a time to come"),
        Candidate::word("check", "Tell what it would do, and do nothing"),
        Candidate::word("comment", "Say why, for the history"),
        Candidate::word("confirmed", "Undo it unless `commit` confirms it in time"),
        Candidate::word(
            "cancel",
            "Undo the commit that waits for its confirmation, or forget one for a time to come",
        ),
    ];
    Ok(match cursor.choose(&more, true)? {
        Some(0) => {
            let time = time::read(cursor)?;
            let more = [Candidate::word("comment", "Say why, for the history")];
            let given = cursor.choose(&more, true)?;
            let comment = given.map(|_| comment(cursor)).transpose()?;
            Command::CommitAt { time, comment }
        }
        Some(1) => Command::CommitCheck,
        Some(2) => unconfirmed(Some(comment(cursor)?)),
        Some(3) => confirmed(cursor)?,
        Some(_) => match cursor.choose(&[Candidate::word("at", "One for a time to come")], true)? {
            Some(_) => {
                let number =
                    || vec![Candidate::placeholder("<number>", "As `show schedule` has it")];
                Command::CommitCancelAt(parsed(cursor, "the number of a scheduled commit", number)?)
            }
            None => Command::CommitCancel,
        },
        None => unconfirmed(None),
    })
}

fn comment(cursor: &mut Cursor<'_>) -> Result<String, Stop> {
    let options = || vec![Candidate::placeholder("<text>", "Why the change is made")];
    let mut comment = cursor.value("the comment", options)?.text.to_string();
    while cursor.peek().is_some() {
        comment += " ";
        comment += &cursor.value("the comment", Vec::new)?.text;
    }
    Ok(comment)
}

/// How long a commit waits for its confirmation where nothing else is said, and at most: a week. Minutes.
const WAIT: u32 = 10;
const LONGEST: u32 = 7 * 24 * 60;

fn confirmed(cursor: &mut Cursor<'_>) -> Result<Command, Stop> {
    let more = [
        Candidate::word("check", "What confirms it too, once it is answered"),
        Candidate::word("comment", "Say why, for the history"),
        Candidate::placeholder("<minutes>", "How long to wait for the confirmation; 10 by default"),
    ];
    let given = match cursor.peek() {
        Some(word) => word.text.starts_with(|first: char| first.is_ascii_digit()),
        None if cursor.is_at_completion() => return Err(cursor.candidates(more.into_iter(), true)),
        None => false,
    };
    let minutes = if given { minutes(cursor)? } else { WAIT };
    let mut checks = Vec::new();
    let comment = loop {
        match cursor.choose(&more[..2], true)? {
            Some(0) => checks.push(check(cursor)?),
            Some(_) => break Some(comment(cursor)?),
            None => break None,
        }
    };
    Ok(Command::Commit { comment, minutes: Some(minutes), checks })
}

fn unconfirmed(comment: Option<String>) -> Command {
    Command::Commit { comment, minutes: None, checks: Vec::new() }
}

/// `ping ADDRESS [netns NAME]` or `tcp ADDRESS PORT [netns NAME]`.
fn check(cursor: &mut Cursor<'_>) -> Result<Check, Stop> {
    let kinds = [
        Candidate::word("ping", "That an address answers"),
        Candidate::word("tcp", "That an address accepts a connection"),
    ];
    let is_tcp = cursor.choose(&kinds, false)? == Some(1);
    let address = || vec![Candidate::placeholder("<address>", "An IPv4 or IPv6 address")];
    let address = parsed(cursor, "the address", address)?;
    let question = match is_tcp {
        false => Question::Ping(address),
        true => {
            let port = || vec![Candidate::placeholder("<port>", "A port's number")];
            Question::Tcp(address, parsed(cursor, "the port", port)?)
        }
    };
    let from = [Candidate::word("netns", "The namespace (VPN) to ask from")];
    let netns = match cursor.matches(&from) {
        true => {
            cursor.choose(&from, false)?;
            let names = || vec![Candidate::placeholder("<name>", "A namespace's name")];
            Some(cursor.value("the namespace", names)?.text.to_string())
        }
        false => None,
    };
    Ok(Check { question, netns })
}

pub(crate) fn parsed<T: std::str::FromStr>(
    cursor: &mut Cursor<'_>,
    what: &str,
    options: impl FnOnce() -> Vec<Candidate>,
) -> Result<T, Stop> {
    let word = cursor.value(what, options)?;
    word.text.parse().map_err(|_| {
        Stop::Fault(Fault::new(word.span.clone(), format!("{:?} is not {what}", word.text)))
    })
}

fn minutes(cursor: &mut Cursor<'_>) -> Result<u32, Stop> {
    let word = cursor.value("the minutes", Vec::new)?;
    let minutes = word.text.parse().ok().filter(|minutes| (1..=LONGEST).contains(minutes));
    minutes.ok_or_else(|| {
        let message = format!("{:?} is no number of minutes from 1 to {LONGEST}", word.text);
        Stop::Fault(Fault::new(word.span.clone(), message))
    })
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
    cursor.choose(&[Candidate::word("diff", "What the commit changed")], false)?;
    cursor.finish()?;
    Ok(Command::ShowCommit(position))
}

/// A configuration of the past: by position, by id, or the one to go back to where all else is lost.
pub(crate) fn revision(cursor: &mut Cursor<'_>) -> Result<Revision, Stop> {
    let words = [
        Candidate::word("id", "The one that a commit made, by its number"),
        Candidate::word("rescue", "The rescue configuration"),
    ];
    if cursor.is_at_completion() && cursor.peek().is_none() {
        let number = Candidate::placeholder("<number>", "How many commits ago; 0 is running");
        return Err(cursor.candidates(words.into_iter().chain([number]), false));
    }
    if !cursor.matches(&words) {
        return Ok(Revision::Position(position(cursor)?));
    }
    Ok(match cursor.choose(&words, false)? {
        Some(0) => Revision::Id(position(cursor)?.into()),
        Some(_) | None => Revision::Rescue,
    })
}

fn position(cursor: &mut Cursor<'_>) -> Result<u32, Stop> {
    let options = || vec![Candidate::placeholder("<number>", "How many commits ago; 0 is running")];
    let word = cursor.value("how many commits to go back", options)?;
    word.text.parse().map_err(|_| {
        Stop::Fault(Fault::new(word.span.clone(), format!("{:?} is not a number", word.text)))
    })
}

/// A file's path, or the word that stands for another place.
fn file(cursor: &mut Cursor<'_>, other: &'static str) -> Result<String, Stop> {
    let options = || {
        let other = Candidate::word(other, "Running, as the rescue configuration");
        let file = Candidate::placeholder("<file>", "A file's path");
        if other.text.is_empty() { vec![file] } else { vec![other, file] }
    };
    Ok(cursor.value("the file", options)?.text.to_string())
}
