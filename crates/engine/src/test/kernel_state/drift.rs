//! Changes by others: what was lost with a link is restored with it, and policies decide about the
//! rest.

use netstate::{Action, Address, AddressKey, Event, LinkName, NetnsName, Op, Place, SysctlKey};

use super::*;

const VETH10: &str = "/iproute2-ip-link:links/link[name='veth10']";
const ROUTE: &str = "/iproute2-ip-route:routes/route[prefix='192.168.20.0/24'][table='254'][metric='0'][tos='0'][netns='vpn10']";

#[test]
fn routes_are_restored_after_a_link_goes_down_and_up() {
    let (host, mut engine) = with_cable("");
    let whole = host.kernel.state();
    set_up(&host, &mut engine, "veth10", false);
    assert_eq!(
        differences(&mut engine),
        [format!("{VETH10}: set veth10 in vpn10 up"), format!("{ROUTE}: waits for {VETH10}"),]
    );
    set_up(&host, &mut engine, "veth10", true);
    assert_eq!(host.kernel.state(), whole);
    assert!(differences(&mut engine).is_empty());

    // So fast that no event shows it down.
    let mut other = host.kernel.clone();
    for up in [false, true] {
        other.execute(&Plan { ops: vec![flag(&host, "veth10", up)] }).unwrap();
    }
    engine.look_at(&link_event("vpn10", "veth10"));
    assert_eq!(host.kernel.state(), whole);
}

#[test]
fn a_recreated_veth_pair_gets_everything_back() {
    let (host, mut engine) = with_cable("");
    let whole = host.kernel.state();
    let pair = [link_key("veth10"), link_key("veth20")].map(|key| {
        let object = whole.objects[&key].clone();
        (key, object)
    });
    let mut other = host.kernel.clone();
    let (key, object) = pair[0].clone();
    other.execute(&Plan { ops: vec![Op::new(key, Action::Delete(object))] }).unwrap();
    engine.look_at(&link_event("vpn10", "veth10"));
    engine.look_at(&link_event("vpn20", "veth20"));
    let lines = differences(&mut engine);
    assert_eq!(lines.len(), 6, "{lines:#?}");
    assert_eq!(lines.iter().filter(|line| line.contains(": waits for")).count(), 4, "{lines:#?}");
    host.kernel.change(|state| state.objects.extend(pair.clone()));
    engine.look_at(&link_event("vpn10", "veth10"));
    engine.look_at(&link_event("vpn20", "veth20"));
    assert_eq!(host.kernel.state(), whole);
    assert!(differences(&mut engine).is_empty());
}

#[test]
fn reported_drift_stays_until_it_is_repaired() {
    let (host, mut engine) = with_cable("");
    let executed = host.kernel.executed().len();
    let key = route();
    let object = host.kernel.state().objects[&key].clone();
    remove(&host, &mut engine, &key);
    assert_eq!(
        differences(&mut engine),
        [format!("{ROUTE}: add route 192.168.20.0/24 dev veth10 in vpn10")]
    );
    // Its link is looked at, but nobody has changed that.
    engine.look_at(&link_event("vpn10", "veth10"));
    engine.look_at(&[Event::Overrun("vpn10".parse().unwrap())].into());
    assert_eq!(host.kernel.executed().len(), executed);
    assert_eq!(differences(&mut engine).len(), 1);
    host.kernel.change(|state| state.objects.extend([(key.clone(), object)]));
    engine.look_at(&[Event::Key(key.clone())].into());
    assert!(differences(&mut engine).is_empty());

    // A commit that touches it repairs it.
    remove(&host, &mut engine, &key);
    assert_eq!(differences(&mut engine).len(), 1);
    engine.apply(&format!("{ROUTE}/src = 1.1.1.9")).unwrap();
    assert!(differences(&mut engine).is_empty());
    assert!(host.kernel.state().objects.contains_key(&key));
}

#[test]
fn repairs_of_a_contested_object_become_less_frequent() {
    let (host, mut engine) = with_cable("/netloom-drift:drift/policy = repair");
    let whole = host.kernel.state();
    set_up(&host, &mut engine, "veth10", false);
    assert_eq!(host.kernel.state(), whole);
    let key = route();
    let mut at_once = 0;
    while {
        remove(&host, &mut engine, &key);
        host.kernel.state() == whole
    } {
        at_once += 1;
        assert!(at_once < 10, "a fight that costs all that there is");
    }
    assert!(at_once >= 2, "{at_once}");
    assert_eq!(differences(&mut engine).len(), 1);
    let wait = engine.waits().expect("it is tried again");
    NOW.set(NOW.get() + wait.as_secs() + 1);
    engine.do_due_work();
    assert_eq!(host.kernel.state(), whole);
    assert!(differences(&mut engine).is_empty());
}

