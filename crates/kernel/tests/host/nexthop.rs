//! Nexthop objects, and routes that use them, compared with ip-nexthop(8).

use netstate::nexthop::{NexthopGroup, NexthopKind, Resilient, SingleNexthop};
use netstate::uapi::RTPROT_STATIC;
use netstate::{Key, NexthopKey, NexthopObject, Object, Route, Scope, Southbound, State};
use serde_json::{Value as Json, json};
use testkit::netns::{ip, ip_json, isolated};

use crate::{Host, address, link, netns, route, state, veth};

fn nexthop(netns: &str, id: u32, fdb: bool, kind: NexthopKind) -> (Key, Object) {
    let key = NexthopKey { netns: netns.parse().unwrap(), id };
    let object = NexthopObject { protocol: Some(RTPROT_STATIC), fdb, kind };
    (Key::Nexthop(key), Object::Nexthop(object.into()))
}

/// A nexthop of the host's namespace, on a link or without one, with or without a gateway.
fn single(id: u32, dev: &str, via: &str) -> (Key, Object) {
    let via = (!via.is_empty()).then(|| via.parse::<std::net::IpAddr>().unwrap());
    let single = SingleNexthop {
        ipv6: via.is_some_and(|via| via.is_ipv6()),
        dev: (!dev.is_empty()).then(|| dev.parse().unwrap()),
        via,
        onlink: false,
    };
    nexthop("1", id, dev.is_empty(), NexthopKind::Single(single))
}

fn blackhole(id: u32) -> (Key, Object) {
    nexthop("1", id, false, NexthopKind::Blackhole { ipv6: false })
}

fn group(id: u32, members: &[(u32, u32)], buckets: u16) -> (Key, Object) {
    let resilient = Resilient { buckets, idle_timer: 1_000, unbalanced_timer: 500 };
    let resilient = (buckets != 0).then_some(resilient);
    let members = members.iter().copied().collect();
    nexthop("1", id, false, NexthopKind::Group(NexthopGroup { members, resilient }))
}

fn by_nexthop(prefix: &str, nhid: u32) -> (Key, Object) {
    let (key, _) = route("1", prefix, &[]);
    (key, Object::Route(Route { nhid: Some(nhid), ..Route::default() }.into()))
}

/// Two veth pairs with addresses.
fn links() -> Vec<(Key, Object)> {
    vec![
        link("lo", "lo@1", None),
        link("a", "a@1", veth("ax@1")),
        link("ax", "ax@1", veth("a@1")),
        link("b", "b@1", veth("bx@1")),
        link("bx", "bx@1", veth("b@1")),
        address("a@1", "10.0.0.1/24"),
        address("b@1", "10.0.1.1/24"),
        address("b@1", "2001:db8::1/64"),
    ]
}

fn with(objects: impl IntoIterator<Item = (Key, Object)>) -> State {
    state(links().into_iter().chain(objects))
}

/// The nexthops as ip-nexthop(8) shows them, by their identifiers.
fn shown() -> Vec<(u64, Json)> {
    let all = ip_json("nexthop show");
    let of = |shown: &Json| {
        let mut shown = shown.as_object().unwrap().clone();
        let id = shown.remove("id").unwrap().as_u64().unwrap();
        shown.retain(|word, _| !["scope", "flags", "protocol"].contains(&word.as_str()));
        (id, Json::Object(shown))
    };
    all.as_array().into_iter().flatten().map(of).collect()
}

fn ids() -> Vec<u64> {
    shown().into_iter().map(|(id, _)| id).collect()
}

/// The destinations of the routes by nexthops.
fn routes() -> Vec<String> {
    let of_family = |family: &str| {
        let all = ip_json(&format!("{family} route show"));
        let by_nexthop: Vec<String> = all
            .as_array()
            .into_iter()
            .flatten()
            .filter(|route| !route["nhid"].is_null())
            .map(|route| format!("{} {}", route["dst"].as_str().unwrap(), route["nhid"]))
            .collect();
        by_nexthop
    };
    ["-4", "-6"].map(of_family).concat()
}

