//! Output at a terminal: a page at a time if it is long, and never past Ctrl-C.

use std::io::{self, Write};
use std::time::Duration;

use crate::output;
use crate::prose;
use crate::terminal::keyboard::Keyboard;
use crate::terminal::keys::{CTRL_C, CTRL_D, ESC, Input};

/// How many lines are written before a look at the keyboard.
const CHUNK: usize = 64;

/// Writes `text`, until Ctrl-C is pressed. A short text is written in any case: it may be the result of a commit.
pub(crate) fn print(text: &str, keyboard: &Keyboard) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for chunk in lines.chunks(CHUNK) {
        if lines.len() > CHUNK && keyboard.is_interrupted() {
            break;
        }
        out.write_all(chunk.concat().as_bytes())?;
    }
    out.flush()
}

/// Writes `text` in pages, if it is longer than the terminal. Keys that were typed ahead are for what comes after the
/// text, so there are no pages if any wait.
pub(crate) fn page(text: &str, keyboard: &Keyboard) -> io::Result<()> {
    let (rows, columns) = output::rows_and_columns();
    let total: usize = text.lines().map(|line| height(line, columns)).sum();
    if total < rows || keyboard.is_typed_ahead() {
        return print(text, keyboard);
    }
    let (page, mut out) = (rows.saturating_sub(1).max(1), io::stdout().lock());
    let mut room = page;
    for line in text.lines() {
        let height = height(line, columns);
        if room < height && room < page {
            match pause(&mut out, keyboard)? {
                Pause::Page => room = page,
                Pause::Line => room = height,
                Pause::All => room = usize::MAX,
                Pause::Stop => break,
            }
        }
        if keyboard.is_interrupted() {
            break;
        }
        writeln!(out, "{line}")?;
        room = room.saturating_sub(height);
    }
    out.flush()
}

/// How many rows of the terminal a line takes.
fn height(line: &str, columns: usize) -> usize {
    prose::width(line).div_ceil(columns).max(1)
}

#[derive(Clone, Copy)]
enum Pause {
    Page,
    Line,
    All,
    Stop,
}

const KEYS: &[(&[&[u8]], Pause)] = &[
    (&[b" ", b"\x1b[6~"], Pause::Page),
    (&[b"\r", b"\x1b[B", b"\x1bOB"], Pause::Line),
    (&[b"a", b"G", b"\x1b[F", b"\x1bOF", b"\x1b[4~"], Pause::All),
    (&[b"q", b"Q", &[ESC], &[CTRL_C], &[CTRL_D]], Pause::Stop),
];

fn pause(out: &mut impl Write, keyboard: &Keyboard) -> io::Result<Pause> {
    write!(out, "--More-- (space: page, enter: line, a: all, q: stop)")?;
    out.flush()?;
    let answer = answer(keyboard);
    keyboard.begin_command();
    write!(out, "\r\x1b[K")?;
    Ok(answer)
}

fn answer(keyboard: &Keyboard) -> Pause {
    loop {
        match keyboard.next(Duration::MAX) {
            Some(Input::Key(key)) => {
                let found = KEYS.iter().find(|(keys, _)| keys.contains(&key.as_slice()));
                if let Some((_, pause)) = found {
                    return *pause;
                }
            }
            // What is pasted is for the next prompt.
            Some(paste @ Input::Paste(_)) => {
                keyboard.put_back(paste);
                return Pause::Stop;
            }
            Some(Input::Position(_)) | None => {}
        }
    }
}
