//! The engine and the real kernel, in namespaces that the test creates.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use engine::{Checked, Clock, CommitRequest, Datastore, Handle, Origin, Session, Settings};
use kernel::Kernel;
use testkit::netns::{ip, ip_json, isolated};
use yang::ErrorTag;
use yang::{Schema, Tree};

const NICS: &str = r#"{
    "iproute2-ip-netns:netnses": {"netns": [{"name": "vpn10"}, {"name": "vpn20"}]},
    "iproute2-ip-link:links": {"link": [
        {"name": "enp0s4", "netns": "vpn10", "ip": [{"address": "192.168.10.10/24"}], "admin-status": "up",
         "netloom-link:sysctl": {"proxy_arp": "1"}},
        {"name": "enp0s5", "netns": "vpn20", "ip": [{"address": "192.168.20.20/24"}], "admin-status": "up"}
    ]},
    "netloom-sysctl:sysctls": {"netns": [{"name": "vpn10", "ip_forward": "1"}]}
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
         "nexthop": [{"dev": "veth10"}]},
        {"prefix": "192.168.10.0/24", "netns": "vpn20", "table": 254, "metric": 0, "tos": 0,
         "nexthop": [{"dev": "veth20"}]}
    ]}
}"#;

#[test]
fn the_tutorial_is_committed_and_given_back() {
    on_a_host(async |dir| {
        let before = addresses("");
        let engine = start(dir);
        let session = open(&engine).await;
        merge(&session, NICS).await;
        session.commit(CommitRequest::default()).await.unwrap();
        merge(&session, CABLE).await;
        let done = session
            .commit(CommitRequest { comment: Some("the cable".into()), ..CommitRequest::default() })
            .await
            .unwrap();
        assert_eq!(done.summary, "2 links, 2 routes added");
        assert_eq!(ip_json("-n vpn10 route show 192.168.20.0/24")[0]["dev"], "veth10");
        assert_eq!(ip_json("-n vpn20 addr show veth20")[0]["operstate"], "UP");

        let operational = session.read(Datastore::Operational).await.unwrap();
        let text = operational.to_json(false);
        assert!(text.contains("veth20") && text.contains("192.168.20.20/24"), "{text}");
        // All of the configuration is in effect.
        let missing = operational.diff(&session.read(Datastore::Running).await.unwrap());
        let created = |change: &yang::Change| !matches!(change, yang::Change::Deleted(..));
        assert_eq!(missing.changes().filter(created).collect::<Vec<_>>(), []);

        let past = session.past().await.unwrap();
        let content = past.configuration(engine::Revision::Position(2)).unwrap();
        session.replace(content).await.unwrap();
        session.commit(CommitRequest::default()).await.unwrap();
        assert_eq!(addresses(""), before);
        assert_eq!(ip("netns list"), "");
    });
}

#[test]
fn a_restarted_daemon_finds_nothing_to_do() {
    on_a_host(async |dir| {
        let engine = start(dir);
        let session = open(&engine).await;
        merge(&session, NICS).await;
        merge(&session, CABLE).await;
        session.commit(CommitRequest::default()).await.unwrap();
        let before = addresses("-n vpn10");
        drop(session);
        engine.stop().await;
        let engine = start(dir);
        assert_eq!(addresses("-n vpn10"), before);
        assert_eq!(open(&engine).await.check().await.unwrap(), Checked::default());
    });
}

