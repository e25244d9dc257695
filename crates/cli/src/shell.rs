//! Executes commands. It holds the session and the mode, and knows the meaning of each command.

mod check;
mod conflict;
mod error;
mod file;
mod help;
mod show;
mod standing;

use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use netconf::{Check, Configuration, Datastore, Revision, ScheduledCommit};
use yang::{Path, Schema, Tree};

pub(crate) use check::Checked;
pub(crate) use error::ShellError;
pub(crate) use show::Document;
pub(crate) use standing::Standing;

use self::help::HELP;
use self::show::written;
use crate::client::{Client, Delivery};
use crate::grammar::command::{self, Command, Line};
use crate::grammar::cursor::Candidates;
use crate::grammar::mode::Mode;
use crate::grammar::pipe::{self, Form, Pipe};
use crate::grammar::statement::{Grammar, Live};
use crate::grammar::time;
use crate::grammar::words::Fault;
use crate::prose;
use crate::show::{drift, held, history};

/// A user's session.
pub(crate) struct Shell {
    schema: &'static Schema,
    client: RefCell<Client>,
    /// None outside configuration mode.
    mode: Option<Mode>,
    /// Whether configuration mode was ever entered, which the prompt shows.
    configures: bool,
    /// Whether the candidate was changed since it last was the same as running.
    edited: bool,
    /// Whether the lines come from a script, which ends without questions.
    scripted: bool,
    /// What the last `commit check` found, if the candidate has not changed since.
    checked: Option<Checked>,
    /// The conflicts that were last shown. None if they are not known.
    conflicts: RefCell<Option<Vec<Path>>>,
    host: String,
    /// The columns of the terminal for which messages are broken at words, if there is one.
    columns: fn() -> Option<usize>,
    /// How the kernel stands to running. The listener has it too.
    standing: Arc<Mutex<Standing>>,
    /// Whether the daemon was asked to commit and has not answered yet.
    committing: Arc<AtomicBool>,
}

/// The result of a line.
#[derive(Debug, Default)]
pub(crate) struct Done {
    /// The text to show.
    pub(crate) text: String,
    /// What is to be written after the text.
    pub(crate) document: Option<Document>,
    /// Whether the text may be shown page by page.
    pub(crate) paged: bool,
    /// Whether the user exits.
    pub(crate) quits: bool,
    /// Messages of a script's line that are no errors.
    pub(crate) warnings: Vec<String>,
}

type Result<T> = std::result::Result<T, ShellError>;

impl Shell {
    /// `host` is the beginning of the prompt.
    pub(crate) fn new(client: Client, schema: &'static Schema, host: String) -> Self {
        Self {
            schema,
            client: RefCell::new(client),
            mode: None,
            configures: false,
            edited: false,
            scripted: false,
            checked: None,
            conflicts: RefCell::default(),
            host,
            columns: || None,
            standing: Arc::default(),
            committing: Arc::default(),
        }
    }

    /// Breaks messages at words, for a terminal with so many columns.
    pub(crate) fn with_columns(self, columns: fn() -> Option<usize>) -> Self {
        Self { columns, ..self }
    }

    /// The session of a script. It may end with changes that `commit check` has checked.
    pub(crate) fn scripted(mut self) -> Self {
        self.scripted = true;
        self
    }

    /// What the last `commit check` found, if the candidate has not changed since.
    pub(crate) fn checked(&self) -> Option<Checked> {
        self.checked
    }

