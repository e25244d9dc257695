//! The settings of an engine.

use std::path::PathBuf;
use std::{fs, io};

use crate::clock::Clock;

/// The settings of an engine.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The directory for persistent state; created if it is missing.
    pub state_dir: PathBuf,
    /// Whether startup follows running at each commit.
    pub autosave: bool,
    /// How much history is kept.
    pub history: Limits,
    /// The current boot of the host (`/proc/sys/kernel/random/boot_id`).
    pub boot_id: String,
    /// The source of the time.
    pub clock: Clock,
}

impl Settings {
    /// The defaults on this host. An error names the file that cannot be read.
    pub fn of_host(state_dir: PathBuf) -> io::Result<Settings> {
        const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
        let boot_id = fs::read_to_string(BOOT_ID)
            .map_err(|error| io::Error::new(error.kind(), format!("{BOOT_ID}: {error}")))?;
        let (history, clock) = (Limits::default(), Clock::HOST);
        Ok(Settings { state_dir, autosave: true, history, boot_id: boot_id.trim().into(), clock })
    }
}

/// How much history is kept. The oldest commits are removed if either limit is exceeded. The latest
/// commit is always kept, and so are the commits that running is built from or that an undo needs.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The number of commits.
    pub commits: usize,
    /// The size of their files in bytes.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { commits: 100, bytes: 64 << 20 }
    }
}
