//! The terminal's input, read by a thread of its own for the whole session.
//!
//! The terminal stays in raw mode from the first prompt to the end, and each byte goes through one queue. So nothing is
//! lost between two lines, and Ctrl-C is seen while a command runs. The line editor reads from a pseudo terminal that
//! takes the place of standard input, because it can read from nothing else. A [gate](Gate) lets one line through at a
//! time: the editor drops the keys that it has read together with a key that ends its work.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{process, thread};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{
    InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};

use crate::output;
use crate::prose;
use crate::terminal::keys::{
    ASK_POSITION, BRACKET_PASTES, CTRL_C, CTRL_D, Decoder, Input, PASTE_BEGINS, PASTE_ENDS,
    UNBRACKET_PASTES,
};

/// How long an incomplete escape sequence waits for its rest.
const SEQUENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
/// How long a terminal may take to say that it can place the cursor.
const ANSWER: Duration = Duration::from_millis(200);
/// Keys that follow each other faster than a person types them are a paste, or come from a program.
const BURST: Duration = Duration::from_millis(25);
/// How long the rest of a paste may pause, when it is dropped.
const PAUSE: Duration = Duration::from_millis(200);

/// The input of a session. Dropping it restores the terminal.
pub(crate) struct Keyboard {
    shared: Arc<Shared>,
    terminal: Arc<OwnedFd>,
    before: Termios,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// Whether a commit is under way, which Ctrl-C does not stop.
    committing: Arc<AtomicBool>,
}

#[derive(Default)]
struct State {
    gate: Gate,
    waiting: VecDeque<Arrived>,
    /// When the last input arrived, and in which burst.
    last: Option<(Instant, u64)>,
    /// The same of the input that somebody has taken last.
    taken: Option<(Instant, u64)>,
    /// Reports of the cursor position, which the editor waits for. They overtake the keys.
    positions: VecDeque<Vec<u8>>,
    /// The paste that the editor was told of.
    paste: Option<String>,
    interrupted: bool,
    /// Whether the terminal has ever reported its cursor position.
    answers: bool,
}

/// An input, and when it arrived in which burst.
struct Arrived(Input, (Instant, u64));

/// Who gets the keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Gate {
    /// Nobody: a command runs. Ctrl-C interrupts it.
    #[default]
    Closed,
    /// Nobody: the prompt is about to be shown. All keys wait for it.
    Prompt,
    /// Whoever calls [`Keyboard::next`].
    Direct,
    /// The line editor, up to a key that may end its work.
    Editor,
    /// Such a key is on its way to the editor.
    Passed,
}

impl Keyboard {
    /// Puts the terminal at standard input into raw mode, and begins to read it.
    pub(crate) fn open(committing: Arc<AtomicBool>) -> io::Result<Self> {
        let terminal = Arc::new(rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?);
        let before = tcgetattr(&terminal)?;
        tcsetattr(&terminal, OptionalActions::Now, &raw(&before))?;
        let shared =
            Arc::new(Shared { state: Mutex::default(), changed: Condvar::new(), committing });
        let (reader, source) = (shared.clone(), terminal.clone());
        thread::spawn(move || reader.read(&source));
        Ok(Self { shared, terminal, before })
    }

    /// Asks the terminal for the cursor position, and waits a moment for the answer.
    pub(crate) fn ask_position(&self) -> io::Result<()> {
        output::write(ASK_POSITION)?;
        let start = Instant::now();
        let mut state = self.shared.lock();
        while !state.answers && start.elapsed() < ANSWER {
            state = self.shared.wait(state, ANSWER.saturating_sub(start.elapsed()));
        }
        // A program that looks for the prompt in the last line must not find the question there.
        if !state.answers {
            output::write("\n")?;
        }
        Ok(())
    }

    /// Whether the terminal can place the cursor, because it has said where it is. A terminal that is slow to answer
    /// gets the line editor later.
    pub(crate) fn can_edit(&self) -> bool {
        self.shared.lock().answers
    }

