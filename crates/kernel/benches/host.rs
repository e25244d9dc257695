//! The cost of the kernel crate, compared with ip(8) doing the same work. Each case runs in
//! namespaces of its own: routes, veth pairs with addresses, namespaces. It changes all of them,
//! one of many, and nothing.
//!
//! `cargo bench -p kernel [NAME] [COUNT]`; a name is `routes`, `links`, `namespaces` or `foreign`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a bench may stop at what goes wrong")]

use std::fmt::Write;
use std::time::{Duration, Instant};

use kernel::Kernel;
use netstate::link::{Link, LinkKind};
use netstate::plan::{plan, target, wanted};
use netstate::{
    Address, AddressKey, Key, LinkFlags, Nexthop, Object, Originals, Place, Route, RouteKey, Scope,
    Southbound, State,
};
use testkit::netns::{ip, isolated};

/// The objects that exist before, those that are added, and the same as input of ip(8).
type Work = (State, State, String);
type Bench = (&'static str, u32, fn(u32) -> Work);

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let name = arguments.next().unwrap_or_default();
    let count: Option<u32> = arguments.next().map(|count| count.parse().unwrap());
    let benches: [Bench; 3] =
        [("routes", 100_000, routes), ("links", 1000, links), ("namespaces", 1000, namespaces)];
    for (bench, usual, load) in benches {
        if name.is_empty() || name == bench {
            let count = count.unwrap_or(usual);
            let (base, load, batch) = load(count);
            println!("{count} {bench}");
            println!("    {:>36} {}", "ip -batch", milliseconds(isolated(|| by_ip(&base, &batch))));
            settle(count);
            isolated(|| by_us(&base, &load));
        }
    }
    if name.is_empty() || name == "foreign" {
        isolated(|| among_others(count.unwrap_or(1_000_000)));
    }
}

/// A thousand routes of ours, one of them and all of them, with and without routes of others in the
/// same table.
fn among_others(count: u32) {
    let (base, load, _) = routes(1000);
    let mut host = Host::open();
    let all = base.clone().merged(&load);
    host.converge("", &all);
    let one = load.objects.into_iter().take(1).collect();
    let (one, none) = (State { objects: one }, State::default());
    for others in [0, count] {
        println!("{others} routes of others");
        if others > 0 {
            let (_, _, batch) = routes(others + 1000);
            let batch: Vec<&str> = batch.lines().skip(1000).collect();
            std::fs::write("/run/batch", batch.join("\n").replace("static", "bird")).unwrap();
            ip("-batch /run/batch");
        }
        host.change("one gone", &none, &one);
        host.change("one more", &one, &none);
        host.converge("nothing to do", &all);
        let mut host = Host { touched: all.clone(), ..Host::open() };
        host.converge("nothing to do, by another process", &all);
    }
}

/// Waits until the kernel has removed the namespaces. It does so in the background, with a lock
/// that delays others.
#[allow(clippy::disallowed_methods, reason = "the kernel does not tell when it is done")]
fn settle(count: u32) {
    std::thread::sleep(Duration::from_secs(u64::from(count / 100).clamp(1, 20)));
}

fn milliseconds(time: Duration) -> String {
    format!("{:9.3} ms", time.as_secs_f64() * 1e3)
}

fn by_ip(base: &State, batch: &str) -> Duration {
    let mut host = Host::open();
    host.converge("", base);
    std::fs::write("/run/batch", batch).unwrap();
    let begun = Instant::now();
    ip("-batch /run/batch");
    begun.elapsed()
}

fn by_us(base: &State, load: &State) {
    let mut host = Host::open();
    host.converge("", base);
    let all = base.clone().merged(load);
    host.converge("all of them", &all);
    let last = all.objects.last_key_value().map(|(key, object)| (key.clone(), object.clone()));
    host.change(
        "one gone",
        &State::default(),
        &State { objects: last.clone().into_iter().collect() },
    );
    host.change("one more", &State { objects: last.into_iter().collect() }, &State::default());
    host.converge("nothing to do", &all);
    let mut fresh = Host { kernel: Kernel::open().unwrap(), ..host };
    fresh.converge("nothing to do, by another process", &all);
    fresh.converge("all of them gone", base);
}

/// A kernel with what was applied to it.
struct Host {
    kernel: Kernel,
    touched: State,
}

impl Host {
    fn open() -> Self {
        Self { kernel: Kernel::open().unwrap(), touched: State::default() }
    }

