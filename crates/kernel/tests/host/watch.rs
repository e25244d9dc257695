//! Changes by others are reported in every watched namespace, and in one that is created later.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use netstate::{
    Action, Event, EventSink, Key, NetnsName, Object, Op, Plan, Southbound, SysctlKey, Watched,
};
use testkit::netns::{ip, isolated};

use crate::{Host, address, place, route};

fn watch(host: &mut Host, namespaces: &[&str]) -> Receiver<Event> {
    watch_with(host, namespaces, [])
}

fn watch_with<const N: usize>(
    host: &mut Host,
    namespaces: &[&str],
    parameters: [SysctlKey; N],
) -> Receiver<Event> {
    let (sender, receiver) = channel();
    let sender = Mutex::new(sender);
    let sink = Arc::new(move |event| drop(sender.lock().unwrap().send(event)));
    host.kernel
        .watch(Watched { parameters: parameters.into(), ..all_of(namespaces) }, sink)
        .expect("watch");
    receiver
}

fn all_of(namespaces: &[&str]) -> Watched {
    let namespaces = namespaces.iter().map(|text| name(text)).collect();
    Watched { namespaces, ..Watched::default() }
}

/// Waits for an event, and ignores others.
#[track_caller]
fn await_event(events: &Receiver<Event>, wanted: Event) {
    let mut seen = Vec::new();
    while let Ok(event) = events.recv_timeout(Duration::from_secs(10)) {
        if event == wanted {
            return;
        }
        seen.push(event);
    }
    panic!("{wanted:?} is not among {seen:?}");
}

fn name(text: &str) -> NetnsName {
    text.parse().unwrap()
}

#[test]
fn links_addresses_routes_and_neighbours() {
    isolated(|| {
        ip("netns add red");
        let mut host = Host::open();
        let events = watch(&mut host, &["1", "red"]);
        ip("link add name b type veth peer name a netns red");
        await_event(&events, Event::Link(name("red"), place("a@red").ifname));
        ip("-n red link set dev a up");
        ip("-n red addr add 10.0.0.1/24 dev a");
        await_event(&events, Event::Key(address("a@red", "10.0.0.1/24").0));
        ip("link set dev b up");
        ip("-n red route add 10.1.0.0/16 via 10.0.0.2");
        await_event(&events, Event::Key(route("red", "10.1.0.0/16", &[]).0));
        ip("-n red neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev a");
        let neighbor = |event: &Event| matches!(event, Event::Key(Key::Neighbor(key)) if key.address.is_ipv4());
        while !neighbor(&events.recv_timeout(Duration::from_secs(10)).expect("an event")) {}
    });
}

#[test]
fn a_renamed_link_is_reported_under_both_names() {
    isolated(|| {
        ip("link add name a type veth peer name b");
        let mut host = Host::open();
        let events = watch(&mut host, &["1"]);
        ip("link set dev b up");
        await_event(&events, Event::Link(name("1"), place("b@1").ifname));
        ip("link set dev a down name vx");
        await_event(&events, Event::Link(name("1"), place("a@1").ifname));
        await_event(&events, Event::Link(name("1"), place("vx@1").ifname));
    });
}

#[test]
fn namespaces_come_and_go() {
    isolated(|| {
        ip("netns add other");
        let mut host = Host::open();
        let events = watch(&mut host, &["1", "red"]);
        ip("netns add red");
        await_event(&events, Event::Netns(name("red")));
        await_event(&events, Event::Overrun(name("red")));
        ip("-n red link set lo up");
        await_event(&events, Event::Link(name("red"), place("lo@red").ifname));
        ip("netns delete red");
        await_event(&events, Event::Netns(name("red")));
    });
}

#[test]
fn a_monitor_ends_with_its_kernel() {
    isolated(|| {
        let mut host = Host::open();
        let events = watch(&mut host, &["1"]);
        drop(host);
        assert!(events.recv().is_err());
    });
}

#[test]
fn a_change_of_what_is_watched_loses_nothing() {
    isolated(|| {
        ip("netns add red");
        ip("netns add blue");
        let mut host = Host::open();
        let (sender, events) = channel();
        let sender = Mutex::new(sender);
        let sink: EventSink = Arc::new(move |event| drop(sender.lock().unwrap().send(event)));
        let sets = [&["1", "red"][..], &["1", "red", "blue"], &["1", "blue"]];
        for (round, namespaces) in sets.into_iter().enumerate() {
            let link = format!("l{round}");
            if round > 0 {
                // The present monitor must report it, or the next one.
                ip(&format!("link add name {link} type veth peer name m{round}"));
            }
            host.kernel.watch(all_of(namespaces), Arc::clone(&sink)).expect("watch");
            if round > 0 {
                await_event(&events, Event::Link(name("1"), link.parse().unwrap()));
            }
        }
        ip("-n red link set lo up");
        ip("-n blue link set lo up");
        let [of_red, of_blue] =
            ["red", "blue"].map(|netns| Event::Link(name(netns), "lo".parse().unwrap()));
        loop {
            let event = events.recv_timeout(Duration::from_secs(10)).expect("an event");
            assert_ne!(event, of_red);
            if event == of_blue {
                break;
            }
        }
    });
}

