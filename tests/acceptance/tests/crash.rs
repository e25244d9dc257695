//! A daemon that dies at any moment of a commit leaves, after a restart, the complete old or the
//! complete new configuration, in the kernel and in its datastores.

#![allow(clippy::panic, reason = "a test that cannot go on ends")]

use std::collections::BTreeMap;
use std::fmt::Write;

use acceptance::{Daemon, Ran, kernel, step, tutorial};
use engine::Step;
use testkit::netns::{ip, isolated};

/// The state of a device: its kernel, and its datastores.
#[derive(Debug, PartialEq)]
struct State {
    kernel: BTreeMap<String, Vec<String>>,
    running: String,
}

#[test]
fn at_every_step_of_a_commit() {
    let device = Reference::new();
    for name in Step::ALL.into_iter().map(Step::name) {
        let found = device.dies_at(name, &second_half());
        println!("  {name:<12} {}", found.unwrap_or("passed by"));
        // Only a commit that fails passes these.
        assert_eq!(found.is_none(), ["reverted", "withdrawn"].contains(&name), "{name}");
    }
}

#[test]
fn after_every_operation() {
    let device = Reference::new();
    for count in 0.. {
        let name = format!("operations:{count}");
        let Some(found) = device.dies_at(&name, &second_half()) else {
            assert!(
                count > 8,
                "a pair, its addresses, routes and parameters took {count} operations"
            );
            return;
        };
        println!("  {name:<13} {found}");
        assert_eq!(found, "old", "{name}");
    }
}

#[test]
fn at_every_step_of_a_commit_that_fails() {
    let device = Reference::new();
    let lessons = second_half().replace("via address 1.1.1.9\n", "via address 1.1.1.11\n");
    for step in [Step::Journalled, Step::Reverted, Step::Withdrawn] {
        let found = device.dies_at(step.name(), &lessons);
        println!("  {:<12} {}", step.name(), found.unwrap_or("passed by"));
        assert_eq!(found, Some("old"), "{}", step.name());
    }
}

#[test]
fn killed_amid_three_thousand_routes() {
    isolated(|| {
        let mut daemon = first_half();
        daemon.run(&second_half());
        let old = State::of(&daemon);
        let mut routes = String::from("routes-iproute2\n");
        for (second, third) in (0..3000).map(|n| (n / 250, n % 250)) {
            let _ = writeln!(
                routes,
                " route 10.{second}.{third}.0/24 netns vpn10 nexthop veth10 via address 1.1.1.10"
            );
        }
        let file = daemon.folder().join("routes");
        std::fs::write(&file, routes).expect("write the routes");
        let script = format!("configure\nload merge {}\ncommit\n", file.display());
        step("the daemon is killed while the routes come into the kernel");
        let mut script = daemon.begin(&script);
        while kernel::static_routes("vpn10") < 2 {
            let ended = script.try_wait().expect("ask after netloom");
            if ended.is_some() {
                let ran = Ran::of(script.wait_with_output().expect("await netloom"));
                panic!("{}{}", ran.out, ran.err);
            }
        }
        daemon.kill();
        println!("  killed at {} routes", kernel::static_routes("vpn10"));
        let ran = Ran::of(script.wait_with_output().expect("await netloom"));
        println!("  netloom said: {}{}", ran.out, ran.err);
        daemon.start_again(&[]);
        let found = State::of(&daemon);
        if found == old {
            println!("  old");
        } else {
            println!("  new");
            assert_eq!(kernel::static_routes("vpn10"), 3001);
            let count = daemon.run("show config-running routes-iproute2 | match nexthop | count\n");
            assert!(count.contains("3002"), "{count}");
        }
    });
}

/// The states before and after the commit of the second half.
struct Reference {
    old: State,
    new: State,
}

impl Reference {
    fn new() -> Self {
        isolated(|| {
            let daemon = first_half();
            let old = State::of(&daemon);
            daemon.run(&second_half());
            Self { old, new: State::of(&daemon) }
        })
    }

    /// Ends the daemon after a step of the commit of `lessons`, and starts it again. Returns the
    /// resulting state; `None` if the commit does not pass the step.
    #[track_caller]
    fn dies_at(&self, boundary: &str, lessons: &str) -> Option<&'static str> {
        isolated(|| {
            let mut daemon = first_half();
            daemon.stop();
            daemon.start_again(&[("NETLOOM_ABORT_AT", boundary)]);
            let ran = daemon.script(lessons);
            if ran.status.success() {
                assert_eq!(State::of(&daemon), self.new, "{boundary} was passed by");
                return None;
            }
            // Otherwise the daemon is alive, and the test would wait for its end for ever.
            assert!(ran.err.contains("netloomd closed the connection"), "{boundary}: {}", ran.err);
            daemon.await_end();
            daemon.start_again(&[]);
            let found = State::of(&daemon);
            let told = match () {
                () if found == self.old => "old",
                () if found == self.new => "new",
                () => panic!(
                    "{boundary}: a mixture: {found:#?}\nof {:#?}\nand {:#?}",
                    self.old, self.new
                ),
            };
            // Nothing prevents the next commit.
            let again = second_half();
            daemon.run(if told == "old" { &again } else { "configure\nrollback 1\ncommit\n" });
            let then = if told == "old" { &self.new } else { &self.old };
            assert_eq!(&State::of(&daemon), then, "{boundary}: {told}, then a commit");
            Some(told)
        })
    }
}

impl State {
    fn of(daemon: &Daemon) -> Self {
        let parts = ["netnses-iproute2", "links-iproute2", "routes-iproute2", "sysctls-netloom"];
        let shows: String =
            parts.iter().map(|part| format!("show config-running {part}\n")).collect();
        Self { kernel: kernel::holds(), running: daemon.run(&shows) }
    }
}

/// A device with the tutorial's two VPNs.
fn first_half() -> Daemon {
    for nic in ["enp0s4", "enp0s5"] {
        ip(&format!("link add {nic} type veth peer name far-{nic}"));
    }
    let daemon = Daemon::start();
    daemon.run(&format!("configure\n{}", tutorial::TWO_VPNS));
    daemon
}

/// A veth pair between them, routes over it, and forwarding: one commit.
fn second_half() -> String {
    let lessons = [tutorial::VETH_PAIR, tutorial::ROUTES_VIA, tutorial::FORWARDING].concat();
    format!("configure\n{}", lessons.replacen("commit\n", "", 1))
}