    /// Lets the line editor read. Fails if there can be no pseudo terminal.
    pub(crate) fn connect_editor(&self) -> io::Result<()> {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let ours = openpt(flags)?;
        grantpt(&ours)?;
        unlockpt(&ours)?;
        let name = ptsname(&ours, Vec::new())?;
        let flags = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY;
        let editors = rustix::fs::open(
            &*name,
            flags | rustix::fs::OFlags::CLOEXEC,
            rustix::fs::Mode::empty(),
        )?;
        let mut mode = tcgetattr(&editors)?;
        mode.make_raw();
        tcsetattr(&editors, OptionalActions::Now, &mode)?;
        rustix::stdio::dup2_stdin(&editors)?;
        let shared = self.shared.clone();
        thread::spawn(move || shared.forward(File::from(ours)));
        output::write(BRACKET_PASTES)
    }

    /// The editor's side of the gate.
    pub(crate) fn gate(&self) -> EditorGate {
        EditorGate(self.shared.clone())
    }

    /// A command begins, or goes on: no key goes anywhere, and Ctrl-C interrupts. It may have been pressed just before.
    pub(crate) fn begin_command(&self) {
        let mut state = self.shared.lock();
        state.gate = Gate::Closed;
        let pressed = |Arrived(input, _): &Arrived| *input == Input::Key(vec![CTRL_C]);
        if let Some(at) = state.waiting.iter().rposition(pressed) {
            state.waiting.drain(..=at);
            state.interrupted = true;
        }
    }

    /// The prompt is shown next. Ctrl-C is a key of the line that is typed there.
    pub(crate) fn begin_prompt(&self) {
        let mut state = self.shared.lock();
        if state.gate == Gate::Closed {
            state.open(Gate::Prompt);
        }
    }

    /// The next key or paste. None if nothing comes in time.
    pub(crate) fn next(&self, timeout: Duration) -> Option<Input> {
        let start = Instant::now();
        let mut state = self.shared.lock();
        state.open(Gate::Direct);
        loop {
            if let Some(input) = state.pop() {
                return Some(input);
            }
            let left = timeout.saturating_sub(start.elapsed());
            if left.is_zero() {
                return None;
            }
            state = self.shared.wait(state, left);
        }
    }

    /// Puts back what [`next`](Self::next) has returned.
    pub(crate) fn put_back(&self, input: Input) {
        let mut state = self.shared.lock();
        if let Some(taken) = state.taken {
            state.waiting.push_front(Arrived(input, taken));
        }
    }

    /// Drops what has arrived in one burst with the key that was taken last, and what follows that without a long pause.
    /// Returns it as text. It is the rest of a paste without brackets.
    pub(crate) fn drop_burst(&self) -> String {
        let mut text = String::new();
        let mut state = self.shared.lock();
        let Some((at, burst)) = state.taken else { return text };
        while state.waiting.is_empty() && at.elapsed() < BURST {
            state = self.shared.wait(state, BURST.saturating_sub(at.elapsed()));
        }
        if state.waiting.front().is_none_or(|Arrived(_, (_, next))| *next != burst) {
            return text;
        }
        let mut start = Instant::now();
        while start.elapsed() < PAUSE && !state.interrupted {
            if !state.waiting.is_empty() {
                start = Instant::now();
            }
            for Arrived(input, _) in state.waiting.drain(..) {
                match input {
                    Input::Key(key) => text += &String::from_utf8_lossy(&key).replace('\r', "\n"),
                    Input::Paste(paste) => text += &paste,
                    Input::Position(_) => {}
                }
            }
            state = self.shared.wait(state, PAUSE.saturating_sub(start.elapsed()));
        }
        text
    }

    /// The paste that the editor was told of.
    pub(crate) fn take_paste(&self) -> Option<String> {
        self.shared.lock().paste.take()
    }

    /// Whether keys wait that were typed ahead.
    pub(crate) fn is_typed_ahead(&self) -> bool {
        !self.shared.lock().waiting.is_empty()
    }

