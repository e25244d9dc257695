//! The engine in this process. Only this file of the command line knows the engine.

use std::os::unix::net::UnixStream;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use engine::{Handle, Origin, Settings};
use kernel::Kernel;
use northbound::Claim;
use tokio::runtime::Runtime;
use yang::Schema;

use crate::output;

/// An engine with one client.
pub(crate) struct Standalone {
    runtime: Runtime,
    engine: Handle,
    _claim: Claim,
}

/// Starts the engine on `state_dir` and returns the client's end of a connection to it. Requests take the same path
/// as to a daemon.
pub(crate) fn start(state_dir: &Path, schema: &'static Schema) -> Result<(Standalone, UnixStream)> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let claim = runtime.block_on(async { Claim::take() })?;
    let settings = Settings::of_host(state_dir.to_owned())?;
    let kernel = Kernel::open().context("opening the kernel's netlink sockets")?;
    let engine = engine::start(settings, schema, Box::new(kernel)).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        anyhow!(lines.join("\n"))
    })?;
    let (ours, theirs) = UnixStream::pair()?;
    theirs.set_nonblocking(true)?;
    let origin = Origin { user: user(), from: "standalone".into() };
    let served = engine.clone();
    runtime.spawn(async move {
        match tokio::net::UnixStream::from_std(theirs) {
            Ok(stream) => {
                // The client detects that the connection ends, and reports it.
                let _ = northbound::serve(stream, origin, served, schema).await;
            }
            Err(error) => output::complain(format_args!("netloom: {error}")),
        }
    });
    Ok((Standalone { runtime, engine, _claim: claim }, ours))
}

impl Standalone {
    /// Waits until the engine has finished its work.
    pub(crate) fn stop(self) {
        self.runtime.block_on(self.engine.stop());
    }
}

fn user() -> String {
    std::env::var("USER").unwrap_or_else(|_| "standalone".into())
}
