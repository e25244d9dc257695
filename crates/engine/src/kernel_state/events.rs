//! Events from the kernel: reasons to look again, never facts.
//!
//! They wait in a set that coalesces: the same event counts once, and where a namespace has too many of them they
//! become one that means all of it. What is not configured is left out at the door, so that a storm of foreign routes
//! costs a look-up each. The engine is told when the set is no longer empty, and takes it whole; it rests between two
//! looks for a multiple of what the last one took, so that a storm costs it a part of its time only.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use netstate::noun::{is_watched, places as places_needed};
use netstate::{Desired, Event, EventSink, Key, LinkName, NetnsName, Object, Place, Watched};
use tokio::sync::watch;

use crate::clock::Moment;
use crate::engine::Engine;
use crate::kernel_state::drift::Stirred;
use crate::transaction::reach::{Reach, netns_of as netns_of_object, place_of};

/// How many events wait before those of each namespace become one.
const LIMIT: usize = 1024;

/// How much longer than a look took the engine rests before the next, and at most.
const REST: u32 = 4;
const LONGEST_REST: Duration = Duration::from_millis(500);

/// What waits to be looked at.
pub(crate) struct Events {
    waiting: Arc<watch::Sender<BTreeSet<Event>>>,
    /// What is configured, and what is about to be.
    configured: Arc<watch::Sender<[Desired; 2]>>,
    /// Until when the engine rests.
    rest: Moment,
    watched: Watched,
    /// Whether something else is to be watched, and could not be.
    unwatched: bool,
}

impl Events {
    pub(crate) fn new() -> Events {
        Events {
            waiting: Arc::new(watch::Sender::new(BTreeSet::new())),
            configured: Arc::new(watch::Sender::new(Default::default())),
            rest: Moment::default(),
            watched: Watched::default(),
            unwatched: false,
        }
    }

    /// From here on events that name other objects than these are nobody's business.
    pub(crate) fn heed(&self, configured: [&Desired; 2]) {
        self.configured.send_replace(configured.map(Desired::clone));
    }

    /// How long until events may be looked at; none where there are none.
    pub(crate) fn due(&self, now: Moment) -> Option<Duration> {
        let waits = !self.waiting.borrow().is_empty();
        waits.then(|| self.rest.left(now))
    }

    /// Hears when events wait where none did.
    pub(crate) fn subscribe(&self) -> watch::Receiver<BTreeSet<Event>> {
        self.waiting.subscribe()
    }

    /// Where a kernel puts its events. Neither waits nor fills a queue: however many events come, the engine is woken
    /// once until it has taken them.
    fn sink(&self) -> EventSink {
        let waiting = Arc::clone(&self.waiting);
        let configured = Arc::clone(&self.configured);
        Arc::new(move |event| {
            if let Event::Key(key) = &event
                && !configured.borrow().iter().any(|desired| desired.contains(key))
            {
                return;
            }
            waiting.send_if_modified(|events| {
                let first = events.is_empty();
                coalesce(events, event);
                first
            });
        })
    }

    fn take(&self) -> BTreeSet<Event> {
        let mut taken = BTreeSet::new();
        self.waiting.send_if_modified(|events| {
            taken = std::mem::take(events);
            false
        });
        taken
    }
}

fn coalesce(events: &mut BTreeSet<Event>, event: Event) {
    let Some(netns) = netns_of(&event) else { return };
    let is_key = |event: &Event| matches!(event, Event::Key(_));
    if is_key(&event) && events.contains(&Event::Overrun(netns.clone())) {
        return;
    }
    let may_be_many = is_key(&event);
    events.insert(event);
    if may_be_many && events.len() > LIMIT {
        // Links and namespaces are few, and their coming and going is not to be lost.
        let (many, few): (BTreeSet<Event>, _) =
            std::mem::take(events).into_iter().partition(is_key);
        let namespaces = many.iter().filter_map(netns_of).cloned().map(Event::Overrun);
        *events = namespaces.chain(few).collect();
    }
}

/// Where an event happened. A link's key does not tell, for which there is [`Event::Link`].
fn netns_of(event: &Event) -> Option<&NetnsName> {
    match event {
        Event::Link(netns, _)
        | Event::AddressGone(netns, _)
        | Event::Netns(netns)
        | Event::Overrun(netns)
        | Event::Key(Key::Netns(netns)) => Some(netns),
        Event::Key(key) => key.netns(),
    }
}

impl Engine {
    /// Watches what a commit has changed of what is to be watched: most change none of it.
    pub(crate) fn watch_changed(&mut self, keys: &BTreeSet<Key>) {
        if self.events.unwatched || keys.iter().any(is_watched) {
            self.watch();
        }
    }

