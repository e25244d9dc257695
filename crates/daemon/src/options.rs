//! The command line of netloomd.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, value_parser};
use northbound::Limits;

/// Owns this host's network configuration: a transactional datastore, applied to the kernel.
#[derive(Clone, Debug, Parser)]
#[command(name = "netloomd", version)]
pub(crate) struct Options {
    /// Where the configuration, its history and the journal are kept
    #[arg(long, value_name = "DIR", default_value = "/var/lib/netloom")]
    pub(crate) state_dir: PathBuf,

    /// Where to serve NETCONF
    #[arg(long, value_name = "PATH", default_value = "/run/netloom/netconf.sock")]
    pub(crate) socket: PathBuf,

    /// Leave startup as it is at a commit, rather than let it follow running
    #[arg(long)]
    pub(crate) no_autosave: bool,

    /// How many commits the history keeps
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    pub(crate) history_commits: usize,

    /// How large the history may grow; the latest commit stays, however large it is
    #[arg(long, value_name = "MIB", default_value_t = 64)]
    pub(crate) history_mib: u16,

    /// How many sessions there may be; 32 of them are for root only, and at most half
    #[arg(long, value_name = "COUNT", default_value_t = 256, value_parser = value_parser!(u16).range(2..=900))]
    pub(crate) max_sessions: u16,

    /// How many sessions each user other than root may have
    #[arg(long, value_name = "COUNT", default_value_t = 32)]
    pub(crate) max_sessions_per_user: u16,

    /// How long a client may take for its hello
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = value_parser!(u16).range(1..))]
    pub(crate) hello_seconds: u16,

    /// How long a session lives without a request, or with a reply that is not read; 0 for no limit. A session that
    /// listens to notifications, as a terminal does, needs no requests
    #[arg(long, value_name = "MINUTES", default_value_t = 60)]
    pub(crate) idle_minutes: u16,

    /// How much memory the unfinished requests and unread replies of all sessions may take together
    #[arg(long, value_name = "MIB", default_value_t = 512, value_parser = value_parser!(u16).range(1..))]
    pub(crate) message_mib: u16,

    /// Give the host back as it was before the configuration, which stays on disk for the next start, and end
    #[arg(long)]
    pub(crate) release: bool,

    /// What to log to standard error: a level, or TARGET=LEVEL,…
    #[arg(long, value_name = "FILTER", default_value = "info")]
    pub(crate) log: String,
}

impl Options {
    /// What clients are granted.
    pub(crate) fn limits(&self) -> Limits {
        let sessions = usize::from(self.max_sessions);
        let defaults = Limits::default();
        Limits {
            sessions,
            for_root: defaults.for_root.min(sessions / 2),
            per_user: self.max_sessions_per_user.into(),
            hello: Duration::from_secs(self.hello_seconds.into()),
            idle: (self.idle_minutes > 0)
                .then(|| Duration::from_secs(60 * u64::from(self.idle_minutes))),
            message_bytes: usize::from(self.message_mib) << 20,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_options_are_consistent() {
        Options::command().debug_assert();
    }
}
