//! netloomd: the daemon that owns the network configuration.
//!
//! This file only puts the parts together. The socket appears last, once the kernel holds the configuration;
//! at the end the daemon goes and leaves the kernel as it is configured.

mod log;
mod memory;
mod options;
mod privileges;
mod watchdog;

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use clap::Parser;
use engine::{Limits, RpcError, Settings};
use kernel::Kernel;
use northbound::{Claim, Listener};
use sd_notify::NotifyState;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};
use yang::Schema;

use crate::options::Options;

fn main() -> ExitCode {
    memory::share_heap();
    let options = Options::parse();
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("netloomd: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// How long computations for clients may go on after the engine has ended. Nobody waits for their results.
const GRACE: Duration = Duration::from_millis(100);

fn run(options: &Options) -> Result<()> {
    let runtime = Runtime::new().context("starting the threads that serve clients")?;
    let served = runtime.block_on(serve(options));
    runtime.shutdown_timeout(GRACE);
    served
}

async fn serve(options: &Options) -> Result<()> {
    log::start(&options.log)?;
    privileges::require()?;
    if !options.release {
        northbound::refuse_if_taken(&options.socket)?;
    }
    // Two daemons would undo each other's work, also if each has a state directory and a socket of its own.
    let _claim = Claim::take()?;
    let schema = Schema::netloom().context("compiling the modules")?;
    let kernel = Kernel::open().context("opening the kernel's netlink sockets")?;
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;

    let settings = Settings {
        autosave: !options.no_autosave,
        history: Limits {
            commits: options.history_commits,
            bytes: usize::from(options.history_mib) << 20,
        },
        ..Settings::of_host(options.state_dir.clone())?
    };
    if options.release {
        return engine::release(settings, schema, Box::new(kernel)).map_err(joined);
    }
    let engine = engine::start(settings, schema, Box::new(kernel)).map_err(joined)?;

    if let Some(directory) = options.socket.parent() {
        make_directory(directory).with_context(|| directory.display().to_string())?;
    }
    let listener = Listener::bind(&options.socket)?.with_limits(options.limits());
    info!(socket = %options.socket.display(), "serving");
    memory::give_back_regularly();
    tell_systemd(NotifyState::Ready);
    tokio::spawn(watchdog::watch(engine.pulse()));
    let mut failed = false;
    let stop = async {
        tokio::select! {
            _ = terminated.recv() => info!("SIGTERM: stopping"),
            _ = interrupted.recv() => info!("SIGINT: stopping"),
            () = engine.ended() => failed = true,
        }
        tell_systemd(NotifyState::Stopping);
    };
    listener.serve(engine.clone(), schema, stop).await;
    // A daemon without its engine is of no use; the next one takes up what this one left.
    ensure!(!failed, "the engine has failed; its state is on disk");
    tokio::select! {
        () = engine.stop() => Ok(()),
        stall = watchdog::blocked(engine.pulse()) => {
            bail!("the engine is blocked and does not end (last: {}); its state is on disk", stall.last)
        }
    }
}

/// The engine's errors, a line each.
fn joined(errors: Vec<RpcError>) -> anyhow::Error {
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    anyhow!(lines.join("\n"))
}

/// Makes the directory of the socket. All users may enter it, whatever the umask: the permissions of
/// the socket decide who may connect.
fn make_directory(directory: &Path) -> io::Result<()> {
    if !directory.is_dir() {
        DirBuilder::new().recursive(true).mode(0o755).create(directory)?;
        fs::set_permissions(directory, Permissions::from_mode(0o755))?;
    }
    Ok(())
}

/// Does nothing where systemd did not start the daemon.
fn tell_systemd(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        warn!(%error, "systemd could not be notified");
    }
}
