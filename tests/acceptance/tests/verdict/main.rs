//! Each configured object is active, held or refused, on every path to the configuration;
//! `docs/verdict.md` lists the rules with these tests.
//!
//! The device is one end of a veth pair, `a`, in the host's own namespace; `b` is the other end.
//! ip(8) shows the kernel's state. What is refused is also refused from an empty kernel, and what
//! is held is also held after a boot.

#![allow(clippy::expect_used, reason = "a test that cannot go on ends")]

mod gateways;
mod ipv6;
mod links;
mod namespaces;
mod nexthops;
mod parameters;
mod sources;

use std::collections::BTreeSet;
use std::fs;

use acceptance::{Daemon, Terminal, built, command, kernel, step};
use serde_json::Value;
use testkit::netns::{ip, ip_json};

/// Both ends of the pair, an address of each family on `a`.
const PAIR: &str = "\
links-iproute2 link a type veth virtual_peer_name b admin-status up ip 10.0.0.1/24
links-iproute2 link a ip 2001:db8::1/64
links-iproute2 link b type veth virtual_peer_name a admin-status up
";

/// Routes by a gateway and without, of both families.
const ROUTES: &str = "\
routes-iproute2 route 10.9.0.0/16 nexthop a via address 10.0.0.2
routes-iproute2 route 10.8.0.0/16 nexthop a
routes-iproute2 route 2001:db8:9::/48 nexthop a via address 2001:db8::2
routes-iproute2 route 2001:db8:8::/48 nexthop a
";

const NOTHING: &str = "nothing differs from running\n";

/// A refused configuration in a file, and the words of the refusal.
struct Refusal {
    file: String,
    words: String,
}

/// A daemon with this configuration.
#[track_caller]
fn device(lines: &str) -> Daemon {
    let daemon = Daemon::start();
    if !lines.is_empty() {
        commit(&daemon, lines);
    }
    daemon
}

/// Commits these lines, each from the top level, and returns the output.
#[track_caller]
fn commit(daemon: &Daemon, lines: &str) -> String {
    daemon.run(&edit(lines, "commit"))
}

/// The output of a commit check of these lines.
#[track_caller]
fn check(daemon: &Daemon, lines: &str) -> String {
    daemon.run(&edit(lines, "commit check\ndiscard-changes"))
}

/// Commits these lines, which must be refused with these words and change nothing.
#[track_caller]
fn refused(daemon: &Daemon, lines: &str, words: &[&str]) -> Refusal {
    let before = (kernel::holds(), daemon.run("configure\nshow\n"));
    let count = fs::read_dir(daemon.folder()).map_or(0, Iterator::count);
    let file = daemon.folder().join(format!("refused{count}.json")).display().to_string();
    let ran = daemon.script(&edit(lines, &format!("save {file}\ncommit")));
    println!("  {}", ran.err.trim_end().replace('\n', "\n  "));
    assert_eq!(ran.status.code(), Some(1), "{lines}: {}", ran.out);
    for words in words {
        assert!(ran.err.contains(words), "`{words}` is not told: {}", ran.err);
    }
    let after = (kernel::holds(), daemon.run("configure\nshow\n"));
    assert_eq!(before, after, "{lines}");
    Refusal { file, words: reason(&ran.err) }
}

/// Removes the whole configuration, and commits what was refused: the refusal has the same words.
#[track_caller]
fn alike_from_empty(daemon: &Daemon, refusals: &[Refusal]) {
    step("from an empty kernel the same is refused alike");
    let empty = daemon.folder().join("empty.json").display().to_string();
    fs::write(&empty, "{}").expect("write a file");
    daemon.run(&format!("configure\nload replace {empty}\ncommit\n"));
    assert_eq!(routes(), BTreeSet::new());
    for Refusal { file, words } in refusals {
        let ran = daemon.script(&format!("configure\nload replace {file}\ncommit\n"));
        assert_eq!(ran.status.code(), Some(1), "{words}: {}", ran.out);
        assert_eq!(reason(&ran.err), *words);
    }
}

