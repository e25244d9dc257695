//! The behaviour of Linux, as scripts that both the fake kernel and Linux must pass.
//!
//! Each line is an operation or a question. The text after `=>` is the expected error or answer. An
//! operation without it must succeed. Places are written `NAME@NETNS`.

use netstate::link::{Bridge, LinkAttributes, LinkFlags, Master, Veth};
use netstate::{
    Action, Address, AddressKey, Key, Link, LinkKind, NetnsName, Nexthop, Object, Op, Place, Plan,
    Route, RouteKey, Scope, Southbound, SysctlKey, Wanted,
};

/// A script.
#[derive(Clone, Copy, Debug)]
pub struct KernelCase {
    /// The behaviour that it shows.
    pub title: &'static str,
    script: &'static str,
}

/// All scripts.
pub const KERNEL_CASES: &[KernelCase] = &[
    KernelCase {
        title: "IPv6 is turned off on a link by its parameter",
        script: "
            veth a@1 b@1
            address 2001:db8::1/64 a@1
            route 2001:db8:1::/48 1 dev a
            sysctl 1 net/ipv6/conf/a/disable_ipv6 1
            address? 2001:db8::1/64 a@1 => no
            route? 2001:db8:1::/48 1 => no
            address 2001:db8::1/64 a@1 => ipv6: IPv6 is disabled on this device (EACCES: Permission denied)
            route 2001:db8:1::/48 1 dev a => IPv6 is disabled on nexthop device (EACCES: Permission denied)
            route 2001:db8:1::/48 1 dev a via fe80::1 => IPv6 is disabled on nexthop device (EACCES: Permission denied)
            sysctl 1 net/ipv6/conf/a/disable_ipv6 0
            address? 2001:db8::1/64 a@1 => no
            route? 2001:db8:1::/48 1 => no
            address 2001:db8::1/64 a@1
            route 2001:db8:1::/48 1 dev a
        ",
    },
    KernelCase {
        title: "IPv6 is turned off on all links, and on those to come",
        script: "
            veth a@1 b@1
            address 2001:db8::1/64 a@1
            sysctl 1 net/ipv6/conf/all/disable_ipv6 1
            address? 2001:db8::1/64 a@1 => no
            sysctl? 1 net/ipv6/conf/default/disable_ipv6 => 1
            sysctl 1 net/ipv6/conf/a/disable_ipv6 0
            address 2001:db8::1/64 a@1
            sysctl 1 net/ipv6/conf/all/disable_ipv6 1
            address? 2001:db8::1/64 a@1 => no
            veth c@1 d@1
            sysctl? 1 net/ipv6/conf/c/disable_ipv6 => 1
            address 2001:db8::1/64 c@1 => ipv6: IPv6 is disabled on this device (EACCES: Permission denied)
            sysctl 1 net/ipv6/conf/all/disable_ipv6 0
            address 2001:db8::1/64 c@1
        ",
    },
    KernelCase {
        title: "a small MTU takes IPv6 off a link",
        script: "
            veth a@1 b@1
            sysctl 1 net/ipv6/conf/default/accept_ra 0
            sysctl 1 net/ipv6/conf/default/forwarding 1
            address 2001:db8::1/64 a@1
            route 2001:db8:1::/48 1 dev a
            mtu a@1 1200
            address? 2001:db8::1/64 a@1 => no
            route? 2001:db8:1::/48 1 => no
            sysctl? 1 net/ipv6/conf/a/forwarding => none
            address 2001:db8::1/64 a@1 => Invalid argument (EINVAL)
            route 2001:db8:1::/48 1 dev a => No such device (ENODEV)
            sysctl 1 net/ipv6/conf/a/forwarding 0 => No such file or directory (ENOENT)
            mtu a@1 1280
            address? 2001:db8::1/64 a@1 => no
            sysctl? 1 net/ipv6/conf/a/forwarding => 1
            address 2001:db8::1/64 a@1
            route 2001:db8:1::/48 1 dev a
        ",
    },
    KernelCase {
        title: "a bridge follows the MTU of its ports until its own is changed",
        script: "
            bridge br@1
            mtu? br@1 => 1500
            veth a@1 b@1
            veth c@1 d@1
            mtu a@1 1400
            master a@1 br
            mtu? br@1 => 1400
            master c@1 br
            mtu c@1 1300
            mtu? br@1 => 1300
            delete c@1
            mtu? br@1 => 1400
            mtu br@1 1400
            mtu a@1 1450
            mtu? br@1 => 1450
            address 2001:db8::1/64 br@1
            mtu a@1 1200
            address? 2001:db8::1/64 br@1 => no
            mtu a@1 1500
            mtu br@1 1400
            mtu? br@1 => 1400
            mtu a@1 1300
            mtu? br@1 => 1400
            delete a@1
            mtu? br@1 => 1400
        ",
    },
    KernelCase {
        title: "IPv4 forwarding reaches other parameters when it changes",
        script: "
            netns red
            veth a@red b@red
            sysctl red net/ipv4/ip_forward 0
            sysctl red net/ipv4/ip_forward 1
            sysctl? red net/ipv4/conf/all/forwarding => 1
            sysctl? red net/ipv4/conf/default/forwarding => 1
            sysctl? red net/ipv4/conf/a/forwarding => 1
            sysctl? red net/ipv4/conf/lo/forwarding => 1
            sysctl? red net/ipv4/conf/all/accept_redirects => 0
            sysctl red net/ipv4/conf/a/forwarding 0
            sysctl red net/ipv4/conf/all/accept_redirects 1
            sysctl red net/ipv4/ip_forward 1
            sysctl? red net/ipv4/conf/a/forwarding => 0
            sysctl? red net/ipv4/conf/all/accept_redirects => 1
            veth c@red d@red
            sysctl? red net/ipv4/conf/c/forwarding => 1
            sysctl red net/ipv4/conf/all/forwarding 0
            sysctl? red net/ipv4/ip_forward => 0
            sysctl? red net/ipv4/conf/c/forwarding => 0
            sysctl? red net/ipv4/conf/all/accept_redirects => 1
        ",
    },
    KernelCase {
        title: "IPv6's parameters of all links reach each link, changed or not",
        script: "
            veth a@1 b@1
            sysctl 1 net/ipv6/conf/all/forwarding 1
            sysctl? 1 net/ipv6/conf/a/forwarding => 1
            sysctl? 1 net/ipv6/conf/default/forwarding => 1
            sysctl 1 net/ipv6/conf/a/forwarding 0
            sysctl 1 net/ipv6/conf/all/forwarding 1
            sysctl? 1 net/ipv6/conf/a/forwarding => 1
            sysctl 1 net/ipv6/conf/all/ignore_routes_with_linkdown 1
            sysctl? 1 net/ipv6/conf/a/ignore_routes_with_linkdown => 1
            sysctl 1 net/ipv6/conf/all/addr_gen_mode 1
            sysctl? 1 net/ipv6/conf/a/addr_gen_mode => 1
            sysctl 1 net/ipv6/conf/all/disable_policy 1
            sysctl? 1 net/ipv6/conf/a/disable_policy => 0
        ",
    },
    KernelCase {
        title: "each namespace has a loopback of its own",
        script: "
            netns red
            netns blue
            link? lo@red => down
            move lo@red lo@blue => The interface netns is immutable (EINVAL: Invalid argument)
            delete lo@red => Operation not supported (EOPNOTSUPP)
            address 10.0.0.1/32 lo@red
            address 2001:db8::1/128 lo@red
            up lo@red
            link? lo@red => up
            await 2001:db8::1/128 lo@red
            route 10.1.0.0/16 red dev lo src 10.0.0.1
            route 2001:db8:1::/48 red dev lo src 2001:db8::1
            address? ::1/128 lo@red => yes
            down lo@red
            address? ::1/128 lo@red => no
            address? 2001:db8::1/128 lo@red => no
            address? 127.0.0.1/8 lo@red => yes
        ",
    },
    KernelCase {
        title: "an IPv6 source is awaited",
        script: "
            netns red
            address 2001:db8::1/128 lo@red
            await 2001:db8::1/128 lo@red
            veth a@1 b@1
            address 2001:db8::1/64 a@1
            route 2001:db8:1::/48 1 dev a src 2001:db8::1 => Invalid source address (EINVAL: Invalid argument)
            await 2001:db8::1/64 a@1
            route 2001:db8:1::/48 1 dev b src 2001:db8::1
            route 2001:db8:2::/48 1 dev a src 2001:db8::2 => Invalid source address (EINVAL: Invalid argument)
            await 2001:db8::2/64 a@1 => the address is not there (EADDRNOTAVAIL: Cannot assign requested address)
        ",
    },
    KernelCase {
        title: "an IPv6 address that is removed is no longer a source, one that goes with its link is",
        script: "
            veth a@1 b@1
            veth c@1 d@1
            address 2001:db8::1/64 a@1
            address 2001:db8::1/64 c@1
            await 2001:db8::1/64 a@1
            await 2001:db8::1/64 c@1
            route 2001:db8:1::/48 1 dev c src 2001:db8::1
            noaddress 2001:db8::1/64 a@1
            source? 2001:db8:1::/48 1 => 2001:db8::1
            noaddress 2001:db8::1/64 c@1
            source? 2001:db8:1::/48 1 => none
            address 2001:db8::1/64 a@1
            await 2001:db8::1/64 a@1
            route 2001:db8:2::/48 1 dev c src 2001:db8::1
            down a@1
            address? 2001:db8::1/64 a@1 => no
            source? 2001:db8:2::/48 1 => 2001:db8::1
        ",
    },
    KernelCase {
        title: "a route outlives what its gateway was reached by",
        script: "
            veth a@1 b@1
            address 10.0.0.1/24 a@1
            address 10.1.0.1/24 a@1
            address 2001:db8::1/64 a@1
            route 10.9.0.0/16 1 dev a via 10.0.0.7
            route 2001:db8:1::/48 1 dev a via 2001:db8::7
            noaddress 10.0.0.1/24 a@1
            noaddress 2001:db8::1/64 a@1
            route? 10.9.0.0/16 1 => yes
            route? 2001:db8:1::/48 1 => yes
            noaddress 10.1.0.1/24 a@1
            route? 10.9.0.0/16 1 => no
        ",
    },
    KernelCase {
        title: "an IPv4 source is an address of the namespace",
        script: "
            veth a@1 b@1
            route 10.1.0.0/16 1 dev a src 10.0.0.1 => Invalid prefsrc address (EINVAL: Invalid argument)
            address 10.0.0.1/24 b@1
            down b@1
            up a@1
            route 10.1.0.0/16 1 dev a src 10.0.0.1
            route 10.2.0.0/16 1 dev a via 10.9.0.1 src 10.9.0.2 => Nexthop has invalid gateway (ENETUNREACH: Network is unreachable)
        ",
    },
    KernelCase {
        title: "an IPv4 gateway is reached by a subnet or by a route over the link",
        script: "
            veth a@1 b@1
            address 10.0.0.1/24 a@1
            address 10.1.0.1/24 b@1
            route 10.20.0.0/16 1 via 10.0.0.9
            route 10.21.0.0/16 1 dev b via 10.0.0.9 => Nexthop has invalid gateway (ENETUNREACH: Network is unreachable)
            route 10.22.0.0/16 1 dev a via 10.0.0.1
            route 10.23.0.0/16 1 dev a via 10.1.0.1 => Nexthop has invalid gateway (ENETUNREACH: Network is unreachable)
            route 10.24.0.0/16 1 dev a via 10.30.0.1 => Nexthop has invalid gateway (ENETUNREACH: Network is unreachable)
            route 10.30.0.1/32 1 dev a
            route 10.24.0.0/16 1 dev a via 10.30.0.1
            route 10.25.0.0/16 1 dev b via 10.30.0.1 => Nexthop has invalid gateway (ENETUNREACH: Network is unreachable)
            route 10.26.0.0/16 1 via 10.24.0.7 => Nexthop has invalid gateway (ENETUNREACH: Network is unreachable)
            route 0.0.0.0/0 1 dev a
            route 10.27.0.0/16 1 via 99.0.0.1
            down a@1
            route 10.28.0.0/16 1 dev a via 10.0.0.9 => Nexthop has invalid gateway (ENETUNREACH: Network is unreachable)
            route 10.28.0.0/16 1 dev a => Device for nexthop is not up (ENETDOWN: Network is down)
        ",
    },
    KernelCase {
        title: "an IPv6 gateway is reached by a subnet or by a route over the link",
        script: "
            veth a@1 b@1
            address 2001:db8::1/64 a@1
            address 2001:db8:1::1/64 b@1
            route 2001:db8:20::/48 1 via fe80::1 => Egress device not specified (EINVAL: Invalid argument)
            route 2001:db8:21::/48 1 dev a via fe80::1
            route 2001:db8:22::/48 1 via 2001:db8::99
            route 2001:db8:23::/48 1 dev b via 2001:db8::99 => No route to host (EHOSTUNREACH)
            route 2001:db8:24::/48 1 dev a via 2001:db8:1::1 => Gateway can not be a local address (EINVAL: Invalid argument)
            route 2001:db8:26::/48 1 dev a via 2001:db8:77::1 => No route to host (EHOSTUNREACH)
            route 2001:db8:77::/64 1 dev a
            route 2001:db8:26::/48 1 dev a via 2001:db8:77::1
            route 2001:db8:28::/48 1 dev a via 2001:db8:26::1 => No route to host (EHOSTUNREACH)
            route ::/0 1 dev a
            route 2001:db8:28::/48 1 dev a via 2001:db8:26::1 => No route to host (EHOSTUNREACH)
            route 2001:db8:29::/48 1 dev a via 99::1
            down a@1
            route 2001:db8:30::/48 1 dev a via 2001:db8::99 => No route to host (EHOSTUNREACH)
            route 2001:db8:30::/48 1 dev a via fe80::1 => Nexthop device is not up (ENETDOWN: Network is down)
            route 2001:db8:30::/48 1 dev a => Nexthop device is not up (ENETDOWN: Network is down)
        ",
    },
];

