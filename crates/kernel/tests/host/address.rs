//! Addresses with their options, compared with ip-address(8).

use std::time::{Duration, Instant};

use netstate::address::Lifetime;
use netstate::uapi::{RT_SCOPE_HOST, RT_SCOPE_LINK};
use netstate::{AddressOptions, Key, Object, Scope, Southbound, State};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value as Json, json};
use testkit::configurations::addresses::{addresses, theirs};
use testkit::configurations::{comparable, described};
use testkit::netns::{ip, ip_json, isolated};
use testkit::{FakeKernel, Owner};

use crate::{Host, address, link, state, veth};

/// An address with options, on the link at `NAME@NETNS`.
fn with(at: &str, text: &str, options: AddressOptions) -> (Key, Object) {
    let (Key::Address(key), _) = address(at, text) else { unreachable!() };
    let key = key.with_peer(options.peer);
    (Key::Address(key), Object::Address(options.into()))
}

/// Two ends of a cable, which are up.
fn cable() -> [(Key, Object); 2] {
    [link("a", "a@1", veth("b@1")), link("b", "b@1", veth("a@1"))]
}

fn of_cable(objects: impl IntoIterator<Item = (Key, Object)>) -> State {
    state(cable().into_iter().chain(objects))
}

/// What ip-address(8) shows of the addresses of a link, without those that the kernel made.
fn shown(dev: &str) -> Vec<Json> {
    let links = ip_json(&format!("address show dev {dev}"));
    let addresses = links[0]["addr_info"].as_array().cloned().unwrap_or_default();
    let is_made =
        |address: &Json| address["local"].as_str().is_some_and(|local| !local.starts_with("fe80"));
    addresses.into_iter().filter(is_made).collect()
}

/// Whether an object has all members of another.
fn has(all: &Json, some: &Json) -> bool {
    some.as_object().unwrap().iter().all(|(name, value)| all[name] == *value)
}

const FOREVER: u32 = u32::MAX;

fn none() -> AddressOptions {
    AddressOptions::default()
}

