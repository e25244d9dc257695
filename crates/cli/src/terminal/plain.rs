//! Lines from terminals that cannot place the cursor: serial lines, `TERM=dumb`, and programs such as expect.
//!
//! A key is shown as it is typed, and only the end of the line can be edited.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reedline::ExternalPrinter;

use crate::output::{rows_and_columns, write, write_prose};
use crate::shell::Shell;
use crate::terminal::keyboard::Keyboard;
use crate::terminal::keys::{CTRL_C, CTRL_D, Input};
use crate::terminal::paste::Paste;
use crate::terminal::{Read, help, locked};

/// How often notices are looked for.
const TICK: Duration = Duration::from_millis(100);
const BACKSPACE: u8 = 0x08;
const DELETE: u8 = 0x7f;
const CTRL_U: u8 = 0x15;
const CTRL_W: u8 = 0x17;

/// Reads lines without cursor addressing.
pub(crate) struct Plain {
    pub(crate) shell: Arc<Mutex<Shell>>,
    pub(crate) keyboard: Arc<Keyboard>,
    /// None once the line editor shows them.
    pub(crate) notices: Option<ExternalPrinter<String>>,
    pub(crate) gone: Arc<AtomicBool>,
}

impl Plain {
    pub(crate) fn read(&self) -> io::Result<Read> {
        let mut line = String::new();
        self.draw(&line)?;
        loop {
            if self.gone.load(Ordering::Relaxed) {
                return Ok(Read::Gone);
            }
            while let Some(notice) = self.notices.as_ref().and_then(ExternalPrinter::get_line) {
                write(&format!("\n{notice}\n"))?;
                self.draw(&line)?;
            }
            let key = match self.keyboard.next(TICK) {
                Some(Input::Key(key)) => key,
                Some(Input::Paste(text)) => return Ok(Read::Paste(Paste::new(&line, &text, ""))),
                Some(Input::Position(_)) | None => continue,
            };
            match key.as_slice() {
                b"\r" => {
                    self.keyboard.begin_command();
                    write("\n")?;
                    return Ok(Read::Line(line));
                }
                [CTRL_C] => {
                    write("^C\n")?;
                    return Ok(Read::Nothing);
                }
                [CTRL_D] if line.is_empty() => {
                    write("\n")?;
                    return Ok(Read::End);
                }
                b"?" if !help::is_literal(&line) => self.help(&line)?,
                b"\t" => self.complete(&mut line)?,
                &[BACKSPACE | DELETE] => erase(&mut line, |rest| {
                    rest.pop();
                    true
                })?,
                [CTRL_U] => erase(&mut line, |rest| {
                    rest.pop();
                    rest.is_empty()
                })?,
                [CTRL_W] => erase(&mut line, |rest| {
                    let last = rest.pop();
                    last.is_none_or(|c| c != ' ') && (rest.is_empty() || rest.ends_with(' '))
                })?,
                key => match std::str::from_utf8(key) {
                    Ok(text) if !text.contains(char::is_control) => {
                        line.push_str(text);
                        write(text)?;
                    }
                    // A key that only an editor knows.
                    Ok(_) | Err(_) => {}
                },
            }
        }
    }

    fn draw(&self, line: &str) -> io::Result<()> {
        let prompt = locked(&self.shell).prompt();
        write(&format!("{prompt} {line}"))
    }

    fn help(&self, line: &str) -> io::Result<()> {
        write("?\n")?;
        let candidates = locked(&self.shell).complete(line);
        match candidates {
            Ok(candidates) => {
                let (_, columns) = rows_and_columns();
                write(&help::table(&candidates, columns, false))?;
            }
            Err(fault) => write_prose(&format!("{fault}\n"))?,
        }
        self.draw(line)
    }

    /// Appends what all candidates begin with, and a space if there is only one.
    fn complete(&self, line: &mut String) -> io::Result<()> {
        let Ok(candidates) = locked(&self.shell).complete(line) else { return Ok(()) };
        let mut typed = candidates.list.iter().filter(|one| one.typed).map(|one| &*one.text);
        let Some(first) = typed.next() else { return Ok(()) };
        let (mut common, mut only) = (first.to_owned(), true);
        for other in typed {
            let same = common.chars().zip(other.chars()).take_while(|(a, b)| a == b);
            common = same.map(|(c, _)| c).collect();
            only = false;
        }
        let word = line.get(candidates.span).unwrap_or_default();
        // A word in quotes is left to its author.
        let Some(more) = common.strip_prefix(word) else { return Ok(()) };
        let more = format!("{more}{}", if only { " " } else { "" });
        line.push_str(&more);
        write(&more)
    }
}

/// Removes characters from the end of the line and from the terminal, until `is_last` has taken the last of them.
fn erase(line: &mut String, mut is_last: impl FnMut(&mut String) -> bool) -> io::Result<()> {
    loop {
        let before = line.chars().count();
        let last = is_last(line);
        let erased = before - line.chars().count();
        write(&"\x08 \x08".repeat(erased))?;
        if last || erased == 0 {
            return Ok(());
        }
    }
}
