//! The kernel's state as ip(8) shows it: everything on a device in one comparable value.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use testkit::netns::{ip, ip_json};

use crate::daemon::DEADLINE;

/// The properties of links, addresses and routes that depend on the configuration: no counters, no
/// lifetimes, no flags that change by themselves, no random values.
const TOLD: [&str; 12] = [
    "ifname", "mtu", "dst", "gateway", "dev", "protocol", "scope", "metric", "prefsrc", "type",
    "nexthops", "nhid",
];

/// The links, addresses, routes and forwarding of every namespace; the device's own namespace is
/// `""`.
pub fn holds() -> BTreeMap<String, Vec<String>> {
    let mut netnses = vec![String::new()];
    netnses.extend(texts(&ip_json("netns list"), "name"));
    netnses.into_iter().map(|netns| (netns.clone(), within(&netns))).collect()
}

/// Waits until the own namespace is the same as in the snapshot. IPv6 removes an address
/// asynchronously.
#[track_caller]
pub fn await_as(before: &BTreeSet<String>) {
    let differences = differences_within(before, BTreeSet::clone, DEADLINE);
    assert!(differences.is_empty(), "the kernel is not as it was:\n{differences}");
}

/// What is otherwise in the own namespace than it was when the snapshot was made, a line each, as far as `compared` leaves
/// both. What IPv6 does in its own time takes it a second at most.
pub fn differences_from(
    before: &BTreeSet<String>,
    compared: impl Fn(&BTreeSet<String>) -> BTreeSet<String>,
) -> String {
    differences_within(&compared(before), &compared, Duration::from_secs(1))
}

fn differences_within(
    before: &BTreeSet<String>,
    compared: impl Fn(&BTreeSet<String>) -> BTreeSet<String>,
    deadline: Duration,
) -> String {
    let start = Instant::now();
    let mut after = compared(&snapshot());
    while after != *before && start.elapsed() < deadline {
        after = compared(&snapshot());
    }
    let lines = |sign: &str, one: &BTreeSet<String>, other: &BTreeSet<String>| {
        let lines: Vec<String> =
            one.difference(other).map(|line| format!("{sign} {line}\n")).collect();
        lines.concat()
    };
    lines("-", before, &after) + &lines("+", &after, before)
}

/// The snapshot, once two that follow each other are the same.
pub fn settled() -> BTreeSet<String> {
    let start = Instant::now();
    let mut last = snapshot();
    loop {
        let next = snapshot();
        if next == last || start.elapsed() > DEADLINE {
            return next;
        }
        last = next;
    }
}

/// Everything that ip(8) shows of the own namespace, and every parameter under `/proc/sys/net`,
/// except what changes by itself.
pub fn snapshot() -> BTreeSet<String> {
    let asked = ["-d address show", "-4 route show table all", "-6 route show table all"];
    let others =
        ["-4 rule", "-6 rule", "-4 neigh show nud permanent", "-6 neigh show nud permanent"];
    let others = others.into_iter().chain(["netns list", "nexthop show"]);
    let mut all = BTreeSet::new();
    for question in asked.into_iter().chain(others) {
        let mut told = ip_json(question);
        still(&mut told);
        all.extend(list(&told, |object| format!("{question}: {object}")));
    }
    parameters(Path::new("/proc/sys/net"), &mut all);
    all
}

/// The interface indexes of every namespace: a link that was created again has another one.
pub fn ifindexes() -> BTreeMap<String, Vec<String>> {
    let number = |link: &Value| format!("{} {}", link["ifname"], link["ifindex"]);
    let numbers = |netns: &str| list(&ip_json(&format!("{}link show", option(netns))), number);
    let mut netnses = vec![String::new()];
    netnses.extend(texts(&ip_json("netns list"), "name"));
    netnses.into_iter().map(|netns| (netns.clone(), numbers(&netns))).collect()
}

/// The number of static routes in the main table of a namespace.
pub fn static_routes(netns: &str) -> usize {
    ip_json(&format!("-n {netns} route show proto static")).as_array().map_or(0, Vec::len)
}

/// The value of a parameter under `/proc/sys/net` in a namespace.
pub fn parameter(netns: &str, path: &str) -> String {
    let path = format!("/proc/sys/net/{path}");
    let value = match netns {
        "" => std::fs::read_to_string(&path).expect("read a parameter"),
        netns => ip(&format!("netns exec {netns} cat {path}")),
    };
    value.trim().to_owned()
}

/// The nexthops of the host's namespace, as ip-nexthop(8) shows them without JSON.
pub fn nexthops() -> Vec<String> {
    let lines = ip("nexthop show");
    lines.lines().map(|line| line.trim().replace(" scope link", "")).collect()
}

/// The static routes by nexthop objects.
pub fn by_nexthops() -> Vec<String> {
    let of = |family: &str| {
        let told = ip_json(&format!("{family} route show proto static"));
        let routes: Vec<String> = told
            .as_array()
            .into_iter()
            .flatten()
            .filter(|route| !route["nhid"].is_null())
            .map(|route| {
                format!("{} nhid {}", route["dst"].as_str().unwrap_or_default(), route["nhid"])
            })
            .collect();
        routes
    };
    [of("-4"), of("-6")].concat()
}

