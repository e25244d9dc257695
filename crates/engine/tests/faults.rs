//! Linux with faults at each operation. The kernel then holds the configuration before the commit,
//! or is restored once it accepts that. These are the faults of `src/test/faults.rs`, on the real
//! kernel.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use engine::{Clock, CommitRequest, Datastore, Handle, Origin, Session, Settings};
use kernel::Kernel;
use netstate::{EventSink, ObserveError, Plan, Refusal, Scope, Southbound, State, Watched};
use testkit::netns::{ip, ip_json, isolated};
use yang::{Schema, Tree};

const NICS: &str = r#"{
    "iproute2-ip-netns:netnses": {"netns": [{"name": "vpn10"}, {"name": "vpn20"}]},
    "iproute2-ip-link:links": {"link": [
        {"name": "enp0s4", "netns": "vpn10", "ip": [{"address": "192.168.10.10/24"}], "admin-status": "up"},
        {"name": "enp0s5", "netns": "vpn20", "ip": [{"address": "192.168.20.20/24"}], "admin-status": "up"}
    ]}
}"#;

const CABLE: &str = r#"{
    "iproute2-ip-link:links": {"link": [
        {"name": "veth10", "type": "iproute2-ip-link:veth", "virtual_peer_name": "veth20", "netns": "vpn10",
         "ip": [{"address": "1.1.1.9/30"}], "admin-status": "up"},
        {"name": "veth20", "type": "iproute2-ip-link:veth", "virtual_peer_name": "veth10", "netns": "vpn20",
         "ip": [{"address": "1.1.1.10/30"}], "admin-status": "up"}
    ]},
    "iproute2-ip-route:routes": {"route": [
        {"prefix": "192.168.20.0/24", "netns": "vpn10", "table": 254, "metric": 0, "tos": 0,
         "nexthop": [{"dev": "veth10"}]}
    ]}
}"#;

/// The seconds by which the engine's clock is ahead.
static AHEAD: AtomicU64 = AtomicU64::new(0);

/// Adopting NICs, creating links and routes, and giving everything back: each operation of each is
/// refused.
#[test]
fn a_refusal_of_any_operation_leaves_the_kernel_as_it_was() {
    on_a_host(async |dir, faults| {
        let engine = start(dir, faults);
        let session = open(&engine).await;
        for content in [NICS, CABLE, ""] {
            edit(&session, content).await;
            let before = snapshot();
            for refused in 0.. {
                faults.refuse(refused, false);
                let Err(errors) = session.commit(CommitRequest::default()).await else {
                    assert!(refused >= 4, "only {refused} operations");
                    break;
                };
                let message = errors[0].to_string();
                assert!(
                    message.contains("the kernel refused to") && message.contains("busy"),
                    "{message}"
                );
                assert_eq!(snapshot(), before, "{message}");
            }
            faults.stop();
            assert_ne!(snapshot(), before);
        }
    });
}

