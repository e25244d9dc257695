//! Everything on a host is observed, under unique names.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::Stdio;
use std::thread;

use netstate::link::{LinkKind, Master};
use netstate::plan::wanted;
use netstate::{Key, Link, Noun, Object, Originals, Part, Scope, Southbound, State};
use testkit::netns::{ip, isolated, program};

use crate::{Host, place, veth};

fn everything(known: &[(&str, &str)]) -> State {
    let known: BTreeMap<_, _> =
        known.iter().map(|(at, id)| (place(at), id.parse().unwrap())).collect();
    Host::open().kernel.observe(&Scope::Everything { known }).expect("observe")
}

fn link<'a>(state: &'a State, id: &str) -> &'a netstate::Link {
    match state.objects.get(&Key::Link(id.parse().unwrap())) {
        Some(Object::Link(link)) => link,
        _ => panic!("no link {id}"),
    }
}

#[test]
fn links_are_keyed_by_name_then_by_namespace() {
    isolated(|| {
        ip("netns add red");
        ip("netns add blue");
        ip("link add eth0 type veth peer name eth0 netns red");
        ip("-n blue link add eth0 type ifb");
        let state = everything(&[("eth0@red", "uplink")]);
        assert_eq!(link(&state, "eth0").place, place("eth0@1"));
        assert_eq!(link(&state, "eth0@blue").place, place("eth0@blue"));
        assert_eq!(link(&state, "uplink").kind, veth("eth0@1").kind);
        assert_eq!(link(&state, "uplink").peer, Some(place("eth0@1")));
        assert_eq!(link(&state, "lo@red").kind, Some(LinkKind::Other(String::new())));
    });
}

#[test]
fn operational_data_contain_every_kind_of_state() {
    isolated(|| {
        ip("link add name br type bridge");
        ip("link add name a type veth peer name b");
        ip("link set dev a master br up");
        ip("link set dev b up");
        ip("link set dev br up");
        ip("link set lo up");
        ip("addr add 10.0.0.1/24 dev br");
        ip("neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 nud stale dev br");
        ip("route add 10.1.0.0/16 via 10.0.0.9");
        let state = everything(&[]);
        let a = link(&state, "a");
        assert_eq!(a.master, Some(Master::Of("br".parse().unwrap())));
        assert_eq!(a.port.bridge.learning, Some(true));
        assert!(a.status.as_ref().unwrap().statistics.tx_packets < 1000);
        let count = |sort: fn(&Key) -> bool| state.objects.keys().filter(|key| sort(key)).count();
        assert!(count(|key| matches!(key, Key::Fdb(_))) > 0);
        assert_eq!(count(|key| matches!(key, Key::Neighbor(key) if key.address.is_ipv4())), 1);
        let routes: Vec<_> = state
            .objects
            .iter()
            .filter_map(|(key, object)| match (key, object) {
                (Key::Route(key), Object::Route(route)) if key.prefix.addr().is_ipv4() => {
                    Some((key.prefix.to_string(), route.protocol))
                }
                _ => None,
            })
            .collect();
        assert_eq!(routes, [("10.0.0.0/24".into(), Some(2)), ("10.1.0.0/16".into(), Some(3))]);
        let automatic = |dev: &str| {
            let of_dev = state.objects.iter().filter_map(|(key, object)| match (key, object) {
                (Key::Address(key), Object::Address(address)) if key.dev.as_str() == dev => {
                    Some(address.is_automatic())
                }
                _ => None,
            });
            of_dev.collect::<Vec<_>>()
        };
        // Only the IPv6 address of the loopback has a protocol.
        assert_eq!(automatic("lo"), [false, true]);
        assert!(automatic("br").contains(&false));
    });
}

#[test]
fn peers_of_veth_pairs_are_shown_in_any_namespace() {
    isolated(|| {
        let names = ["red", "green", "blue"];
        names.into_iter().for_each(|name| drop(ip(&format!("netns add {name}"))));
        for (at, name) in names.into_iter().enumerate() {
            let (near, far, next) = (format!("l{at}"), format!("r{at}"), names[(at + 1) % 3]);
            ip(&format!("-n {name} link add name {near} type veth peer name {far} netns {next}"));
        }
        let state = everything(&[]);
        let peer = |id: &str| link(&state, id).peer.clone();
        for (at, name) in names.into_iter().enumerate() {
            let next = names[(at + 1) % 3];
            assert_eq!(peer(&format!("l{at}")), Some(place(&format!("r{at}@{next}"))));
            assert_eq!(peer(&format!("r{at}")), Some(place(&format!("l{at}@{name}"))));
        }
    });
}