#[test]
fn a_namespace_that_is_deleted_is_repaired_with_all_in_it() {
    let (host, mut engine) = with_cable("/netloom-drift:drift/policy = repair");
    let whole = host.kernel.state();
    let netns = Key::Netns("vpn20".parse().unwrap());
    let mut other = host.kernel.clone();
    let action = Action::Delete(Object::Netns);
    other.execute(&Plan { ops: vec![Op::new(netns, action)] }).unwrap();
    engine.look_at(&[Event::Netns("vpn20".parse().unwrap())].into());
    assert!(host.kernel.state().objects.contains_key(&link_key("veth20")));
    // Removing the namespace removes a NIC in this kernel. The NIC's return is a separate event.
    host.kernel.change(|state| state.objects.extend(nics(&["enp0s5"]).objects));
    engine.look_at(&link_event("1", "enp0s5"));
    assert_eq!(host.kernel.state(), whole);
    assert!(differences(&mut engine).is_empty());
}

#[test]
fn adopted_drift_becomes_running() {
    let (host, mut engine) = with_cable("/netloom-drift:drift/policy = adopt");
    engine.apply(&format!("{VETH10}/mtu = 1400")).unwrap();
    let key = link_key("veth10");
    host.kernel.change(|state| {
        let Some(Object::Link(link)) = state.objects.get_mut(&key) else { panic!() };
        link.attributes.mtu = Some(1300);
        link.flags.up = Some(true);
    });
    engine.look_at(&link_event("vpn10", "veth10"));
    remove(&host, &mut engine, &route());
    let held = host.kernel.state();
    let base = tree(&[NICS, CABLE, "/netloom-drift:drift/policy = adopt"].join("\n"));
    assert_eq!(
        lines(&base, &engine.running.intent.tree),
        format!("+ {VETH10}/mtu = 1300\n- {ROUTE}\n- {ROUTE}/nexthop[dev='veth10']\n")
    );
    let entry = &engine.ledger.history().entries()[0];
    assert_eq!(entry.origin.as_ref().unwrap().user, "netloomd");
    assert!(differences(&mut engine).is_empty());
    drop(engine);
    let _engine = host.start();
    assert_eq!(host.kernel.state(), held);
}

#[test]
fn adopted_vlans_are_those_of_the_port() {
    let (host, mut engine) = Host::with_nics();
    let port = "/iproute2-ip-link:links/link[name='enp0s5']";
    let lines_of = [
        "/netloom-drift:drift/policy = adopt".to_owned(),
        "/iproute2-ip-link:links/bridge[name='br0']/br-info/vlan_filtering = 1".into(),
        "/iproute2-ip-link:links/bridge[name='br0']/netns = vpn20".into(),
        format!("{port}/master = br0"),
        format!("{port}/bridge-conf/vlan[vid='10']/pvid = true"),
        format!("{port}/bridge-conf/vlan[vid='20']/netloom-link:range_end = 29"),
    ];
    engine.apply(&lines_of.join("\n")).unwrap();
    let before = engine.running.intent.tree.clone();
    host.kernel.change(|state| {
        let Some(Object::Link(link)) = state.objects.get_mut(&link_key("enp0s5")) else { panic!() };
        assert_eq!(link.vlans.as_ref().unwrap().to_string(), "10 pvid, 20-29");
        link.vlans = Some("10 pvid untagged, 30-39".parse().unwrap());
    });
    engine.look_at(&link_event("vpn20", "enp0s5"));
    let after = lines(&before, &engine.running.intent.tree);
    for line in
        ["vlan[vid='10']/untagged = true", "- ", "vlan[vid='30']/netloom-link:range_end = 39"]
    {
        assert!(after.contains(line), "{after}");
    }
    assert!(!after.contains("+ {port}/bridge-conf/vlan[vid='20']"), "{after}");
    assert!(differences(&mut engine).is_empty());
}

