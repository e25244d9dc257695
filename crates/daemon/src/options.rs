//! The command line of netloomd.

use std::path::PathBuf;

use clap::Parser;

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

    /// Give the host back as it was before the configuration, which stays on disk for the next start, and end
    #[arg(long)]
    pub(crate) release: bool,

    /// What to log to standard error: a level, or TARGET=LEVEL,…
    #[arg(long, value_name = "FILTER", default_value = "info")]
    pub(crate) log: String,
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