#[test]
fn each_option_is_set_changed_and_removed() {
    let seconds = |seconds| Some(Lifetime::Seconds(seconds));
    let ip4 = |text: &str| Some(text.parse().unwrap());
    // The options, what ip-address(8) shows, and whether they are changed in place.
    let of_ipv4 = [
        (none(), json!({"scope": "global", "label": "a", "valid_life_time": FOREVER}), true),
        (AddressOptions { metric: Some(77), ..none() }, json!({"metric": 77, "label": "a"}), true),
        (
            AddressOptions { label: Some("a:one".into()), ..none() },
            json!({"label": "a:one"}),
            false,
        ),
        (
            AddressOptions { broadcast: ip4("10.0.0.255"), ..none() },
            json!({"broadcast": "10.0.0.255"}),
            false,
        ),
        (AddressOptions { scope: Some(RT_SCOPE_LINK), ..none() }, json!({"scope": "link"}), false),
        (AddressOptions { scope: Some(7), ..none() }, json!({"scope": "7"}), false),
        (
            AddressOptions { scope: Some(RT_SCOPE_HOST), proto: Some(99), ..none() },
            json!({"scope": "host"}),
            false,
        ),
        (
            AddressOptions { valid_lft: seconds(5000), ..none() },
            json!({"dynamic": true, "scope": "global"}),
            false,
        ),
        (
            AddressOptions { valid_lft: seconds(9000), preferred_lft: seconds(4000), ..none() },
            json!({"dynamic": true}),
            true,
        ),
        (
            AddressOptions { preferred_lft: seconds(0), ..none() },
            json!({"deprecated": true, "valid_life_time": FOREVER}),
            true,
        ),
        (
            AddressOptions { noprefixroute: Some(true), ..none() },
            json!({"noprefixroute": true}),
            false,
        ),
        (
            AddressOptions { peer: ip4("10.0.0.2"), ..none() },
            json!({"local": "10.0.0.1", "address": "10.0.0.2"}),
            false,
        ),
        (
            AddressOptions { peer: ip4("10.9.0.2"), proto: Some(255), ..none() },
            json!({"local": "10.0.0.1", "address": "10.9.0.2"}),
            false,
        ),
    ];
    let of_ipv6 = [
        (none(), json!({"scope": "global", "valid_life_time": FOREVER}), true),
        (AddressOptions { metric: Some(77), ..none() }, json!({"metric": 77}), true),
        (AddressOptions { nodad: Some(true), ..none() }, json!({"nodad": true}), false),
        (AddressOptions { home: Some(true), ..none() }, json!({"home": true}), true),
        (
            AddressOptions { mngtmpaddr: Some(true), proto: Some(99), ..none() },
            json!({"mngtmpaddr": true}),
            true,
        ),
        (
            AddressOptions { noprefixroute: Some(true), metric: Some(5), ..none() },
            json!({"noprefixroute": true, "metric": 5}),
            true,
        ),
        (
            AddressOptions { preferred_lft: seconds(0), metric: Some(6), ..none() },
            json!({"deprecated": true, "metric": 6}),
            true,
        ),
        (
            AddressOptions { preferred_lft: seconds(5000), metric: Some(6), ..none() },
            json!({"valid_life_time": FOREVER, "metric": 6}),
            true,
        ),
        (
            AddressOptions { valid_lft: seconds(5000), preferred_lft: seconds(0), ..none() },
            json!({"deprecated": true}),
            false,
        ),
        (
            AddressOptions { peer: ip4("2001:db8::2"), ..none() },
            json!({"local": "2001:db8::1", "address": "2001:db8::2"}),
            false,
        ),
        (
            AddressOptions { peer: ip4("2001:db8:7::2"), ..none() },
            json!({"local": "2001:db8::1", "address": "2001:db8:7::2"}),
            false,
        ),
    ];
    isolated(|| {
        let mut host = Host::open();
        host.converge(&of_cable([]));
        for (text, cases) in [("10.0.0.1/24", &of_ipv4[..]), ("2001:db8::1/64", &of_ipv6[..])] {
            for (options, expected, in_place) in cases.iter().chain([&cases[0]]) {
                let before = shown("a");
                host.converge(&of_cable([with("a@1", text, options.clone())]));
                let after = shown("a");
                assert_eq!(after.len(), 1, "{options:?}: {after:?}");
                assert!(has(&after[0], expected), "{options:?}: {}", after[0]);
                let replaced = host.done.iter().any(|op| op.starts_with("replace "));
                let is_last = expected == &cases[0].1 && !before.is_empty();
                assert!(
                    before.is_empty() || is_last || replaced == *in_place,
                    "{options:?}: {:?}",
                    host.done
                );
                // What is there already is not done again.
                host.converge(&of_cable([with("a@1", text, options.clone())]));
                assert_eq!(host.done, Vec::<String>::new(), "{options:?}");
            }
            host.converge(&of_cable([]));
            assert_eq!(shown("a"), Vec::<Json>::new());
        }
    });
}

/// Nobody knows from the remaining time alone what was configured.
#[test]
fn a_lifetime_that_counts_down_is_left_alone_and_another_one_is_set() {
    isolated(|| {
        let mut host = Host::open();
        let lasting = |valid, preferred| {
            let [valid_lft, preferred_lft] =
                [valid, preferred].map(|seconds| Some(Lifetime::Seconds(seconds)));
            let options = AddressOptions { valid_lft, preferred_lft, ..none() };
            let addresses = ["10.0.0.1/24", "2001:db8::1/64"];
            of_cable(addresses.map(|text| with("a@1", text, options.clone())))
        };
        host.converge(&lasting(1000, 500));
        let deadline = Instant::now() + Duration::from_secs(20);
        let counts = || {
            let left = |address: &Json| address["preferred_life_time"].as_u64().unwrap();
            shown("a").iter().all(|address| left(address) < 499)
        };
        while !counts() {
            assert!(Instant::now() < deadline, "nothing counts down: {:?}", shown("a"));
            std::thread::yield_now();
        }
        host.converge(&lasting(1000, 500));
        assert_eq!(host.done, Vec::<String>::new());
        host.converge(&lasting(1200, 500));
        assert_eq!(host.done.len(), 2, "{:?}", host.done);
        // One that others have renewed with another time, or made to last.
        ip("address change 10.0.0.1/24 dev a valid_lft 90 preferred_lft 50");
        ip("address change 2001:db8::1/64 dev a");
        host.converge(&lasting(1200, 500));
        assert_eq!(host.done.len(), 2, "{:?}", host.done);
        host.converge(&lasting(1000, 500));
        assert_eq!(host.done.len(), 2, "{:?}", host.done);
    });
}