/// A refusal without the line number of the script.
fn reason(told: &str) -> String {
    let line = told.split_once(": ").map_or(told, |(_, reason)| reason);
    line.lines().filter(|line| !line.starts_with("at the end")).collect::<Vec<_>>().join("\n")
}

/// A script that runs these lines, each from the top level, and continues with `then`.
fn edit(lines: &str, then: &str) -> String {
    let edits: String = lines.lines().map(|line| format!("top\n{line}\n")).collect();
    format!("configure\n{edits}top\n{then}\n")
}

fn drift(daemon: &Daemon) -> String {
    daemon.run("show drift\n")
}

/// A person at a terminal.
fn person(daemon: &Daemon) -> Terminal {
    let mut netloom = command(built("netloom"));
    netloom.arg("--socket").arg(daemon.socket()).env("XDG_STATE_HOME", daemon.folder());
    let mut person = Terminal::start(netloom);
    person.line("configure");
    person
}

/// Reboots the host: this link of the daemon is gone, and the boot has another id.
fn boot(daemon: &mut Daemon, link: &str) {
    daemon.kill();
    ip(&format!("link delete dev {link}"));
    fs::write("/run/boot_id", "00000000-0000-4000-8000-000000000002\n")
        .expect("write a boot's name");
    rustix::mount::mount_bind("/run/boot_id", "/proc/sys/kernel/random/boot_id")
        .expect("mount another boot's name");
    daemon.start_again(&[]);
}

/// The static routes of the host's namespace in table main.
fn routes() -> BTreeSet<String> {
    let told = ["-4", "-6"].map(|family| ip_json(&format!("{family} route show proto static")));
    told.iter().flat_map(|told| told.as_array().into_iter().flatten()).map(route).collect()
}

/// A route in the syntax of `ip route`, with its nexthops sorted by link.
fn route(told: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let hop = |hop: &Value| match hop["gateway"].as_str() {
        Some(via) => format!(" via {via} dev {}", text(&hop["dev"])),
        None => format!(" dev {}", text(&hop["dev"])),
    };
    let mut hops: Vec<String> = match told["nexthops"].as_array() {
        Some(hops) => hops.iter().map(hop).collect(),
        None => vec![hop(told)],
    };
    hops.sort();
    let source = told["prefsrc"].as_str().map(|source| format!(" src {source}"));
    format!("{}{}{}", text(&told["dst"]), hops.concat(), source.unwrap_or_default())
}

/// The addresses of a link, without the automatic IPv6 addresses.
fn addresses(netns: &str, link: &str) -> BTreeSet<String> {
    let told = ip_json(&format!("{}address show dev {link}", within(netns)));
    let addresses = told[0]["addr_info"].as_array().into_iter().flatten();
    let ours = addresses.filter(|address| address["scope"] != "link");
    ours.map(|address| {
        format!("{}/{}", address["local"].as_str().unwrap_or_default(), address["prefixlen"])
    })
    .collect()
}

/// Whether the link-local address of a link has passed duplicate address detection.
fn has_own_address(link: &str) -> bool {
    let told = ip_json(&format!("-6 address show dev {link} scope link -tentative"));
    told[0]["addr_info"].as_array().is_some_and(|addresses| !addresses.is_empty())
}

fn is_up(netns: &str, link: &str) -> bool {
    let told = ip_json(&format!("{}link show dev {link}", within(netns)));
    told[0]["flags"].as_array().is_some_and(|flags| flags.contains(&"UP".into()))
}

fn within(netns: &str) -> String {
    if netns.is_empty() { String::new() } else { format!("-n {netns} ") }
}

fn set(lines: &[&str]) -> BTreeSet<String> {
    lines.iter().map(ToString::to_string).collect()
}