#[test]
fn a_refusal_of_the_last_of_many_operations_undoes_all() {
    on_a_host(async |dir| {
        let engine = start(dir);
        let session = open(&engine).await;
        merge(&session, NICS).await;
        session.commit(CommitRequest::default()).await.unwrap();
        merge(&session, &routes(500, "192.168.10.1")).await;
        // The broadcast address of the subnet cannot be a gateway.
        merge(&session, &routes(501, "192.168.10.255")).await;
        let errors = session.commit(CommitRequest::default()).await.unwrap_err();
        let message = errors[0].to_string();
        assert!(
            message.contains("[prefix='10.2.0.0/24']") && message.contains("EINVAL"),
            "{message}"
        );
        assert_eq!(ip_json("-n vpn10 route show proto static").as_array().unwrap().len(), 0);
        session.discard().await.unwrap();
        merge(&session, &routes(500, "192.168.10.1")).await;
        session.commit(CommitRequest::default()).await.unwrap();
        assert_eq!(ip_json("-n vpn10 route show proto static").as_array().unwrap().len(), 500);
    });
}

#[test]
fn a_nic_that_appears_later_gets_its_configuration() {
    on_a_host(async |dir| {
        let engine = start(dir);
        let session = open(&engine).await;
        merge(&session, NICS).await;
        session.commit(CommitRequest::default()).await.unwrap();
        drop(session);
        engine.stop().await;
        ip("-n vpn10 link delete enp0s4");
        let engine = start(dir);
        assert!(ip("-n vpn20 -br addr").contains("192.168.20.20/24"));
        ip("link add enp0s4 type veth peer name pc1");
        let session = open(&engine).await;
        let deadline = Instant::now() + Duration::from_secs(5);
        while !ip("-n vpn10 -br addr").contains("192.168.10.10/24") {
            assert!(Instant::now() < deadline, "not configured: {}", ip("-br link"));
            session.check().await.unwrap();
        }
    });
}

/// Runs a test on a host with two NICs and a state directory.
fn on_a_host(test: impl AsyncFnOnce(&Path) + Send) {
    isolated(|| {
        ip("link add enp0s4 type veth peer name pc1");
        ip("link add enp0s5 type veth peer name pc2");
        let dir = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(test(dir.path()));
    });
}

fn start(dir: &Path) -> Handle {
    let settings = Settings {
        state_dir: dir.into(),
        autosave: true,
        history: engine::Limits::default(),
        boot_id: "a boot".into(),
        clock: Clock::HOST,
    };
    let start = || engine::start(settings.clone(), schema(), Box::new(Kernel::open().unwrap()));
    // A process that another test starts holds the lock of an ended engine until it calls exec.
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        match start() {
            Err(errors) if errors[0].tag == ErrorTag::InUse && Instant::now() < deadline => {}
            started => return started.unwrap(),
        }
    }
}

async fn open(engine: &Handle) -> Session {
    let origin = Origin { user: "root".into(), from: "a test".into() };
    engine.open(origin).await.unwrap()
}

async fn merge(session: &Session, json: &str) {
    let tree = Tree::from_json(schema(), json).unwrap();
    session.edit(tree.to_edit()).await.unwrap();
}

/// Static routes in `vpn10` through this gateway. For more than 500, only the last one.
fn routes(count: usize, via: &str) -> String {
    let mut entries = String::new();
    for index in (if count > 500 { 500 } else { 0 })..count {
        let (high, low) = (index / 250, index % 250);
        let comma = if entries.is_empty() { "" } else { "," };
        write!(
            entries,
            r#"{comma}{{"prefix": "10.{high}.{low}.0/24", "netns": "vpn10", "table": 254, "metric": 0,
                "tos": 0, "nexthop": [{{"dev": "enp0s4", "via": {{"address": "{via}"}}}}]}}"#
        )
        .unwrap();
    }
    format!(r#"{{"iproute2-ip-route:routes": {{"route": [{entries}]}}}}"#)
}

/// The links of a namespace as ip(8) shows them, without counters and without their order.
fn addresses(netns: &str) -> String {
    let mut links = ip_json(&format!("{netns} addr show"));
    for link in links.as_array_mut().unwrap() {
        link.as_object_mut().unwrap().retain(|name, _| name != "addr_info" && name != "link_index");
    }
    links.to_string()
}

fn schema() -> &'static Schema {
    Schema::netloom().unwrap()
}