#[test]
fn a_kernel_that_refuses_the_undo_is_restored_later() {
    on_a_host(async |dir, faults| {
        let engine = start(dir, faults);
        let session = open(&engine).await;
        for content in [NICS, CABLE, ""] {
            edit(&session, content).await;
            let before = snapshot();
            for refused in 1.. {
                faults.refuse(refused, true);
                let Err(errors) = session.commit(CommitRequest::default()).await else {
                    break;
                };
                let message = errors[0].to_string();
                assert_eq!(errors[0].app_tag.as_deref(), Some("diverged"), "{message}");
                let state = session.read(Datastore::Operational).await.unwrap().to_json(false);
                assert!(state.contains(r#""diverged":[{"path":"#), "{state}");
                assert!(session.commit(CommitRequest::default()).await.is_err());
                assert_ne!(snapshot(), before, "{message}");

                faults.stop();
                AHEAD.fetch_add(11, Ordering::Relaxed);
                await_operational(&session, r#""converged":true"#).await;
                assert_eq!(snapshot(), before, "{message}");
            }
            faults.stop();
        }
    });
}

#[test]
fn an_object_that_vanishes_before_execution_is_awaited() {
    on_a_host(async |dir, faults| {
        let engine = start(dir, faults);
        let session = open(&engine).await;
        edit(&session, NICS).await;
        let before = snapshot();
        faults.meddle(|| drop(ip("link delete enp0s4")));
        let errors = session.commit(CommitRequest::default()).await.unwrap_err();
        assert!(errors[0].to_string().contains("enp0s4"), "{}", errors[0]);
        assert_ne!(snapshot(), before);
        ip("link add enp0s4 type veth peer name pc1");
        assert_eq!(snapshot(), before);
        session.commit(CommitRequest::default()).await.unwrap();

        edit(&session, CABLE).await;
        let before = snapshot();
        faults.meddle(|| drop(ip("netns delete vpn20")));
        let errors = session.commit(CommitRequest::default()).await.unwrap_err();
        assert!(errors[0].to_string().contains("vpn20"), "{}", errors[0]);
        assert_eq!(errors[0].app_tag.as_deref(), Some("kernel-refused"));
        // Others must bring back what they delete. What was on it is then restored.
        ip("netns add vpn20");
        ip("link add enp0s5 type veth peer name pc3");
        // The kernel removes a namespace asynchronously, and with it the other ends of its links.
        let begun = Instant::now();
        while ip("link show").contains("pc2") {
            assert!(begun.elapsed() < Duration::from_secs(30), "pc2 stays");
        }
        await_operational(&session, "192.168.20.20/24").await;
        assert_eq!(snapshot(), before.replace("pc2", "pc3"));
        session.commit(CommitRequest::default()).await.unwrap();
        assert!(snapshot().contains("veth20"));
    });
}

/// Makes a kernel fail; at first it does not.
#[derive(Clone, Default)]
struct Faults(Arc<Mutex<Fault>>);

#[derive(Default)]
struct Fault {
    /// The number of operations before the one that is refused.
    refused: Option<usize>,
    /// Whether all later operations are refused too.
    onwards: bool,
    /// A change by another program before the next operation.
    deed: Option<fn()>,
}

impl Faults {
    fn refuse(&self, after: usize, onwards: bool) {
        *self.0.lock().unwrap() = Fault { refused: Some(after), onwards, deed: None };
    }

    fn meddle(&self, deed: fn()) {
        *self.0.lock().unwrap() = Fault { deed: Some(deed), ..Fault::default() };
    }

    fn stop(&self) {
        *self.0.lock().unwrap() = Fault::default();
    }
}

/// The real kernel, with injected failures.
struct Failing {
    kernel: Kernel,
    faults: Faults,
}

impl Southbound for Failing {
    fn observe(&mut self, scope: &Scope) -> Result<State, ObserveError> {
        self.kernel.observe(scope)
    }

    fn execute(&mut self, plan: &Plan) -> Result<(), Refusal> {
        let refused = {
            let mut fault = self.faults.0.lock().unwrap();
            if let Some(deed) = fault.deed.take() {
                deed();
            }
            let refused = fault.refused.filter(|index| *index < plan.ops.len());
            fault.refused = match (fault.refused, refused) {
                (Some(_), Some(_)) => fault.onwards.then_some(0),
                (left, _) => left.map(|left| left.saturating_sub(plan.ops.len())),
            };
            refused
        };
        let Some(index) = refused else { return self.kernel.execute(plan) };
        self.kernel.execute(&Plan { ops: plan.ops[..index].to_vec() })?;
        let (op, message) = (Box::new(plan.ops[index].clone()), "the device is busy".into());
        Err(Refusal { index, op, errno: libc::EBUSY, message, field: None })
    }

    fn probe(&mut self, probe: &netstate::probe::Probe) -> netstate::probe::Attempt {
        self.kernel.probe(probe)
    }

    fn watch(&mut self, what: Watched, sink: EventSink) -> Result<(), ObserveError> {
        self.kernel.watch(what, sink)
    }
}

/// Runs a test on a host with two NICs, a state directory and a kernel that can be made to fail.
fn on_a_host(test: impl AsyncFnOnce(&Path, &Faults) + Send) {
    isolated(|| {
        ip("link add enp0s4 type veth peer name pc1");
        ip("link add enp0s5 type veth peer name pc2");
        let dir = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(test(dir.path(), &Faults::default()));
    });
}

fn start(dir: &Path, faults: &Faults) -> Handle {
    let settings = Settings {
        state_dir: dir.into(),
        autosave: true,
        history: engine::Limits::default(),
        boot_id: "a boot".into(),
        clock: Clock {
            uptime: || (Clock::HOST.uptime)() + Duration::from_secs(AHEAD.load(Ordering::Relaxed)),
            ..Clock::HOST
        },
    };
    let failing = Failing { kernel: Kernel::open().unwrap(), faults: faults.clone() };
    engine::start(settings, schema(), Box::new(failing)).unwrap()
}

async fn open(engine: &Handle) -> Session {
    let origin = Origin { user: "root".into(), from: "a test".into() };
    engine.open(origin).await.unwrap()
}

/// Adds to the candidate.
async fn edit(session: &Session, json: &str) {
    match json {
        "" => session.replace(Tree::empty(schema())).await.unwrap(),
        json => {
            let tree = Tree::from_json(schema(), json).unwrap();
            session.edit(tree.to_edit()).await.unwrap();
        }
    }
}

/// Waits until operational data contain this text. The engine looks at its clock after each
/// request.
async fn await_operational(session: &Session, text: &str) {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let message = session.read(Datastore::Operational).await.unwrap().to_json(false);
        if message.contains(text) {
            return;
        }
        assert!(Instant::now() < deadline, "{text} is not in operational data: {message}");
    }
}

/// The state of all namespaces as ip(8) shows it: links, whether they are up, IPv4 addresses, and
/// routes, one per line.
fn snapshot() -> String {
    let mut lines = Vec::new();
    let list = ip("netns list");
    let names = list.lines().filter_map(|line| line.split_whitespace().next());
    for netns in std::iter::once(String::new()).chain(names.map(|name| format!("-n {name} "))) {
        lines.push(netns.clone());
        for link in ip_json(&format!("{netns}addr show")).as_array().unwrap() {
            let up = link["flags"].as_array().unwrap().iter().any(|flag| flag == "UP");
            let addresses = link["addr_info"].as_array().unwrap().iter();
            let addresses = addresses.filter(|address| address["family"] == "inet");
            let addresses: Vec<String> = addresses.map(|a| a["local"].to_string()).collect();
            lines.push(format!("{netns}{} {up} {addresses:?}", link["ifname"]));
        }
        for route in ip_json(&format!("{netns}-4 route show")).as_array().unwrap() {
            lines.push(format!("{netns}{} {}", route["dst"], route["dev"]));
        }
    }
    lines.sort();
    lines.join("\n")
}

fn schema() -> &'static Schema {
    Schema::netloom().unwrap()
}
