//! A person at a terminal: keys go in, and the screen shows what a person would see.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZero;
use std::os::fd::OwnedFd;
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
/// The request for the cursor position (`ESC [ 6 n`, ECMA-48 DSR).
const WHERE: &[u8] = b"\x1b[6n";

/// A program at a terminal.
pub struct Terminal {
    child: Child,
    keyboard: File,
    /// What the program has put on the screen so far.
    screen: Arc<Mutex<vt100::Parser>>,
    /// Says that the screen has changed.
    changed: Receiver<()>,
    /// That nobody looks at the screen any more.
    gone: Arc<AtomicBool>,
    /// The first row that has not been read yet.
    read: usize,
}

impl Terminal {
    /// Starts the program at a terminal of its own, and waits for its prompt.
    #[allow(
        unsafe_code,
        reason = "a controlling terminal is made in the child, before it is the program"
    )]
    pub fn start(mut program: Command) -> Self {
        // The program must not inherit this side, because it would never see that its terminal is
        // gone.
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let keyboard = openpt(flags).expect("open a terminal");
        grantpt(&keyboard).and_then(|()| unlockpt(&keyboard)).expect("unlock the terminal");
        let name = ptsname(&keyboard, Vec::new()).expect("name the terminal");
        let size = rustix::termios::Winsize {
            ws_row: ROWS.get(),
            ws_col: COLUMNS.get(),
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        rustix::termios::tcsetwinsize(&keyboard, size).expect("size the terminal");
        let path = name.to_str().expect("the terminal's name is text").to_owned();
        let end = || Stdio::from(open(&path));
        program.stdin(end()).stdout(end()).stderr(end()).env("TERM", "xterm").env("NO_COLOR", "1");
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
        let screen = Arc::new(Mutex::new(vt100::Parser::new(ROWS, COLUMNS, 0)));
        let wire = keyboard.try_clone().expect("read from the terminal");
        let changed = listen(wire, screen.clone(), gone.clone());
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
            self.keyboard.write_all(key.as_bytes()).expect("press a key");
        }
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
        self.keyboard = File::open("/dev/null").expect("open /dev/null");
        // The listener has the terminal open too.
        while self.changed.recv_timeout(DEADLINE).is_ok() {}
        let start = Instant::now();
        while self.child.try_wait().expect("ask after the program").is_none() {
            assert!(start.elapsed() < DEADLINE, "the program does not end with its terminal");
        }
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
                panic!("{why} before {what}; the screen:\n{}", self.screen().screen().contents());
            }
        }
    }

    fn screen(&self) -> MutexGuard<'_, vt100::Parser> {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cursor(&self) -> (usize, usize) {
        cursor(&self.screen())
    }

    fn rows(&self, from: usize, to: usize) -> String {
        let screen = self.screen();
        let rows = screen.screen().rows(0, COLUMNS.get()).skip(from).take(to.saturating_sub(from));
        rows.map(|row| row.trim_end().to_owned() + "\n").collect()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn open(path: &str) -> OwnedFd {
    let options = File::options().read(true).write(true).open(path);
    options.expect("open the terminal's other side").into()
}

/// Shows the program's output and answers at once, as terminals do, whether a test looks or not. A
/// program that asks for the cursor position waits for the answer.
fn listen(
    mut wire: File,
    screen: Arc<Mutex<vt100::Parser>>,
    gone: Arc<AtomicBool>,
) -> Receiver<()> {
    let (changed, receiver) = channel();
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        let tick = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
        while !gone.load(Ordering::Relaxed) {
            if let Ok(0) = poll(&mut [PollFd::new(&wire, PollFlags::IN)], Some(&tick)) {
                continue;
            }
            // The terminal reports an error once its other side is closed.
            let Ok(length @ 1..) = wire.read(&mut bytes) else { return };
            let answers = show(&screen, &bytes[..length]);
            if wire.write_all(answers.as_bytes()).is_err() || changed.send(()).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Shows output on the screen. Returns the terminal's answer if the output asks for the cursor
/// position.
fn show(screen: &Mutex<vt100::Parser>, bytes: &[u8]) -> String {
    let mut screen = screen.lock().unwrap_or_else(PoisonError::into_inner);
    let (mut rest, mut answers) = (bytes, String::new());
    while let Some(at) = rest.windows(WHERE.len()).position(|window| window == WHERE) {
        screen.process(&rest[..at]);
        let (row, column) = cursor(&screen);
        answers += &format!("\x1b[{};{}R", row + 1, column + 1);
        rest = &rest[at + WHERE.len()..];
    }
    screen.process(rest);
    answers
}

fn cursor(screen: &vt100::Parser) -> (usize, usize) {
    let (row, column) = screen.screen().cursor_position();
    (usize::from(row), usize::from(column))
}
