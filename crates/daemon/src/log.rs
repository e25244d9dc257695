//! The log: one line for each event, on standard error.
//!
//! Clients decide parts of what is logged. Their text must neither begin a line of its own nor change the terminal.

use std::io::{self, Write};

use anyhow::{Context, Result};
use tracing_subscriber::EnvFilter;

/// Logs what the filter selects.
pub(crate) fn start(filter: &str) -> Result<()> {
    let filter = EnvFilter::try_new(filter).context("--log")?;
    let log = tracing_subscriber::fmt().with_env_filter(filter);
    // Colours are escape sequences too.
    log.with_ansi(false).with_writer(|| Lines(io::stderr())).init();
    Ok(())
}

/// Writes each event, which comes as a whole, as one printable line.
struct Lines<W>(W);

impl<W: Write> Write for Lines<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let line = yang::printable(text.strip_suffix('\n').unwrap_or(&text)).into_owned();
        self.0.write_all((line + "\n").as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line() {
        let mut log = Lines(Vec::new());
        log.write_all(b"refused: \x1b[2J\n2026 INFO forged\n").expect("a vector takes all");
        log.write_all("next \u{9b}\n".as_bytes()).expect("a vector takes all");
        let text = String::from_utf8(log.0).expect("text");
        assert_eq!(text, "refused: \\u{1b}[2J\\u{a}2026 INFO forged\nnext \\u{9b}\n");
    }
}
