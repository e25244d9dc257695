//! Faults at every step of a transaction. Each case runs once to count its steps, and once more for
//! each step and each fault there. Afterwards, kernel and state directory hold the complete old or
//! the complete new configuration, the user was told which, the next commit works, and so does a
//! restart.
//!
//! The results are in `docs/faults.md`, which the tests write (`UPDATE_EXPECT=1`) and compare.

mod kernel;
mod others;
mod power;
mod report;
mod southbound;
mod start;
mod storage;

use std::path::Path as FilePath;

use netstate::Originals;

use super::*;
use crate::ledger::rescue;
use crate::{Confirmed, ConfirmedBy};

/// An action of a user.
#[derive(Clone, Copy)]
struct Case {
    /// A title for the heading.
    title: &'static str,
    autosave: bool,
    /// Whether it only replaces a file. It may then have succeeded although it reports an error.
    single_file: bool,
    /// Whether it changes the kernel in a way that no earlier case does.
    reaches_kernel: bool,
    /// How many commits are kept.
    commits: usize,
    prepare: fn(&mut Engine),
    /// Returns the message for the user.
    act: fn(&mut Engine) -> Result<String>,
}

const CASES: [Case; 10] = [
    Case {
        title: "A commit that adopts NICs",
        prepare: |_| {},
        act: |engine| commit(engine, NICS),
        ..COMMIT
    },
    Case { title: "A commit that makes links and routes", ..COMMIT },
    Case { title: "The same without autosave", autosave: false, reaches_kernel: false, ..COMMIT },
    Case {
        title: "A commit that gives adopted NICs back",
        act: |engine| commit(engine, "no /iproute2-ip-netns:netnses\nno /iproute2-ip-link:links"),
        ..COMMIT
    },
    Case {
        title: "A commit that changes and removes, and with which history forgets a commit",
        commits: 1,
        prepare: |engine| {
            engine.apply(NICS).unwrap();
            engine.apply(CABLE).unwrap();
            engine.ledger.last_checkpoint(&engine.running.version());
        },
        act: |engine| commit(engine, CHANGE),
        ..COMMIT
    },
    Case {
        title: "A confirmed commit",
        reaches_kernel: false,
        act: |engine| try_out(engine, CABLE),
        ..COMMIT
    },
    Case {
        title: "Its confirmation",
        reaches_kernel: false,
        prepare: |engine| {
            engine.apply(NICS).unwrap();
            try_out(engine, CABLE).unwrap();
        },
        act: |engine| commit(engine, ""),
        ..COMMIT
    },
    Case {
        title: "Its end without confirmation",
        prepare: |engine| {
            engine.apply(NICS).unwrap();
            try_out(engine, CABLE).unwrap();
        },
        act: |engine| {
            let session = engine.session();
            engine.cancel(session, None).map(|()| String::new())
        },
        ..COMMIT
    },
    Case {
        title: "Running kept as the rescue configuration",
        reaches_kernel: false,
        prepare: |engine| {
            engine.apply(NICS).unwrap();
            crate::ledger::rescue::write(engine.ledger.store(), &engine.version()).unwrap();
            engine.apply(CABLE).unwrap();
        },
        act: |engine| {
            crate::ledger::rescue::write(engine.ledger.store(), &engine.version())
                .map(|()| String::new())
        },
        single_file: true,
        ..COMMIT
    },
    Case {
        title: "A checkpoint, as at the daemon's end",
        reaches_kernel: false,
        prepare: |engine| {
            engine.apply(NICS).unwrap();
            engine.ledger.last_checkpoint(&engine.running.version());
            engine.apply(CABLE).unwrap();
        },
        act: |engine| {
            engine.ledger.last_checkpoint(&engine.running.version());
            Ok(String::new())
        },
        ..COMMIT
    },
];

const COMMIT: Case = Case {
    title: "",
    autosave: true,
    single_file: false,
    reaches_kernel: true,
    commits: 100,
    prepare: |engine| {
        engine.apply(NICS).unwrap();
    },
    act: |engine| commit(engine, CABLE),
};

/// A change in place, a removal, and a move.
const CHANGE: &str = "
    no /iproute2-ip-route:routes/route[prefix='192.168.20.0/24'][netns='vpn10'][table='254'][tos='0'][metric='0']
    no /iproute2-ip-link:links/link[name='enp0s4']/ip[address='192.168.10.10/24']
    /iproute2-ip-link:links/link[name='enp0s4']/ip[address='192.168.10.11/24']
    /iproute2-ip-link:links/link[name='enp0s4']/mtu = 1400
    /iproute2-ip-link:links/link[name='enp0s5']/netns = vpn10";

fn commit(engine: &mut Engine, lines: &str) -> Result<String> {
    engine.apply(lines).map(|done| done.summary)
}

/// A commit that any session may confirm within a minute.
fn try_out(engine: &mut Engine, lines: &str) -> Result<String> {
    let session = engine.session();
    engine.set(session, lines);
    let confirmed = Confirmed {
        timeout: Duration::from_secs(60),
        by: ConfirmedBy::Anybody,
        probes: Vec::new(),
    };
    let request = Request { confirmed: Some(confirmed), ..Request::default() };
    engine.commit(session, request).map(|done| done.summary)
}

