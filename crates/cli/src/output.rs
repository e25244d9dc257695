//! Standard output and standard error, either of which may be closed or full.
//!
//! The macros of the standard library end a program with a panic if they cannot write. A reader that has gone is no
//! fault of the program, so nothing else in this crate writes to these.

use std::fmt::Display;
use std::io::{self, Write};

/// Writes to standard output, at once.
pub(crate) fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Writes a line to standard error. If that is closed, nobody wants to read it, and the exit status says the rest.
pub(crate) fn complain(line: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
