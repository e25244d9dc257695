//! The device under test, its expected configuration, and the conditions that must always hold.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Child;
use std::time::{Duration, Instant};

use acceptance::{Daemon, Ran};
use kernel::Kernel;
use netstate::plan::{Whole, WholePlan, wanted};
use netstate::{Link, Object, Originals, Place, Scope, Southbound};
use testkit::netns::ip;
use yang::{Schema, Tree};

use crate::foreign::Foreign;

/// Longer than any work of the daemon takes.
const DEADLINE: Duration = Duration::from_secs(30);

/// Part of every configuration: the daemon repairs changes by others.
pub(crate) const POLICY: &str = "drift-netloom policy repair\n";

pub(crate) struct Device {
    pub(crate) daemon: Daemon,
    /// The expected running.
    pub(crate) running: Tree,
    pub(crate) foreign: Foreign,
    pub(crate) committed: usize,
    pub(crate) refused: usize,
    /// The message of the last refusal.
    refusal: String,
    kernel: Kernel,
    boots: u32,
    /// Open files and resident memory in KiB of the daemon just after its start.
    costs: (usize, u64),
}

/// The result of a script that commits.
pub(crate) struct Outcome {
    /// The candidate, if the script came that far.
    pub(crate) candidate: Option<Tree>,
    pub(crate) ran: Ran,
}

impl Device {
    pub(crate) fn start() -> Self {
        let daemon = Daemon::start();
        daemon.run(&format!("configure\n{POLICY}commit\n"));
        let costs = costs(daemon.pid());
        let kernel = Kernel::open().expect("open the kernel");
        let running = Tree::empty(schema());
        let mut device = Self {
            daemon,
            running,
            foreign: Foreign::new(),
            committed: 0,
            refused: 0,
            refusal: String::new(),
            kernel,
            boots: 0,
            costs,
        };
        device.running = device.read("config-running");
        device
    }

    /// Edits, and executes `commit`, which ends with a commit. Running must then be as expected.
    pub(crate) fn commit(&mut self, edits: &str, commit: &str) -> bool {
        let outcome = Outcome::of(Ran::of(
            self.begin(edits, commit).wait_with_output().expect("await netloom"),
        ));
        let committed = outcome.ran.status.success();
        match outcome.candidate.filter(|_| committed) {
            Some(candidate) => {
                self.committed += 1;
                self.now_running(candidate);
            }
            None => {
                self.refused += 1;
                self.refusal = outcome.ran.err;
            }
        }
        committed
    }

    /// Starts to edit and commit.
    pub(crate) fn begin(&self, edits: &str, commit: &str) -> Child {
        let shows = "show config-candidate | display json | no-more\n";
        self.daemon.begin(&format!("configure\n{edits}{shows}{commit}\n"))
    }

    /// Finds out the result after a daemon died during a commit. Objects of others on a link that
    /// the commit had taken down are lost.
    pub(crate) fn find_out_after_death(&mut self, outcome: Outcome) {
        if let Some(candidate) = &outcome.candidate {
            self.foreign.forget_what_changes(&self.running, candidate);
        }
        self.find_out(outcome);
    }

    /// Finds out the result of an interrupted commit: running is the old or the new configuration.
    pub(crate) fn find_out(&mut self, outcome: Outcome) {
        let found = self.read("config-running");
        if found != self.running {
            let candidate = outcome.candidate.unwrap_or_else(|| {
                panic!("running is neither old nor new:\n{}", diff(&self.running, &found))
            });
            assert!(found == candidate, "a mixture:\n{}", diff(&candidate, &found));
            self.now_running(candidate);
        }
    }

    pub(crate) fn now_running(&mut self, tree: Tree) {
        self.foreign.forget_what_changes(&self.running, &tree);
        self.running = tree;
    }

    /// Starts the daemon again.
    pub(crate) fn start_again(&mut self) {
        self.daemon.start_again(&[]);
        self.costs.1 = self.costs.1.max(costs(self.daemon.pid()).1);
    }

    /// Reboots the host: the kernel's state is lost.
    pub(crate) fn reboot(&mut self) {
        self.daemon.kill();
        for netns in ip("netns list").lines().filter_map(|line| line.split_whitespace().next()) {
            ip(&format!("netns delete {netns}"));
        }
        for link in ip("-o link show").lines().filter_map(|line| line.split(": ").nth(1)) {
            let name = link.split('@').next().unwrap_or(link);
            if name != "lo" && !name.starts_with("stays") {
                // It may have been removed with its other end.
                let _gone = acceptance::command("ip").args(["link", "delete", name]).output();
            }
        }
        ip("route flush table main proto static");
        fs::write("/proc/sys/net/ipv4/ip_forward", "0").expect("set a parameter");
        self.foreign.forget_routes();
        self.boots += 1;
        fs::write("/run/boot_id", format!("00000000-0000-4000-8000-{:012}\n", self.boots))
            .expect("write a boot's name");
        rustix::mount::mount_bind("/run/boot_id", "/proc/sys/kernel/random/boot_id")
            .expect("mount another boot's name");
        self.start_again();
    }

