//! An operation waits for duplicate address detection, and reports a duplicate.

use netstate::{Action, Key, Op, Plan, Refusal, Southbound};
use testkit::netns::{ip, ip_json, isolated};

use crate::{Host, address, route, sysctl};

/// Creates an address and waits for it; then creates a route that has it as its source.
fn make_and_await(text: &str) -> Result<(), Refusal> {
    let (key, object) = address("a@1", text);
    let Key::Address(at) = &key else { unreachable!() };
    let (route, mut over) = route("1", "2001:db8:1::/48", &[("a", "2001:db8::99")]);
    if let netstate::Object::Route(route) = &mut over {
        std::sync::Arc::make_mut(route).source = Some(at.address.addr());
    }
    let ops = vec![
        Op::new(key.clone(), Action::Create(object)),
        Op::new(key, Action::Await),
        Op::new(route, Action::Create(over)),
    ];
    Host::open().kernel.execute(&Plan { ops })
}

fn with_cable(test: impl FnOnce() + Send) {
    isolated(|| {
        ip("netns add other");
        ip("link add name a type veth peer name b netns other address 02:00:00:00:00:0b");
        ip("link set dev a up");
        ip("-n other link set dev b up");
        test();
        ip("netns delete other");
    });
}

#[test]
fn an_address_is_a_source_once_awaited() {
    with_cable(|| {
        make_and_await("2001:db8::1/64").unwrap();
        assert_eq!(
            ip_json("-6 address show dev a tentative to 2001:db8::1")[0]["addr_info"],
            serde_json::Value::Null
        );
        let routes = ip_json("-6 route show 2001:db8:1::/48");
        assert_eq!(routes[0]["prefsrc"], "2001:db8::1");
    });
}

#[test]
fn a_duplicate_is_reported_with_the_other_hosts_mac() {
    with_cable(|| {
        ip("-n other address add 2001:db8::1/64 dev b nodad");
        // This address exists from the start, so that the other host can be reached at once.
        ip("address add fe80::a/64 dev a nodad");
        let refusal = make_and_await("2001:db8::1/64").unwrap_err();
        assert_eq!(
            (refusal.index, refusal.message.as_str()),
            (
                1,
                "duplicate address: another host on a has it, 02:00:00:00:00:0b \
                 (EADDRNOTAVAIL: Cannot assign requested address)"
            )
        );
        assert_eq!(
            refusal.op.to_string(),
            "wait for duplicate address detection of 2001:db8::1/64 on a in the host's namespace"
        );
    });
}

#[test]
fn a_missing_address_is_not_awaited() {
    with_cable(|| {
        let (key, _) = address("a@1", "2001:db8::1/64");
        let plan = Plan { ops: vec![Op::new(key, Action::Await)] };
        let refusal = Host::open().kernel.execute(&plan).unwrap_err();
        assert_eq!(
            refusal.message,
            "the address is not there (EADDRNOTAVAIL: Cannot assign requested address)"
        );
    });
}

#[test]
fn an_address_without_detection_is_not_waited_for() {
    with_cable(|| {
        let (parameter, value) = sysctl("1", "net/ipv6/conf/a/accept_dad", "0");
        let ops = vec![Op::new(parameter, Action::Create(value))];
        Host::open().kernel.execute(&Plan { ops }).unwrap();
        make_and_await("2001:db8::1/64").unwrap();
    });
}
