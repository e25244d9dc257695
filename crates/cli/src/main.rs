//! netloom: the command line, generated from the models.
//!
//! The [`grammar`] parses a line from the [`terminal`] or a [`script`] into a command. The [`shell`] executes the
//! command: it speaks NETCONF to the daemon ([`client`]), and formats the reply ([`show`]).

#![warn(clippy::print_stdout, clippy::print_stderr)]

mod client;
mod file;
mod grammar;
mod load;
mod output;
mod prose;
mod script;
mod shell;
mod show;
mod standalone;
mod terminal;
#[cfg(test)]
mod tests;

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow};
use clap::{Parser, Subcommand};
use yang::Schema;

use crate::client::Client;
use crate::grammar::parameter::Import;
use crate::grammar::pipe::Form;
use crate::shell::Shell;

/// The command line of Netloom.
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_STATUS)]
struct Options {
    /// The daemon's socket.
    #[arg(long, value_name = "PATH", default_value = "/run/netloom/netconf.sock")]
    socket: PathBuf,
    /// Run a command and exit. Can be repeated; the first command that fails ends the run.
    #[arg(short, value_name = "COMMAND")]
    commands: Vec<String>,
    #[command(subcommand)]
    action: Option<Action>,
    /// Run the engine in this process, without a daemon.
    #[arg(long, requires = "state_dir", conflicts_with = "socket")]
    standalone: bool,
    /// The state directory of the engine with --standalone.
    #[arg(long, value_name = "DIR", requires = "standalone")]
    state_dir: Option<PathBuf>,
}

/// What to do instead of reading commands.
#[derive(Debug, Subcommand)]
enum Action {
    /// Print the configuration that describes what others have set in the kernel
    Import {
        /// A namespace; 1 is the host's own. Can be repeated; without it, all are meant
        #[arg(long, value_name = "NAME")]
        netns: Vec<String>,
        /// Print the routes of routing daemons too
        #[arg(long)]
        routing_daemons: bool,
        /// The form of the output
        #[arg(long, value_enum, default_value = "text")]
        form: Form,
    },
}

const EXIT_STATUS: &str = "\
Exit status of commands and scripts:
  0  everything was done; after a last `commit check`: there is nothing to do
  1  a line was refused or failed, or uncommitted changes were discarded
  2  a wrong option
  3  after a last `commit check`: the commit would change something";

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            let error = format!("{error:#}");
            output::complain(format_args!("netloom: {}", yang::printable_lines(&error)));
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<u8> {
    let schema = Schema::netloom().context("compiling the modules")?;
    let (standalone, stream) = match &options.state_dir {
        Some(state_dir) => {
            let (standalone, stream) = standalone::start(state_dir, schema)?;
            (Some(standalone), stream)
        }
        None => {
            let stream = UnixStream::connect(&options.socket).map_err(|error| {
                let reason = unreachable(&error);
                anyhow!(error).context(format!("{}: {reason}", options.socket.display()))
            })?;
            (None, stream)
        }
    };
    let mut client = Client::open(stream, schema)?;
    if let Some(Action::Import { netns, routing_daemons, form }) = &options.action {
        let import = Import { netns: netns.clone(), routing_daemons: *routing_daemons };
        let status = print_import(&mut client, &import, *form);
        standalone.into_iter().for_each(|standalone| standalone.stop());
        return status;
    }
    let shell = Shell::new(client, schema, host_name());
    let shell = shell.with_columns(output::columns);
    let status = if !options.commands.is_empty() {
        script::commands(shell, &options.commands)
    } else if io::stdin().is_terminal() {
        terminal::run(shell)
    } else {
        script::lines(shell, io::stdin().lock())
    };
    if let Some(standalone) = standalone {
        standalone.stop();
    }
    status
}

/// Prints what others have set in the kernel, and on standard error what no configuration describes.
fn print_import(client: &mut Client, import: &Import, form: Form) -> Result<u8> {
    let (tree, left_out) = client.import(import)?;
    for (path, reason) in left_out {
        output::complain(format_args!(
            "netloom: {}: left out: {}",
            yang::printable_lines(&path),
            yang::printable_lines(&reason)
        ));
    }
    let written = io::stdout().write_all(load::write(&tree, form).as_bytes());
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        Ok(()) | Err(_) => Ok(0),
    }
}

/// What a user can do if the daemon's socket does not answer.
fn unreachable(error: &io::Error) -> &'static str {
    let is = |kind| error.kind() == kind;
    if is(io::ErrorKind::PermissionDenied) {
        "only its owner may connect: run netloom as root, for example with sudo, or let the owner of the socket give \
         you write permission for it"
    } else if is(io::ErrorKind::NotFound) {
        "there is no such socket: is netloomd running, and with this --socket?"
    } else if is(io::ErrorKind::ConnectionRefused) {
        "nobody serves this socket: is netloomd running?"
    } else {
        "no connection to netloomd"
    }
}

/// The host's name, without its domain.
fn host_name() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.split('.').next().unwrap_or_default().trim().to_owned()
}
