//! The cost of a start and of commits for the daemon, with any number of routes of others in the
//! kernel.
//!
//! Time is the processor time of the daemon, including the kernel on its behalf, so that other work
//! of the machine hardly matters.

use std::fmt::Write;
use std::fs;
use std::time::Duration;

use testkit::netns::ip;

use crate::Daemon;

/// A host with a NIC that has routes of others, and a daemon that configures the same NIC.
#[derive(Debug)]
pub struct Beside {
    daemon: Daemon,
}

/// The cost of something, in seconds or bytes.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// What was measured.
    pub of: &'static str,
    /// Whether the kernel walks all routes for it. There is no other way to find the routes on a
    /// link.
    pub walks: bool,
    /// The value.
    pub figure: f64,
}

/// A commit and the one that undoes it. The more expensive one counts.
struct Commit {
    of: &'static str,
    there: &'static str,
    back: &'static str,
    walks: bool,
}

const COMMITS: [Commit; 6] = [
    Commit {
        of: "a route",
        there: "routes-iproute2 route 198.51.100.0/24 nexthop eth0 via address 10.0.0.2",
        back: "no routes-iproute2 route 198.51.100.0/24",
        walks: false,
    },
    Commit {
        of: "an IPv6 route",
        there: "routes-iproute2 route 2001:db8:f::/48 nexthop eth0 via address 2001:db8::2",
        back: "no routes-iproute2 route 2001:db8:f::/48",
        walks: false,
    },
    Commit {
        of: "a link's MTU",
        there: "links-iproute2 link eth0 mtu 1400",
        back: "links-iproute2 link eth0 mtu 1450",
        walks: false,
    },
    Commit {
        of: "adding or deleting an address",
        there: "links-iproute2 link eth1 ip 10.0.9.1/24",
        back: "no links-iproute2 link eth1 ip 10.0.9.1/24",
        walks: true,
    },
    Commit {
        of: "setting a link down or up",
        there: "links-iproute2 link eth1 admin-status down",
        back: "links-iproute2 link eth1 admin-status up",
        walks: true,
    },
    Commit {
        of: "adding or deleting a pair of links",
        there: "links-iproute2 link one type iproute2-ip-link:veth virtual_peer_name two\n\
                top\nlinks-iproute2 link two type iproute2-ip-link:veth virtual_peer_name one",
        back: "no links-iproute2 link one\nno links-iproute2 link two",
        walks: true,
    },
];

impl Beside {
    /// Runs in the namespaces of the calling thread. The daemon has 50 routes of its own.
    pub fn new() -> Self {
        for number in 0..2 {
            ip(&format!("link add eth{number} type veth peer name far{number}"));
            ip(&format!("link set far{number} up"));
        }
        let daemon = Daemon::start();
        let mut script = String::from(
            "configure\nlinks-iproute2\nlink eth0\nip 10.0.0.1/24\nip 2001:db8::1/64\nmtu 1450\n\
             admin-status up\nexit\nlink eth1\nip 10.0.8.1/24\n\
             admin-status up\nexit\nexit\nroutes-iproute2\n",
        );
        for number in 0..50 {
            let _ = writeln!(script, "route 192.0.2.{number}/32 nexthop eth0 via address 10.0.0.2");
        }
        daemon.run(&format!("{script}commit\n"));
        Self { daemon }
    }

    /// Adds this number of routes of others on the NIC.
    pub fn add(&self, count: u32) {
        let mut batch = String::new();
        for number in 0..count {
            let address = std::net::Ipv4Addr::from(0x1400_0000 + number);
            let _ = writeln!(batch, "route add {address} via 10.0.0.3 proto bird");
        }
        let file = self.daemon.folder().join("foreign");
        fs::write(&file, batch).expect("write a batch");
        ip(&format!("-batch {}", file.display()));
        fs::remove_file(file).expect("remove a batch");
    }

    /// The costs of a start, commits and memory. Each is measured this many times, and the minimum
    /// counts.
    pub fn costs(&mut self, times: usize) -> Vec<Cost> {
        let mut least: Vec<Duration> = vec![Duration::MAX; COMMITS.len()];
        let mut start = Duration::MAX;
        for _ in 0..times {
            self.daemon.stop();
            self.daemon.start_again(&[]);
            start = start.min(self.daemon.processor_time());
            for (least, commit) in least.iter_mut().zip(&COMMITS) {
                let [there, back] = [commit.there, commit.back].map(|change| {
                    let before = self.daemon.processor_time();
                    self.daemon.run(&format!("configure\n{change}\ncommit\n"));
                    self.daemon.processor_time().saturating_sub(before)
                });
                *least = (*least).min(there.max(back));
            }
        }
        let mut costs = vec![Cost { of: "a start", walks: false, figure: start.as_secs_f64() }];
        costs.extend(COMMITS.iter().zip(least).map(|(Commit { of, walks, .. }, time)| Cost {
            of,
            walks: *walks,
            figure: time.as_secs_f64(),
        }));
        costs.push(Cost { of: "memory", walks: false, figure: self.daemon.peak_memory() });
        costs
    }
}

impl Default for Beside {
    fn default() -> Self {
        Self::new()
    }
}
