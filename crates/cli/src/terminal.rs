//! The interactive terminal: a line is read and executed, until the user exits.
//!
//! The [`keyboard`] owns the terminal's input for the whole session. The [`editor`] reads lines from terminals that can
//! place the cursor, and [`plain`] reads them from all others.

mod editor;
mod help;
mod keyboard;
mod keys;
mod notice;
mod pager;
mod paste;
mod plain;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::{env, io};

use anyhow::Context;
use reedline::ExternalPrinter;
use yang::printable_lines;

use crate::client::ClientError;
use crate::output;
use crate::prose;
use crate::shell::{Shell, ShellError};
use crate::terminal::editor::{Editor, Repaint};
use crate::terminal::keyboard::Keyboard;
use crate::terminal::notice::Notifier;
use crate::terminal::paste::Paste;
use crate::terminal::plain::Plain;

/// How many lines of notices wait until they can be shown.
const NOTICES: usize = 100;

/// What a user has entered.
enum Read {
    Line(String),
    Paste(Paste),
    /// A line that was given up.
    Nothing,
    /// The end of the input (Ctrl-D).
    End,
    /// The daemon has ended the session.
    Gone,
}

/// How a line came in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Entered {
    /// As if it was typed.
    Alone,
    /// In a bracketed paste.
    InPaste,
}

/// What became of a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Done,
    Failed,
    /// The session ends, with this exit status.
    Ends(u8),
}

/// Runs lines until the user exits, and returns the exit status.
pub(crate) fn run(shell: Shell) -> anyhow::Result<u8> {
    let keyboard = Keyboard::open(shell.committing()).context("reading the terminal")?;
    keyboard.heed_signals();
    let mut session = Session::new(shell, keyboard)?;
    let status = session.run();
    let shell = session.plain.shell.clone();
    drop(session);
    if let Some(shell) = Arc::into_inner(shell) {
        shell.into_inner().unwrap_or_else(PoisonError::into_inner).close();
    }
    status.context("the terminal")
}

struct Session {
    plain: Plain,
    /// None at a terminal that cannot place the cursor, or has not said so yet.
    editor: Option<Editor>,
    /// Has the editor draw its prompt again.
    repaint: Arc<OnceLock<Repaint>>,
}

impl Session {
    fn new(shell: Shell, keyboard: Keyboard) -> anyhow::Result<Self> {
        let (notices, gone) = (ExternalPrinter::new(NOTICES), Arc::new(AtomicBool::new(false)));
        let repaint = Arc::new(OnceLock::<Repaint>::new());
        let signal = repaint.clone();
        let mut notifier = Notifier {
            own: shell.session(),
            schema: shell.schema(),
            standing: shell.standing(),
            repaint: Box::new(move || {
                if let Some(repaint) = signal.get() {
                    repaint();
                }
            }),
            wrap: |line| prose::wrapped(line, output::columns()),
            lines: notices.sender(),
            gone: gone.clone(),
            unseen: 0,
        };
        shell.listen(move |heard| notifier.notify(heard))?;
        let dumb = env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        if !dumb {
            keyboard.ask_position()?;
        }
        let (shell, keyboard) = (Arc::new(Mutex::new(shell)), Arc::new(keyboard));
        let plain = Plain { shell, keyboard, notices: Some(notices), gone };
        Ok(Self { plain, editor: None, repaint })
    }

    fn run(&mut self) -> io::Result<u8> {
        loop {
            locked(&self.plain.shell).learn_standing();
            let outcome = match self.read()? {
                Read::Line(line) => self.execute(&line, Entered::Alone)?,
                Read::Paste(paste) => self.run_paste(&paste)?,
                Read::Nothing => Outcome::Done,
                Read::End => {
                    let left = locked(&self.plain.shell).may_leave();
                    match left {
                        Ok(()) => Outcome::Ends(0),
                        Err(error) => failed(&error)?,
                    }
                }
                Read::Gone => {
                    output::write_prose(&format!("\n{}\n", ClientError::Closed))?;
                    Outcome::Ends(1)
                }
            };
            if let Outcome::Ends(status) = outcome {
                return Ok(status);
            }
        }
    }

    fn read(&mut self) -> io::Result<Read> {
        let Plain { shell, keyboard, notices, gone } = &mut self.plain;
        keyboard.begin_prompt();
        // The editor needs a pseudo terminal. Where there is none, lines stay plain.
        if self.editor.is_none() && keyboard.can_edit() && keyboard.connect_editor().is_ok() {
            let notices = notices.take().unwrap_or_default();
            let editor = self.editor.insert(Editor::new(shell, keyboard, notices, gone));
            let _ = self.repaint.set(editor.repaint());
        }
        match &mut self.editor {
            Some(editor) => editor.read(),
            None => self.plain.read(),
        }
    }

    fn execute(&self, line: &str, entered: Entered) -> io::Result<Outcome> {
        let done = locked(&self.plain.shell).run(line);
        match done {
            Ok(done) => {
                match entered == Entered::Alone && done.paged && self.editor.is_some() {
                    true => pager::page(&done.text, &self.plain.keyboard)?,
                    false => pager::print(&done.text, &self.plain.keyboard)?,
                }
                Ok(if done.quits { Outcome::Ends(0) } else { Outcome::Done })
            }
            Err(error) => {
                // A program that waits for the message sends nothing before it has seen it.
                let dropped = match entered {
                    Entered::Alone => self.plain.keyboard.drop_burst(),
                    Entered::InPaste => String::new(),
                };
                let outcome = failed(&error)?;
                output::write_prose(&paste::dropped(&dropped))?;
                Ok(outcome)
            }
        }
    }

    /// Runs pasted lines up to the first that fails. What follows was meant for a state that does not exist then.
    fn run_paste(&mut self, paste: &Paste) -> io::Result<Outcome> {
        for (number, line) in paste.lines() {
            let prompt = locked(&self.plain.shell).prompt();
            output::write(&format!("{prompt} {}\n", printable_lines(line)))?;
            let mut outcome = self.execute(line, Entered::InPaste)?;
            if outcome == Outcome::Done && self.plain.keyboard.is_interrupted() {
                outcome = Outcome::Failed;
            }
            if outcome != Outcome::Done {
                output::write_prose(&paste.stopped(number))?;
                return Ok(outcome);
            }
        }
        if let Some(editor) = &mut self.editor {
            editor.take_over(paste);
        }
        Ok(Outcome::Done)
    }
}

/// Shows why a line was not executed.
fn failed(error: &ShellError) -> io::Result<Outcome> {
    output::write_prose(&format!("{}\n", printable_lines(&error.to_string())))?;
    Ok(if error.is_fatal() { Outcome::Ends(1) } else { Outcome::Failed })
}

fn locked(shell: &Mutex<Shell>) -> MutexGuard<'_, Shell> {
    shell.lock().unwrap_or_else(PoisonError::into_inner)
}