#[test]
fn nothing_is_adopted_while_a_commit_waits_for_its_confirmation() {
    let (host, mut engine) = with_cable("/netloom-drift:drift/policy = adopt");
    let session = engine.session();
    engine.set(session, &format!("{VETH10}/mtu = 1400"));
    let confirmed = crate::Confirmed {
        timeout: Duration::from_secs(600),
        by: crate::ConfirmedBy::Anybody,
        probes: Vec::new(),
    };
    let request = Request { confirmed: Some(confirmed), ..Request::default() };
    engine.commit(session, request).unwrap();
    let committed = engine.running.id;
    remove(&host, &mut engine, &route());
    assert_eq!(engine.running.id, committed);
    assert_eq!(differences(&mut engine).len(), 1);
    engine.commit(session, Request::default()).unwrap();
    NOW.set(NOW.get() + 2);
    engine.do_due_work();
    assert!(engine.running.intent.tree.node(&Path::parse(schema(), ROUTE).unwrap()).is_none());
}

#[test]
fn ignored_drift_is_handled_after_a_policy_change() {
    let (host, mut engine) = with_cable(
        "/netloom-drift:drift/subtree[path='/iproute2-ip-route:routes']/policy = ignore",
    );
    let whole = host.kernel.state();
    remove(&host, &mut engine, &route());
    assert!(differences(&mut engine).is_empty());
    assert!(host.kernel.state() != whole);
    engine
        .apply("/netloom-drift:drift/subtree[path='/iproute2-ip-route:routes']/policy = repair")
        .unwrap();
    engine.do_due_work();
    assert_eq!(host.kernel.state(), whole);
}

#[test]
fn events_of_unconfigured_objects_are_ignored() {
    let (host, mut engine) = with_cable("");
    engine.look_at_events();
    let foreign = |prefix: u8| {
        Key::Route(netstate::RouteKey {
            netns: "vpn10".parse().unwrap(),
            prefix: format!("10.{prefix}.0.0/16").parse().unwrap(),
            table: 254,
            tos: 0,
            metric: 0,
        })
    };
    let object = host.kernel.state().objects[&route()].clone();
    host.kernel.change(|state| {
        state.objects.extend((0..=255).map(|prefix| (foreign(prefix), object.clone())));
    });
    assert_eq!(engine.events.due(engine.now()), None);
    host.kernel.change(|state| drop(state.objects.remove(&route())));
    assert!(engine.events.due(engine.now()).is_some());
}

#[test]
fn a_repair_that_the_kernel_refuses_is_an_error_and_the_rest_is_repaired() {
    let (host, mut engine) = with_cable("");
    let whole = host.kernel.state();
    remove(&host, &mut engine, &route());
    set_up(&host, &mut engine, "veth20", false);
    // The route comes last.
    host.kernel.refuse_after(1, libc::ENOMEM);
    let errors = engine.repair_all(0).unwrap_err().rpc();
    let [error] = &errors[..] else { panic!("{errors:#?}") };
    assert_eq!(error.path.as_deref(), Some(ROUTE));
    assert!(error.message.starts_with("not repaired: "), "{error}");
    assert_eq!(differences(&mut engine).len(), 1);
    engine.repair_all(0).unwrap();
    assert_eq!(host.kernel.state(), whole);
    assert!(differences(&mut engine).is_empty());
}

#[test]
fn what_a_repair_takes_from_others_comes_back() {
    let variable = "/netloom-sysctl:sysctls/netns[name='vpn20']/variable[name='net.ipv6.conf.all.disable_ipv6']/value = 1";
    let link = |leaf: &str| format!("/iproute2-ip-link:links/link[name='enp0s5']/{leaf}");
    let without_ipv6 = [
        (variable.to_owned(), Some("all")),
        (link("netloom-link:sysctl/disable_ipv6 = 1"), Some("enp0s5")),
        (link("mtu = 1200"), None),
    ];
    for (leaf, switch) in without_ipv6 {
        let (host, mut engine) = Host::with_nics();
        let lines = ["/netloom-drift:drift/policy = repair", &leaf].join("\n");
        engine.apply(&lines).unwrap();
        // Others bring IPv6 back, and use it.
        let netns: NetnsName = "vpn20".parse().unwrap();
        let key = match switch {
            Some(of) => {
                let path = format!("net/ipv6/conf/{of}/disable_ipv6").parse().unwrap();
                Key::Sysctl(SysctlKey { netns: netns.clone(), path })
            }
            None => link_key("enp0s5"),
        };
        let change = match switch {
            Some(_) => Action::Update {
                from: Object::Sysctl("1".into()),
                change: Object::Sysctl("0".into()),
            },
            None => {
                let from = host.kernel.state().objects[&key].clone();
                let mut change = Link::at(from.link().unwrap().place.clone());
                change.attributes.mtu = Some(1500);
                Action::Update { from, change: Object::Link(Box::new(change)) }
            }
        };
        let address = "2001:db8:9::1/64".parse().unwrap();
        let theirs = AddressKey::new(netns.clone(), "enp0s5".parse().unwrap(), address);
        let theirs = Key::Address(theirs);
        let address = Action::Create(Object::Address(Address::default()));
        let ops = vec![Op::new(key.clone(), change), Op::new(theirs.clone(), address)];
        host.kernel.clone().execute(&Plan { ops }).unwrap();
        engine.look_at(&match switch {
            Some(_) => [Event::Key(key)].into(),
            None => link_event("vpn20", "enp0s5"),
        });
        let has = || host.kernel.state().objects.contains_key(&theirs);
        assert!(differences(&mut engine).is_empty(), "{leaf}");
        assert!(!has(), "{leaf} is repaired");
        let session = engine.session();
        let now = engine.sessions.at(session).unwrap().candidate.tree().clone();
        engine.edit_candidate(session, &now.diff(&tree(NICS)).to_edit()).unwrap();
        engine.commit(session, Request::default()).unwrap();
        assert!(has(), "{leaf} is taken out");
    }
}

