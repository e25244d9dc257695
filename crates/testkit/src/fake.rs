//! The fake kernel: it holds a [`State`] and behaves as Linux does, including side effects and
//! errors.
//!
//! Clones share the same state, so that a test can look at it while an engine owns a clone. The
//! rules of this kernel are written independently of the planner, so that it does not share the
//! planner's mistakes. The same cases run on the real kernel.

mod addresses;
mod bonds;
mod bridges;
mod detection;
mod effects;
mod ipv6;
mod links;
mod nexthops;
mod parameters;
mod routes;
mod shared;
mod tunnels;
mod vlans;
mod vrfs;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use netstate::probe::{Attempt, Probe};
use netstate::{
    AddressKey, Event, EventSink, Key, Link, LinkId, Object, ObserveError, Op, Part, Place, Plan,
    Refusal, Scope, Southbound, State, SysctlKey, Wanted, Watched,
};

use self::bridges::OwnMtus;
use self::detection::Duplicate;

/// A handle to a fake kernel.
#[derive(Clone, Debug, Default)]
pub struct FakeKernel {
    held: Arc<Mutex<Held>>,
}

#[derive(Default)]
struct Held {
    state: State,
    executed: Vec<Op>,
    /// The number of operations before one is refused, and the error.
    refusal: Option<(usize, i32)>,
    /// The number of operations before the process ends.
    power: Option<usize>,
    watcher: Option<EventSink>,
    /// The probes that are answered.
    answers: BTreeSet<Probe>,
    /// Addresses that other hosts have.
    duplicates: BTreeSet<Duplicate>,
    /// Bridges that do not follow their ports.
    own_mtus: OwnMtus,
    /// The link of the state for each wanted one, as it was last seen.
    identities: BTreeMap<LinkId, LinkId>,
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Held").field("state", &self.state).finish_non_exhaustive()
    }
}

impl FakeKernel {
    /// A kernel that holds `state`.
    pub fn holding(state: State) -> Self {
        let fake = Self::default();
        fake.held().state = state;
        fake
    }

    /// What it holds.
    pub fn state(&self) -> State {
        self.held().state.clone()
    }

    /// Changes the state as another program does, and notifies the watcher.
    pub fn change(&self, change: impl FnOnce(&mut State)) {
        let (before, after, watcher) = {
            let mut held = self.held();
            let before = held.state.clone();
            change(&mut held.state);
            (before, held.state.clone(), held.watcher.clone())
        };
        let Some(watcher) = watcher else { return };
        for key in before.objects.keys().chain(after.objects.keys()).collect::<BTreeSet<_>>() {
            let (old, new) = (before.objects.get(key), after.objects.get(key));
            if old != new
                && let Some(event) = new.or(old).map(|object| event(key, object))
            {
                watcher(event);
            }
            if let (Key::Address(key), None) = (key, new) {
                watcher(Event::AddressGone(key.netns.clone(), key.dev.clone()));
            }
        }
    }

    /// Refuses the operation after `operations` others, once, with an error number.
    pub fn refuse_after(&self, operations: usize, errno: i32) {
        self.held().refusal = Some((operations, errno));
    }

    /// Simulates a crash: panics after `operations` more operations.
    pub fn crash_after(&self, operations: usize) {
        self.held().power = Some(operations);
    }

    /// From now on, answers a probe.
    pub fn answer(&self, probe: Probe) {
        self.held().answers.insert(probe);
    }

    /// From now on, another host has an address on a link. When detection ends, by
    /// [`settle_addresses`] or by an operation that awaits it, the address here is a duplicate.
    ///
    /// [`settle_addresses`]: FakeKernel::settle_addresses
    pub fn declare_duplicate(&self, place: &Place, address: IpAddr) {
        let duplicate = (place.netns.clone(), place.ifname.clone(), address);
        self.held().duplicates.insert(duplicate);
    }

    /// Ends duplicate address detection on all links that are up, and notifies the watcher.
    pub fn settle_addresses(&self) {
        let duplicates = self.held().duplicates.clone();
        self.change(|state| {
            let addresses: Vec<AddressKey> = (state.objects.keys())
                .filter_map(
                    |key| if let Key::Address(key) = key { Some(key.clone()) } else { None },
                )
                .collect();
            for key in addresses {
                detection::end_detection(state, &duplicates, &key);
            }
        });
    }

