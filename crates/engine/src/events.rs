//! Events from the kernel: reasons to look again, never facts.
//!
//! They wait in a set that coalesces: the same event counts once, and where a namespace has too many of them they
//! become one that means all of it. The engine is told when the set is no longer empty, and takes it whole.

use std::collections::BTreeSet;
use std::sync::Arc;

use netstate::{Action, Desired, Event, EventSink, Key, NetnsName, Object, Op, Plan};
use tokio::sync::{mpsc, watch};

use crate::converge::Way;
use crate::engine::{Engine, Request};
use crate::error::Error;
use crate::reach::{Reach, netns_of as netns_of_object, place_of, with_dependents};

/// How many events wait before those of each namespace become one.
const LIMIT: usize = 1024;

/// How many changes by others are told one by one; a log is no place for a storm.
const TOLD: usize = 16;

/// What waits to be looked at.
pub(crate) struct Events {
    waiting: Arc<watch::Sender<BTreeSet<Event>>>,
    requests: mpsc::WeakUnboundedSender<Request>,
    /// The namespaces that are being watched.
    watched: BTreeSet<NetnsName>,
}

impl Events {
    pub(crate) fn new(requests: mpsc::WeakUnboundedSender<Request>) -> Events {
        let (waiting, _) = watch::channel(BTreeSet::new());
        Events { waiting: Arc::new(waiting), requests, watched: BTreeSet::new() }
    }

    /// Where a kernel puts its events.
    fn sink(&self) -> EventSink {
        let (waiting, requests) = (Arc::clone(&self.waiting), self.requests.clone());
        Arc::new(move |event| {
            let mut first = false;
            waiting.send_if_modified(|events| {
                first = events.is_empty();
                coalesce(events, event);
                false
            });
            if let Some(requests) = requests.upgrade().filter(|_| first) {
                let _stopped = requests.send(Request::Events);
            }
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
    if events.contains(&Event::Overrun(netns.clone())) {
        return;
    }
    events.insert(event);
    if events.len() > LIMIT {
        let namespaces: BTreeSet<&NetnsName> = events.iter().filter_map(netns_of).collect();
        *events = namespaces.into_iter().cloned().map(Event::Overrun).collect();
    }
}

/// Where an event happened. A link's key does not tell, for which there is [`Event::Link`].
fn netns_of(event: &Event) -> Option<&NetnsName> {
    match event {
        Event::Link(netns, _)
        | Event::Netns(netns)
        | Event::Overrun(netns)
        | Event::Key(Key::Netns(netns)) => Some(netns),
        Event::Key(key) => key.netns(),
    }
}

impl Engine {
    /// Watches the namespaces that the configuration is about, and the daemon's own, where NICs appear.
    pub(crate) fn watch(&mut self) {
        let configured = self.running.intent.desired().namespaces().cloned();
        let namespaces: BTreeSet<NetnsName> = configured.chain([NetnsName::own()]).collect();
        if namespaces == self.events.watched {
            return;
        }
        match self.southbound.watch(&namespaces, self.events.sink()) {
            Ok(()) => self.events.watched = namespaces,
            Err(error) => tracing::error!(%error, "changes by others go unnoticed"),
        }
    }

    /// Looks again at what has been named since the last time.
    pub(crate) fn look_at_events(&mut self) {
        let events = self.events.take();
        self.look_at(&events);
    }

    /// Looks again at what these events name, and only there. A missing link that has appeared is configured; a
    /// change that somebody else made is told. What the engine itself has changed is as it shall be.
    pub(crate) fn look_at(&mut self, events: &BTreeSet<Event>) {
        if events.iter().any(|event| self.may_unstick(event)) {
            self.unstick();
        }
        let keys = self.named(events);
        if keys.is_empty() {
            return;
        }
        let running = self.running.intent.clone();
        let desired = running.desired();
        let reach = Reach::Named(keys.clone());
        match self.survey(&Way { reach, ..Way::from(desired, &running) }) {
            Ok(course) => {
                let appeared = appeared(&course.plan, desired);
                if appeared.is_empty() {
                    self.tell_drift(&keys, &course.plan);
                } else {
                    self.stuck.extend(with_dependents(appeared, &[desired]));
                    self.unstick();
                }
            }
            // A link that was there before and has gone: it waits to come back, with what needs it.
            Err(errors) => {
                tracing::warn!(errors = errors.told(), "no longer as configured");
                let gone = errors.0.iter().find_map(Error::key).cloned();
                self.stuck.extend(with_dependents(gone.into_iter().collect(), &[desired]));
            }
        }
    }

    /// Tells of objects that are not as they shall be, once, and how many there are.
    fn tell_drift(&mut self, looked_at: &BTreeSet<Key>, plan: &Plan) {
        let new = plan.ops.iter().filter(|op| !self.drifted.contains(&op.key));
        for op in new.take(TOLD) {
            let path = mapping::path(&op.key, None, &self.running.intent.tree);
            tracing::warn!(path, repair = %op, "changed by somebody else");
        }
        self.drifted.extend(plan.ops.iter().map(|op| op.key.clone()));
        let off: BTreeSet<&Key> = plan.ops.iter().map(|op| &op.key).collect();
        let back = |key: &Key| looked_at.contains(key) && !off.contains(key);
        self.drifted.retain(|key| !back(key));
        if !self.drifted.is_empty() {
            tracing::warn!(objects = self.drifted.len(), "differ from running");
        }
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

    /// Whether what an event names may be a link that is stuck.
    fn may_unstick(&self, event: &Event) -> bool {
        self.stuck.iter().any(|key| match (event, self.running.intent.desired().get(key)) {
            (Event::Link(_, name), Some(Object::Link(link))) => link.place.ifname == *name,
            (Event::Netns(_) | Event::Overrun(_), _) => true,
            (Event::Link(..) | Event::Key(_), _) => false,
        })
    }

    /// The configured objects that events name.
    fn named(&self, events: &BTreeSet<Event>) -> BTreeSet<Key> {
        let mut keys = BTreeSet::new();
        let (mut links, mut namespaces) = (BTreeSet::new(), BTreeSet::new());
        for event in events {
            match event {
                Event::Link(_, name) => {
                    links.insert(name);
                }
                Event::Netns(netns) | Event::Overrun(netns) => {
                    namespaces.insert(netns);
                    keys.insert(Key::Netns(netns.clone()));
                }
                Event::Key(key) => {
                    keys.insert(key.clone());
                }
            }
        }
        let desired = self.running.intent.desired();
        keys.retain(|key| desired.contains(key));
        if links.is_empty() && namespaces.is_empty() {
            return keys;
        }
        // A link may have left its place, so that its name tells more than where it was seen.
        let named = |(key, object): &(&Key, &Object)| {
            let within = netns_of_object(key, object).is_some_and(|at| namespaces.contains(at));
            within || place_of(object).is_some_and(|place| links.contains(&place.ifname))
        };
        keys.extend(desired.iter().filter(named).map(|(key, _)| key.clone()));
        keys
    }
}

/// The links that were there before and are to be elsewhere: they have gone and come back.
fn appeared(plan: &Plan, desired: &Desired) -> BTreeSet<Key> {
    let moves = |op: &&Op| match (&op.action, desired.get(&op.key)) {
        (Action::Update { from, change }, Some(Object::Link(link))) => {
            link.kind.is_none() && place_of(from) != place_of(change)
        }
        (Action::Update { .. } | Action::Create(_) | Action::Delete(_), _) => false,
    };
    plan.ops.iter().filter(moves).map(|op| op.key.clone()).collect()
}
