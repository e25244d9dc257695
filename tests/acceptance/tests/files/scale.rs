//! Ten thousand routes in one file and one commit, in both file formats.

#![allow(clippy::expect_used, reason = "a test that cannot go on ends")]

use std::fmt::Write;

use acceptance::{Daemon, kernel, step};
use serde_json::{Value, json};
use testkit::netns::{ip, isolated};

const ROUTES: usize = 10_000;

#[test]
fn ten_thousand_routes_live() {
    isolated(|| {
        ip("link add eth0 type veth peer name far0");
        ip("link set far0 up");
        let daemon = Daemon::start();
        daemon.run(
            "configure\nnetnses-iproute2\nnetns vpn10\nlinks-iproute2\nlink eth0\nnetns vpn10\n\
             ip 10.0.0.1/24\nadmin-status up\ncommit\n",
        );
        step("one file of text, one commit");
        load(&daemon, &text());
        step("they are read back complete");
        let nexthops = "routes-iproute2 | match \"nexthop eth0 via address 10.0.0.2\" | count\n";
        for what in ["operational-data", "config-running"] {
            let count = daemon.run(&format!("show {what} {nexthops}"));
            assert_eq!(count.trim(), format!("{ROUTES} lines"), "{what}");
        }
        step("one more route on top");
        let one = "routes-iproute2\nroute 198.51.100.0/24 netns vpn10\nnexthop eth0\n";
        let told = daemon.run(&format!("configure\n{one}commit\n"));
        print!("{told}");
        assert!(told.contains("1 route added"), "{told}");
        assert_eq!(kernel::static_routes("vpn10"), ROUTES + 1);
        step("all of them are deleted");
        print!("{}", daemon.run("configure\nno routes-iproute2\ncommit\n"));
        assert_eq!(kernel::static_routes("vpn10"), 0);
        step("one file of JSON brings them back");
        load(&daemon, &json());
    });
}

/// Loads the file and commits it. The kernel then has each route.
#[track_caller]
fn load(daemon: &Daemon, content: &str) {
    let file = daemon.folder().join("routes");
    std::fs::write(&file, content).expect("write the file");
    print!("{}", daemon.run(&format!("configure\nload merge {}\ncommit\n", file.display())));
    assert_eq!(kernel::static_routes("vpn10"), ROUTES);
}

fn text() -> String {
    let mut text = String::from("routes-iproute2\n");
    for prefix in prefixes() {
        let _ = writeln!(text, " route {prefix} netns vpn10\n  nexthop eth0 via address 10.0.0.2");
    }
    text
}

fn json() -> String {
    let routes: Vec<Value> = prefixes()
        .map(|prefix| {
            json!({
                "prefix": prefix, "table": "main", "metric": 0, "tos": "default", "netns": "vpn10",
                "nexthop": [{"dev": "eth0", "via": {"address": "10.0.0.2"}}],
            })
        })
        .collect();
    json!({"iproute2-ip-route:routes": {"route": routes}}).to_string()
}

fn prefixes() -> impl Iterator<Item = String> {
    (0..ROUTES).map(|n| format!("20.{}.{}.0/24", n / 250, n % 250))
}
