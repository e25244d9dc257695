//! The line editor: keys of Emacs, history, a menu at TAB, help at `?`, and notices above the line.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::{env, io};

use crossterm::event::Event;
use reedline::{
    ColumnarMenu, Completer, CompletionResult, CompletionStatus, EditCommand, EditMode, Emacs,
    ExternalPrinter, FileBackedHistory, HistoryItem, KeyCode, KeyModifiers, MenuBuilder, Prompt,
    PromptEditMode, PromptHistorySearch, PromptHistorySearchStatus, Reedline, ReedlineEvent,
    ReedlineMenu, ReedlineRawEvent, Signal, Span, Suggestion, default_emacs_keybindings,
};

use crate::output;
use crate::shell::Shell;
use crate::terminal::keyboard::{EditorGate, Keyboard};
use crate::terminal::paste::Paste;
use crate::terminal::{Read, help, locked, pager};

const MENU: &str = "completions";
/// The internal commands for the key `?` and for a paste, as reedline returns them.
const HELP: &str = "?";
const PASTE: &str = "paste";
const HISTORY_LINES: usize = 1000;
/// How many lines of a paste are added to the history.
const REMEMBERED: usize = 20;

/// Has the prompt drawn again.
pub(crate) type Repaint = Box<dyn Fn() + Send + Sync>;

/// The line editor of a session.
pub(crate) struct Editor {
    editor: Reedline,
    prompt: ShellPrompt,
    shell: Arc<Mutex<Shell>>,
    keyboard: Arc<Keyboard>,
}

impl Editor {
    /// The keyboard is connected. `notices` are shown above the line. `gone` ends the editing.
    pub(crate) fn new(
        shell: &Arc<Mutex<Shell>>,
        keyboard: &Arc<Keyboard>,
        notices: ExternalPrinter<String>,
        gone: &Arc<AtomicBool>,
    ) -> Self {
        let editor = reedline(shell, keyboard.gate())
            .with_external_printer(notices)
            .with_break_signal(gone.clone());
        let prompt = ShellPrompt(shell.clone());
        Self { editor, prompt, shell: shell.clone(), keyboard: keyboard.clone() }
    }

    /// Has the prompt drawn again.
    pub(crate) fn repaint(&mut self) -> Repaint {
        let signal = self.editor.repaint_signal();
        Box::new(move || signal.request_repaint())
    }

    pub(crate) fn read(&mut self) -> io::Result<Read> {
        loop {
            let signal = self.editor.read_line(&self.prompt)?;
            self.keyboard.begin_command();
            return Ok(match signal {
                Signal::Success(line) => {
                    // The program may not get to its end. A history that cannot be written is no reason to stop.
                    let _ = self.editor.sync_history();
                    Read::Line(line)
                }
                Signal::HostCommand(command) if command == HELP => {
                    self.help()?;
                    continue;
                }
                Signal::HostCommand(command) if command == PASTE => self.paste()?,
                Signal::ExternalBreak(_) => Read::Gone,
                Signal::CtrlD => Read::End,
                Signal::CtrlC | Signal::HostCommand(_) | _ => Read::Nothing,
            });
        }
    }

    /// Takes over what a paste leaves: the end of it as the next line, and a few lines in the history.
    pub(crate) fn take_over(&mut self, paste: &Paste) {
        self.editor.run_edit_commands(&[EditCommand::InsertString(paste.unfinished())]);
        for (_, line) in paste.lines().take(REMEMBERED).filter(|(_, line)| !line.trim().is_empty())
        {
            let _ = self.editor.history_mut().save(HistoryItem::from_command_line(line));
        }
    }

    /// Shows the candidates at the cursor.
    fn help(&mut self) -> io::Result<()> {
        let line = self.editor.current_buffer_contents().to_owned();
        let before = line.get(..self.editor.current_insertion_point()).unwrap_or(&line);
        if help::is_literal(before) {
            self.editor.run_edit_commands(&[EditCommand::InsertChar('?')]);
            return Ok(());
        }
        // Whether the line is shown already depends on when its keys arrived.
        let (prompt, candidates) = {
            let shell = locked(&self.shell);
            (shell.prompt(), shell.complete(before))
        };
        output::write(&format!("\r\x1b[J{prompt} {line}?\n"))?;
        match candidates {
            Ok(candidates) => {
                let (_, columns) = output::rows_and_columns();
                pager::page(&help::table(&candidates, columns, true), &self.keyboard)
            }
            Err(fault) => output::write_prose(&format!("{fault}\n")),
        }
    }

    /// The paste, with the line that it is in. The lines of the paste are shown again as they run.
    fn paste(&mut self) -> io::Result<Read> {
        let line = self.editor.current_buffer_contents().to_owned();
        let (before, after) =
            line.split_at_checked(self.editor.current_insertion_point()).unwrap_or((&line, ""));
        self.editor.run_edit_commands(&[EditCommand::Clear]);
        output::write("\r\x1b[K")?;
        let pasted = self.keyboard.take_paste().unwrap_or_default();
        Ok(Read::Paste(Paste::new(before, &pasted, after)))
    }
}

fn reedline(shell: &Arc<Mutex<Shell>>, gate: EditorGate) -> Reedline {
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
    let completer = ShellCompleter { shell: shell.clone(), gate: gate.clone() };
    let editor = Reedline::create()
        .with_edit_mode(Box::new(Gated { emacs: Emacs::new(keys), gate }))
        .with_completer(Box::new(completer))
        .with_menu(ReedlineMenu::EngineCompleter(Box::new(menu)))
        .with_quick_completions(true)
        .with_partial_completions(true)
        // Only the terminal knows which colours can be read on its background.
        .with_ansi_colors(false)
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

/// The keys of Emacs. The gate learns when a key that may end the editing was read.
struct Gated {
    emacs: Emacs,
    gate: EditorGate,
}

impl EditMode for Gated {
    fn parse_event(&mut self, event: ReedlineRawEvent) -> ReedlineEvent {
        let event = Event::from(event);
        let lines_pasted = matches!(&event, Event::Paste(text) if text.is_empty());
        if lines_pasted || event.as_key_press_event().is_some_and(may_end_editing) {
            self.gate.passed();
        }
        if lines_pasted {
            return ReedlineEvent::ExecuteHostCommand(PASTE.into());
        }
        match ReedlineRawEvent::try_from(event) {
            Ok(event) => self.emacs.parse_event(event),
            Err(()) => ReedlineEvent::None,
        }
    }

    fn edit_mode(&self) -> PromptEditMode {
        self.emacs.edit_mode()
    }
}

/// The keys at which the gate closes.
fn may_end_editing(key: crossterm::event::KeyEvent) -> bool {
    match key.modifiers {
        KeyModifiers::NONE => matches!(key.code, KeyCode::Enter | KeyCode::Char('?')),
        KeyModifiers::CONTROL => matches!(key.code, KeyCode::Char('c' | 'd')),
        _ => false,
    }
}

struct ShellCompleter {
    shell: Arc<Mutex<Shell>>,
    gate: EditorGate,
}

impl Completer for ShellCompleter {
    fn complete(&mut self, line: &str, position: usize) -> CompletionResult {
        let before = line.get(..position).unwrap_or(line);
        let candidates = locked(&self.shell).complete(before).unwrap_or_default();
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

    /// The editor calls this each time before it reads keys.
    fn poll_completion(&mut self) -> CompletionStatus {
        self.gate.ready();
        CompletionStatus::Idle
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