    /// Whether Ctrl-C was pressed since the command began.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.shared.lock().interrupted
    }

    /// Acts on signals as on keys: SIGINT is Ctrl-C. SIGTERM ends the program, and leaves the terminal as it was.
    pub(crate) fn heed_signals(&self) {
        let (shared, terminal, before) =
            (self.shared.clone(), self.terminal.clone(), self.before.clone());
        thread::spawn(move || {
            use tokio::signal::unix::{SignalKind, signal};
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build()
            else {
                return;
            };
            runtime.block_on(async {
                let [interrupt, terminate, resume] =
                    [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::from_raw(CONT)]
                        .map(signal);
                let (Ok(mut interrupt), Ok(mut terminate), Ok(mut resume)) =
                    (interrupt, terminate, resume)
                else {
                    return;
                };
                loop {
                    tokio::select! {
                        _ = interrupt.recv() => shared.take(vec![Input::Key(vec![CTRL_C])]),
                        // The shell that stopped the program has used the terminal in the meantime.
                        _ = resume.recv() => {
                            let _ = tcsetattr(&terminal, OptionalActions::Now, &raw(&before));
                        }
                        _ = terminate.recv() => {
                            restore(&terminal, &before, shared.lock().answers);
                            process::exit(128 + TERM);
                        }
                    }
                }
            });
        });
    }
}

const CONT: i32 = rustix::process::Signal::CONT.as_raw();
const TERM: i32 = rustix::process::Signal::TERM.as_raw();

impl Drop for Keyboard {
    fn drop(&mut self) {
        restore(&self.terminal, &self.before, self.shared.lock().answers);
    }
}

fn restore(terminal: &OwnedFd, before: &Termios, brackets: bool) {
    if brackets {
        let _ = output::write(UNBRACKET_PASTES);
    }
    let _ = tcsetattr(terminal, OptionalActions::Now, before);
}

/// Raw input. Output stays as it was, so that `\n` begins a line, and so does flow control, which serial lines need.
fn raw(before: &Termios) -> Termios {
    let mut mode = before.clone();
    mode.local_modes -=
        LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG | LocalModes::IEXTEN;
    mode.input_modes -= InputModes::ICRNL | InputModes::INLCR | InputModes::IGNCR;
    mode.special_codes[SpecialCodeIndex::VMIN] = 1;
    mode.special_codes[SpecialCodeIndex::VTIME] = 0;
    mode
}

/// The line editor's side of the gate.
#[derive(Clone)]
pub(crate) struct EditorGate(Arc<Shared>);

impl EditorGate {
    /// The editor is about to read. It calls this often, and also after a key that has not ended its work.
    pub(crate) fn ready(&self) {
        let mut state = self.0.lock();
        match state.gate {
            Gate::Closed | Gate::Prompt | Gate::Direct => {
                state.open(Gate::Editor);
                self.0.changed.notify_all();
            }
            Gate::Editor | Gate::Passed => {}
        }
    }

    /// The editor has read the key that may end its work.
    pub(crate) fn passed(&self) {
        let mut state = self.0.lock();
        match state.gate {
            Gate::Passed => state.gate = Gate::Closed,
            Gate::Closed | Gate::Prompt | Gate::Direct | Gate::Editor => {}
        }
    }
}

impl State {
    fn open(&mut self, gate: Gate) {
        self.gate = gate;
        self.interrupted = false;
    }

    fn pop(&mut self) -> Option<Input> {
        let Arrived(input, when) = self.waiting.pop_front()?;
        self.taken = Some(when);
        Some(input)
    }

    /// When an input arrives, and in which burst.
    fn arrival(&mut self, now: Instant) -> (Instant, u64) {
        let burst = match self.last {
            Some((last, burst)) if now.duration_since(last) < BURST => burst,
            Some((_, burst)) => burst + 1,
            None => 0,
        };
        *self.last.insert((now, burst))
    }