#[test]
fn each_nexthop_is_as_ip_nexthop_shows_it() {
    isolated(|| {
        let mut host = Host::open();
        host.converge(&with([
            single(1, "a", "10.0.0.2"),
            single(2, "b", "2001:db8::2"),
            single(3, "a", ""),
            blackhole(4),
            single(5, "", "10.0.0.7"),
            group(6, &[(1, 1), (2, 7)], 0),
            group(7, &[(3, 1), (1, 256)], 8),
            group(8, &[(4, 1)], 0),
            by_nexthop("10.1.0.0/16", 1),
            by_nexthop("10.2.0.0/16", 6),
            by_nexthop("10.3.0.0/16", 4),
            by_nexthop("2001:db8:1::/48", 2),
        ]));
        let expected = [
            json!({"gateway": "10.0.0.2", "dev": "a"}),
            json!({"gateway": "2001:db8::2", "dev": "b"}),
            json!({"dev": "a"}),
            json!({"blackhole": null}),
            json!({"gateway": "10.0.0.7", "fdb": null}),
            json!({"group": [{"id": 1}, {"id": 2, "weight": 7}]}),
            json!({"group": [{"id": 1, "weight": 256}, {"id": 3}], "type": "resilient",
                   "resilient_args": {"buckets": 8, "idle_timer": 10, "unbalanced_timer": 5, "unbalanced_time": 0}}),
            json!({"group": [{"id": 4}]}),
        ];
        let found = shown();
        for ((id, mut shown), expected) in found.into_iter().zip(expected) {
            // Both spellings are of versions of ip(8).
            if let Some(args) = shown.get("resilient_args").and_then(|args| args.as_object()) {
                let args: serde_json::Map<String, Json> =
                    args.iter().map(|(name, value)| (name.clone(), whole(value))).collect();
                shown["resilient_args"] = Json::Object(args);
            }
            assert_eq!(shown, expected, "{id}");
        }
        assert_eq!(
            routes(),
            ["10.1.0.0/16 1", "10.2.0.0/16 6", "10.3.0.0/16 4", "2001:db8:1::/48 2"]
        );
        host.converge(&State::default());
        assert_eq!(shown(), []);
    });
}

fn whole(value: &Json) -> Json {
    value.as_f64().map_or(value.clone(), |number| json!(number as u64))
}

#[test]
fn routes_stay_while_their_nexthop_is_replaced_in_place_and_are_put_back_after_it_is_made_anew() {
    isolated(|| {
        let mut host = Host::open();
        let routes_by = || [by_nexthop("10.1.0.0/16", 1), by_nexthop("10.2.0.0/16", 6)];
        let first =
            [single(1, "a", "10.0.0.2"), single(2, "a", ""), group(6, &[(1, 1), (2, 1)], 0)];
        host.converge(&with(first.into_iter().chain(routes_by())));
        let seconds = [
            // Another gateway, and another group.
            vec![single(1, "b", "10.0.1.2"), group(6, &[(1, 5)], 0)],
            // A single nexthop becomes a blackhole, and is in no group with others any more.
            vec![blackhole(1), single(2, "a", ""), group(6, &[(2, 1)], 0)],
            // A group takes the place of a nexthop, and the other way round.
            vec![group(1, &[(7, 1)], 0), single(6, "a", ""), single(7, "a", "")],
            vec![single(1, "a", ""), group(6, &[(1, 1)], 8)],
            vec![single(1, "a", ""), group(6, &[(1, 1)], 16)],
            vec![single(1, "b", "2001:db8::2"), group(6, &[(1, 1)], 0)],
            vec![single(1, "a", "10.0.0.9"), group(6, &[(1, 1)], 0)],
        ];
        for nexthops in seconds {
            host.converge(&with(nexthops.into_iter().chain(routes_by())));
            assert_eq!(routes(), ["10.1.0.0/16 1", "10.2.0.0/16 6"]);
        }
        host.converge(&with([single(1, "a", "")]));
        assert_eq!((ids(), routes().len()), (vec![1], 0));
    });
}