#[test]
fn parameters_with_notifications() {
    isolated(|| {
        ip("netns add red");
        ip("link add name b type veth peer name a netns red");
        let mut host = Host::open();
        let events = watch(&mut host, &["1", "red"]);
        for path in [
            "net/ipv4/ip_forward",
            "net/ipv4/conf/a/rp_filter",
            "net/ipv4/conf/a/proxy_arp",
            "net/ipv6/conf/all/forwarding",
            "net/ipv6/conf/a/forwarding",
        ] {
            let path = path.parse().unwrap();
            let key = Key::Sysctl(SysctlKey { netns: name("red"), path });
            // One of the two has changed.
            let set = |value: &str| {
                let action = Action::Create(Object::Sysctl(value.into()));
                Op::new(key.clone(), action)
            };
            Host::open().kernel.execute(&Plan { ops: vec![set("1"), set("0")] }).unwrap();
            await_event(&events, Event::Key(key));
        }
    });
}

#[test]
fn parameters_without_notifications() {
    isolated(|| {
        ip("netns add red");
        ip("link add name b type veth peer name a netns red");
        let [all, one, absent] = ["all/arp_ignore", "a/arp_ignore", "c/arp_ignore"].map(|path| {
            let path = format!("net/ipv4/conf/{path}").parse().unwrap();
            SysctlKey { netns: name("red"), path }
        });
        let mut host = Host::open();
        let keys = [all.clone(), one.clone(), absent.clone()];
        let events = watch_with(&mut host, &["1", "red"], keys);
        let event = |key: &SysctlKey| Event::Key(Key::Sysctl(key.clone()));
        let set = |key: &SysctlKey, value: u8| {
            let action = Action::Create(Object::Sysctl(value.to_string()));
            let op = Op::new(Key::Sysctl(key.clone()), action);
            Host::open().kernel.execute(&Plan { ops: vec![op] }).unwrap();
        };
        // A parameter is reported when it is found, because it may have changed before. Afterwards
        // each write is reported.
        await_event(&events, event(&one));
        await_event(&events, event(&all));
        set(&all, 1);
        await_event(&events, event(&all));
        set(&one, 1);
        await_event(&events, event(&one));
        // A link that is created again has new files, and so does a link that takes the name.
        ip("link delete dev b");
        ip("link add name b type veth peer name a netns red");
        await_event(&events, event(&one));
        set(&one, 2);
        await_event(&events, event(&one));
        ip("-n red link set dev a name c");
        await_event(&events, event(&absent));
        set(&absent, 1);
        await_event(&events, event(&absent));
        // A namespace has new files too.
        ip("netns delete red");
        ip("netns add red");
        await_event(&events, event(&all));
        set(&all, 3);
        await_event(&events, event(&all));
        // Parameters that are not wanted any more are not reported.
        host.kernel.watch(Watched::default(), Arc::new(|event| panic!("{event:?}"))).unwrap();
        set(&all, 1);
        drop(host);
    });
}

#[test]
fn own_routes_are_no_events() {
    isolated(|| {
        ip("link add name b type veth peer name a");
        ip("link set dev a up");
        ip("link set dev b up");
        let mut host = Host::open();
        let events = watch(&mut host, &["1"]);
        let op = |prefix: &str| {
            let (key, object) = route("1", prefix, &[("a", "")]);
            Op::new(key, Action::Create(object))
        };
        let (own, others) = (op("10.1.0.0/16"), op("10.2.0.0/16"));
        let removed = match &own.action {
            Action::Create(object) => Op::new(own.key.clone(), Action::Delete(object.clone())),
            other => panic!("{other:?}"),
        };
        host.kernel.execute(&Plan { ops: vec![own.clone(), removed] }).unwrap();
        Host::open().kernel.execute(&Plan { ops: vec![others.clone()] }).unwrap();
        let is_key = |event: &Event, op: &Op| *event == Event::Key(op.key.clone());
        loop {
            let event = events.recv_timeout(Duration::from_secs(10)).expect("an event");
            assert!(!is_key(&event, &own));
            if is_key(&event, &others) {
                break;
            }
        }
    });
}
