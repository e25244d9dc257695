//! Non-interactive commands: from `-c` or from standard input, up to the first one that fails.

use std::io::BufRead;

use anyhow::{Context, Result};
use yang::printable_lines;

use crate::file;
use crate::shell::{Checked, Shell, ShellError};
use crate::terminal::pager;

/// The exit status if the script ends with a `commit check` whose commit would change something. 1 is an error, and 2 is
/// a wrong option.
const WOULD_CHANGE: u8 = 3;

/// Runs the commands of `-c`, and returns the exit status.
pub(crate) fn commands(shell: Shell, commands: &[String]) -> Result<u8> {
    let lines = commands.iter().map(|command| Ok(command.clone()));
    run(shell, lines, "command")
}

/// Runs the lines of a script, and returns the exit status.
pub(crate) fn lines(shell: Shell, script: impl BufRead) -> Result<u8> {
    run(shell, script.lines(), "line")
}

fn run(
    shell: Shell,
    lines: impl Iterator<Item = std::io::Result<String>>,
    unit: &str,
) -> Result<u8> {
    let mut shell = shell.scripted();
    for (number, line) in (1..).zip(lines) {
        let line = line.with_context(|| format!("reading {unit} {number}"))?;
        let line = match number {
            1 => file::without_bom(&line).unwrap_or(&line),
            _ => &line,
        };
        match shell.run(line) {
            Ok(done) => {
                pager::show(&done.text, false)?;
                if let Some(warning) = done.warning {
                    eprintln!("{unit} {number}: {}", printable_lines(&warning));
                }
                if done.quits {
                    break;
                }
            }
            Err(error) => {
                // A line with a mark below it must begin in the first column, or the mark is at the wrong position.
                let space = if matches!(error, ShellError::Line { .. }) { '\n' } else { ' ' };
                eprintln!("{unit} {number}:{space}{}", printable_lines(&error.to_string()));
                shell.close();
                return Ok(1);
            }
        }
    }
    let left = shell.may_leave();
    let checked = shell.checked();
    shell.close();
    if let Err(error) = left {
        eprintln!("at the end: {error}; they are discarded");
        return Ok(1);
    }
    Ok(match checked {
        Some(Checked::WouldChange) => WOULD_CHANGE,
        Some(Checked::NothingToDo) | None => 0,
    })
}