    pub(crate) fn schema(&self) -> &'static Schema {
        self.schema
    }

    /// The session's number.
    pub(crate) fn session(&self) -> Option<u32> {
        self.client.borrow().session()
    }

    /// Calls `hear` with each event from now on.
    pub(crate) fn listen(&self, hear: impl FnMut(Delivery) + Send + 'static) -> Result<()> {
        Ok(self.client.borrow_mut().listen(hear)?)
    }

    /// How the kernel stands to running, as the prompt shows it, for whoever hears the events.
    pub(crate) fn standing(&self) -> Arc<Mutex<Standing>> {
        self.standing.clone()
    }

    /// Whether a commit is under way, for whoever hears Ctrl-C.
    pub(crate) fn committing(&self) -> Arc<AtomicBool> {
        self.committing.clone()
    }

    /// Asks the daemon how the kernel stands to running, unless that is known.
    pub(crate) fn learn_standing(&self) {
        if self.standing_now().is_known() {
            return;
        }
        let paths = drift::paths(self.schema);
        // If the connection is lost, the next command reports it.
        let Ok(tree) = self.client.borrow_mut().read_parts(Datastore::Operational, &paths) else {
            return;
        };
        self.standing_now().learn(drift::counts(&tree));
    }

    fn standing_now(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The prompt, without the space after it.
    pub(crate) fn prompt(&self) -> String {
        let host = format!("{}{}", self.host, self.standing_now().mark());
        match &self.mode {
            Some(mode) => format!("{host}(config{})#", mode.prompt()),
            None if self.configures => format!("{host}#"),
            None => format!("{host}>"),
        }
    }

    /// The candidates for completion at the end of the line.
    pub(crate) fn complete(&self, line: &str) -> std::result::Result<Candidates, Fault> {
        command::complete(&self.grammar(), self.mode.as_ref(), line)
    }

    /// Executes a line.
    pub(crate) fn run(&mut self, line: &str) -> Result<Done> {
        let parsed = command::parse(&self.grammar(), self.mode.as_ref(), line);
        let Line { command, pipes, abbreviations } =
            parsed.map_err(|fault| ShellError::Line { line: line.to_owned(), fault })?;
        let was_edited = self.edited;
        self.edited |= command.edits();
        if command.ends_check() {
            self.checked = None;
        }
        if pipe::blames(&pipes) && !matches!(command, Command::Show(Datastore::Running, _)) {
            return Err(ShellError::Blame);
        }
        let form = pipe::form_of(&pipes);
        let is_prose = form == Form::Text && !command.shows_data();
        // A person sees what a word does. A script may meet another version, which has more words.
        let abbreviations = abbreviations.filter(|_| self.scripted);
        let mut warnings: Vec<String> =
            abbreviations.map(|all| format!("warning: {all}")).into_iter().collect();
        let mut document = None;
        let text = match command {
            Command::Nothing => String::new(),
            Command::Help if form != Form::Text => return Err(ShellError::OnlyText),
            Command::Help => HELP.to_owned(),
            Command::Configure => {
                self.mode = Some(Mode::default());
                self.configures = true;
                String::new()
            }
            Command::Exit => return self.exit(),
            Command::Quit => {
                self.may_leave()?;
                return Ok(Done { quits: true, ..Done::default() });
            }
            Command::End => {
                self.may_leave()?;
                self.mode = None;
                String::new()
            }
            Command::Top => {
                self.mode = self.mode.as_ref().map(|_| Mode::default());
                String::new()
            }
            Command::Up => {
                if let Some(mode) = &mut self.mode {
                    mode.up();
                }
                String::new()
            }
            Command::Show(Datastore::Running, place) if pipe::blames(&pipes) => {
                self.blame(&place, &pipes)?
            }
            Command::Show(datastore, place) => {
                self.show(datastore, &place, &pipes)?.text(&mut document)
            }
            Command::ShowRevision(revision, place) => {
                self.show_revision(revision, &place, &pipes)?.text(&mut document)
            }
            Command::ShowDiff => {
                let [running, candidate] =
                    [Datastore::Running, Datastore::Candidate].map(Configuration::Datastore);
                self.difference((running, candidate), &Path::default(), &pipes)?
            }
            Command::ShowConflicts if form == Form::Text => {
                self.conflicts(self.columns_for(&pipes))?
            }
            Command::ShowConflicts => {
                let conflicts = self.client.borrow_mut().conflicts()?;
                self.data("get-conflicts", &conflicts.to_xml(), form)?
            }
            Command::ShowDrift => {
                let paths = drift::paths(self.schema);
                let tree = self.client.borrow_mut().read_parts(Datastore::Operational, &paths)?;
                match form {
                    Form::Text => drift::text(self.schema, &tree),
                    Form::Set => return Err(ShellError::Form),
                    Form::Json | Form::Xml => written(&tree, &Path::default(), form),
                }
            }
            Command::ShowHistory => {
                let history = self.client.borrow_mut().history()?;
                match form {
                    Form::Text => history::commits(&history.commits),
                    Form::Set | Form::Json | Form::Xml => {
                        self.data("get-history", &history.to_xml(), form)?
                    }
                }
            }
            Command::ShowSchedule => {
                let schedule = self.client.borrow_mut().scheduled()?;
                match form {
                    Form::Text => history::scheduled(&schedule.commits),
                    Form::Set | Form::Json | Form::Xml => {
                        self.data("get-schedule", &schedule.to_xml(), form)?
                    }
                }
            }
            Command::ShowCommit(position) => {
                let [before, after] = [position.saturating_add(1), position]
                    .map(|position| Configuration::Revision(Revision::Position(position)));
                self.difference((before, after), &Path::default(), &pipes)?
            }
            Command::Commit { comment, minutes, checks } => {
                let summary = self.commit(comment, minutes, checks)?;
                self.edited = false;
                summary
            }
            Command::CommitAt { time, comment } => {
                let scheduled = self.client.borrow_mut().schedule(time.to_string(), comment);
                let scheduled = self.or_conflicts(scheduled)?;
                self.edited = false;
                let line = |one: &ScheduledCommit| {
                    let ScheduledCommit { number, time, summary, .. } = one;
                    format!(
                        "commit at {number} is scheduled for {}: {summary}\n",
                        time::local(time)
                    )
                };
                scheduled.commits.iter().map(line).collect()
            }
            Command::CommitCancelAt(number) => {
                self.client.borrow_mut().unschedule(number)?;
                format!("commit at {number} is no longer scheduled\n")
            }
            Command::CommitCancel => {
                self.client.borrow_mut().cancel()?;
                "the commit that waited for confirmation is undone\n".into()
            }
            Command::CommitCheck => self.check(form)?,
            Command::DiscardChanges => {
                self.client.borrow_mut().discard()?;
                self.conflicts.take();
                self.edited = false;
                String::new()
            }
            Command::Resolve(resolution) => self.resolve(&resolution)?,
            Command::Update => {
                let updated = self.client.borrow_mut().update();
                self.or_conflicts(updated)?;
                String::new()
            }
            Command::Rollback(position) => {
                self.client.borrow_mut().rollback(position)?;
                String::new()
            }
            Command::Load { replaces, file } => {
                warnings.extend(self.load(replaces, &file, was_edited)?);
                String::new()
            }
            Command::LoadKernel(import) => self.load_kernel(&import, &mut warnings)?,
            Command::Save { file } => self.save(&file)?,
            Command::Repair => {
                self.client.borrow_mut().repair()?;
                String::new()
            }
            Command::SaveRescue => {
                self.client.borrow_mut().save_rescue()?;
                "running is saved as the rescue configuration\n".into()
            }
            Command::Lock => {
                self.client.borrow_mut().lock(Datastore::Running)?;
                String::new()
            }
            Command::Unlock => {
                self.client.borrow_mut().unlock(Datastore::Running)?;
                String::new()
            }
            Command::Set(statement) => {
                let here = self.mode.as_ref().map(Mode::path).unwrap_or_default();
                if let Some(edit) = statement.edit(&here.steps) {
                    self.client.borrow_mut().edit(&edit)?;
                }
                if let (Some(mode), Some(typed)) = (&mut self.mode, &statement.enters) {
                    mode.enter(statement.end(&here.steps), typed);
                }
                String::new()
            }
            Command::Delete(edit) => {
                let deleted = self.client.borrow_mut().edit(&edit).map_err(ShellError::from);
                match deleted {
                    // Whoever deletes wants it to be gone.
                    Err(error) if error.is_absence() => {
                        warnings.push(format!("warning: {error}"));
                        String::new()
                    }
                    deleted => deleted.map(|()| String::new())?,
                }
            }
        };
        // Whatever a command shows, others may have written parts of it.
        let printable = match form {
            Form::Text | Form::Set => yang::printable_lines(&text),
            Form::Json => yang::printable_json(&text),
            Form::Xml => yang::printable_xml(&text),
        };
        // The text may be large, and is not copied.
        let escaped = if let Cow::Owned(escaped) = printable { Some(escaped) } else { None };
        let mut text = escaped.unwrap_or(text);
        if !self.scripted {
            let line = |warning: String| format!("{}\n", yang::printable_lines(&warning));
            let shown: String = warnings.drain(..).map(line).collect();
            text.insert_str(0, &shown);
        }
        // The pipes work on whole lines.
        text = if is_prose && pipe::filters(&pipes) { prose::wrapped(&text, None) } else { text };
        text = pipe::apply(&pipes, text);
        text = if is_prose { prose::wrapped(&text, (self.columns)()) } else { text };
        let paged = !pipes.iter().any(|pipe| matches!(pipe, Pipe::NoMore));
        Ok(Done { text, document, paged, quits: false, warnings })
    }

    /// Whether no changes would be lost by an exit.
    pub(crate) fn may_leave(&self) -> Result<()> {
        if !self.edited || self.scripted && self.checked.is_some() {
            return Ok(());
        }
        match self.client.borrow_mut().has_changes()? {
            false => Ok(()),
            true => Err(ShellError::Uncommitted),
        }
    }

    /// Ends the session.
    pub(crate) fn close(self) {
        self.client.into_inner().close();
    }

    fn grammar(&self) -> Grammar<'_> {
        Grammar::new(self.schema, self)
    }

    fn exit(&mut self) -> Result<Done> {
        match &mut self.mode {
            Some(mode) => {
                if !mode.up() {
                    self.may_leave()?;
                    self.mode = None;
                }
                Ok(Done::default())
            }
            None => {
                self.may_leave()?;
                Ok(Done { quits: true, ..Done::default() })
            }
        }
    }

    fn commit(
        &self,
        comment: Option<String>,
        minutes: Option<u32>,
        checks: Vec<Check>,
    ) -> Result<String> {
        let unless = match checks.is_empty() {
            true => "`commit` confirms it",
            false => "its checks are answered, or `commit` confirms it",
        };
        let timeout = minutes.map(|minutes| minutes.saturating_mul(60));
        self.committing.store(true, Ordering::Relaxed);
        let done = self.client.borrow_mut().commit(comment, timeout, checks);
        self.committing.store(false, Ordering::Relaxed);
        let done = self.or_conflicts(done)?;
        let milliseconds = done.milliseconds;
        let Some(id) = done.id else { return Ok(format!("{}\n", done.summary)) };
        let summary = format!("commit {id}: {} ({milliseconds:.1} ms)\n", done.summary)
            + &held::lines(self.schema, &done.held, "held:");
        Ok(match minutes {
            Some(1) => summary + &format!("it is undone in a minute unless {unless}\n"),
            Some(minutes) => {
                summary + &format!("it is undone in {minutes} minutes unless {unless}\n")
            }
            None => summary,
        })
    }
}

impl Live for Shell {
    fn conflicts(&self) -> Vec<Path> {
        if self.conflicts.borrow().is_none() && self.client.try_borrow_mut().is_ok() {
            // Completion does not report errors.
            let _unknown = Shell::conflicts(self, None);
        }
        self.conflicts.borrow().clone().unwrap_or_default()
    }

    fn values(&self, path: &Path) -> Vec<String> {
        let Ok(mut client) = self.client.try_borrow_mut() else { return Vec::new() };
        let mut values = Vec::new();
        for datastore in [Datastore::Candidate, Datastore::Operational] {
            // Completion does not report errors.
            let tree = client.read(datastore, path).unwrap_or_else(|_| Tree::empty(self.schema));
            values
                .extend(tree.nodes(path).into_iter().filter_map(|(_, node)| node.value().cloned()));
        }
        values.sort();
        values.dedup();
        values.iter().map(ToString::to_string).collect()
    }
}
