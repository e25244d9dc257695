//! An error contains the kernel's message, with the operation and the field.

use std::collections::BTreeSet;

use expect_test::{Expect, expect};
use netstate::link::{Dummy, Link, LinkAttributes, LinkKind, Vxlan};
use netstate::{Action, Key, Object, Op, Plan, Refusal, RouteKey, Southbound, State};
use testkit::netns::{ip, ip_json, isolated};

use crate::{Host, Made, address, link, netns, place, route, state, sysctl, veth};

/// Executes creations one after the other, and returns the refusal of one.
fn refusal(objects: impl IntoIterator<Item = (Key, Object)>) -> Refusal {
    let create = |(key, object)| Op::new(key, Action::Create(object));
    let plan = Plan { ops: objects.into_iter().map(create).collect() };
    Host::open().kernel.execute(&plan).expect_err("a refusal")
}

fn check(object: (Key, Object), expect: Expect) {
    isolated(|| {
        ip("link add name a type veth peer name b");
        ip("link set dev a up");
        ip("link set dev b up");
        ip("addr add 10.0.0.1/24 dev a");
        let refusal = refusal([object]);
        let field = refusal.field.unwrap_or("-");
        expect.assert_eq(&format!("{} [{field}]", refusal.message));
    });
}

fn with_mtu(mtu: u32) -> (Key, Object) {
    let attributes = LinkAttributes { mtu: Some(mtu), ..LinkAttributes::default() };
    let Made { kind, peer } = veth("y@1");
    let link = Link { kind, peer, attributes, ..Link::at(place("x@1")) };
    (Key::Link("x".parse().unwrap()), Object::Link(Box::new(link)))
}

#[test]
fn errors_have_the_kernels_message() {
    check(
        route("1", "10.1.0.0/16", &[("a", "172.16.0.1")]),
        expect!["Nexthop has invalid gateway (ENETUNREACH: Network is unreachable) [-]"],
    );
    check(
        with_mtu(70_000),
        expect!["mtu greater than device maximum (EINVAL: Invalid argument) [-]"],
    );
    check(with_mtu(10), expect!["mtu less than device minimum (EINVAL: Invalid argument) [-]"]);
    check(link("a", "a@1", veth("c@1")), expect!["File exists (EEXIST) [-]"]);
    check(sysctl("1", "net/ipv4/ip_forward", "many"), expect!["Invalid argument (EINVAL) [-]"]);
    check(
        sysctl("1", "net/ipv4/conf/none/rp_filter", "1"),
        expect!["No such file or directory (ENOENT) [-]"],
    );
}

#[test]
fn an_overlong_attribute_is_refused() {
    let attributes =
        LinkAttributes { alias: Some("x".repeat(70_000)), ..LinkAttributes::default() };
    let kind = Some(LinkKind::Dummy(Dummy::default()));
    let link = Link { kind, attributes, ..Link::at(place("x@1")) };
    check(
        (Key::Link("x".parse().unwrap()), Object::Link(Box::new(link))),
        expect!["the value is longer than a netlink attribute can be, 64 KiB [alias]"],
    );
    let gateways: Vec<String> = (2..5000u16)
        .map(|host| {
            let [high, low] = host.to_be_bytes();
            format!("10.0.{high}.{low}")
        })
        .collect();
    let nexthops: Vec<(&str, &str)> = gateways.iter().map(|via| ("a", via.as_str())).collect();
    check(
        route("1", "10.1.0.0/16", &nexthops),
        expect!["the value is longer than a netlink attribute can be, 64 KiB [nexthops]"],
    );
}

#[test]
fn errors_name_the_field() {
    let vxlan = Vxlan { id: Some(1 << 24), ..Vxlan::default() };
    check(
        link("v", "v@1", Some(LinkKind::Vxlan(vxlan))),
        expect![
            "VXLAN ID must be lower than 16777216 (ERANGE: Numerical result out of range) [id]"
        ],
    );
}

#[test]
fn errors_name_what_is_missing() {
    check(
        route("1", "10.1.0.0/16", &[("c", "10.0.0.2")]),
        expect!["link c does not exist in namespace 1 [-]"],
    );
    check(route("vpn", "10.1.0.0/16", &[]), expect!["namespace vpn does not exist [-]"]);
    check(
        link("o", "o@1", Some(LinkKind::Other("bond".into()))),
        expect!["links of kind `bond` are not made [-]"],
    );
}

#[test]
fn the_refused_operation_of_a_long_batch_is_found() {
    isolated(|| {
        let bad = 733;
        let network = |n: u32| format!("10.{}.{}.0/24", n / 250, n % 250);
        let gateway = |n| if n == bad { "172.16.0.1" } else { "" };
        let routes = (1..1000).map(|n| route("1", &network(n), &[("lo", gateway(n))]));
        let up = link("lo", "lo@1", None);
        let (Key::Link(_), Object::Link(lo)) = &up else { unreachable!() };
        let from = Object::Link(Box::new(Link::at(lo.place.clone())));
        let mut plan = Plan { ops: vec![Op::new(up.0, Action::Update { from, change: up.1 })] };
        plan.ops.extend(routes.map(|(key, object)| Op::new(key, Action::Create(object))));
        let refusal = Host::open().kernel.execute(&plan).expect_err("a refusal");
        assert_eq!((refusal.index, refusal.errno), (733, 101));
        assert_eq!(*refusal.op, plan.ops[733]);
        assert!(ip_json("route show").as_array().unwrap().len() < 1000);
    });
}

#[test]
fn many_refusals_at_once_name_the_first() {
    isolated(|| {
        let network = |n: u32| format!("10.{}.{}.0/24", n / 250, n % 250);
        let routes = (0..5000).map(|n| route("1", &network(n), &[("lo", "172.16.0.1")]));
        assert_eq!(refusal(routes).index, 0);
    });
}

#[test]
fn namespaces_before_a_refused_one_are_created() {
    isolated(|| {
        std::fs::create_dir_all("/run/netns/n041").unwrap();
        let refusal = refusal((0..100).map(|n| netns(&format!("n{n:03}"))));
        assert_eq!(
            (refusal.index, &*refusal.message),
            (41, "/run/netns/n041 is there and is not a namespace (EEXIST: File exists)")
        );
        std::fs::remove_dir("/run/netns/n041").unwrap();
        let entries = std::fs::read_dir("/run/netns").unwrap();
        let made: BTreeSet<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(made, (0..41).map(|n| format!("n{n:03}").into()).collect());
        ip("-all netns delete");
    });
}

#[test]
fn after_a_refusal_the_old_state_can_be_restored() {
    isolated(|| {
        let mut host = Host::open();
        let old =
            state([netns("red"), link("a", "a@red", veth("b@1")), address("a@red", "10.0.0.1/24")]);
        host.converge(&old);
        let network = |n: u32| format!("10.1.{n}.0/24");
        let mut routes: Vec<_> =
            (0..200).map(|n| route("red", &network(n), &[("a", "10.0.0.2")])).collect();
        let (Key::Route(bad), object) = routes.remove(199) else { unreachable!() };
        let bad = RouteKey { tos: 1, ..bad };
        let create = |(key, object)| Op::new(key, Action::Create(object));
        let mut plan = Plan { ops: routes.iter().cloned().map(create).collect() };
        plan.ops.push(create((Key::Route(bad), object)));
        assert_eq!(host.kernel.execute(&plan).expect_err("a refusal").index, 199);
        host.touched.objects.extend(routes);
        host.converge(&old);
        assert_eq!(ip_json("-n red route show").as_array().unwrap().len(), 1);
        host.converge(&State::default());
    });
}