impl KernelCase {
    /// Runs the script, and removes what it created.
    pub fn run(&self, southbound: &mut dyn Southbound) {
        let mut namespaces = Vec::new();
        for line in self.script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (command, expected) = match line.split_once(" => ") {
                Some((command, expected)) => (command, expected),
                None => (line, "done"),
            };
            let words: Vec<&str> = command.split_whitespace().collect();
            let answer = match ask(southbound, &words) {
                Some(answer) => answer,
                None => act(southbound, &words),
            };
            // Older kernels return the same error with another message or none.
            let is_same_error = error(&answer).is_some() && error(&answer) == error(expected);
            assert!(answer == expected || is_same_error, "{}: {line}: {answer}", self.title);
            if let ["netns", name] = words[..] {
                namespaces.push(Key::Netns(name.parse().expect("a name")));
            }
        }
        let ops = namespaces.into_iter().map(|key| Op::new(key, Action::Delete(Object::Netns)));
        southbound.execute(&Plan { ops: ops.collect() }).expect("namespaces go");
    }
}

/// The name of the error (errno(3)) in a refusal.
fn error(answer: &str) -> Option<&str> {
    let (_, error) = answer.rsplit_once('(')?;
    let name = error.split([':', ')']).next()?;
    let is_name = name.starts_with('E') && name.chars().all(|c| c.is_ascii_uppercase());
    is_name.then_some(name)
}

