//! A person at a terminal: keys go in, and the screen shows what a person would see.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZero;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::daemon::DEADLINE;

/// High enough that a whole lesson fits on the screen.
const ROWS: NonZero<u16> = NonZero::new(500).unwrap();
const COLUMNS: NonZero<u16> = NonZero::new(120).unwrap();
/// How many bytes of output [`Terminal::transcript`] keeps.
const TRANSCRIPT: usize = 1 << 24;

/// What a terminal is able to do.
#[derive(Clone, Copy, Debug)]
pub struct Ability {
    /// The environment variable `TERM`, if it is set.
    pub term: Option<&'static str>,
    /// Whether it answers when it is asked for the cursor position.
    pub answers: bool,
    /// Its rows.
    pub rows: NonZero<u16>,
    /// Its columns.
    pub columns: NonZero<u16>,
}

impl Default for Ability {
    fn default() -> Self {
        Self { term: Some("xterm"), answers: true, rows: ROWS, columns: COLUMNS }
    }
}
/// The request for the cursor position (`ESC [ 6 n`, ECMA-48 DSR).
const WHERE: &[u8] = b"\x1b[6n";

struct Screen {
    parser: vt100::Parser,
    /// All bytes of the output.
    transcript: Vec<u8>,
    answers: bool,
}

/// A program at a terminal.
pub struct Terminal {
    child: Child,
    /// Answers of the terminal do not get between the bytes of a paste.
    keyboard: Arc<Mutex<File>>,
    /// What the program has put on the screen so far.
    screen: Arc<Mutex<Screen>>,
    /// Says that the screen has changed.
    changed: Receiver<()>,
    /// That nobody looks at the screen any more.
    gone: Arc<AtomicBool>,
    /// The first row that has not been read yet.
    read: usize,
}

impl Terminal {
    /// Starts the program at a terminal of its own, and waits for its prompt.
    pub fn start(program: Command) -> Self {
        Self::start_at(program, Ability::default())
    }