    fn converge(&mut self, what: &str, desired: &State) {
        let touched = std::mem::replace(&mut self.touched, desired.clone());
        self.change(what, desired, &touched);
    }

    /// The kernel's part of a commit: observe, plan, execute, observe again. Prints the time of
    /// each.
    fn change(&mut self, what: &str, desired: &State, touched: &State) {
        let begun = Instant::now();
        let mut parts = String::new();
        let mut lap = |name: &str, since: Instant| {
            let _ = write!(parts, "  {name}{}", milliseconds(since.elapsed()));
        };
        let mut originals = Originals::default();
        for again in [false, true] {
            let at = Instant::now();
            let scope = Scope::Only(wanted(desired, touched, &originals));
            lap("ask", at);
            let at = Instant::now();
            let observed = self.kernel.observe(&scope).unwrap();
            lap("observe", at);
            let at = Instant::now();
            if !again {
                originals.remember(desired, touched, &observed);
            }
            let target = target(desired, touched, &originals, &observed).unwrap();
            let plan = plan(&target, &observed).unwrap();
            lap("plan", at);
            if plan.ops.is_empty() {
                break;
            }
            assert!(!again, "left to do:\n{plan}");
            let at = Instant::now();
            self.kernel.execute(&plan).unwrap();
            lap("execute", at);
        }
        if !what.is_empty() {
            println!("    {what:>36} {} ={parts}", milliseconds(begun.elapsed()));
        }
    }
}

fn place(netns: &str, ifname: &str) -> Place {
    Place { netns: netns.parse().unwrap(), ifname: ifname.parse().unwrap() }
}

fn veth(at: &Place, peer: &Place) -> (Key, Object) {
    let flags = LinkFlags { up: Some(true), ..LinkFlags::default() };
    let (kind, peer) = (Some(LinkKind::named("veth")), Some(peer.clone()));
    let link = Link { kind, flags, peer, ..Link::at(at.clone()) };
    (Key::Link(at.ifname.as_str().parse().unwrap()), Object::Link(Box::new(link)))
}

fn address(at: &Place, address: &str) -> (Key, Object) {
    let (netns, dev) = (at.netns.clone(), at.ifname.clone());
    let key = AddressKey::new(netns, dev, address.parse().unwrap());
    (Key::Address(key), Object::Address(Address::default()))
}

fn routes(count: u32) -> Work {
    let (near, far) = (place("1", "near"), place("1", "far"));
    let base = [veth(&near, &far), veth(&far, &near), address(&near, "10.0.0.1/24")];
    let mut batch = String::new();
    let mut load = State::default();
    for number in 0..count {
        let [_, high, middle, low] = number.to_be_bytes();
        let prefix = format!("{}.{middle}.{low}.0/24", 20 + high);
        let _ = writeln!(batch, "route add {prefix} via 10.0.0.2 dev near proto static");
        let prefix = prefix.parse().unwrap();
        let key = RouteKey { netns: near.netns.clone(), table: 254, prefix, tos: 0, metric: 0 };
        let nexthop = Nexthop {
            dev: Some(near.ifname.clone()),
            via: Some("10.0.0.2".parse().unwrap()),
            weight: 1,
            onlink: false,
            pervasive: false,
        };
        let route = Route { protocol: Some(4), nexthops: [nexthop].into(), ..Route::default() };
        load.objects.insert(Key::Route(key), Object::Route(route.into()));
    }
    (State { objects: base.into() }, load, batch)
}

fn links(count: u32) -> Work {
    let mut batch = String::new();
    let mut load = State::default();
    for number in 0..count {
        let (near, far) = (place("1", &format!("a{number}")), place("1", &format!("b{number}")));
        let [.., high, low] = number.to_be_bytes();
        let _ = writeln!(batch, "link add name {} type veth peer name {}", near.ifname, far.ifname);
        for (at, host) in [(&near, 1), (&far, 2)] {
            let text = format!("10.{high}.{low}.{host}/24");
            let _ = writeln!(batch, "address add {text} dev {0}\nlink set {0} up", at.ifname);
            load.objects.extend([address(at, &text)]);
        }
        load.objects.extend([veth(&near, &far), veth(&far, &near)]);
    }
    (State::default(), load, batch)
}

fn namespaces(count: u32) -> Work {
    let mut batch = String::new();
    let mut load = State::default();
    for number in 0..count {
        let _ = writeln!(batch, "netns add n{number}");
        load.objects.insert(Key::Netns(format!("n{number}").parse().unwrap()), Object::Netns);
    }
    (State::default(), load, batch)
}