/// The answer to a question; `None` if it is an operation.
fn ask(southbound: &mut dyn Southbound, words: &[&str]) -> Option<String> {
    let mut wanted = Wanted::default();
    let key = match words[..] {
        ["address?", address, at] => Key::Address(address_key(address, at)),
        ["route?" | "source?", prefix, netns] => Key::Route(route_key(prefix, netns)),
        ["sysctl?", netns, path] => Key::Sysctl(sysctl_key(netns, path)),
        ["link?" | "mtu?", at] => {
            let id: netstate::LinkId = "asked".parse().expect("a name");
            wanted.links.insert(id.clone(), vec![place(at)]);
            Key::Link(id)
        }
        _ => return None,
    };
    if !matches!(key, Key::Link(_)) {
        wanted.keys.insert(key.clone());
    }
    let seen = southbound.observe(&Scope::Only(wanted)).expect("it can be observed");
    Some(match seen.objects.get(&key) {
        Some(Object::Sysctl(value)) => value.clone(),
        Some(Object::Link(link)) if words[0] == "mtu?" => {
            link.attributes.mtu.map_or("none".into(), |mtu| mtu.to_string())
        }
        Some(Object::Link(link)) if link.flags.up == Some(true) => "up".into(),
        Some(Object::Link(_)) => "down".into(),
        Some(Object::Route(route)) if words[0] == "source?" => {
            route.source.map_or("none".into(), |source| source.to_string())
        }
        Some(_) => "yes".into(),
        None if matches!(key, Key::Sysctl(_)) => "none".into(),
        None => "no".into(),
    })
}