    /// What can go to the editor, as bytes.
    fn let_through(&mut self) -> Vec<u8> {
        let mut bytes: Vec<u8> = self.positions.drain(..).flatten().collect();
        while self.gate == Gate::Editor {
            let Some(input) = self.pop() else { break };
            match input {
                Input::Key(key) => {
                    if ends_editing(&key) {
                        self.gate = Gate::Passed;
                    }
                    bytes.extend(key);
                }
                Input::Paste(text) => {
                    let lines = text.contains('\n');
                    let shown = if lines { String::new() } else { one_line(&text) };
                    for part in [PASTE_BEGINS, shown.as_bytes(), PASTE_ENDS] {
                        bytes.extend_from_slice(part);
                    }
                    if lines {
                        self.paste = Some(text);
                        self.gate = Gate::Passed;
                    }
                }
                Input::Position(_) => {}
            }
        }
        bytes
    }
}

/// Whether the editor may stop reading at this key. The binding of keys agrees with this.
fn ends_editing(key: &[u8]) -> bool {
    matches!(key, [b'\r' | b'?' | CTRL_C | CTRL_D])
}

/// A paste within a line, without control characters. Not empty, since that says that lines were pasted.
fn one_line(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.is_empty() { " ".into() } else { text }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&'a self, state: MutexGuard<'a, State>, time: Duration) -> MutexGuard<'a, State> {
        self.changed.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Reads the terminal until it is gone, and then ends the program. The signal for that may be ignored, as under
    /// nohup(1), or may go to other processes.
    fn read(&self, terminal: &OwnedFd) {
        let mut decoder = Decoder::default();
        let mut bytes = [0; 4096];
        loop {
            let timeout = decoder.is_within_key().then_some(&SEQUENCE);
            match poll(&mut [PollFd::new(terminal, PollFlags::IN)], timeout) {
                Ok(0) => self.take(decoder.flush().into_iter().collect()),
                Ok(_) => match rustix::io::read(terminal, &mut bytes) {
                    Ok(0) => process::exit(1),
                    Ok(length) => self.take(decoder.push(&bytes[..length])),
                    Err(Errno::INTR | Errno::AGAIN) => {}
                    Err(_) => process::exit(1),
                },
                Err(Errno::INTR) => {}
                Err(_) => process::exit(1),
            }
        }
    }

    fn take(&self, inputs: Vec<Input>) {
        let mut state = self.lock();
        let arrival = state.arrival(Instant::now());
        for input in inputs {
            match input {
                Input::Position(report) if state.answers => state.positions.push_back(report),
                // The first one answers this file's own question.
                Input::Position(_) => state.answers = true,
                // As terminals do, what was typed before is dropped too. A paste without brackets stops with it.
                Input::Key(key) if key == [CTRL_C] && state.gate == Gate::Closed => {
                    state.waiting.clear();
                    state.interrupted = true;
                    self.say_interrupted();
                }
                input @ (Input::Key(_) | Input::Paste(_)) => {
                    state.waiting.push_back(Arrived(input, arrival));
                }
            }
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Says at once that the key was seen. It waits for no lock, since whoever writes may have to wait for the terminal.
    fn say_interrupted(&self) {
        let note = match self.committing.load(Ordering::Relaxed) {
            true => "^C\nthe commit is under way and goes on; its result follows\n",
            false => "^C\n",
        };
        let note = prose::wrapped(note, output::columns());
        let _ = rustix::io::write(rustix::stdio::stdout(), note.as_bytes());
    }

    /// Gives the editor what may go through the gate. A write waits until the editor has read, so no lock is held.
    fn forward(&self, mut editor: File) {
        let mut state = self.lock();
        loop {
            let bytes = state.let_through();
            if bytes.is_empty() {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            drop(state);
            if editor.write_all(&bytes).is_err() {
                return;
            }
            state = self.lock();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_faster_than_a_person() {
        let start = Instant::now();
        let mut state = State::default();
        let mut burst = |milliseconds| state.arrival(start + Duration::from_millis(milliseconds)).1;
        assert_eq!([0, 1, 20, 40, 64, 100, 150].map(&mut burst), [0, 0, 0, 0, 0, 1, 2]);
    }
}
