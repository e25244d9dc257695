//! What this crate's tests share: an engine on a fake kernel.

mod faults;
mod history;
mod interleavings;
mod kernel_state;
mod paths;
mod session;
mod start;
mod transaction;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use netstate::link::{LinkKind, Master};
use netstate::probe::{Attempt, Probe};
use netstate::{
    EventSink, Key, Link, LinkAttributes, LinkFlags, NetnsName, Object, ObserveError, Place, Plan,
    Refusal, Scope, Southbound, State, Watched,
};
use tempfile::TempDir;
use testkit::FakeKernel;
use tokio::sync::mpsc;
use yang::{Change, Path, Schema, Tree};

use crate::Clock;
use crate::engine::Engine;
use crate::error::Result;
use crate::ledger::store::Store;
use crate::session::notice::SessionEnd;
use crate::session::origin::Origin;
use crate::start::boot::Boot;
use crate::transaction::commit::Committed;
use crate::transaction::request::CommitRequest as Request;
use crate::{Limits, Revision, RpcError, Settings};

/// Two namespaces with a NIC in each.
const NICS: &str = "
    /iproute2-ip-netns:netnses/netns[name='vpn10']
    /iproute2-ip-netns:netnses/netns[name='vpn20']
    /iproute2-ip-link:links/link[name='enp0s4']/netns = vpn10
    /iproute2-ip-link:links/link[name='enp0s4']/ip[address='192.168.10.10/24']
    /iproute2-ip-link:links/link[name='enp0s4']/admin-status = up
    /iproute2-ip-link:links/link[name='enp0s5']/netns = vpn20
    /iproute2-ip-link:links/link[name='enp0s5']/ip[address='192.168.20.20/24']
    /iproute2-ip-link:links/link[name='enp0s5']/admin-status = up";

/// A veth pair between the namespaces, and routes over it.
const CABLE: &str = "
    /iproute2-ip-link:links/link[name='veth10']/type = iproute2-ip-link:veth
    /iproute2-ip-link:links/link[name='veth10']/virtual_peer_name = veth20
    /iproute2-ip-link:links/link[name='veth10']/netns = vpn10
    /iproute2-ip-link:links/link[name='veth10']/ip[address='1.1.1.9/30']
    /iproute2-ip-link:links/link[name='veth10']/admin-status = up
    /iproute2-ip-link:links/link[name='veth20']/type = iproute2-ip-link:veth
    /iproute2-ip-link:links/link[name='veth20']/virtual_peer_name = veth10
    /iproute2-ip-link:links/link[name='veth20']/netns = vpn20
    /iproute2-ip-link:links/link[name='veth20']/ip[address='1.1.1.10/30']
    /iproute2-ip-link:links/link[name='veth20']/admin-status = up
    /iproute2-ip-route:routes/route[prefix='192.168.20.0/24'][netns='vpn10'][table='254'][tos='0'][metric='0']/nexthop[dev='veth10']
    /iproute2-ip-route:routes/route[prefix='192.168.10.0/24'][netns='vpn20'][table='254'][tos='0'][metric='0']/nexthop[dev='veth20']";

thread_local! {
    /// The current time in seconds.
    static NOW: Cell<u64> = const { Cell::new(1_795_455_216) };
    /// The seconds by which the wall clock has been set forward.
    static SET: Cell<i64> = const { Cell::new(0) };
}

/// A host: everything that survives a daemon.
struct Host {
    state_dir: TempDir,
    kernel: FakeKernel,
    boot_id: &'static str,
    autosave: bool,
    limits: Limits,
}

impl Host {
    /// A host with two NICs.
    fn new() -> Host {
        let kernel = FakeKernel::holding(nics(&["enp0s4", "enp0s5"]));
        let state_dir = tempfile::tempdir().unwrap();
        let limits = Limits::default();
        Host { state_dir, kernel, boot_id: "first", autosave: true, limits }
    }

    /// A host whose daemon has configured both NICs.
    fn with_nics() -> (Host, Engine) {
        let host = Host::new();
        let mut engine = host.start();
        engine.apply(NICS).unwrap();
        (host, engine)
    }

    /// Starts a daemon.
    fn start(&self) -> Engine {
        self.try_start().unwrap()
    }

    fn try_start(&self) -> Result<Engine> {
        self.boot().start()
    }

    fn boot(&self) -> Boot {
        let (answers, _) = mpsc::channel(1);
        let southbound = Box::new(self.kernel.clone());
        Boot { settings: self.settings(), schema: schema(), southbound, answers }
    }

    fn settings(&self) -> Settings {
        Settings {
            state_dir: self.state_dir.path().join("netloom"),
            autosave: self.autosave,
            history: self.limits,
            boot_id: self.boot_id.into(),
            clock: Clock {
                wall: || {
                    let seconds = NOW.get().saturating_add_signed(SET.get());
                    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
                },
                uptime: || Duration::from_secs(NOW.get()),
            },
        }
    }

    /// Reboots the host: a new kernel with these NICs.
    fn reboot(&mut self, names: &[&str]) {
        self.kernel = FakeKernel::holding(nics(names));
        self.boot_id = "second";
    }

    /// The text of a file in the state directory.
    fn file(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.state_dir.path().join("netloom").join(name)).ok()
    }

    /// The commits on disk.
    fn commits(&self) -> Vec<String> {
        let folder = self.state_dir.path().join("netloom/history");
        let files = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The store, without its lock, so that it can be read while a daemon holds it.
    fn start_store(&self) -> Store {
        Store::beside(&self.state_dir.path().join("netloom"))
    }

    fn remove(&self, name: &str) {
        std::fs::remove_file(self.state_dir.path().join("netloom").join(name)).unwrap();
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.state_dir.path().join("netloom").join(name), text).unwrap();
    }
}

