//! How an engine runs.

use std::path::PathBuf;
use std::{fs, io};

use crate::clock::Clock;

/// How an engine is to run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where state is kept; made where it is missing.
    pub state_dir: PathBuf,
    /// Whether startup follows running at each commit.
    pub autosave: bool,
    /// How much of the past is kept.
    pub history: Limits,
    /// Which boot of the host this is (`/proc/sys/kernel/random/boot_id`).
    pub boot_id: String,
    /// Where the time comes from.
    pub clock: Clock,
}

impl Settings {
    /// The defaults on this host. Fails with the file that cannot be read.
    pub fn of_host(state_dir: PathBuf) -> io::Result<Settings> {
        const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
        let boot_id = fs::read_to_string(BOOT_ID)
            .map_err(|error| io::Error::new(error.kind(), format!("{BOOT_ID}: {error}")))?;
        let (history, clock) = (Limits::default(), Clock::HOST);
        Ok(Settings { state_dir, autosave: true, history, boot_id: boot_id.trim().into(), clock })
    }
}

/// How much of the past is kept: the oldest commits are forgotten where either is exceeded. The latest is kept, and
/// so are those that running is made of, and those that an undoing needs.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many commits.
    pub commits: usize,
    /// How many bytes their files take.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { commits: 100, bytes: 64 << 20 }
    }
}