#[test]
fn what_a_link_takes_along_is_put_back() {
    isolated(|| {
        // Others have a nexthop, a group and routes on a link that goes down and comes up again.
        let mut host = Host::open();
        host.converge(&with([]));
        ip("nexthop add id 50 via 10.0.0.2 dev a proto bird");
        ip("nexthop add id 51 dev b proto bird");
        ip("nexthop add id 52 group 50/51 proto bird");
        ip("route add 10.5.0.0/16 nhid 50");
        ip("route add 10.6.0.0/16 nhid 52");
        let ours = || [single(1, "a", "10.0.0.2"), by_nexthop("10.1.0.0/16", 1)];
        host.converge(&with(ours()));
        let before = (shown(), routes());
        // A new name needs the link down before Linux 6.2.
        let mut renamed = with(ours());
        let mtu = |state: &mut State, mtu| {
            let Some(Object::Link(link)) = state.objects.get_mut(&Key::Link("a".parse().unwrap()))
            else {
                panic!("a is there")
            };
            link.attributes.mac_address = Some("02:00:00:00:00:07".parse().unwrap());
            link.attributes.mtu = Some(mtu);
        };
        mtu(&mut renamed, 1400);
        host.converge(&renamed);
        assert_eq!((shown(), routes()), before);
    });
}

#[test]
fn nexthops_of_others_are_left_alone_and_given_back() {
    isolated(|| {
        ip("link add name a type veth peer name ax");
        ip("link set dev a up");
        ip("link set dev ax up");
        ip("address add 10.0.0.1/24 dev a");
        ip("nexthop add id 1 via 10.0.0.2 dev a proto zebra");
        ip("nexthop add id 2 dev a");
        ip("route add 10.5.0.0/16 nhid 1");
        let before = (shown(), routes());
        let mut host = Host::open();
        host.converge(&state([
            link("a", "a@1", None),
            single(1, "a", "10.0.0.9"),
            single(7, "a", "10.0.0.7"),
            by_nexthop("10.7.0.0/16", 7),
        ]));
        assert_eq!(routes(), ["10.5.0.0/16 1", "10.7.0.0/16 7"]);
        assert_eq!(shown()[0].1["gateway"], "10.0.0.9");
        host.converge(&State::default());
        assert_eq!((shown(), routes()), before);
    });
}

#[test]
fn wide_weights_and_their_lack_are_told() {
    isolated(|| {
        let mut host = Host::open();
        let wanted =
            with([single(1, "a", ""), single(2, "b", ""), group(3, &[(1, 300), (2, 65_535)], 0)]);
        // `converge` checks that the kernel has the group with these weights.
        if let Err(refusal) = host.try_converge(&wanted) {
            assert!(refusal.message.contains("Linux 6.12"), "{refusal:?}");
            assert_eq!(refusal.field, Some("group"));
        }
    });
}

#[test]
fn a_link_without_carrier_takes_no_nexthop() {
    isolated(|| {
        let mut host = Host::open();
        let mut far_end_down = with([single(1, "a", "")]);
        if let Some(Object::Link(far)) =
            far_end_down.objects.get_mut(&Key::Link("ax".parse().unwrap()))
        {
            far.flags.up = Some(false);
        }
        let refusal = host.try_converge(&far_end_down).unwrap_err();
        assert_eq!(refusal.errno, libc::ETIMEDOUT, "{refusal:?}");
        assert!(
            refusal.message.starts_with("a has no carrier, which a nexthop needs"),
            "{refusal:?}"
        );
    });
}

#[test]
fn nexthops_of_each_namespace_are_observed() {
    isolated(|| {
        let mut host = Host::open();
        let red = nexthop("red", 1, false, NexthopKind::Blackhole { ipv6: true });
        let many: Vec<_> = (100..300).map(blackhole).collect();
        let los = || [link("lo", "lo@1", None), link("lo-red", "lo@red", None)];
        let wanted = state([netns("red"), red.clone()].into_iter().chain(los()).chain(many));
        host.converge(&wanted);
        let everything = Scope::Everything { known: Default::default() };
        let observed = host.kernel.observe(&everything).unwrap();
        let found = observed.objects.iter().filter(|(key, _)| matches!(key, Key::Nexthop(_)));
        assert_eq!(found.clone().count(), 201);
        assert_eq!(observed.objects.get(&red.0), Some(&red.1));
        host.converge(&state([netns("red"), red, blackhole(150)].into_iter().chain(los())));
        assert_eq!(ids(), [150]);
    });
}