impl Case {
    fn host(&self) -> Host {
        let limits = Limits { commits: self.commits, ..Limits::default() };
        // These write to the disk so often that a slow disk would matter.
        let memory = FilePath::new("/dev/shm");
        let state_dir = match memory.is_dir() {
            true => tempfile::tempdir_in(memory),
            false => tempfile::tempdir(),
        };
        let state_dir = state_dir.unwrap();
        Host { state_dir, autosave: self.autosave, limits, ..Host::new() }
    }

    /// A host just before the case.
    fn prepared(&self) -> (Host, Engine) {
        let host = self.host();
        let mut engine = host.start();
        (self.prepare)(&mut engine);
        (host, engine)
    }

    /// What is stored before and after the case if nothing fails.
    fn ends(&self) -> Ends {
        let (host, mut engine) = self.prepared();
        let old = Held::by(&engine, &host);
        let old_booted = Held::after_boot(&host, self);
        (self.act)(&mut engine).unwrap();
        let new = Held::by(&engine, &host);
        let new_booted = Held::after_boot(&host, self);
        Ends { old, new, old_booted, new_booted }
    }

    /// A host with these files, as another daemon finds it.
    fn host_with(&self, files: &Files, kernel: State, boot_id: &'static str) -> Host {
        let host = Host { kernel: FakeKernel::holding(kernel), boot_id, ..self.host() };
        write_files(&host.state_dir.path().join("netloom"), files);
        host
    }
}

/// The states before and after a case, and what the host boots with in each of them.
struct Ends {
    old: Held,
    new: Held,
    old_booted: Held,
    new_booted: Held,
}

/// Everything that must be complete.
#[derive(Clone, Debug, PartialEq)]
struct Held {
    kernel: State,
    running: Tree,
    startup: Tree,
    waits: bool,
    adopted: Originals,
    rescue: Option<Tree>,
    latest: Option<(u64, String)>,
}

impl Held {
    fn by(engine: &Engine, host: &Host) -> Held {
        let entries = engine.ledger.history().entries();
        assert!(entries.iter().all(|entry| entry.fault.is_none()), "{entries:?}");
        let store = Store::beside(&host.state_dir.path().join("netloom"));
        Held {
            kernel: host.kernel.state(),
            running: engine.running.intent.tree.clone(),
            startup: engine.ledger.startup().tree(engine.settled()).clone(),
            waits: engine.pending.is_some(),
            adopted: engine.kernel.originals().clone(),
            rescue: rescue::read(&store, schema()).ok(),
            latest: engine.ledger.history().head().map(|head| (head.id, head.summary.clone())),
        }
    }

    /// The differences from another one; empty if there are none.
    fn unlike(&self, other: &Held) -> String {
        let mut words = Vec::new();
        let keys = self.kernel.objects.keys().chain(other.kernel.objects.keys());
        for key in keys.collect::<BTreeSet<_>>() {
            let objects = [self, other].map(|held| held.kernel.objects.get(key));
            if objects[0] != objects[1] {
                words.push(format!("{key:?}: {:?} for {:?}", objects[0], objects[1]));
            }
        }
        if self != other {
            words.push(lines(&other.running, &self.running));
            words.push(lines(&other.startup, &self.startup));
            let short = |held: &Held| {
                format!("{:?}", (held.waits, &held.adopted, &held.rescue, &held.latest))
            };
            words.push(format!("{} for {}", short(self), short(other)));
        }
        words.join("\n")
    }

    /// The result of a boot of the host with its present files.
    fn after_boot(host: &Host, case: &Case) -> Held {
        let files = read_files(&host.state_dir.path().join("netloom"));
        let host = case.host_with(&files, nics(&["enp0s4", "enp0s5"]), "second");
        Held::by(&host.start(), &host)
    }

    /// What a restart of the daemon finds in a copy of the host.
    fn after_restart(host: &Host, case: &Case) -> Held {
        let files = read_files(&host.state_dir.path().join("netloom"));
        let host = case.host_with(&files, host.kernel.state(), "first");
        Held::by(&host.start(), &host)
    }
}

/// The files of a state directory by name.
type Files = std::collections::BTreeMap<String, Vec<u8>>;

fn read_files(dir: &FilePath) -> Files {
    let mut files = Files::new();
    for folder in ["", "history/"] {
        for entry in std::fs::read_dir(dir.join(folder)).unwrap().map(std::result::Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            if entry.path().is_file() && name != "lock" {
                files.insert(format!("{folder}{name}"), std::fs::read(entry.path()).unwrap());
            }
        }
    }
    files
}

fn write_files(dir: &FilePath, files: &Files) {
    std::fs::create_dir_all(dir.join("history")).unwrap();
    for (name, content) in files {
        std::fs::write(dir.join(name), content).unwrap();
    }
}

/// Checks that a commit that touches the kernel succeeds without a warning.
fn check_next_commit(engine: &mut Engine, host: &Host, what: &str) {
    const NEXT: &str = "/iproute2-ip-link:links/link[name='enp0s5']/mtu = 1300";
    let message =
        commit(engine, NEXT).unwrap_or_else(|errors| panic!("{what}: {}", errors.describe()));
    assert!(!message.contains("; but"), "{what}: {message}");
    let nic = Key::Link("enp0s5".parse().unwrap());
    let mtu = |state: &State| state.objects[&nic].link().unwrap().attributes.mtu;
    assert_eq!(mtu(&host.kernel.state()), Some(1300), "{what}");
}