/// Waits until a condition is true. Each check runs ip(8), which is a sufficient pause.
#[track_caller]
pub fn until(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < DEADLINE, "the deadline passed before {what}");
    }
}

/// Removes from an answer what changes by itself. Of a lifetime, it keeps whether it ends.
fn still(told: &mut Value) {
    match told {
        Value::Array(values) => {
            // IPv6 joins a link's own groups only after duplicate address detection. A link that
            // begins to forward has anycast addresses.
            let own = ["fe80:", "ff00:", "::1"];
            values.retain(|value| {
                value["type"] != "anycast"
                    && value["dst"]
                        .as_str()
                        .is_none_or(|to| !own.iter().any(|own| to.starts_with(own)))
            });
            values.iter_mut().for_each(still);
        }
        Value::Object(fields) => {
            for name in ["valid_life_time", "preferred_life_time", "expires"] {
                if let Some(value) = fields.get_mut(name) {
                    *value = if *value == u32::MAX { "never" } else { "some day" }.into();
                }
            }
            // Duplicate address detection takes some time.
            fields.remove("tentative");
            // A link that is renamed numbers its addresses.
            if let Some(Value::String(label)) = fields.get_mut("label")
                && let Some((name, number)) = label.split_once(':')
                && number.parse::<u32>().is_ok()
            {
                *label = name.to_owned();
            }
            // A namespace has a number for another once somebody asks.
            if fields.contains_key("name") {
                fields.remove("id");
            }
            // IPv6 keeps the nexthops of a route in the order in which they came.
            let is_ipv6 =
                fields.get("dst").and_then(Value::as_str).is_some_and(|to| to.contains(':'));
            if let Some(Value::Array(hops)) = fields.get_mut("nexthops").filter(|_| is_ipv6) {
                hops.sort_by_key(Value::to_string);
            }
            // A bridge and its ports have timers.
            fields.retain(|name, _| !name.ends_with("_timer"));
            let automatic = |value: &Value| value["scope"] == "link" && value["family"] == "inet6";
            if let Some(Value::Array(addresses)) = fields.get_mut("addr_info") {
                addresses.retain(|address| !automatic(address));
                // The newest IPv6 address comes first.
                addresses.sort_by_key(|address| {
                    (address["family"] == "inet6").then(|| address.to_string())
                });
            }
            fields.values_mut().for_each(still);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// All readable files below a folder of `/proc/sys`, one per line.
fn parameters(folder: &Path, all: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("read /proc/sys").flatten() {
        let path = entry.path();
        if path.is_dir() {
            parameters(&path, all);
        } else if let Ok(value) = fs::read_to_string(&path) {
            all.insert(format!("{}: {}", path.display(), value.trim()));
        }
    }
}

fn within(netns: &str) -> Vec<String> {
    let option = option(netns);
    let mut all = Vec::new();
    for link in ip_json(&format!("{option}address show")).as_array().into_iter().flatten() {
        let up = link["flags"].as_array().is_some_and(|flags| flags.contains(&"UP".into()));
        all.push(format!("link {} up={up}", told(link)));
        // Link-local addresses appear when a link gets its carrier.
        all.extend(
            list(&link["addr_info"], |address| {
                let (local, length) = (address["local"].as_str()?, &address["prefixlen"]);
                let configured = address["scope"] != "link";
                configured.then(|| format!("address {local}/{length} dev {}", link["ifname"]))
            })
            .into_iter()
            .flatten(),
        );
    }
    for family in ["-4", "-6"] {
        let routes = ip_json(&format!("{option}{family} route show table all"));
        let made = |route: &&Value| route["protocol"] != "kernel";
        all.extend(
            routes
                .as_array()
                .into_iter()
                .flatten()
                .filter(made)
                .map(|route| format!("route {}", told(route))),
        );
    }
    all.extend(list(&ip_json(&format!("{option}nexthop show")), |nexthop| {
        format!("nexthop {nexthop}")
    }));
    all.push(format!("ip_forward {}", parameter(netns, "ipv4/ip_forward")));
    // The kernel lists links by their indexes, which depend on the order of creation.
    all.sort();
    all
}

fn told(object: &Value) -> String {
    let words = TOLD.iter().filter_map(|name| Some(format!("{name}={}", object.get(name)?)));
    words.collect::<Vec<_>>().join(" ")
}

fn option(netns: &str) -> String {
    if netns.is_empty() { String::new() } else { format!("-n {netns} ") }
}

fn texts(array: &Value, name: &str) -> Vec<String> {
    list(array, |entry| entry[name].as_str().map(str::to_owned)).into_iter().flatten().collect()
}

fn list<T>(array: &Value, tell: impl Fn(&Value) -> T) -> Vec<T> {
    array.as_array().into_iter().flatten().map(tell).collect()
}
