//! Events from the kernel: reasons to look again, never facts.
//!
//! They wait in a set that coalesces: the same event counts once, and where a namespace has too many of them they
//! become one that means all of it. What is not configured is left out before that, so that a storm of foreign
//! routes costs a look-up each. The engine is woken when the set is no longer empty, and takes it whole; it rests between two
//! looks for a multiple of what the last one took, so that a storm costs it a part of its time only.

mod look;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use netstate::{Desired, Event, EventSink, Key, NetnsName, Watched};
use tokio::sync::watch;

use crate::clock::Moment;

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
    /// The namespaces in which addresses of others are waited for.
    awaiting: Arc<watch::Sender<BTreeSet<NetnsName>>>,
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
            awaiting: Arc::new(watch::Sender::new(BTreeSet::new())),
            rest: Moment::default(),
            watched: Watched::default(),
            unwatched: false,
        }
    }

    /// From here on events that name other objects than these are left out.
    pub(crate) fn configure(&self, configured: [&Desired; 2]) {
        self.configured.send_replace(configured.map(Desired::clone));
    }

    /// From here on addresses of others are not left out in these namespaces.
    pub(crate) fn await_addresses(&self, namespaces: BTreeSet<NetnsName>) {
        self.awaiting.send_if_modified(|awaiting| {
            let changed = *awaiting != namespaces;
            *awaiting = namespaces;
            changed
        });
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
        // Links and namespaces are few, and their coming and going is not to be lost.
        let (many, few): (BTreeSet<Event>, _) =
            std::mem::take(events).into_iter().partition(is_key);
        let namespaces = many.iter().filter_map(netns_of).cloned().map(Event::Overrun);
        *events = namespaces.chain(few).collect();
    }
}

/// Where an event happened. A link's key does not say; there is [`Event::Link`] for that.
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