#[test]
fn observing_a_part_equals_the_same_part_of_everything() {
    isolated(|| {
        ip("netns add red");
        ip("link add eth0 type veth peer name eth0 netns red");
        // Link-local addresses would appear during the test.
        ip("link set eth0 addrgenmode none");
        ip("-n red link set eth0 addrgenmode none");
        ip("addr add 10.0.0.1/24 dev eth0");
        ip("link set eth0 up");
        ip("-n red addr add 10.0.0.2/24 dev eth0");
        ip("-n red link set eth0 up");
        ip("-n red route add 10.9.0.0/16 via 10.0.0.1");
        ip("-n red neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev eth0 nud permanent");
        let mut kernel = Host::open().kernel;
        let known = [(place("eth0@red"), "uplink".parse().unwrap())];
        let all = Part::all(known.into_iter().collect());
        let whole = kernel.observe(&Scope::Part(all.clone())).unwrap();
        let stable = |object: &Object| match object {
            Object::Link(link) => Object::Link(Box::new(Link { status: None, ..(**link).clone() })),
            object => object.clone(),
        };
        for noun in Noun::ALL {
            let one = Part { nouns: [*noun].into(), ..all.clone() };
            let of_red = Part { namespaces: Some([place("x@red").netns].into()), ..one.clone() };
            let of_link = Part { links: Some([place("eth0@red")].into()), ..of_red.clone() };
            let in_red = |key: &Key| key.netns().is_some_and(|netns| netns.as_str() == "red");
            for (part, is_in) in [
                (one, &(|_: &Key| true) as &dyn Fn(&Key) -> bool),
                (of_red, &in_red),
                (of_link, &in_red),
            ] {
                let read = kernel.observe(&Scope::Part(part.clone())).unwrap();
                // The addresses of the loopback are not those of the requested link.
                let asked_for = |key: &Key| match (&part.links, key) {
                    (Some(_), Key::Address(at)) => at.dev.as_str() != "lo" && is_in(key),
                    (_, Key::Netns(name)) => part.has_netns(name),
                    (Some(_), Key::Link(id)) => id.as_str() == "uplink",
                    (_, Key::Link(id)) => part.namespaces.is_none() || id.as_str() != "eth0",
                    (_, key) => is_in(key),
                };
                let of = |state: &State| -> Vec<(Key, Object)> {
                    let of_noun = state.objects.iter().filter(|(key, _)| key.noun() == *noun);
                    of_noun.map(|(key, object)| (key.clone(), stable(object))).collect()
                };
                let mut expected = of(&whole);
                expected.retain(|(key, _)| asked_for(key));
                let mut read = of(&read);
                // The loopback and the devices of tunnel modules exist in every namespace. They
                // have other names if no other link is known.
                let is_of_namespace = |object: &Object| match object {
                    Object::Link(link) => link.belongs_to_namespace(),
                    _ => false,
                };
                read.retain(|(_, object)| !is_of_namespace(object));
                expected.retain(|(_, object)| !is_of_namespace(object));
                assert_eq!(read, expected, "{noun:?} {part:?}");
            }
        }
    });
}

/// Links are read one after the other. If two were read in one place, one end of a pair seemed to be
/// the other end of itself, and had to be created again.
#[test]
fn links_that_are_renamed_meanwhile_are_never_in_one_place() {
    isolated(|| {
        let end = |id, at, other| crate::link(id, at, veth(other));
        let desired = crate::state([end("a", "a@1", "b@1"), end("b", "b@1", "a@1")]);
        let mut host = Host::open();
        host.converge(&desired);
        ip("link set dev a down");
        ip("link set dev b down");
        let swap = "link set dev a name t\nlink set dev b name a\nlink set dev t name b\n";
        let mut others = program("ip").args(["-batch", "-"]).stdin(Stdio::piped()).spawn().unwrap();
        let mut commands = others.stdin.take().unwrap();
        let writer = thread::spawn(move || commands.write_all(swap.repeat(6000).as_bytes()));
        let only = Scope::Only(wanted(&desired, &desired, &Originals::default()));
        let mut read = 0;
        while others.try_wait().unwrap().is_none() {
            // It is an error if the names never rest.
            let Ok(state) = host.kernel.observe(&only) else { continue };
            let (a, b) = (link(&state, "a"), link(&state, "b"));
            assert_ne!(a.place, b.place);
            for (end, other) in [(a, b), (b, a)] {
                assert_ne!(end.peer.as_ref(), Some(&end.place), "{end:#?} {other:#?}");
            }
            read += 1;
        }
        writer.join().unwrap().unwrap();
        assert!(read > 0);
    });
}