/// Executes an operation. Returns the refusal, if any.
fn act(southbound: &mut dyn Southbound, words: &[&str]) -> String {
    let create = |key, object| vec![Op::new(key, Action::Create(object))];
    let ops = match words[..] {
        ["netns", name] => create(Key::Netns(name.parse().expect("a name")), Object::Netns),
        ["veth", at, peer] => {
            let (at, peer) = (place(at), place(peer));
            let kind = Some(LinkKind::Veth(Veth::default()));
            let link = Link { kind, peer: Some(peer.clone()), ..Link::at(at.clone()) };
            let id = at.ifname.as_str().parse().expect("a name");
            let made = create(Key::Link(id), Object::Link(Box::new(link)));
            made.into_iter().chain([up(at, true), up(peer, true)]).collect()
        }
        ["bridge", at] => {
            let at = place(at);
            let kind = Some(LinkKind::Bridge(Bridge::default()));
            let link = Link { kind, ..Link::at(at.clone()) };
            let id = at.ifname.as_str().parse().expect("a name");
            let made = create(Key::Link(id), Object::Link(Box::new(link)));
            made.into_iter().chain([up(at, true)]).collect()
        }
        ["master", at, master] => {
            let master = Some(Master::Of(master.parse().expect("a name")));
            vec![change(place(at), Link { master, ..Link::at(place(at)) })]
        }
        ["up", at] => vec![up(place(at), true)],
        ["down", at] => vec![up(place(at), false)],
        ["mtu", at, mtu] => {
            let mtu = Some(mtu.parse().expect("a number"));
            let attributes = LinkAttributes { mtu, ..LinkAttributes::default() };
            vec![change(place(at), Link { attributes, ..Link::at(place(at)) })]
        }
        ["move", from, to] => vec![change(place(from), Link::at(place(to)))],
        ["delete", at] => {
            let id = place(at).ifname.as_str().parse().expect("a name");
            let link = Object::Link(Box::new(Link::at(place(at))));
            vec![Op::new(Key::Link(id), Action::Delete(link))]
        }
        ["address", address, at] => {
            let key = Key::Address(address_key(address, at));
            create(key, Object::Address(Address::default()))
        }
        ["noaddress", address, at] => {
            let key = Key::Address(address_key(address, at));
            vec![Op::new(key, Action::Delete(Object::Address(Address::default())))]
        }
        ["await", address, at] => {
            vec![Op::new(Key::Address(address_key(address, at)), Action::Await)]
        }
        ["sysctl", netns, path, value] => {
            create(Key::Sysctl(sysctl_key(netns, path)), Object::Sysctl(value.into()))
        }
        ["route", prefix, netns, ref rest @ ..] => {
            create(Key::Route(route_key(prefix, netns)), Object::Route(route(rest).into()))
        }
        _ => panic!("no such command: {words:?}"),
    };
    match southbound.execute(&Plan { ops }) {
        Ok(()) => "done".into(),
        Err(refusal) => refusal.message,
    }
}