    /// Watches the namespaces that the configuration is about, and the daemon's own, where NICs appear.
    pub(crate) fn watch(&mut self) {
        let desired = self.running.intent.desired();
        let watched = Watched {
            namespaces: desired.namespaces().cloned().chain([NetnsName::own()]).collect(),
            parameters: desired.parameters().cloned().collect(),
        };
        if watched == self.events.watched {
            return;
        }
        let outcome = self.southbound.watch(watched.clone(), self.events.sink());
        self.events.unwatched = outcome.is_err();
        match outcome {
            Ok(()) => self.events.watched = watched,
            Err(error) => tracing::error!(%error, "changes by others go unnoticed"),
        }
    }

    /// Looks again at what has been named since the last time, unless it is time to rest.
    pub(crate) fn look_at_events(&mut self) {
        let begun = self.now();
        if begun < self.events.rest {
            return;
        }
        let events = self.events.take();
        self.look_at(&events);
        let now = self.now();
        self.events.rest = now + LONGEST_REST.min(now.since(begun) * REST);
    }

    /// Looks again at what these events name, and only there.
    pub(crate) fn look_at(&mut self, events: &BTreeSet<Event>) {
        if self.diverged.is_none() && self.may_unstick(events) {
            self.unstick();
        }
        let (keys, stirred) = self.named(events);
        self.look_at_objects(keys, &stirred);
    }

    /// Tries again to apply what is stuck.
    fn unstick(&mut self) {
        let before = self.stuck.clone();
        let touched = self.touched();
        if let Err(errors) = self.settle(&touched, &Reach::Named(before.clone())) {
            tracing::error!(errors = errors.told(), "diverged");
        }
        for key in before.difference(&self.stuck) {
            let path = mapping::path(key, None, &self.running.intent.tree);
            tracing::info!(path, "applied late");
        }
    }

    /// Whether something that is stuck may be where it can be applied now: a link of its name has come, or its
    /// namespace.
    fn may_unstick(&self, events: &BTreeSet<Event>) -> bool {
        if self.stuck.is_empty() {
            return false;
        }
        let (mut links, namespaces) = places(events);
        // What has been refused for want of an address may be possible now.
        links.extend(events.iter().filter_map(|event| match event {
            Event::Key(Key::Address(key)) => Some(&key.dev),
            Event::Key(_)
            | Event::Link(..)
            | Event::AddressGone(..)
            | Event::Netns(_)
            | Event::Overrun(_) => None,
        }));
        let desired = self.running.intent.desired();
        let mut stuck = self.stuck.iter().filter_map(|key| Some((key, desired.get(key)?)));
        stuck.any(|(key, object)| {
            let at = place_of(object).into_iter().cloned().chain(places_needed(key, object));
            let come = at.into_iter().any(|place| links.contains(&place.ifname));
            come || netns_of_object(key, object).is_some_and(|at| namespaces.contains(at))
        })
    }

    /// The configured objects that events name, and the links that something may have fallen from.
    fn named(&self, events: &BTreeSet<Event>) -> (BTreeSet<Key>, Stirred) {
        let desired = self.running.intent.desired();
        let named = events.iter().filter_map(|event| match event {
            Event::Netns(netns) | Event::Overrun(netns) => Some(Key::Netns(netns.clone())),
            Event::Key(key) => Some(key.clone()),
            Event::Link(..) | Event::AddressGone(..) => None,
        });
        let mut keys: BTreeSet<Key> = named.filter(|key| desired.contains(key)).collect();
        let (names, mut namespaces) = places(events);
        namespaces.retain(|netns| self.events.watched.namespaces.contains(*netns));
        if !namespaces.is_empty() {
            let within = |(key, object): &(&Key, &Object)| {
                netns_of_object(key, object).is_some_and(|at| namespaces.contains(at))
            };
            keys.extend(desired.iter().filter(within).map(|(key, _)| key.clone()));
        }
        // A link may have left its place, so that its name tells more than where it was seen.
        let mut stirred = Stirred::default();
        for (id, link) in desired.links() {
            let Place { netns, ifname } = &link.place;
            if names.contains(ifname) {
                stirred.links.insert(Key::Link(id.clone()));
            }
            if events.contains(&Event::AddressGone(netns.clone(), ifname.clone())) {
                stirred.without_address.insert(Key::Link(id.clone()));
            }
        }
        keys.extend(stirred.links.iter().chain(&stirred.without_address).cloned());
        (keys, stirred)
    }
}

/// The names of links, and the namespaces, that events name.
fn places(events: &BTreeSet<Event>) -> (BTreeSet<&LinkName>, BTreeSet<&NetnsName>) {
    let (mut links, mut namespaces) = (BTreeSet::new(), BTreeSet::new());
    for event in events {
        match event {
            Event::Link(_, name) => drop(links.insert(name)),
            Event::Netns(netns) | Event::Overrun(netns) => drop(namespaces.insert(netns)),
            Event::Key(_) | Event::AddressGone(..) => {}
        }
    }
    (links, namespaces)
}
