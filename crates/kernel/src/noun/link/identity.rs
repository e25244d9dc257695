//! Finding links that others have renamed or moved to another namespace.
//!
//! A link keeps its index when it is renamed. It also keeps the index in another namespace if the
//! index is free there (`dev_change_net_namespace`, net/core/dev.c). New links reuse indexes, so
//! kind and link-layer address must match as well. The other end of a veth pair tells the index of
//! this end in any namespace, even to a process that has just started.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use netstate::link::{LinkKind, Mark};
use netstate::{Action, Key, LinkId, MacAddress, NetnsName, ObserveError, Place, Plan, Wanted};

use super::read::Seen;
use crate::observer::{FEW, Observer};

type Result<T> = std::result::Result<T, ObserveError>;

/// The maximum number of namespaces in which a missing link is searched.
const FEW_NAMESPACES: usize = 64;

/// A link by namespace and index.
type Handle = (NetnsName, u32);

/// The identities of links when they were last seen.
#[derive(Debug, Default)]
pub(crate) struct Identities {
    identities: HashMap<LinkId, Identity>,
    owners: HashMap<Handle, LinkId>,
}

#[derive(Debug, PartialEq)]
struct Identity {
    handle: Handle,
    kind: String,
    address: Option<MacAddress>,
}

impl Identity {
    /// Whether it is that of a link.
    fn is_of(&self, seen: &Seen) -> bool {
        let Identity { handle: known, kind: of_kind, address: at } = self;
        *known == handle(seen) && *of_kind == kind(seen) && *at == address(seen)
    }
}

impl Identities {
    /// The link at one of these places, the most likely first. If it was seen before and is at one
    /// of them, it is that one: the name that it is to have may be that of a link of others.
    fn at(
        &self,
        observer: &mut Observer<'_>,
        id: &LinkId,
        places: &[Place],
    ) -> Result<Option<Seen>> {
        let known = self.identities.get(id);
        let mut first = None;
        for place in places {
            let Some(seen) = observer.link(place)? else { continue };
            if known.is_none_or(|known| known.is_of(&seen)) {
                return Ok(Some(seen));
            }
            first.get_or_insert(seen);
        }
        Ok(first)
    }