impl Engine {
    /// Opens a session.
    fn session(&mut self) -> u32 {
        let origin = Origin { user: "root".into(), from: "a test".into() };
        self.sessions.open(origin, self.version()).0
    }

    /// Edits the session's candidate. Each line sets something; a line that starts with `no`
    /// removes something.
    fn set(&mut self, session: u32, lines: &str) {
        let mut tree = self.sessions.at(session).unwrap().candidate.tree().clone();
        apply(&mut tree, lines);
        let diff = self.sessions.at(session).unwrap().candidate.tree().diff(&tree);
        self.edit_candidate(session, &diff.to_edit()).unwrap();
    }

    /// Puts a configuration of the past into the session's candidate.
    fn rollback(&mut self, session: u32, revision: Revision) -> crate::Result<()> {
        let past = self.past();
        let content = past.configuration(revision)?;
        self.roll_back(session, past.running(), content).map_err(|errors| errors.rpc())
    }

    /// Commits the lines in a session of their own.
    fn apply(&mut self, lines: &str) -> Result<Committed> {
        let session = self.session();
        self.set(session, lines);
        let outcome = self.commit(session, Request::default());
        self.end_session(session, SessionEnd::Closed);
        outcome
    }
}

pub(crate) fn schema() -> &'static Schema {
    Schema::netloom().unwrap()
}

/// The configuration that consists of these lines.
pub(crate) fn tree(lines: &str) -> Tree {
    let mut tree = Tree::empty(schema());
    apply(&mut tree, lines);
    tree
}

fn apply(tree: &mut Tree, lines: &str) {
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(path) = line.strip_prefix("no ") {
            assert!(tree.remove(&Path::parse(schema(), path).unwrap()).unwrap(), "{line}");
        } else if let Some((path, value)) = line.split_once(" = ") {
            let path = Path::parse(schema(), path).unwrap();
            let leaf = path.steps.last().unwrap().node;
            tree.set(&path, leaf.value(value).unwrap()).unwrap();
        } else {
            tree.create(&Path::parse(schema(), line).unwrap()).unwrap();
        }
    }
}

/// Lets time pass, and makes the engine do what is due.
fn pass(engine: &mut Engine, seconds: u64) {
    NOW.set(NOW.get() + seconds);
    engine.do_due_work();
}

/// The errors as a client sees them, one per line.
fn message<T: std::fmt::Debug>(outcome: Result<T>) -> String {
    let errors = outcome.unwrap_err().rpc();
    errors.iter().map(RpcError::to_string).collect::<Vec<_>>().join("\n")
}

fn nics(names: &[&str]) -> State {
    let nic = |name: &&str| {
        let place = Place { netns: NetnsName::own(), ifname: name.parse().unwrap() };
        let flags = LinkFlags { up: Some(false), ..LinkFlags::default() };
        let kind = Some(LinkKind::Other(String::new()));
        let attributes = LinkAttributes { mtu: Some(1500), ..LinkAttributes::default() };
        let master = Some(Master::Free);
        let link = Link { kind, flags, attributes, master, ..Link::at(place) };
        (Key::Link(name.parse().unwrap()), Object::Link(Box::new(link)))
    };
    State { objects: names.iter().map(nic).collect() }
}

/// The operations that a kernel refuses, by the start of their text.
#[derive(Clone, Default)]
struct Refusals(Arc<Mutex<Vec<&'static str>>>);

impl Refusals {
    /// Puts this between an engine and its kernel. At first it refuses nothing.
    fn between(engine: &mut Engine, kernel: &FakeKernel) -> Refusals {
        let refusals = Refusals::default();
        engine.kernel.replace(Box::new(refusals.of(kernel)));
        refusals
    }

    /// The kernel that refuses these operations.
    fn of(&self, kernel: &FakeKernel) -> Refusing {
        Refusing { kernel: kernel.clone(), refusals: self.clone() }
    }

    fn set(&self, operations: &[&'static str]) {
        *self.0.lock().unwrap() = operations.to_vec();
    }
}

/// A kernel that refuses operations as long as the list names them.
struct Refusing {
    kernel: FakeKernel,
    refusals: Refusals,
}

impl Southbound for Refusing {
    fn observe(&mut self, scope: &Scope) -> std::result::Result<State, ObserveError> {
        self.kernel.observe(scope)
    }

    fn execute(&mut self, plan: &Plan) -> std::result::Result<(), Refusal> {
        for (index, op) in plan.ops.iter().enumerate() {
            let words = op.to_string();
            if self.refusals.0.lock().unwrap().iter().any(|refused| words.starts_with(refused)) {
                let (op, message) = (Box::new(op.clone()), "Operation not permitted".into());
                return Err(Refusal { index, op, errno: libc::EPERM, message, field: None });
            }
            self.kernel.execute(&Plan { ops: vec![op.clone()] })?;
        }
        Ok(())
    }

    fn probe(&mut self, probe: &Probe) -> Attempt {
        self.kernel.probe(probe)
    }

    fn watch(&mut self, what: Watched, sink: EventSink) -> std::result::Result<(), ObserveError> {
        self.kernel.watch(what, sink)
    }
}

/// The differences, one change per line.
pub(crate) fn lines(before: &Tree, after: &Tree) -> String {
    let line = |change: &Change| match change {
        Change::Created(path, None) => format!("+ {path}\n"),
        Change::Created(path, Some(value)) => format!("+ {path} = {value}\n"),
        Change::Replaced(path, _, value) => format!("~ {path} = {value}\n"),
        Change::Deleted(path, _) => format!("- {path}\n"),
    };
    before.diff(after).changes().map(|change| line(&change)).collect()
}