#[test]
fn a_renamed_or_moved_link_is_reported_and_moved_back() {
    let (host, mut engine) = with_cable("");
    let whole = host.kernel.state();
    for (place, expected) in [("vx@vpn10", "renamed to vx"), ("veth10@vpn20", "moved to vpn20")] {
        move_link(&host, &mut engine, "veth10", place);
        assert_eq!(changes(&mut engine), [expected]);
        engine.repair_all(0).unwrap();
        assert_eq!(host.kernel.state(), whole);
        assert!(differences(&mut engine).is_empty());
    }
    // It may be changed again under its present name.
    move_link(&host, &mut engine, "veth10", "vx@vpn10");
    move_link(&host, &mut engine, "veth10", "vy@vpn10");
    assert_eq!(changes(&mut engine), ["renamed to vy"]);
    engine.apply(&format!("{VETH10}/mtu = 1400")).unwrap();
    assert!(differences(&mut engine).is_empty());
    engine.apply(&format!("no {VETH10}/mtu")).unwrap();
    assert_eq!(host.kernel.state(), whole);
    engine.apply("/netloom-drift:drift/policy = repair").unwrap();
    move_link(&host, &mut engine, "veth10", "vx@vpn20");
    assert_eq!(host.kernel.state(), whole);
}

#[test]
fn swapped_links_are_swapped_back_by_a_commit_that_touches_one() {
    let (host, mut engine) = with_cable("");
    let whole = host.kernel.state();
    for (name, place) in
        [("veth10", "t@vpn10"), ("veth20", "veth10@vpn10"), ("veth10", "veth20@vpn20")]
    {
        move_link(&host, &mut engine, name, place);
    }
    let expected = ["moved to vpn20 as veth20", "moved to vpn10 as veth10"];
    assert_eq!(changes(&mut engine), expected);
    engine.apply(&format!("{VETH10}/mtu = 1400")).unwrap();
    engine.apply(&format!("no {VETH10}/mtu")).unwrap();
    assert_eq!(host.kernel.state(), whole);
    assert!(differences(&mut engine).is_empty());
}

/// Lets another program rename or move a link.
fn move_link(host: &Host, engine: &mut Engine, name: &str, place: &str) {
    let key = link_key(name);
    let from = host.kernel.state().objects[&key].clone();
    let before = from.link().unwrap().place.clone();
    let (ifname, netns) = place.split_once('@').unwrap();
    let place = Place { netns: netns.parse().unwrap(), ifname: ifname.parse().unwrap() };
    let change = Object::Link(Box::new(Link::at(place.clone())));
    let op = Op::new(key, Action::Update { from, change });
    host.kernel.clone().execute(&Plan { ops: vec![op] }).unwrap();
    let events = [before, place].map(|place| Event::Link(place.netns, place.ifname));
    engine.look_at(&events.into());
}