#[test]
fn what_goes_with_an_address_that_is_made_anew_comes_back() {
    isolated(|| {
        let mut host = Host::open();
        let options = |scope| AddressOptions { scope: Some(scope), ..none() };
        host.converge(&of_cable([with("a@1", "10.0.0.1/24", none())]));
        ip("address add 10.0.1.9/24 dev a label a:theirs");
        ip("address add 10.0.0.1/24 peer 10.7.0.1 dev a");
        ip("route add 10.50.0.0/16 via 10.0.1.1");
        ip("route add 10.60.0.0/16 via 10.0.0.5 src 10.0.0.1 proto static");
        ip("neighbor add 10.0.0.5 lladdr 02:00:00:00:00:05 dev a");
        let routes = ip("route show proto static");
        let others = shown("a").len();
        host.converge(&of_cable([with("a@1", "10.0.0.1/24", options(RT_SCOPE_LINK))]));
        assert!(host.done.iter().any(|op| op.starts_with("delete address")), "{:?}", host.done);
        assert_eq!(shown("a").len(), others);
        assert_eq!(ip("route show proto static"), routes);
        assert!(ip("route show 10.50.0.0/16").contains("via 10.0.1.1"), "{}", ip("route show"));

        // The first address of a subnet takes the others along.
        ip("address flush dev a");
        let broadcast = Some("10.0.0.255".parse().unwrap());
        let broad = AddressOptions { broadcast, ..none() };
        host.converge(&of_cable([with("a@1", "10.0.0.1/24", none())]));
        ip("address add 10.0.0.9/24 dev a label a:theirs preferred_lft 0");
        ip("route add 10.70.0.0/16 via 10.0.0.5 src 10.0.0.9");
        for promote in ["0", "1"] {
            std::fs::write("/proc/sys/net/ipv4/conf/a/promote_secondaries", promote).unwrap();
            for options in [broad.clone(), none()] {
                let theirs =
                    || shown("a").into_iter().find(|address| address["local"] == "10.0.0.9");
                let before = theirs().unwrap();
                host.converge(&of_cable([with("a@1", "10.0.0.1/24", options)]));
                let after = theirs().unwrap();
                assert_eq!(after, before);
                assert!(!host.done.is_empty());
                assert!(ip("route show").contains("10.70.0.0/16"), "{}", ip("route show"));
            }
        }
    });
}

#[test]
fn an_address_of_others_keeps_its_options_and_gets_them_back() {
    isolated(|| {
        ip("link add name a type veth peer name b");
        ip("link set dev a up");
        ip("link set dev b up");
        ip("address add 10.0.0.1/24 dev a label a:x metric 77 broadcast 10.0.0.255");
        ip("address add 10.0.1.1 peer 10.0.1.2 dev a noprefixroute");
        ip("address add 127.1.0.1/16 dev a scope link");
        ip("address add 2001:db8::1/64 dev a nodad home metric 9 preferred_lft 0");
        ip("address add 2001:db8::2/64 dev a nodad valid_lft 5000 preferred_lft 4000");
        let before = shown("a");
        let addresses = |options: AddressOptions| {
            let of_ipv4 = AddressOptions { label: None, ..options.clone() };
            let [with_peer, scoped] = [
                AddressOptions { peer: Some("10.0.1.2".parse().unwrap()), ..of_ipv4.clone() },
                AddressOptions { ..of_ipv4 },
            ];
            let nic = link("a", "a@1", None);
            state([
                nic,
                with("a@1", "10.0.0.1/24", options.clone()),
                with("a@1", "10.0.1.1/32", with_peer),
                with("a@1", "127.1.0.1/16", scoped),
                with("a@1", "2001:db8::1/64", AddressOptions { label: None, ..options.clone() }),
                with("a@1", "2001:db8::2/64", AddressOptions { label: None, ..options }),
            ])
        };
        let lasting = |shown: Vec<Json>| -> Vec<Json> {
            let mut shown = shown;
            for address in &mut shown {
                for name in ["valid_life_time", "preferred_life_time"] {
                    let left = address[name].as_u64().unwrap();
                    address[name] =
                        json!(if left == u64::from(FOREVER) || left == 0 { left } else { 1 });
                }
            }
            shown.sort_by_key(|address| address["local"].as_str().map(str::to_owned));
            shown
        };
        let mut host = Host::open();
        host.converge(&addresses(none()));
        assert_eq!(host.done, Vec::<String>::new());
        assert_eq!(lasting(shown("a")), lasting(before.clone()));
        let all = AddressOptions {
            metric: Some(5),
            label: Some("a:y".into()),
            valid_lft: Some(Lifetime::Seconds(9000)),
            ..none()
        };
        host.converge(&addresses(all.clone()));
        let changed = shown("a");
        assert!(changed.iter().all(|address| address["metric"] == 5), "{changed:?}");
        assert!(changed.iter().all(|address| address["dynamic"] == true), "{changed:?}");
        let of = |local: &str, shown: &[Json]| {
            shown.iter().find(|address| address["local"] == local).unwrap().clone()
        };
        let kept = of("2001:db8::1", &changed);
        assert_eq!(
            [&kept["home"], &kept["nodad"], &kept["deprecated"]],
            [true, true, true],
            "{kept}"
        );
        assert_eq!(of("10.0.0.1", &changed)["broadcast"], "10.0.0.255");
        // What is no longer configured goes back.
        host.converge(&addresses(none()));
        assert_eq!(lasting(shown("a")), lasting(before.clone()));
        host.touched = addresses(none());
        host.converge(&addresses(all.clone()));
        host.converge(&State::default());
        assert_eq!(lasting(shown("a")), lasting(before));
    });
}

