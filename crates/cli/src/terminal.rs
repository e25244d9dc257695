//! The interactive terminal: line editing, history, TAB, `?` without Enter, and notices above the line that is
//! being typed.

mod notice;
pub(crate) mod pager;

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{env, io, process, thread};

use reedline::{
    ColumnarMenu, Completer, CompletionResult, EditCommand, Emacs, ExternalPrinter,
    FileBackedHistory, KeyCode, KeyModifiers, MenuBuilder, Prompt, PromptEditMode,
    PromptHistorySearch, PromptHistorySearchStatus, Reedline, ReedlineEvent, ReedlineMenu, Signal,
    Span, Suggestion, default_emacs_keybindings,
};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use yang::printable_lines;

use crate::client::ClientError;
use crate::grammar::cursor::Candidates;
use crate::shell::Shell;
use crate::terminal::notice::Notifier;

const MENU: &str = "completions";
/// The internal command of the key `?`, as reedline returns it.
const HELP: &str = "?";
const HISTORY_LINES: usize = 1000;
/// How many lines of notices wait until they can be shown.
const NOTICES: usize = 100;

/// Runs lines until the user exits, and returns the exit status.
pub(crate) fn run(shell: Shell) -> anyhow::Result<u8> {
    end_with_terminal();
    let (notices, gone) = (ExternalPrinter::new(NOTICES), Arc::new(AtomicBool::new(false)));
    let lines = notices.sender();
    let shell = Arc::new(Mutex::new(shell));
    let mut editor = editor(&shell).with_external_printer(notices).with_break_signal(gone.clone());
    let signal = editor.repaint_signal();
    let repaint = Box::new(move || signal.request_repaint());
    {
        let shell = locked(&shell);
        let (own, schema, standing) = (shell.session(), shell.schema(), shell.standing());
        let mut notifier = Notifier { own, schema, standing, repaint, lines, gone, unseen: 0 };
        shell.listen(move |heard| notifier.notify(heard))?;
    }
    let prompt = ShellPrompt(shell.clone());
    let status = loop {
        locked(&shell).learn_standing();
        match editor.read_line(&prompt) {
            Ok(Signal::Success(line)) => {
                let done = locked(&shell).run(&line);
                match done {
                    Ok(done) => {
                        pager::show(&done.text, done.paged)?;
                        if done.quits {
                            break 0;
                        }
                    }
                    Err(error) => {
                        println!("{}", printable_lines(&error.to_string()));
                        if error.is_fatal() {
                            break 1;
                        }
                    }
                }
            }
            Ok(Signal::HostCommand(command)) if command == HELP => help(&shell, &mut editor),
            Ok(Signal::ExternalBreak(_)) => {
                println!("\n{}", ClientError::Closed);
                break 1;
            }
            Ok(Signal::CtrlD) => match locked(&shell).may_leave() {
                Ok(()) => break 0,
                Err(error) if error.is_fatal() => break 1,
                Err(error) => println!("{}", printable_lines(&error.to_string())),
            },
            Ok(_) => {}
            Err(error) => {
                eprintln!("netloom: {error}");
                break 1;
            }
        }
    };
    drop((editor, prompt));
    if let Some(shell) = Arc::into_inner(shell) {
        shell.into_inner().unwrap_or_else(PoisonError::into_inner).close();
    }
    Ok(status)
}

/// Ends the program when its terminal is gone. The editor does not detect this by itself. The signal for it may be
/// ignored, as under nohup(1), or may go to other processes.
fn end_with_terminal() {
    thread::spawn(|| {
        let stdin = io::stdin();
        loop {
            match poll(&mut [PollFd::new(&stdin, PollFlags::empty())], None) {
                Ok(_) => process::exit(1),
                Err(Errno::INTR) => {}
                // Then only the signal ends the program.
                Err(_) => return,
            }
        }
    });
}

fn locked(shell: &Mutex<Shell>) -> MutexGuard<'_, Shell> {
    shell.lock().unwrap_or_else(PoisonError::into_inner)
}