    /// As [`Terminal::start`], at a terminal with these abilities.
    #[allow(
        unsafe_code,
        reason = "a controlling terminal is made in the child, before it is the program"
    )]
    pub fn start_at(mut program: Command, ability: Ability) -> Self {
        // The program must not inherit this side, because it would never see that its terminal is
        // gone.
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let keyboard = openpt(flags).expect("open a terminal");
        grantpt(&keyboard).and_then(|()| unlockpt(&keyboard)).expect("unlock the terminal");
        let name = ptsname(&keyboard, Vec::new()).expect("name the terminal");
        size(&keyboard, ability.rows, ability.columns);
        let path = name.to_str().expect("the terminal's name is text").to_owned();
        let end = || Stdio::from(open(&path));
        program.stdin(end()).stdout(end()).stderr(end()).env_remove("TERM");
        if let Some(term) = ability.term {
            program.env("TERM", term);
        }
        // SAFETY: between fork and exec only system calls are made.
        unsafe {
            program.pre_exec(|| {
                rustix::process::setsid()?;
                rustix::process::ioctl_tiocsctty(rustix::stdio::stdin())?;
                Ok(())
            });
        }
        let child = program.spawn().expect("start the program");
        let keyboard = File::from(keyboard);
        let gone = Arc::new(AtomicBool::new(false));
        let screen = Screen {
            parser: vt100::Parser::new(ability.rows, ability.columns, 0),
            transcript: Vec::new(),
            answers: ability.answers,
        };
        let screen = Arc::new(Mutex::new(screen));
        let wire = keyboard.try_clone().expect("read from the terminal");
        let keyboard = Arc::new(Mutex::new(keyboard));
        let changed = listen(wire, keyboard.clone(), screen.clone(), gone.clone());
        let mut terminal = Self { child, keyboard, screen, changed, gone, read: 0 };
        terminal.await_prompt(0);
        terminal
    }

    /// Types a line key by key, and Enter. Returns what the screen shows from the line's prompt to
    /// the next prompt.
    #[track_caller]
    pub fn line(&mut self, line: &str) -> String {
        self.keys(line);
        let typed = line.to_owned();
        // Messages about others are shown above, so the line may have moved down.
        self.until(&format!("{typed:?} to be shown"), |terminal| {
            terminal.prompt().ends_with(typed.trim_end())
        });
        let from = self.cursor().0;
        self.keys("\r");
        self.await_prompt(from + 1);
        let shown = self.rows(from, self.cursor().0);
        self.read = self.cursor().0;
        shown
    }

    /// Presses Ctrl-C, and waits for the next prompt. Until then the terminal itself would handle
    /// keys.
    #[track_caller]
    pub fn interrupt(&mut self) {
        let from = self.cursor().0;
        self.keys("\x03");
        self.await_prompt(from + 1);
    }

    /// Presses keys.
    pub fn keys(&mut self, keys: &str) {
        for key in keys.split_inclusive(|_: char| true) {
            self.press(key.as_bytes());
        }
    }

    /// Sends bytes to the program at once.
    pub fn press(&mut self, bytes: &[u8]) {
        locked(&self.keyboard).write_all(bytes).expect("press keys");
    }

    /// Pastes text as terminals do that know bracketed paste, in pieces of these sizes.
    pub fn paste(&mut self, text: &str, mut size: impl FnMut() -> usize) {
        let text = format!("\x1b[200~{}\x1b[201~", text.replace('\n', "\r"));
        let mut keyboard = locked(&self.keyboard);
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(size().clamp(1, rest.len()));
            keyboard.write_all(piece).expect("paste");
            rest = after;
        }
    }

    /// All bytes that the program has written.
    pub fn transcript(&self) -> String {
        String::from_utf8_lossy(&self.screen().transcript).into_owned()
    }

    /// Waits until the program has written `text` after the first `from` bytes.
    #[track_caller]
    pub fn await_output(&mut self, from: usize, text: &str) {
        self.until(&format!("{text:?} in the output"), |terminal| {
            let screen = terminal.screen();
            let from = screen.transcript.get(from..).unwrap_or_default();
            from.windows(text.len()).any(|window| window == text.as_bytes())
        });
    }

    /// Waits until the screen shows `text` after the last typed line. Returns what it shows since
    /// then.
    #[track_caller]
    pub fn see(&mut self, text: &str) -> String {
        let from = self.read;
        self.until(&format!("{text:?}"), |terminal| {
            terminal.rows(from, usize::from(ROWS.get())).contains(text)
        });
        self.rows(from, usize::from(ROWS.get()))
    }

    /// Waits until the screen shows these words after the last typed line, each as a whole. Returns the rows since then.
    #[track_caller]
    pub fn see_words(&mut self, words: &str) -> String {
        let from = self.read;
        let joined = |rows: &str| rows.split_whitespace().collect::<Vec<_>>().join(" ");
        self.until(&format!("the words {words:?}"), |terminal| {
            joined(&terminal.rows(from, usize::from(ROWS.get()))).contains(&joined(words))
        });
        self.rows(from, usize::from(ROWS.get()))
    }

    /// Gives the terminal another width.
    pub fn resize(&mut self, columns: NonZero<u16>) {
        let mut screen = locked(&self.screen);
        let (rows, _) = screen.parser.screen().size();
        screen.parser.screen_mut().set_size(rows, columns);
        size(&*locked(&self.keyboard), rows, columns);
    }

    /// The prompt of the line that is being edited.
    pub fn prompt(&self) -> String {
        let row = self.cursor().0;
        self.rows(row, row + 1).trim_end().to_owned()
    }

    /// Waits until the line that is being edited, with its prompt, is as expected.
    #[track_caller]
    pub fn await_in_prompt(&mut self, holds: impl Fn(&str) -> bool) {
        self.until("the prompt", |terminal| holds(&terminal.prompt()));
    }

    /// Removes the terminal, as a lost connection does, and waits until the program ends.
    #[track_caller]
    pub fn hang_up(mut self) {
        self.gone.store(true, Ordering::Relaxed);
        *locked(&self.keyboard) = File::open("/dev/null").expect("open /dev/null");
        // The listener has the terminal open too.
        while self.changed.recv_timeout(DEADLINE).is_ok() {}
        let start = Instant::now();
        while self.child.try_wait().expect("ask after the program").is_none() {
            assert!(start.elapsed() < DEADLINE, "the program does not end with its terminal");
        }
    }

    /// From now on, the terminal answers when it is asked for the cursor position.
    pub fn answer_from_now_on(&mut self) {
        self.screen().answers = true;
    }

    /// How the terminal treats input and output.
    pub fn mode(&self) -> rustix::termios::Termios {
        rustix::termios::tcgetattr(&*locked(&self.keyboard)).expect("read the terminal's mode")
    }

    /// The program's process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the program ends. Returns whether it succeeded.
    pub fn ends(&mut self) -> bool {
        self.child.wait().expect("await the program").success()
    }

    #[track_caller]
    fn await_prompt(&mut self, from: usize) {
        self.until("a prompt", |terminal| {
            let (row, column) = terminal.cursor();
            let text = terminal.rows(row, row + 1);
            let text = text.trim_end();
            row >= from && text.ends_with(['#', '>']) && column == text.chars().count() + 1
        });
    }

    /// Shows the program's output until the condition holds.
    #[track_caller]
    fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !holds(self) {
            let left = DEADLINE.saturating_sub(start.elapsed());
            if let Err(error) = self.changed.recv_timeout(left) {
                let why = match error {
                    RecvTimeoutError::Timeout => "the deadline passed",
                    RecvTimeoutError::Disconnected => "the program ended",
                };
                let screen = self.screen().parser.screen().contents();
                panic!("{why} before {what}; the screen:\n{screen}");
            }
        }
    }

    fn screen(&self) -> MutexGuard<'_, Screen> {
        locked(&self.screen)
    }

    fn cursor(&self) -> (usize, usize) {
        cursor(&self.screen().parser)
    }

    fn rows(&self, from: usize, to: usize) -> String {
        let screen = self.screen();
        let (_, columns) = screen.parser.screen().size();
        let rows = screen.parser.screen().rows(0, columns.get());
        let rows = rows.skip(from).take(to.saturating_sub(from));
        rows.map(|row| row.trim_end().to_owned() + "\n").collect()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sets the size of a terminal. The kernel tells the program.
fn size(terminal: impl AsFd, rows: NonZero<u16>, columns: NonZero<u16>) {
    let (ws_row, ws_col) = (rows.get(), columns.get());
    let size = rustix::termios::Winsize { ws_row, ws_col, ws_xpixel: 0, ws_ypixel: 0 };
    rustix::termios::tcsetwinsize(terminal, size).expect("size the terminal");
}

fn open(path: &str) -> OwnedFd {
    let options = File::options().read(true).write(true).open(path);
    options.expect("open the terminal's other side").into()
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Shows the program's output and answers at once, as terminals do, whether a test looks or not. A
/// program that asks for the cursor position waits for the answer.
fn listen(
    mut wire: File,
    keyboard: Arc<Mutex<File>>,
    screen: Arc<Mutex<Screen>>,
    gone: Arc<AtomicBool>,
) -> Receiver<()> {
    let (changed, receiver) = channel();
    let (answer, answers) = channel::<String>();
    // The keyboard may be busy with a paste that is as long as the program takes to read it, and the program
    // reads only as long as its output is taken.
    std::thread::spawn(move || {
        for answer in answers {
            if locked(&keyboard).write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    });
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        let tick = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
        while !gone.load(Ordering::Relaxed) {
            if let Ok(0) = poll(&mut [PollFd::new(&wire, PollFlags::IN)], Some(&tick)) {
                continue;
            }
            // The terminal reports an error once its other side is closed.
            let Ok(length @ 1..) = wire.read(&mut bytes) else { return };
            for position in locked(&screen).show(&bytes[..length]) {
                let _ = answer.send(position);
            }
            if changed.send(()).is_err() {
                return;
            }
        }
    });
    receiver
}

impl Screen {
    /// Shows output. Returns the terminal's answers to questions for the cursor position.
    fn show(&mut self, bytes: &[u8]) -> Vec<String> {
        let kept = TRANSCRIPT.saturating_sub(self.transcript.len()).min(bytes.len());
        self.transcript.extend_from_slice(&bytes[..kept]);
        let (mut rest, mut answers) = (bytes, Vec::new());
        while let Some(at) = rest.windows(WHERE.len()).position(|window| window == WHERE) {
            self.parser.process(&rest[..at]);
            let (row, column) = cursor(&self.parser);
            if self.answers {
                answers.push(format!("\x1b[{};{}R", row + 1, column + 1));
            }
            rest = &rest[at + WHERE.len()..];
        }
        self.parser.process(rest);
        answers
    }
}

fn cursor(screen: &vt100::Parser) -> (usize, usize) {
    let (row, column) = screen.screen().cursor_position();
    (usize::from(row), usize::from(column))
}
