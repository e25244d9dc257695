//! Events from the kernel: each one is a reason to look again, not a fact.
//!
//! Events wait in a set that coalesces. The same event counts once. If a namespace has too many
//! events, one event for the whole namespace replaces them. Events about objects that are not
//! configured are left out first, so that a storm of foreign routes costs one look-up each. The
//! engine wakes up when the set is no longer empty, and takes the whole set. Between two looks it
//! rests for a multiple of the duration of the last one, so that a storm takes only a part of its
//! time.

mod look;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use netstate::{Desired, Event, EventSink, Key, NetnsName, Watched};
use tokio::sync::watch;

use crate::clock::Moment;

/// The number of waiting events at which the events of each namespace become one.
const LIMIT: usize = 1024;

/// The engine rests for this many times the duration of a look, up to a maximum.
const REST: u32 = 4;
const LONGEST_REST: Duration = Duration::from_millis(500);

/// The events that wait to be looked at.
pub(crate) struct Events {
    waiting: Arc<watch::Sender<BTreeSet<Event>>>,
    /// The objects that are configured, and those that a commit is about to configure.
    configured: Arc<watch::Sender<[Desired; 2]>>,
    /// The namespaces in which the engine waits for addresses of others.
    awaiting: Arc<watch::Sender<BTreeSet<NetnsName>>>,
    /// The end of the engine's rest.
    rest: Moment,
    watched: Watched,
    /// Whether the set of watched namespaces has changed, and could not be applied.
    unwatched: bool,
}

impl Events {
    pub(crate) fn new() -> Events {
        Events {
            waiting: Arc::new(watch::Sender::new(BTreeSet::new())),
            configured: Arc::new(watch::Sender::new(Default::default())),
            awaiting: Arc::new(watch::Sender::new(BTreeSet::new())),
            rest: Moment::default(),
            watched: Watched::default(),
            unwatched: false,
        }
    }

    /// From now on, events about objects other than these are left out.
    pub(crate) fn configure(&self, configured: [&Desired; 2]) {
        self.configured.send_replace(configured.map(Desired::clone));
    }

    /// From now on, addresses of others in these namespaces are not left out.
    pub(crate) fn await_addresses(&self, namespaces: BTreeSet<NetnsName>) {
        self.awaiting.send_if_modified(|awaiting| {
            let changed = *awaiting != namespaces;
            *awaiting = namespaces;
            changed
        });
    }

    /// The time until events may be looked at; none if there are no events.
    pub(crate) fn due(&self, now: Moment) -> Option<Duration> {
        let waits = !self.waiting.borrow().is_empty();
        waits.then(|| self.rest.left(now))
    }

    /// Reports when the set of events is no longer empty.
    pub(crate) fn subscribe(&self) -> watch::Receiver<BTreeSet<Event>> {
        self.waiting.subscribe()
    }

    /// Where a kernel puts its events. It neither waits nor fills a queue. The engine wakes up once
    /// for any number of events, until it has taken them.
    fn sink(&self) -> EventSink {
        let waiting = Arc::clone(&self.waiting);
        let configured = Arc::clone(&self.configured);
        let awaiting = Arc::clone(&self.awaiting);
        Arc::new(move |event| {
            if let Event::Key(key) = &event
                && !configured.borrow().iter().any(|desired| desired.contains(key))
                && !matches!(key, Key::Address(key) if awaiting.borrow().contains(&key.netns))
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
        // Links and namespaces are few, and events about them must not be lost.
        let (many, few): (BTreeSet<Event>, _) =
            std::mem::take(events).into_iter().partition(is_key);
        let namespaces = many.iter().filter_map(netns_of).cloned().map(Event::Overrun);
        *events = namespaces.chain(few).collect();
    }
}

/// The namespace of an event. A link's key does not name it, so [`Event::Link`] does.
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