fn editor(shell: &Arc<Mutex<Shell>>) -> Reedline {
    let mut keys = default_emacs_keybindings();
    keys.add_binding(
        KeyModifiers::NONE,
        KeyCode::Tab,
        ReedlineEvent::UntilFound(vec![ReedlineEvent::Menu(MENU.into()), ReedlineEvent::MenuNext]),
    );
    for modifiers in [KeyModifiers::NONE, KeyModifiers::SHIFT] {
        let help = ReedlineEvent::ExecuteHostCommand(HELP.into());
        keys.add_binding(modifiers, KeyCode::Char('?'), help);
    }
    let menu = ColumnarMenu::default().with_name(MENU).with_marker("");
    let editor = Reedline::create()
        .with_edit_mode(Box::new(Emacs::new(keys)))
        .with_completer(Box::new(ShellCompleter(shell.clone())))
        .with_menu(ReedlineMenu::EngineCompleter(Box::new(menu)))
        .with_quick_completions(true)
        .with_partial_completions(true)
        .with_ansi_colors(env::var_os("NO_COLOR").is_none())
        .disable_hints();
    match history_file().and_then(|file| FileBackedHistory::with_file(HISTORY_LINES, file).ok()) {
        Some(history) => editor.with_history(Box::new(history)),
        None => editor,
    }
}

/// `$XDG_STATE_HOME/netloom/history`, or none if it cannot be created.
fn history_file() -> Option<PathBuf> {
    let state = env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let state = state.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".local/state")))?;
    let folder = state.join("netloom");
    std::fs::create_dir_all(&folder).ok()?;
    Some(folder.join("history"))
}

/// Shows the candidates at the cursor. Within quotes, `?` is an ordinary character.
fn help(shell: &Mutex<Shell>, editor: &mut Reedline) {
    let line = editor.current_buffer_contents().to_owned();
    let before = line.get(..editor.current_insertion_point()).unwrap_or(&line);
    if crate::grammar::words::words(before).last().is_some_and(|word| word.open) {
        editor.run_edit_commands(&[EditCommand::InsertChar('?')]);
        return;
    }
    // The editor has left the cursor after the prompt, and redraws the line below.
    println!("{line}?");
    match locked(shell).complete(before) {
        Ok(candidates) => print!("{}", table(&candidates)),
        Err(fault) => println!("{fault}"),
    }
}

/// The candidates with their descriptions.
fn table(candidates: &Candidates) -> String {
    let width = candidates.list.iter().map(|c| c.text.chars().count()).max().unwrap_or_default();
    let line = |candidate: &crate::grammar::cursor::Candidate| {
        let text = &candidate.text;
        format!("  {text:width$}  {}", candidate.help()).trim_end().to_owned() + "\n"
    };
    candidates.list.iter().map(line).collect()
}

struct ShellCompleter(Arc<Mutex<Shell>>);

impl Completer for ShellCompleter {
    fn complete(&mut self, line: &str, position: usize) -> CompletionResult {
        let before = line.get(..position).unwrap_or(line);
        let candidates = locked(&self.0).complete(before).unwrap_or_default();
        let span = Span::new(candidates.span.start, candidates.span.end);
        let typed = candidates.list.into_iter().filter(|candidate| candidate.typed);
        let suggestions: Vec<Suggestion> = typed
            .map(|candidate| Suggestion {
                value: candidate.text.into_owned(),
                description: None,
                span,
                append_whitespace: true,
                ..Suggestion::default()
            })
            .collect();
        CompletionResult::fresh(suggestions)
    }
}

/// The prompt, as it is at the moment: events change it while a line is typed.
struct ShellPrompt(Arc<Mutex<Shell>>);

impl Prompt for ShellPrompt {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        Cow::Owned(locked(&self.0).prompt())
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    fn render_prompt_indicator(&self, _: PromptEditMode) -> Cow<'_, str> {
        Cow::Borrowed(" ")
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        Cow::Borrowed("  ")
    }

    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        let failing = match search.status {
            PromptHistorySearchStatus::Passing => "",
            PromptHistorySearchStatus::Failing => "failing ",
        };
        Cow::Owned(format!(" ({failing}search: {}) ", search.term))
    }
}
