//! Non-interactive commands: from `-c` or from standard input, up to the first one that fails.

use std::io::{self, BufRead};

use anyhow::{Context, Result};
use yang::printable_lines;

use crate::file;
use crate::output::{self, complain};
use crate::shell::{Checked, Done, Shell, ShellError};

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

fn run(shell: Shell, lines: impl Iterator<Item = io::Result<String>>, unit: &str) -> Result<u8> {
    let (mut shell, mut lines) = (shell.scripted(), (1..).zip(lines));
    while let Some((number, line)) = lines.next() {
        let line = line.with_context(|| format!("reading {unit} {number}"))?;
        let line = match number {
            1 => file::without_bom(&line).unwrap_or(&line),
            _ => &line,
        };
        match shell.run(line) {
            Ok(done) => {
                match written(&done) {
                    // As with other programs, this is no error of the command whose output was long enough.
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                        if done.quits || lines.next().is_none() {
                            break;
                        }
                        complain(format_args!(
                            "{unit} {number}: standard output is closed; what follows is not run"
                        ));
                        shell.close();
                        return Ok(1);
                    }
                    written => written.context("writing to standard output")?,
                }
                for warning in done.warnings {
                    complain(format_args!("{unit} {number}: {}", printable_lines(&warning)));
                }
                if done.quits {
                    break;
                }
            }
            Err(error) => {
                // A line with a mark below it must begin in the first column, or the mark is at the wrong position.
                let space = if matches!(error, ShellError::Line { .. }) { '\n' } else { ' ' };
                let error = error.to_string();
                complain(format_args!("{unit} {number}:{space}{}", printable_lines(&error)));
                shell.close();
                return Ok(1);
            }
        }
    }
    let left = shell.may_leave();
    let checked = shell.checked();
    shell.close();
    if let Err(error) = left {
        complain(format_args!("at the end: {error}; they are discarded"));
        return Ok(1);
    }
    Ok(match checked {
        Some(Checked::WouldChange) => WOULD_CHANGE,
        Some(Checked::NothingToDo) | None => 0,
    })
}

fn written(done: &Done) -> io::Result<()> {
    output::write(&done.text)?;
    match &done.document {
        Some(document) => output::write_by(|to| document.write(to)),
        None => Ok(()),
    }
}
