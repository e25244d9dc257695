//! Standard output and standard error, either of which may be closed or full, or a terminal.
//!
//! The macros of the standard library end a program with a panic if they cannot write. A reader that has gone is no
//! fault of the program, so nothing else in this crate writes to these.

use std::fmt::Display;
use std::io::{self, Write};
use std::os::fd::AsFd;

use rustix::termios::tcgetwinsize;

use crate::prose;

/// The rows and columns of a terminal that does not know its size.
const USUAL: (usize, usize) = (24, 80);

/// Writes to standard output, at once.
pub(crate) fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Has `write` write to standard output, piece by piece.
pub(crate) fn write_by(
    write: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<()>,
) -> io::Result<()> {
    write(&mut io::stdout())
}

/// Writes messages to standard output, at once: lines that a terminal does not break within words.
pub(crate) fn write_prose(text: &str) -> io::Result<()> {
    write(&prose::wrapped(text, columns()))
}

/// Writes a message to standard error. If that is closed, nobody wants to read it, and the exit status says the rest.
pub(crate) fn complain(message: impl Display) {
    let mut err = io::stderr().lock();
    let message = prose::wrapped(&format!("{message}\n"), columns_of(&err));
    let _ = err.write_all(message.as_bytes());
}

/// The columns of the terminal at standard output, at this moment. None if it is no terminal.
pub(crate) fn columns() -> Option<usize> {
    columns_of(io::stdout())
}

/// The rows and columns of the terminal at standard output, at this moment.
pub(crate) fn rows_and_columns() -> (usize, usize) {
    rows_and_columns_of(io::stdout()).unwrap_or(USUAL)
}

fn columns_of(stream: impl AsFd) -> Option<usize> {
    rows_and_columns_of(stream).map(|(_, columns)| columns)
}

fn rows_and_columns_of(stream: impl AsFd) -> Option<(usize, usize)> {
    let size = tcgetwinsize(stream).ok()?;
    let or_usual = |own: u16, usual| if own == 0 { usual } else { usize::from(own) };
    Some((or_usual(size.ws_row, USUAL.0), or_usual(size.ws_col, USUAL.1)))
}