#[test]
fn options_follow_a_link_that_is_renamed_or_moved() {
    isolated(|| {
        let mut host = Host::open();
        let seconds = |seconds| Some(Lifetime::Seconds(seconds));
        let at = |at: &str, name: &str| {
            let label = Some(format!("{name}:1"));
            let deprecated = AddressOptions { preferred_lft: seconds(0), label, ..none() };
            let bare = AddressOptions { noprefixroute: Some(true), nodad: Some(true), ..none() };
            let lasting = AddressOptions { valid_lft: seconds(700), nodad: Some(true), ..none() };
            state([
                link("a", at, veth("b@1")),
                link("b", "b@1", veth(at)),
                crate::netns("red"),
                with(at, "10.0.0.1/24", deprecated.clone()),
                with(at, "10.0.0.2/24", AddressOptions { label: None, ..deprecated.clone() }),
                with(
                    at,
                    "10.0.0.3/32",
                    AddressOptions {
                        peer: Some("10.5.5.5".parse().unwrap()),
                        label: None,
                        ..deprecated
                    },
                ),
                with(at, "2001:db8::1/64", bare),
                with(at, "2001:db8::2/64", lasting),
            ])
        };
        for (place, name) in [("a@1", "a"), ("c@1", "c"), ("d@red", "d"), ("a@1", "a")] {
            host.converge(&at(place, name));
            host.converge(&at(place, name));
            assert_eq!(host.done, Vec::<String>::new());
        }
        let deprecated = shown("a").iter().filter(|address| address["deprecated"] == true).count();
        assert_eq!(deprecated, 3, "{:?}", shown("a"));
    });
}

#[test]
fn addresses_that_differ_in_their_far_ends_are_beside_each_other() {
    isolated(|| {
        let mut host = Host::open();
        host.converge(&of_cable([]));
        ip("address add 10.0.0.1/32 dev a");
        ip("address add 10.0.0.1 peer 10.0.0.3 dev a");
        let theirs = shown("a");
        let to = |peer: &str| AddressOptions { peer: Some(peer.parse().unwrap()), ..none() };
        host.converge(&of_cable([with("a@1", "10.0.0.1/32", to("10.0.0.4"))]));
        assert_eq!(shown("a").len(), 3, "{:?}", shown("a"));
        host.converge(&of_cable([with("a@1", "10.0.0.1/32", to("10.0.0.5"))]));
        let peers: Vec<Json> =
            shown("a").into_iter().map(|address| address["address"].clone()).collect();
        assert_eq!(peers, [json!(null), json!("10.0.0.3"), json!("10.0.0.5")]);
        assert!(ip("route show").contains("10.0.0.5 dev a"), "{}", ip("route show"));
        host.converge(&of_cable([]));
        assert_eq!(shown("a"), theirs);
    });
}