    /// Checks the conditions that hold while nothing is under way.
    pub(crate) fn check(&mut self) {
        let found = self.read("config-running");
        assert!(found == self.running, "running:\n{}", diff(&self.running, &found));
        self.await_kernel();
        let strays = self.strays();
        assert!(strays.is_empty(), "nobody's: {strays:?}\n{}", self.daemon.log());
        self.foreign.check();
        assert!(!self.daemon.state().join("journal").exists(), "a journal is left");
        let history = self.daemon.run("show history\n");
        assert!(!history.contains("broken"), "{history}");
        let log = self.daemon.log();
        assert!(!log.contains("panicked"), "{log}");
        let (files, memory) = costs(self.daemon.pid());
        assert!(files < self.costs.0 + 400, "{files} open files, {} at first", self.costs.0);
        assert!(memory < 3 * self.costs.1 + (64 << 10), "{memory} KiB, {} at first", self.costs.1);
    }

    /// Waits until the kernel holds running, as this process converts and observes it.
    fn await_kernel(&mut self) {
        let begun = Instant::now();
        loop {
            let left = self.left_to_do();
            if left.is_empty() {
                return;
            }
            let told = || self.daemon.run("show drift\n");
            assert!(
                begun.elapsed() < DEADLINE,
                "the kernel is not what running says: {left:#?}\n{}\n{}",
                told(),
                self.daemon.log()
            );
        }
    }

    /// The links that are neither configured nor known to be of others.
    fn strays(&mut self) -> Vec<String> {
        let desired = mapping::lower(&self.running).expect("running is valid");
        let configured: BTreeSet<&Place> =
            desired.objects.values().filter_map(Object::link).map(|link| &link.place).collect();
        let everything = Scope::Everything { known: BTreeMap::new() };
        let observed = self.kernel.observe(&everything).expect("observe everything");
        let links = observed.objects.values().filter_map(Object::link);
        // The end of a veth pair that is not configured exists with the other end.
        let is_known = |link: &Link| {
            let mate = link.peer.as_ref();
            configured.contains(&link.place) || mate.is_some_and(|mate| configured.contains(mate))
        };
        let strays = links.filter(|link| !is_known(link)).map(|link| &link.place);
        let told = strays.map(|place| format!("{} in {}", place.ifname, place.netns));
        told.filter(|stray| !stray.starts_with("lo ") && !stray.starts_with("stays")).collect()
    }

    fn left_to_do(&mut self) -> Vec<String> {
        let desired = mapping::lower(&self.running).expect("running is valid");
        let originals = Originals::default();
        let only = Scope::Only(wanted(&desired, &desired, &originals));
        let everything = Scope::Everything { known: BTreeMap::new() };
        let observed = [only, everything].map(|scope| self.kernel.observe(&scope));
        let [observed, everything] = match observed {
            [Ok(observed), Ok(everything)] => [observed, everything],
            // A namespace is being created.
            [Err(error), _] | [_, Err(error)] => return vec![error.to_string()],
        };
        let whole = Whole {
            desired: &desired,
            touched: &desired,
            originals: &originals,
            observed: &observed,
            everything: &everything,
        };
        let mut verdict = whole.judge();
        verdict.hold_refused(&desired.clone().into(), &observed);
        match whole.plan(&verdict) {
            Ok(WholePlan { plan, .. }) => plan.ops.iter().map(ToString::to_string).collect(),
            Err(error) => vec![error.to_string()],
        }
    }

    /// Removes the whole configuration.
    pub(crate) fn give_all_up(&mut self) {
        let tops = self.running.top().map(|top| {
            let module = top.schema().module.name.split('-').next().unwrap_or_default().to_owned();
            format!("no {}-{module}\n", top.schema().name)
        });
        let all: String = tops.collect();
        let committed = self.commit(&all, "commit");
        let originals = fs::read_to_string(self.daemon.state().join("originals.json"));
        assert!(committed, "{}{originals:?}\n{}", self.refusal, self.daemon.log());
        self.check();
    }

    fn read(&self, datastore: &str) -> Tree {
        let out = self.daemon.run(&format!("show {datastore} | display json | no-more\n"));
        tree(&out)
    }
}

impl Outcome {
    pub(crate) fn of(ran: Ran) -> Self {
        let end = ran.out.find("\n}").map(|at| at + 2);
        let end = end.or_else(|| ran.out.starts_with("{}").then_some(2));
        Outcome { candidate: end.map(|end| tree(&ran.out[..end])), ran }
    }
}

pub(crate) fn schema() -> &'static Schema {
    Schema::netloom().expect("the modules fit")
}

fn tree(json: &str) -> Tree {
    let tree = Tree::from_json(schema(), json);
    tree.unwrap_or_else(|error| panic!("{error}: {json}")).config_only()
}

fn diff(expected: &Tree, found: &Tree) -> String {
    let diff = expected.diff(found);
    diff.changes().map(|change| format!("{change:?}\n")).collect()
}

/// The number of open files of a process, and its resident memory in KiB.
fn costs(pid: u32) -> (usize, u64) {
    let files = fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count);
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let memory = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
    (files, memory.unwrap_or_default())
}
