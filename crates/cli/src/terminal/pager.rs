//! Long output a page at a time.

use std::io::{self, IsTerminal, Write};

use crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers, read};
use crossterm::terminal::{disable_raw_mode, enable_raw_mode, size};

/// Writes `text` to standard output. If that is a terminal and the text is longer than it, the text is shown in
/// pages. It is no error if the reader closes the output.
pub(crate) fn show(text: &str, paged: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let rows = match size() {
        Ok((_, rows)) if paged && io::stdout().is_terminal() => usize::from(rows),
        Ok(_) | Err(_) => usize::MAX,
    };
    let written = if text.lines().count() < rows {
        out.write_all(text.as_bytes()).and_then(|()| out.flush())
    } else {
        pages(text, rows.saturating_sub(1).max(1), &mut out)
    };
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        written => written,
    }
}

fn pages(text: &str, rows: usize, out: &mut impl Write) -> io::Result<()> {
    let mut room = rows;
    for line in text.lines() {
        if room == 0 {
            match pause(out)? {
                Pause::Page => room = rows,
                Pause::Line => room = 1,
                Pause::All => room = usize::MAX,
                Pause::Stop => return Ok(()),
            }
        }
        writeln!(out, "{line}")?;
        room -= 1;
    }
    out.flush()
}

#[derive(Clone, Copy)]
enum Pause {
    Page,
    Line,
    All,
    Stop,
}

const KEYS: &[(&[KeyCode], Pause)] = &[
    (&[KeyCode::Char(' '), KeyCode::PageDown], Pause::Page),
    (&[KeyCode::Enter, KeyCode::Down], Pause::Line),
    (&[KeyCode::Char('a'), KeyCode::Char('G'), KeyCode::End], Pause::All),
    (&[KeyCode::Char('q'), KeyCode::Char('Q'), KeyCode::Esc], Pause::Stop),
];

fn pause(out: &mut impl Write) -> io::Result<Pause> {
    write!(out, "--More-- (space: page, enter: line, a: all, q: stop)")?;
    out.flush()?;
    enable_raw_mode()?;
    let answer = answer();
    disable_raw_mode()?;
    write!(out, "\r\x1b[K")?;
    answer
}

fn answer() -> io::Result<Pause> {
    loop {
        let Event::Key(key) = read()? else { continue };
        if key.kind == KeyEventKind::Release {
            continue;
        }
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let is = |codes: &[KeyCode]| codes.contains(&key.code);
        if control && is(&[KeyCode::Char('c'), KeyCode::Char('d')]) {
            return Ok(Pause::Stop);
        }
        for (codes, pause) in KEYS {
            if is(codes) {
                return Ok(*pause);
            }
        }
    }
}