    /// Every operation that was executed.
    pub fn executed(&self) -> Vec<Op> {
        self.held().executed.clone()
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Southbound for FakeKernel {
    fn observe(&mut self, scope: &Scope) -> Result<State, ObserveError> {
        let mut held = self.held();
        Ok(match scope {
            Scope::Everything { known } => part(&held.state, &Part::all(known.clone())),
            Scope::Part(wanted) => part(&held.state, wanted),
            Scope::Only(wanted) => {
                let Held { state, identities, .. } = &mut *held;
                let found = identify(state, identities, wanted);
                only(state, wanted, found)
            }
        })
    }

    fn execute(&mut self, plan: &Plan) -> Result<(), Refusal> {
        let mut held = self.held();
        for (index, op) in plan.ops.iter().enumerate() {
            if held.power == Some(0) {
                held.power = None;
                drop(held);
                panic!("the power went before {op}");
            }
            let injected = match &mut held.refusal {
                Some((0, errno)) => Some(shared::refusal(*errno, "")),
                Some((operations, _)) => {
                    *operations -= 1;
                    None
                }
                None => None,
            };
            let done = match injected {
                Some(refusal) => {
                    held.refusal = None;
                    Err(refusal)
                }
                None => {
                    let Held { state, duplicates, own_mtus, .. } = &mut *held;
                    effects::apply(state, duplicates, own_mtus, op)
                }
            };
            done.map_err(|(errno, message)| Refusal {
                index,
                op: Box::new(op.clone()),
                errno,
                message,
                field: None,
            })?;
            held.executed.push(op.clone());
            held.power = held.power.map(|operations| operations - 1);
        }
        Ok(())
    }

    fn probe(&mut self, probe: &Probe) -> Attempt {
        let answers = self.held().answers.contains(probe);
        Box::new(move || if answers { Ok(()) } else { Err("no answer".into()) })
    }

    fn watch(&mut self, _: Watched, sink: EventSink) -> Result<(), ObserveError> {
        self.held().watcher = Some(sink);
        Ok(())
    }
}

fn event(key: &Key, object: &Object) -> Event {
    match (key, object) {
        (Key::Netns(netns), _) => Event::Netns(netns.clone()),
        (_, Object::Link(link)) => Event::Link(link.place.netns.clone(), link.place.ifname.clone()),
        (key, _) => Event::Key(key.clone()),
    }
}

/// A part of the state, without parameters, which cannot be listed.
fn part(state: &State, part: &Part) -> State {
    let mut seen = State::default();
    for (key, object) in &state.objects {
        if matches!(key, Key::Sysctl(_)) {
            continue;
        }
        let link = object.link();
        let has_noun = part.nouns.contains(&key.noun());
        let asked_for = match (key, link) {
            (Key::Netns(netns), _) => part.has_netns(netns),
            (_, Some(link)) => part.has_link(&link.place) || !has_noun,
            (key, None) => key.netns().is_none_or(|netns| part.has_netns(netns)),
        };
        if !asked_for || !(has_noun || link.is_some()) {
            continue;
        }
        let id = link.and_then(|link| part.known.get(&link.place)).cloned();
        let key = id.map_or_else(|| key.clone(), Key::Link);
        let object = match link.filter(|_| !has_noun) {
            Some(link) => Object::Link(Box::new(Link::at(link.place.clone()))),
            None => object.clone(),
        };
        seen.objects.insert(key, object);
    }
    seen
}

/// The wanted links: at their places, or elsewhere if they were seen before or their other end is
/// known.
fn identify<'w>(
    state: &State,
    identities: &mut BTreeMap<LinkId, LinkId>,
    wanted: &'w Wanted,
) -> BTreeMap<&'w LinkId, LinkId> {
    let ids = state.objects.iter().filter_map(|(key, object)| match (key, object) {
        (Key::Link(id), Object::Link(link)) => Some((&link.place, id)),
        _ => None,
    });
    let at: BTreeMap<&Place, &LinkId> = ids.collect();
    let link = |id: &LinkId| state.objects.get(&Key::Link(id.clone()))?.link();
    let at_places: BTreeMap<&LinkId, LinkId> = (wanted.links.iter())
        .filter_map(|(id, places)| {
            let mut there = places.iter().filter_map(|place| at.get(place).copied());
            let known = identities.get(id);
            let first = there.clone().next()?;
            Some((id, there.find(|held| Some(*held) == known).unwrap_or(first).clone()))
        })
        .collect();
    let mut elsewhere = BTreeMap::new();
    for (id, mark) in &wanted.marks {
        let known = identities.get(id).filter(|known| link(known).is_some());
        let found = at_places.get(id);
        let by_other_end = || {
            let mate = link(at.get(mark.peer.as_ref()?)?)?;
            at.get(mate.peer.as_ref()?).copied()
        };
        let known = if found.is_none() { known.or_else(by_other_end) } else { known };
        elsewhere
            .extend(known.filter(|known| found != Some(known)).map(|known| (id, known.clone())));
    }
    let found = wanted.identify(at_places, elsewhere);
    identities.retain(|id, _| !wanted.links.contains_key(id));
    for (id, held) in &found {
        identities.retain(|_, other| other != held);
        identities.insert((*id).clone(), held.clone());
    }
    found
}