/// The changes by others to links that are shown.
fn changes(engine: &mut Engine) -> Vec<String> {
    let mut tree = Tree::empty(schema());
    engine.report_drift(&mut tree).unwrap();
    let list = Path::parse(schema(), "/netloom-drift:drift/object").unwrap();
    let change = |(_, node): (Path, yang::Node<'_>)| node.leaf("change").map(ToString::to_string);
    tree.nodes(&list).into_iter().filter_map(change).collect()
}

/// A host whose daemon has configured a veth pair and these lines.
fn with_cable(lines: &str) -> (Host, Engine) {
    let (host, mut engine) = Host::with_nics();
    engine.apply(&[CABLE, lines].join("\n")).unwrap();
    (host, engine)
}

fn link_key(name: &str) -> Key {
    Key::Link(name.parse().unwrap())
}

/// The route over the veth pair.
fn route() -> Key {
    Key::Route(netstate::RouteKey {
        netns: "vpn10".parse().unwrap(),
        prefix: "192.168.20.0/24".parse().unwrap(),
        table: 254,
        tos: 0,
        metric: 0,
    })
}

fn link_event(netns: &str, name: &str) -> BTreeSet<Event> {
    [Event::Link(netns.parse().unwrap(), name.parse::<LinkName>().unwrap())].into()
}

/// Lets another program set a link up or down.
fn set_up(host: &Host, engine: &mut Engine, name: &str, up: bool) {
    let op = flag(host, name, up);
    let Action::Update { from: Object::Link(link), .. } = &op.action else { panic!() };
    let netns = link.place.netns.to_string();
    host.kernel.clone().execute(&Plan { ops: vec![op] }).unwrap();
    engine.look_at(&link_event(&netns, name));
    // The repair of the link is a separate event.
    engine.look_at(&link_event(&netns, name));
}

fn flag(host: &Host, name: &str, up: bool) -> Op {
    let key = link_key(name);
    let from = host.kernel.state().objects[&key].clone();
    let place = from.link().unwrap().place.clone();
    let flags = LinkFlags { up: Some(up), ..LinkFlags::default() };
    let change = Object::Link(Box::new(Link { flags, ..Link::at(place) }));
    Op::new(key, Action::Update { from, change })
}

/// Lets another program remove an object.
fn remove(host: &Host, engine: &mut Engine, key: &Key) {
    host.kernel.change(|state| drop(state.objects.remove(key)));
    engine.look_at(&[Event::Key(key.clone())].into());
}

/// The differences in operational data.
fn differences(engine: &mut Engine) -> Vec<String> {
    let mut tree = Tree::empty(schema());
    engine.report_drift(&mut tree).unwrap();
    let list = Path::parse(schema(), "/netloom-drift:drift/object").unwrap();
    let line = |(_, node): (Path, yang::Node<'_>)| {
        let leaf = |name: &str| node.leaf(name).map(ToString::to_string);
        let path = leaf("path").unwrap();
        match leaf("waits-for") {
            Some(link) => format!("{path}: waits for {link}"),
            None => format!("{path}: {}", leaf("difference").unwrap()),
        }
    };
    tree.nodes(&list).into_iter().map(line).collect()
}

#[test]
fn routes_lost_with_an_address_are_given_back() {
    let (host, mut engine) = with_cable("");
    let whole = host.kernel.state();
    let gone = Event::AddressGone("vpn10".parse().unwrap(), "veth10".parse().unwrap());
    // A route that is not configured, but is the last one on its link.
    host.kernel.change(|state| drop(state.objects.remove(&route())));
    engine.look_at(&[gone.clone()].into());
    assert_eq!(host.kernel.state(), whole);

    // An address that is configured. It stays missing because its drift is only reported.
    let address = Key::Address(netstate::AddressKey::new(
        "vpn10".parse().unwrap(),
        "veth10".parse().unwrap(),
        "1.1.1.9/30".parse().unwrap(),
    ));
    host.kernel.change(|state| {
        state.objects.remove(&route());
        state.objects.remove(&address);
    });
    engine.look_at(&[gone, Event::Key(address.clone())].into());
    let held = host.kernel.state();
    assert!(held.objects.contains_key(&route()) && !held.objects.contains_key(&address));
    assert_eq!(differences(&mut engine).len(), 1);
}

#[test]
fn an_address_of_a_link_that_is_to_be_down_waits_for_nothing() {
    let (host, mut engine) = with_cable("/netloom-drift:drift/policy = repair");
    engine.apply(&format!("{VETH10}/admin-status = down\nno {ROUTE}")).unwrap();
    let whole = host.kernel.state();
    let address = Key::Address(netstate::AddressKey::new(
        "vpn10".parse().unwrap(),
        "veth10".parse().unwrap(),
        "1.1.1.9/30".parse().unwrap(),
    ));
    remove(&host, &mut engine, &address);
    assert_eq!(host.kernel.state(), whole);
    assert!(differences(&mut engine).is_empty());
}
