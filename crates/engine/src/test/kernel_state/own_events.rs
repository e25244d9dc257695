//! The events of a commit itself: what it has verified is not read again.

use netstate::{Event, NetnsName};

use super::*;

/// A kernel that reports one event while a plan is executed, and another when the kernel has been
/// read after that. It records the objects that are asked for.
struct Reporting {
    kernel: FakeKernel,
    sink: EventSink,
    during: Vec<Event>,
    after: Vec<Event>,
    executed: bool,
    asked: Asked,
}

type Asked = Arc<Mutex<BTreeSet<Key>>>;

impl Reporting {
    fn between(engine: &mut Engine, host: &Host, [during, after]: [&[Event]; 2]) -> Asked {
        let asked = Asked::default();
        engine.kernel.replace(Box::new(Reporting {
            kernel: host.kernel.clone(),
            sink: engine.events.sink(),
            during: during.into(),
            after: after.into(),
            executed: false,
            asked: asked.clone(),
        }));
        asked
    }
}

impl Southbound for Reporting {
    fn observe(&mut self, scope: &Scope) -> std::result::Result<State, ObserveError> {
        let Scope::Only(wanted) = scope else { panic!("{scope:?}") };
        let links = wanted.links.keys().cloned().map(Key::Link);
        self.asked.lock().unwrap().extend(wanted.keys.iter().cloned().chain(links));
        let state = self.kernel.observe(scope)?;
        if self.executed {
            self.after.drain(..).for_each(|event| (self.sink)(event));
        }
        Ok(state)
    }

    fn execute(&mut self, plan: &Plan) -> std::result::Result<(), Refusal> {
        self.kernel.execute(plan)?;
        self.executed = true;
        self.during.drain(..).for_each(|event| (self.sink)(event));
        Ok(())
    }

    fn probe(&mut self, probe: &netstate::probe::Probe) -> netstate::probe::Attempt {
        self.kernel.probe(probe)
    }

    fn watch(&mut self, what: Watched, sink: EventSink) -> std::result::Result<(), ObserveError> {
        self.kernel.watch(what, sink)
    }
}

/// Commits a configuration, and looks at the events of this commit. Returns the objects that the
/// look reads.
fn looked_at(
    engine: &mut Engine,
    host: &Host,
    lines: &str,
    events: [&[Event]; 2],
) -> BTreeSet<Key> {
    NOW.set(NOW.get() + 2);
    engine.look_at_events();
    NOW.set(NOW.get() + 2);
    let asked = Reporting::between(engine, host, events);
    engine.apply(lines).unwrap();
    asked.lock().unwrap().clear();
    engine.look_at_events();
    assert_eq!(engine.events.due(engine.now()), None);
    std::mem::take(&mut *asked.lock().unwrap())
}

fn vpn10() -> NetnsName {
    "vpn10".parse().unwrap()
}

fn link(name: &str) -> Event {
    Event::Link(vpn10(), name.parse().unwrap())
}

fn routes(keys: &BTreeSet<Key>) -> Vec<String> {
    let mut prefixes = Vec::new();
    for key in keys {
        if let Key::Route(route) = key {
            prefixes.push(route.prefix.to_string());
        }
    }
    prefixes
}

const MORE: &str = "
    /iproute2-ip-route:routes/route[prefix='10.1.0.0/16'][netns='vpn10'][table='254'][tos='0'][metric='0']/nexthop[dev='veth10']";

#[test]
fn what_a_commit_has_verified_is_not_read_again() {
    let (host, mut engine) = Host::with_nics();
    let overrun = Event::Overrun(vpn10());
    let found = looked_at(&mut engine, &host, CABLE, [&[link("veth10")], &[]]);
    assert_eq!(found, BTreeSet::new());
    // The namespace, and the other end of its link, have more objects than the commit concerns.
    let found = looked_at(&mut engine, &host, MORE, [&[overrun], &[]]);
    assert_eq!(routes(&found), ["192.168.20.0/24", "192.168.10.0/24"]);
}

#[test]
fn events_after_the_verification_are_looked_at() {
    let (host, mut engine) = Host::with_nics();
    let found = looked_at(&mut engine, &host, CABLE, [&[], &[link("veth10")]]);
    assert_eq!(routes(&found), ["192.168.20.0/24", "192.168.10.0/24"]);
    let found = looked_at(&mut engine, &host, MORE, [&[link("enp0s4")], &[link("veth10")]]);
    assert_eq!(routes(&found), ["10.1.0.0/16", "192.168.20.0/24", "192.168.10.0/24"]);
    // The same event before and after counts as one after.
    let (both, overrun) = ([link("veth10")], [Event::Overrun(vpn10())]);
    let other = MORE.replace("10.1.0.0", "10.2.0.0");
    let found = looked_at(&mut engine, &host, &other, [&both, &both]);
    assert_eq!(
        routes(&found),
        ["10.1.0.0/16", "10.2.0.0/16", "192.168.20.0/24", "192.168.10.0/24"]
    );
    let less = format!("no {}", MORE.trim().split_once("/nexthop").unwrap().0);
    let found = looked_at(&mut engine, &host, &less, [&overrun, &overrun]);
    assert_eq!(routes(&found), ["10.2.0.0/16", "192.168.20.0/24", "192.168.10.0/24"]);
}

#[test]
fn a_lost_address_is_looked_at_after_each_commit() {
    let (host, mut engine) = Host::with_nics();
    engine.apply(CABLE).unwrap();
    let gone = Event::AddressGone(vpn10(), "veth10".parse().unwrap());
    let found = looked_at(&mut engine, &host, MORE, [&[gone], &[]]);
    assert_eq!(routes(&found), ["10.1.0.0/16", "192.168.20.0/24", "192.168.10.0/24"]);
}