#[test]
fn temporary_addresses_stay_with_the_address_that_they_are_made_from() {
    isolated(|| {
        let mut host = Host::open();
        host.converge(&of_cable([]));
        std::fs::write("/proc/sys/net/ipv6/conf/a/use_tempaddr", "2").unwrap();
        let made = |mngtmpaddr| {
            let options = AddressOptions { mngtmpaddr, nodad: Some(true), ..none() };
            of_cable([with("a@1", "2001:db8::1/64", options)])
        };
        let temporary = || {
            let shown = ip_json("-6 address show dev a temporary");
            let addresses = shown[0]["addr_info"].as_array().cloned().unwrap_or_default();
            let locals = addresses.iter().filter_map(|address| address["local"].as_str());
            locals.map(str::to_owned).collect::<Vec<_>>()
        };
        host.converge(&made(Some(true)));
        let before = temporary();
        assert_eq!(before.len(), 1, "{before:?}");
        host.converge(&made(Some(true)));
        assert_eq!(host.done, Vec::<String>::new());
        assert_eq!(temporary(), before);
        host.converge(&made(None));
        assert_eq!(temporary(), Vec::<String>::new());
        host.converge(&made(Some(true)));
        host.converge(&of_cable([]));
        assert_eq!(temporary(), Vec::<String>::new());
    });
}

#[test]
fn a_scope_that_another_address_of_the_subnet_does_not_have_is_refused() {
    isolated(|| {
        let mut host = Host::open();
        host.converge(&of_cable([]));
        ip("address add 10.0.0.9/24 dev a");
        let before = shown("a");
        let scoped = AddressOptions { scope: Some(RT_SCOPE_LINK), ..none() };
        let refusal =
            host.try_converge(&of_cable([with("a@1", "10.0.0.1/24", scoped)])).unwrap_err();
        // Linux 6.1 does not say which argument.
        assert!(refusal.message.contains("EINVAL"), "{refusal}");
        assert_eq!(shown("a"), before);
    });
}

/// The number of random cases, unless `NETLOOM_PATHS` sets another; and the seed, unless `NETLOOM_PATHS_SEED` sets one.
const CASES: u32 = 30;
const SEED: u8 = 1;

#[test]
fn every_path_to_a_configuration_of_addresses_has_the_same_result_on_linux() {
    let asked_for = |name: &str| std::env::var(name).ok().and_then(|number| number.parse().ok());
    let seed = asked_for("NETLOOM_PATHS_SEED").map_or(SEED, |seed: u32| seed as u8);
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let random = (theirs(), addresses(), addresses());
    for case in 0..asked_for("NETLOOM_PATHS").unwrap_or(CASES) {
        let (theirs, before, wanted) = random.new_tree(&mut runner).unwrap().current();
        let (before, wanted) = (before.state(), wanted.state());
        // The state after the configurations, and after they are taken away again.
        let way = |earlier: &[&State]| {
            isolated(|| {
                ip("link add nic type veth peer name far");
                ip("link set far up");
                ip("link set nic up");
                theirs.commands().iter().for_each(|command| drop(ip(command)));
                let mut owner = Owner::new(kernel::Kernel::open().unwrap());
                owner.looks_at_everything = false;
                let state = |owner: &mut Owner<kernel::Kernel>| {
                    let everything = Scope::Everything { known: Default::default() };
                    let mut state = comparable(owner.southbound.observe(&everything).unwrap());
                    state.objects.retain(|key, _| matches!(key, Key::Address(_) | Key::Route(_)));
                    described(&state)
                };
                let at_first = state(&mut owner);
                for earlier in earlier {
                    drop(owner.commit(earlier));
                }
                let result = owner.commit(&wanted).map(|_| state(&mut owner));
                owner.commit(&State::default()).unwrap();
                assert_eq!(
                    state(&mut owner),
                    at_first,
                    "case {case} of seed {seed}: {:#?} {wanted:?} {earlier:?}",
                    theirs.commands()
                );
                result
            })
        };
        let directly = way(&[]);
        let on_values = Owner::new(FakeKernel::holding(theirs.state())).commit(&wanted);
        assert_eq!(
            directly.is_ok(),
            on_values.is_ok(),
            "case {case} of seed {seed}: {directly:?} {on_values:?}"
        );
        let found = way(&[&before]);
        if directly.is_ok() {
            assert_eq!(directly, found, "case {case} of seed {seed}");
        }
    }
}
