//! Events from the kernel: each one is a reason to look again, not a fact.
//!
//! Events wait in a set that coalesces. The same event counts once. If a namespace has too many
//! events, one event for the whole namespace replaces them. Events about objects that are not
//! configured are left out first, so that a storm of foreign routes costs one look-up each. The
//! engine wakes up when the set is no longer empty, and takes the whole set. Between two looks it
//! rests for a multiple of the duration of the last one, so that a storm takes only a part of its
//! time.
//!
//! A commit causes events itself, and reads its objects back from the kernel at its end. For events
//! that arrived before it did so, these objects need not be read again.

mod look;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use netstate::{Desired, Event, EventSink, Key, NetnsName, Watched};
use tokio::sync::watch;

use crate::clock::Moment;

/// The number of waiting events at which the events of each namespace become one.
const LIMIT: usize = 1024;

/// The engine rests for this many times the duration of a look, up to a maximum.
const REST: u32 = 4;
const LONGEST_REST: Duration = Duration::from_millis(500);

/// Events, each with the epoch in which it arrived last.
type Waiting = BTreeMap<Event, Epoch>;

/// The time between two verifications. An event of an earlier epoch than that of a verification
/// arrived before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Epoch(u64);

/// Counts epochs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Epochs(Arc<AtomicU64>);

impl Epochs {
    /// Begins an epoch. Called before objects are verified.
    pub(crate) fn begin(&self) -> Epoch {
        Epoch(self.0.fetch_add(1, Ordering::SeqCst) + 1)
    }

    fn current(&self) -> Epoch {
        Epoch(self.0.load(Ordering::SeqCst))
    }
}

/// Objects that were as configured in the kernel.
#[derive(Debug, Default)]
pub(crate) struct Verified {
    /// The epoch that began before they were read.
    pub(crate) epoch: Epoch,
    pub(crate) keys: BTreeSet<Key>,
}

/// The events that wait to be looked at.
pub(crate) struct Events {
    waiting: Arc<watch::Sender<Waiting>>,
    pub(crate) epochs: Epochs,
    /// The objects that a commit has verified. They matter only for events that have waited since
    /// before.
    verified: Verified,
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
            waiting: Arc::new(watch::Sender::new(Waiting::new())),
            epochs: Epochs::default(),
            verified: Verified::default(),
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

    /// Whether events wait since before this epoch.
    pub(crate) fn wait_since_before(&self, epoch: Epoch) -> bool {
        self.waiting.borrow().values().any(|arrived| *arrived < epoch)
    }

    /// Events that arrived before these objects were verified are no reason to look at them.
    pub(crate) fn note_verified(&mut self, verified: Verified) {
        // One set is enough. A small commit that follows a large one does not replace that one's.
        if verified.keys.len() >= self.verified.keys.len() {
            self.verified = verified;
        }
    }

    /// Reports when the set of events is no longer empty.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Waiting> {
        self.waiting.subscribe()
    }

    /// Where a kernel puts its events. It neither waits nor fills a queue. The engine wakes up once
    /// for any number of events, until it has taken them.
    pub(crate) fn sink(&self) -> EventSink {
        let waiting = Arc::clone(&self.waiting);
        let configured = Arc::clone(&self.configured);
        let awaiting = Arc::clone(&self.awaiting);
        let epochs = self.epochs.clone();
        Arc::new(move |event| {
            if let Event::Key(key) = &event
                && !configured.borrow().iter().any(|desired| desired.contains(key))
                && !matches!(key, Key::Address(key) if awaiting.borrow().contains(&key.netns))
            {
                return;
            }
            waiting.send_if_modified(|events| {
                let first = events.is_empty();
                coalesce(events, event, epochs.current());
                first
            });
        })
    }

    /// The events that wait, and those of them that arrived before some objects were verified, with
    /// these objects.
    fn take(&mut self) -> (BTreeSet<Event>, BTreeSet<Event>, BTreeSet<Key>) {
        let mut taken = Waiting::new();
        self.waiting.send_if_modified(|events| {
            taken = std::mem::take(events);
            false
        });
        let Verified { epoch: begun, keys } = std::mem::take(&mut self.verified);
        let (mut others, mut older) = (BTreeSet::new(), BTreeSet::new());
        for (event, epoch) in taken {
            // Whatever depended on a lost address may still have to be held.
            let is_older = epoch < begun && !matches!(event, Event::AddressGone(..));
            if is_older { &mut older } else { &mut others }.insert(event);
        }
        (others, older, keys)
    }
}

fn coalesce(events: &mut Waiting, event: Event, epoch: Epoch) {
    let Some(netns) = netns_of(&event) else { return };
    let is_key = |event: &Event| matches!(event, Event::Key(_));
    if is_key(&event)
        && let Some(of_all) = events.get_mut(&Event::Overrun(netns.clone()))
    {
        *of_all = epoch;
        return;
    }
    let may_be_many = is_key(&event);
    events.insert(event, epoch);
    if may_be_many && events.len() > LIMIT {
        // Links and namespaces are few, and events about them must not be lost.
        for event in std::mem::take(events) {
            let (event, epoch) = match (is_key(&event.0), netns_of(&event.0)) {
                (true, Some(netns)) => (Event::Overrun(netns.clone()), event.1),
                (false, _) | (true, None) => event,
            };
            let latest = events.entry(event).or_insert(epoch);
            *latest = epoch.max(*latest);
        }
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