    /// Reads the links at their places, and corrects which ones they are by their identities.
    pub(crate) fn find<'w>(
        &self,
        observer: &mut Observer<'_>,
        wanted: &'w Wanted,
    ) -> Result<Vec<(&'w LinkId, Seen)>> {
        let mut found = Vec::new();
        for (id, places) in &wanted.links {
            found.extend(self.at(observer, id, places)?.map(|seen| (id, seen)));
        }
        let recognized = self.recognize(observer, wanted, &found)?;
        if !recognized.is_empty() {
            // A link of ours that nobody asks for may be in this place. It is not a foreign link.
            let is_recognized = |id: &LinkId| recognized.iter().any(|(other, _)| *other == id);
            found.retain(|(id, seen)| {
                let owner = self.owners.get(&handle(seen)).filter(|owner| owner != id);
                owner.is_none_or(|owner| wanted.links.contains_key(owner)) || !is_recognized(id)
            });
            let handles = |seen: &[(&'w LinkId, Seen)]| {
                seen.iter().map(|(id, seen)| (*id, handle(seen))).collect()
            };
            let identified = wanted.identify(handles(&found), handles(&recognized));
            found.extend(recognized);
            found.retain(|(id, seen)| identified.get(id) == Some(&handle(seen)));
            found.sort_by_key(|(id, _)| *id);
        }
        Ok(found)
    }

    /// Forgets the links that the plan removes, so that they are not searched afterwards.
    pub(crate) fn forget_removed(&mut self, plan: &Plan) {
        let mut namespaces = BTreeSet::new();
        for op in plan.ops.iter().filter(|op| matches!(op.action, Action::Delete(_))) {
            match &op.key {
                Key::Link(id) => self.forget(id),
                Key::Netns(netns) => drop(namespaces.insert(netns)),
                Key::Sysctl(_)
                | Key::Address(_)
                | Key::Neighbor(_)
                | Key::Fdb(_)
                | Key::Nexthop(_)
                | Key::Route(_)
                | Key::Rule(_) => {}
            }
        }
        if !namespaces.is_empty() {
            self.identities.retain(|_, identity| !namespaces.contains(&identity.handle.0));
            self.owners.retain(|(netns, _), _| !namespaces.contains(netns));
        }
    }

    /// The links that were found in places other than their own.
    fn recognize<'w>(
        &self,
        observer: &mut Observer<'_>,
        wanted: &'w Wanted,
        found: &[(&'w LinkId, Seen)],
    ) -> Result<Vec<(&'w LinkId, Seen)>> {
        let at_places: BTreeMap<&LinkId, &Seen> =
            found.iter().map(|(id, seen)| (*id, seen)).collect();
        let is_off = |id: &LinkId| match at_places.get(id) {
            None => true,
            Some(seen) => {
                self.identities.get(id).is_some_and(|identity| identity.handle != handle(seen))
            }
        };
        let off: Vec<(&LinkId, &Mark)> = wanted.marks.iter().filter(|(id, _)| is_off(id)).collect();
        let is_few = off.len() <= FEW;
        let mut recognized = Vec::new();
        for (id, mark) in off {
            let is_away = !at_places.contains_key(id);
            let mut seen = self.by_index(observer, id)?;
            if seen.is_none() && is_away {
                seen = by_other_end(observer, mark)?;
            }
            if seen.is_none() && is_away {
                seen = by_original(observer, mark, is_few)?;
            }
            if seen.is_none() && is_away && is_few && mark.peer.is_none() {
                seen = self.in_other_namespaces(observer, id)?;
            }
            // If a link is known to be another one that nobody asks for, it stays that one.
            let is_own = |seen: &Seen| {
                let owner = self.owners.get(&handle(seen));
                owner.is_none_or(|owner| owner == id || wanted.links.contains_key(owner))
            };
            recognized.extend(seen.filter(is_own).map(|seen| (id, seen)));
        }
        Ok(recognized)
    }

    /// The link under another name in its old namespace.
    fn by_index(&self, observer: &mut Observer<'_>, id: &LinkId) -> Result<Option<Seen>> {
        let Some(identity) = self.identities.get(id) else { return Ok(None) };
        let (netns, index) = &identity.handle;
        let seen = observer.link_of_index(netns, *index)?;
        Ok(seen.filter(|seen| identity.kind == kind(seen) && identity.address == address(seen)))
    }

    /// The link with its old index in any named namespace.
    fn in_other_namespaces(
        &self,
        observer: &mut Observer<'_>,
        id: &LinkId,
    ) -> Result<Option<Seen>> {
        let Some(identity) = self.identities.get(id).filter(|known| known.address.is_some()) else {
            return Ok(None);
        };
        let (before, index) = &identity.handle;
        for netns in observer.all_namespaces().iter().take(FEW_NAMESPACES) {
            let seen =
                if netns == before { None } else { observer.link_of_index(netns, *index)? };
            let seen = seen
                .filter(|seen| identity.kind == kind(seen) && identity.address == address(seen));
            if seen.is_some() {
                return Ok(seen);
            }
        }
        Ok(None)
    }

    /// Remembers the found links, and forgets those that were not found.
    pub(crate) fn remember(&mut self, wanted: &Wanted, found: &[(&LinkId, Seen)]) {
        let mut found = found.iter().peekable();
        for id in wanted.links.keys() {
            let Some((_, seen)) = found.next_if(|(found, _)| *found == id) else {
                self.forget(id);
                continue;
            };
            let identity = self.identities.get(id);
            let is_known = identity.is_some_and(|known| known.is_of(seen));
            if !is_known {
                self.forget(id);
                let handle = handle(seen);
                if let Some(other) = self.owners.insert(handle.clone(), id.clone()) {
                    self.identities.remove(&other);
                }
                let (kind, address) = (kind(seen).to_owned(), address(seen));
                self.identities.insert(id.clone(), Identity { handle, kind, address });
            }
        }
    }

    fn forget(&mut self, id: &LinkId) {
        if let Some(identity) = self.identities.remove(id)
            && self.owners.get(&identity.handle) == Some(id)
        {
            self.owners.remove(&identity.handle);
        }
    }
}

/// This end of a veth pair, as the other end reports it.
fn by_other_end(observer: &mut Observer<'_>, mark: &Mark) -> Result<Option<Seen>> {
    let Some(peer) = &mark.peer else { return Ok(None) };
    let Some(mate) = observer.link(peer)? else { return Ok(None) };
    let (true, Some(index)) = (is_paired(&mate), mate.below) else { return Ok(None) };
    let netns = match mate.below_netns {
        Some(identifier) => observer.netns_of(&peer.netns, identifier, &peer.netns)?,
        None => Some(peer.netns.clone()),
    };
    let Some(netns) = netns else { return Ok(None) };
    Ok(observer.link_of_index(&netns, index)?.filter(is_paired))
}

/// A link that existed before the configuration, by its index at that time; in any named namespace
/// if `everywhere` is set.
fn by_original(observer: &mut Observer<'_>, mark: &Mark, everywhere: bool) -> Result<Option<Seen>> {
    let Some(before) = &mark.original else { return Ok(None) };
    let mut namespaces: Vec<NetnsName> = before.namespaces.iter().cloned().collect();
    if everywhere {
        let others = observer.all_namespaces().into_iter().take(FEW_NAMESPACES);
        namespaces.extend(others.filter(|netns| !before.namespaces.contains(netns)));
    }
    for netns in &namespaces {
        let seen = observer.link_of_index(netns, before.index)?.filter(|seen| {
            let is_known = |address| before.addresses.contains(address);
            before.kind == kind(seen) && address(seen).as_ref().is_some_and(is_known)
        });
        if seen.is_some() {
            return Ok(seen);
        }
    }
    Ok(None)
}

fn handle(seen: &Seen) -> Handle {
    (seen.link.place.netns.clone(), seen.index)
}

fn kind(seen: &Seen) -> &str {
    seen.link.kind.as_ref().map_or("", LinkKind::name)
}

/// The permanent address of the hardware, or the link's address.
fn address(seen: &Seen) -> Option<MacAddress> {
    let permanent = seen.link.status.as_ref().and_then(|status| status.permanent_address.clone());
    permanent.or_else(|| seen.link.attributes.mac_address.clone())
}

fn is_paired(seen: &Seen) -> bool {
    seen.link.facts().is_some_and(|facts| facts.paired)
}
