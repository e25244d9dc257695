//! Looking again at the objects that events name.

use std::collections::BTreeSet;

use netstate::noun::{Need, is_watched, needs, places as places_needed};
use netstate::{Event, Key, LinkName, NetnsName, Object, Place, Watched};

use crate::engine::Engine;
use crate::kernel_state::drift::cause::Disturbed;
use crate::kernel_state::events::{LONGEST_REST, REST};
use crate::transaction::affected::{Affected, netns_of as netns_of_object, place_of};

impl Engine {
    /// Adjusts the watched namespaces after a commit. Most commits do not change them.
    pub(crate) fn watch_changed(&mut self, keys: &BTreeSet<Key>) {
        if self.events.unwatched || keys.iter().any(is_watched) {
            self.watch();
        }
    }

    /// Watches the configured namespaces, and the daemon's own, where NICs appear.
    pub(crate) fn watch(&mut self) {
        let desired = self.running.intent.desired();
        let watched = Watched {
            namespaces: desired.namespaces().cloned().chain([NetnsName::own()]).collect(),
            parameters: desired.parameters().cloned().collect(),
        };
        if watched == self.events.watched {
            return;
        }
        let outcome = self.kernel.watch(watched.clone(), self.events.sink());
        self.events.unwatched = outcome.is_err();
        match outcome {
            Ok(()) => self.events.watched = watched,
            Err(error) => {
                tracing::error!(%error, "kernel not watched: changes by others are not noticed")
            }
        }
    }

    /// Looks again at everything that events have named since the last time, unless the engine
    /// rests.
    pub(crate) fn look_at_events(&mut self) {
        let begun = self.now();
        if begun < self.events.rest {
            return;
        }
        let (events, older, verified) = self.events.take();
        self.look_at_others(&older, &verified);
        self.look_at(&events);
        let now = self.now();
        self.events.rest = now + LONGEST_REST.min(now.since(begun) * REST);
    }

    /// Looks again at the objects that these events name, and only at these.
    pub(crate) fn look_at(&mut self, events: &BTreeSet<Event>) {
        self.look_at_others(events, &BTreeSet::new());
    }

    /// The same, but not at these objects.
    fn look_at_others(&mut self, events: &BTreeSet<Event>, verified: &BTreeSet<Key>) {
        if self.diverged.is_none() && self.may_unskip(events) {
            self.unskip();
        }
        let (keys, disturbed) = self.named(events);
        self.look_at_objects(keys, &disturbed, verified);
    }

    /// Tries again to apply what is skipped.
    fn unskip(&mut self) {
        let before = self.kernel.skipped().clone();
        let touched = self.touched();
        if let Err(errors) = self.converge(&touched, Affected::Named(before.clone())) {
            tracing::error!(errors = errors.describe(), "kernel and running differ");
        }
        for key in before.difference(self.kernel.skipped()) {
            let path = mapping::path(key, None, &self.running.intent.tree);
            tracing::info!(%path, "pending object applied");
        }
    }

    /// Whether a skipped object may be possible now, because a link of its name or its namespace
    /// has appeared.
    fn may_unskip(&self, events: &BTreeSet<Event>) -> bool {
        if self.kernel.skipped().is_empty() {
            return false;
        }
        let (mut links, namespaces) = places(events);
        // An object that was refused for want of an address may be possible now.
        links.extend(events.iter().filter_map(|event| match event {
            Event::Key(Key::Address(key)) => Some(&key.dev),
            Event::Key(_)
            | Event::Link(..)
            | Event::AddressGone(..)
            | Event::Netns(_)
            | Event::Overrun(_) => None,
        }));
        let desired = self.running.intent.desired();
        let nexthops: BTreeSet<&Key> = events.iter().filter_map(nexthop_of).collect();
        let mut skipped =
            self.kernel.skipped().iter().filter_map(|key| Some((key, desired.get(key)?)));
        skipped.any(|(key, object)| {
            let at = place_of(object).into_iter().cloned().chain(places_needed(key, object));
            let come = at.into_iter().any(|place| links.contains(&place.ifname));
            let by_key = |need: &Need| need.key().is_some_and(|key| nexthops.contains(key));
            come || needs(key, object).iter().any(by_key)
                || netns_of_object(key, object).is_some_and(|at| namespaces.contains(at))
        })
    }

    /// The configured objects that events name, and the links with which objects may have been
    /// lost.
    fn named(&self, events: &BTreeSet<Event>) -> (BTreeSet<Key>, Disturbed) {
        let desired = self.running.intent.desired();
        let named = events.iter().filter_map(|event| match event {
            Event::Netns(netns) | Event::Overrun(netns) => Some(Key::Netns(netns.clone())),
            Event::Key(key) => Some(key.clone()),
            Event::Link(..) | Event::AddressGone(..) => None,
        });
        let mut keys: BTreeSet<Key> = BTreeSet::new();
        for key in named {
            match desired.contains(&key) {
                true => drop(keys.insert(key)),
                // An object that is held because an address of others is missing may be possible
                // now.
                false => keys.extend(self.kernel.held().awaiting(key.netns()).cloned()),
            }
        }
        let (names, mut namespaces) = places(events);
        namespaces.retain(|netns| self.events.watched.namespaces.contains(*netns));
        if !namespaces.is_empty() {
            let within = |(key, object): &(&Key, &Object)| {
                netns_of_object(key, object).is_some_and(|at| namespaces.contains(at))
            };
            keys.extend(desired.iter().filter(within).map(|(key, _)| key.clone()));
        }
        // A link may have left its place. Therefore its name counts, and not the place where it was
        // seen.
        let mut disturbed = Disturbed::default();
        for (id, link) in desired.links() {
            let Place { netns, ifname } = &link.place;
            let displaced = match self.kernel.displaced() {
                displaced if displaced.is_empty() => None,
                displaced => displaced.get(&Key::Link(id.clone())),
            };
            if names.contains(ifname) || displaced.is_some_and(|now| names.contains(&now.ifname)) {
                disturbed.links.insert(Key::Link(id.clone()));
            }
            if events.contains(&Event::AddressGone(netns.clone(), ifname.clone())) {
                disturbed.without_address.insert(Key::Link(id.clone()));
            }
        }
        keys.extend(disturbed.links.iter().chain(&disturbed.without_address).cloned());
        (keys, disturbed)
    }
}

/// The nexthop object that an event names.
fn nexthop_of(event: &Event) -> Option<&Key> {
    match event {
        Event::Key(key @ Key::Nexthop(_)) => Some(key),
        Event::Key(_)
        | Event::Link(..)
        | Event::AddressGone(..)
        | Event::Netns(_)
        | Event::Overrun(_) => None,
    }
}

/// The names of links and the namespaces that the events contain.
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