fn up(at: Place, is_up: bool) -> Op {
    let flags = LinkFlags { up: Some(is_up), ..LinkFlags::default() };
    change(at.clone(), Link { flags, ..Link::at(at) })
}

fn change(at: Place, change: Link) -> Op {
    let id = at.ifname.as_str().parse().expect("a name");
    let from = Object::Link(Box::new(Link::at(at)));
    Op::new(Key::Link(id), Action::Update { from, change: Object::Link(Box::new(change)) })
}

fn place(text: &str) -> Place {
    let (ifname, netns) = text.split_once('@').expect("NAME@NETNS");
    Place { netns: self::netns(netns), ifname: ifname.parse().expect("a name") }
}

fn netns(text: &str) -> NetnsName {
    text.parse().expect("a name")
}

fn address_key(address: &str, at: &str) -> AddressKey {
    let Place { netns, ifname: dev } = place(at);
    AddressKey::new(netns, dev, address.parse().expect("an address"))
}

fn sysctl_key(netns: &str, path: &str) -> SysctlKey {
    SysctlKey { netns: self::netns(netns), path: path.parse().expect("a path") }
}

fn route_key(prefix: &str, netns: &str) -> RouteKey {
    let metric = if prefix.contains(':') { 1024 } else { 0 };
    let prefix = prefix.parse().expect("a prefix");
    RouteKey { netns: self::netns(netns), table: 254, prefix, tos: 0, metric }
}

fn route(words: &[&str]) -> Route {
    let word = |name: &str| words.chunks(2).find(|pair| pair[0] == name).map(|pair| pair[1]);
    let nexthop = Nexthop {
        dev: word("dev").map(|dev| dev.parse().expect("a name")),
        via: word("via").map(|via| via.parse().expect("an address")),
        weight: 1,
        onlink: false,
        pervasive: false,
    };
    let source = word("src").map(|source| source.parse().expect("an address"));
    Route { nexthops: vec![nexthop].into(), source, ..Route::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FakeKernel;

    #[test]
    fn the_fake_kernel_passes() {
        for case in KERNEL_CASES {
            case.run(&mut FakeKernel::default());
        }
    }
}