fn only(state: &State, wanted: &Wanted, found: BTreeMap<&LinkId, LinkId>) -> State {
    let mut seen = State::default();
    for key in &wanted.keys {
        let object = if let Key::Sysctl(sysctl) = key {
            parameter(state, sysctl).map(Object::Sysctl)
        } else {
            state.objects.get(key).cloned()
        };
        if let Some(object) = object {
            seen.objects.insert(key.clone(), object);
        }
    }
    for at in wanted.initial.iter().filter(|at| shared::need_netns(state, &at.netns).is_err()) {
        let value = parameters::initial(at.path.as_str()).to_owned();
        seen.objects.insert(Key::Sysctl(at.clone()), Object::Sysctl(value));
    }
    let link = |held: LinkId| state.objects.get(&Key::Link(held))?.link();
    let found: BTreeMap<&LinkId, &Link> =
        found.into_iter().filter_map(|(id, held)| Some((id, link(held)?))).collect();
    let with_dependents = wanted.wants_dependents(found.iter().map(|(id, link)| (*id, *link)));
    for (id, link) in found {
        seen.objects.insert(Key::Link(id.clone()), Object::Link(Box::new(link.clone())));
        if wanted.wants_parameters(id, &link.place) {
            let of_link = |(key, object): &(&Key, &Object)| match (key, object) {
                (Key::Sysctl(at), Object::Sysctl(value)) => {
                    shared::is_on(key, object, &link.place) && parameters::is_own(state, at, value)
                }
                _ => false,
            };
            let own = state.objects.iter().filter(of_link);
            seen.objects.extend(own.map(|(key, object)| (key.clone(), object.clone())));
        }
        if with_dependents {
            let is_dependent = |(key, object): &(&Key, &Object)| {
                !matches!(key, Key::Sysctl(_) | Key::Fdb(_))
                    && shared::is_on(key, object, &link.place)
            };
            let dependents = state.objects.iter().filter(is_dependent);
            seen.objects.extend(dependents.map(|(key, object)| (key.clone(), object.clone())));
        }
    }
    let taken: BTreeSet<Place> = links(&seen).map(|link| link.place.clone()).collect();
    for (key, object) in &state.objects {
        if let Object::Link(link) = object
            && wanted.occupants.contains(&link.place.netns)
            && !taken.contains(&link.place)
        {
            seen.objects.insert(key.clone(), object.clone());
        }
    }
    wanted.reach.iter().for_each(|parameter| reached(state, parameter, &mut seen));
    seen
}

/// What a changing parameter affects: the same parameter of links, and the objects of IPv6.
fn reached(state: &State, parameter: &SysctlKey, seen: &mut State) {
    let in_netns = links(state).filter(|link| link.place.netns == parameter.netns);
    for path in in_netns.filter_map(|link| parameter.path.spread_to(&link.place.ifname)) {
        let key = SysctlKey { path, ..parameter.clone() };
        if let Some(value) = self::parameter(state, &key) {
            seen.objects.insert(Key::Sysctl(key), Object::Sysctl(value));
        }
    }
    if !parameter.path.switches_ipv6() {
        return;
    }
    let is_on_it = |key: &Key, object: &Object| match parameter.path.dev() {
        Some(ifname) => {
            shared::is_on(key, object, &Place { netns: parameter.netns.clone(), ifname })
        }
        None => key.netns() == Some(&parameter.netns),
    };
    let of_ipv6 =
        state.objects.iter().filter(|(key, object)| ipv6::is_ipv6(key) && is_on_it(key, object));
    seen.objects.extend(of_ipv6.map(|(key, object)| (key.clone(), object.clone())));
}

/// A parameter's value, if its namespace and link exist.
fn parameter(state: &State, key: &SysctlKey) -> Option<String> {
    shared::need_netns(state, &key.netns).ok()?;
    let there = !parameters::set::lacks_link(state, key);
    there.then(|| parameters::value(state, &key.netns, key.path.as_str()).to_owned())
}

fn links(state: &State) -> impl Iterator<Item = &Link> {
    state.objects.values().filter_map(Object::link)
}

#[cfg(test)]
mod tests {
    use netstate::Action;

    use super::*;

    #[test]
    fn an_injected_refusal_is_met_once() {
        let mut fake = FakeKernel::default();
        let op =
            |name: &str| Op::new(Key::Netns(name.parse().unwrap()), Action::Create(Object::Netns));
        let plan = Plan { ops: vec![op("red"), op("blue")] };
        fake.refuse_after(1, libc::ENOMEM);
        let refusal = fake.execute(&plan).unwrap_err();
        assert_eq!((refusal.index, refusal.errno), (1, libc::ENOMEM));
        let has = |name: &str| fake.state().objects.contains_key(&op(name).key);
        assert_eq!([has("red"), has("blue")], [true, false]);
        assert_eq!(fake.execute(&plan).unwrap_err().errno, libc::EEXIST);
    }
}
