//! The kernel crate on the running kernel. Each test has namespaces of its own.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panic, and looks at what it is about"
)]

mod address;
mod bridges;
mod cases;
mod converge;
mod detection;
mod exact;
mod kinds;
mod namespaces;
mod nexthop;
mod observe;
mod paths;
mod refusals;
mod rule;
mod watch;

use kernel::Kernel;
use netstate::link::{Link, LinkKind, Veth};
use netstate::plan::{plan, target, wanted, wanted_again};
use netstate::{
    Address, AddressKey, Key, LinkFlags, Nexthop, Object, Originals, Refusal, Route, RouteKey,
    Scope, Southbound, State, SysctlKey,
};

/// A kernel with what the configuration has applied to it.
struct Host {
    kernel: Kernel,
    touched: State,
    originals: Originals,
    /// The operations of the last change, as text.
    done: Vec<String>,
}

impl Host {
    fn open() -> Self {
        let kernel = Kernel::open().expect("open the kernel");
        Self {
            kernel,
            touched: State::default(),
            originals: Originals::default(),
            done: Vec::new(),
        }
    }

    /// Brings the kernel to `desired`, and checks that nothing is left to do.
    fn converge(&mut self, desired: &State) {
        self.try_converge(desired).unwrap_or_else(|refusal| panic!("{refusal}\n{refusal:#?}"));
    }

    /// The same, unless the kernel refuses an operation.
    fn try_converge(&mut self, desired: &State) -> Result<(), Refusal> {
        for done in [false, true] {
            let only = Scope::Only(wanted(desired, &self.touched, &self.originals));
            let mut observed = self.kernel.observe(&only).expect("observe");
            let more = wanted_again(desired, &self.touched, &self.originals, &observed);
            if let Some(more) = more {
                observed = self.kernel.observe(&Scope::Only(more)).expect("observe");
            }
            if !done {
                self.originals.remember(desired, &self.touched, &observed);
                self.originals.remember_taken(desired, &self.touched, &observed);
                let states = (desired, &self.touched);
                self.originals.remember_beside(states, &observed, |_| false);
            }
            let target =
                target(desired, &self.touched, &self.originals, &observed).expect("target");
            let plan = plan(&target, &observed).expect("plan");
            let words: Vec<String> = plan.ops.iter().map(|op| op.to_string()).collect();
            assert!(!done || plan.ops.is_empty(), "left to do: {words:#?} {plan:#?}");
            if !done {
                self.done = words;
            }
            self.kernel.execute(&plan)?;
        }
        self.originals.forget(&[desired]);
        self.touched = desired.clone();
        Ok(())
    }
}

fn state(objects: impl IntoIterator<Item = (Key, Object)>) -> State {
    State { objects: objects.into_iter().collect() }
}

fn netns(name: &str) -> (Key, Object) {
    (Key::Netns(name.parse().unwrap()), Object::Netns)
}

fn place(text: &str) -> netstate::Place {
    let (ifname, netns) = text.split_once('@').unwrap();
    netstate::Place { netns: netns.parse().unwrap(), ifname: ifname.parse().unwrap() }
}

/// The parts of a new link.
#[derive(Default)]
struct Made {
    kind: Option<LinkKind>,
    peer: Option<netstate::Place>,
}

impl From<Option<LinkKind>> for Made {
    fn from(kind: Option<LinkKind>) -> Self {
        Made { kind, peer: None }
    }
}

/// A link that is up, at `NAME@NETNS`.
fn link(id: &str, at: &str, made: impl Into<Made>) -> (Key, Object) {
    let flags = LinkFlags { up: Some(true), ..LinkFlags::default() };
    let Made { kind, peer } = made.into();
    let link = Link { kind, flags, peer, ..Link::at(place(at)) };
    (Key::Link(id.parse().unwrap()), Object::Link(Box::new(link)))
}

fn veth(peer: &str) -> Made {
    Made { kind: Some(LinkKind::Veth(Veth::default())), peer: Some(place(peer)) }
}

fn address(at: &str, address: &str) -> (Key, Object) {
    let netstate::Place { netns, ifname: dev } = place(at);
    let key = AddressKey::new(netns, dev, address.parse().unwrap());
    (Key::Address(key), Object::Address(Address::default()))
}

fn route(netns: &str, prefix: &str, nexthops: &[(&str, &str)]) -> (Key, Object) {
    let prefix: ipnet::IpNet = prefix.parse().unwrap();
    let key = RouteKey {
        netns: netns.parse().unwrap(),
        table: 254,
        prefix,
        tos: 0,
        metric: if prefix.addr().is_ipv6() { 1024 } else { 0 },
    };
    let nexthop = |(dev, via): &(&str, &str)| Nexthop {
        dev: Some(dev.parse().unwrap()),
        via: (!via.is_empty()).then(|| via.parse().unwrap()),
        weight: 1,
        onlink: false,
        pervasive: false,
    };
    let nexthops = nexthops.iter().map(nexthop).collect();
    (Key::Route(key), Object::Route(Route { nexthops, ..Route::default() }.into()))
}

fn sysctl(netns: &str, path: &str, value: &str) -> (Key, Object) {
    let key = SysctlKey { netns: netns.parse().unwrap(), path: path.parse().unwrap() };
    (Key::Sysctl(key), Object::Sysctl(value.into()))
}

/// Whether the first link in the output of ip(8) is up.
fn is_up(links: &serde_json::Value) -> bool {
    links[0]["flags"].as_array().unwrap().contains(&"UP".into())
}
