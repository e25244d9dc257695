//! A process's memory, and whether a daemon's memory grows with its work.

use std::fs;
use std::path::Path;

use acceptance::Daemon;
use tempfile::TempDir;
use testkit::netns::ip;

use crate::netconf::{Session, edit_route, read_route};
use crate::results::Growth;

/// A process, by its files in /proc.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory(u32);

impl Memory {
    pub(crate) fn of(pid: u32) -> Self {
        Self(pid)
    }

    /// The resident memory in KiB.
    pub(crate) fn resident(self) -> u64 {
        self.told("VmRSS:")
    }

    /// The peak resident memory in KiB, since it was last reset.
    pub(crate) fn peak(self) -> u64 {
        self.told("VmHWM:")
    }

    /// Resets the peak to the resident memory (proc_pid_clear_refs(5)).
    pub(crate) fn forget_peak(self) {
        fs::write(format!("/proc/{}/clear_refs", self.0), "5").expect("forget a peak");
    }

    fn told(self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
        number.and_then(|number| number.parse().ok()).expect("a process tells its memory")
    }
}

const COMMITS: u32 = 1_000;
const READS: u32 = 10_000;
/// The first part of the work. After it, the memory has the size that the work needs.
const WARM_UP: u32 = 5;

/// The memory of an idle daemon, and how it changes with commits and reads in one session.
pub(crate) fn growth(disk: &Path) -> Growth {
    let disk = TempDir::with_prefix_in("bench-", disk).expect("make a folder");
    ip("link add west type veth peer name east");
    ip("link set east up");
    let daemon = Daemon::start_on(disk.path());
    let memory = Memory::of(daemon.pid());
    let idle_kib = memory.resident();
    daemon.run("configure\nlinks-iproute2 link west admin-status up\ncommit\n");
    let mut session = Session::open(&daemon.socket()).expect("open a session");
    let mut work = |commits: u32, reads: u32| {
        for number in 0..commits {
            // A route is added and removed, so that the configuration does not grow.
            let verb = if number % 2 == 0 { "merge" } else { "delete" };
            let nexthop = if number % 2 == 0 { "<nexthop><dev>west</dev></nexthop>" } else { "" };
            session.call(&edit_route(verb, "198.51.100.0/24", nexthop)).expect("edit");
            session.call("<commit/>").expect("commit");
        }
        for number in 0..reads {
            session.call(&read_route(number % 2 == 0, "198.51.100.0/24")).expect("read");
        }
    };
    work(COMMITS / WARM_UP, READS / WARM_UP);
    let before_kib = memory.resident();
    work(COMMITS, READS);
    Growth { idle_kib, commits: COMMITS, reads: READS, before_kib, after_kib: memory.resident() }
}
