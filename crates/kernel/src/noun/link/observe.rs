//! Reading links: all of them, or certain ones.

use std::collections::{BTreeMap, BTreeSet};

use netstate::{Key, Link, LinkId, LinkName, NetnsName, Object, ObserveError, Part, Place, Wanted};

use super::read::{Seen, ask_for_links, decode, decode_name};
use super::scratch;
use crate::ethtool;
use crate::message::{Message, fixed};
use crate::observer::{Observer, failed};

type Result<T> = std::result::Result<T, ObserveError>;

/// Reads the links of namespaces, or certain ones by their names.
pub(crate) fn observe_part(
    observer: &mut Observer<'_>,
    namespaces: &[NetnsName],
    part: &Part,
) -> Result<()> {
    let mut links = Vec::new();
    match &part.links {
        None => {
            for netns in namespaces {
                links.extend(observer.links_with_vlans(netns)?);
            }
        }
        Some(places) => {
            for place in places.iter().filter(|place| part.has_netns(&place.netns)) {
                let mut found = observer.link_with_state(place)?;
                if let Some(seen) = &mut found {
                    seen.link.vlans = observer.vlans_of(seen)?;
                }
                links.extend(found);
            }
        }
    }
    observer.foreign_links(links, &part.known, part.known.values().cloned().collect())
}

/// Links are read by the places where they may be, and not by key.
pub(crate) fn observe(_: &mut Observer<'_>, _: &[&LinkId], _: &Wanted) -> Result<()> {
    Ok(())
}

/// The monitor reads notifications of links itself, because they also contain names.
pub(crate) fn notified(
    _: Message<'_>,
    _: &NetnsName,
    _: impl Fn(u32) -> Option<LinkName>,
) -> Option<Key> {
    None
}

impl Observer<'_> {
    /// All links of a namespace.
    pub(crate) fn links(&mut self, netns: &NetnsName) -> Result<Vec<Seen>> {
        let all = |out: &mut Vec<u8>| fixed::link(out, 0, 0, 0);
        let decode = |message: Message<'_>| decode(message, netns);
        let seen: Vec<Seen> = self.dump((netns, libc::RTM_GETLINK), all, decode)?;
        let names = self.names.entry(netns.clone()).or_default();
        names.extend(seen.iter().map(|seen| (seen.index, Some(seen.link.place.ifname.clone()))));
        Ok(seen)
    }

    /// The same with their VLANs, if there is a bridge.
    fn links_with_vlans(&mut self, netns: &NetnsName) -> Result<Vec<Seen>> {
        let mut links = self.links(netns)?;
        if links.iter().any(|seen| seen.link.is_bridge())
            && let Some(mut vlans) = self.vlans(netns, 0)?
        {
            for seen in &mut links {
                seen.link.vlans = vlans.remove(&seen.index);
            }
        }
        Ok(links)
    }

    /// All links of the namespaces that are to be removed.
    pub(crate) fn occupants(&mut self, wanted: &Wanted) -> Result<()> {
        let links = self.found.iter().filter_map(|(_, object)| object.link());
        let found: BTreeSet<Place> = links.map(|link| link.place.clone()).collect();
        let mut links = Vec::new();
        for netns in &wanted.occupants {
            links.extend(self.links(netns)?);
        }
        links.retain(|seen| !found.contains(&seen.link.place));
        self.foreign_links(links, &BTreeMap::new(), wanted.links.keys().cloned().collect())
    }

    /// Adds links under their kernel names, or as `NAME@NETNS` if the name is taken. Links in
    /// `known` places are left out.
    pub(crate) fn foreign_links(
        &mut self,
        links: Vec<Seen>,
        known: &BTreeMap<Place, LinkId>,
        mut taken: BTreeSet<LinkId>,
    ) -> Result<()> {
        for seen in links {
            let Some(id) = identity(&seen.link.place, known, &mut taken) else { continue };
            let link = self.resolve(seen, &NetnsName::own())?;
            self.insert(Key::Link(id), Object::Link(Box::new(link)));
        }
        Ok(())
    }

    /// The names of all links, without their attributes.
    pub(crate) fn link_names(&mut self, namespaces: &[NetnsName], part: &Part) -> Result<()> {
        let mut taken: BTreeSet<LinkId> = part.known.values().cloned().collect();
        for netns in namespaces {
            let read = self.dump((netns, libc::RTM_GETLINK), ask_for_links, decode_name)?;
            for (index, ifname) in read {
                self.names.entry(netns.clone()).or_default().insert(index, Some(ifname.clone()));
                let place = Place { netns: netns.clone(), ifname };
                if let Some(id) = identity(&place, &part.known, &mut taken) {
                    self.insert(Key::Link(id), Object::Link(Box::new(Link::at(place))));
                }
            }
        }
        Ok(())
    }

    /// Calls `read` with each namespace and with the index of each link of a part, or with zero for all links.
    pub(crate) fn each_link(
        &mut self,
        namespaces: &[NetnsName],
        part: &Part,
        read: impl Fn(&mut Self, &NetnsName, u32) -> Result<()>,
    ) -> Result<()> {
        for netns in namespaces {
            let Some(places) = &part.links else {
                read(self, netns, 0)?;
                continue;
            };
            for place in places.iter().filter(|place| place.netns == *netns) {
                if let Some(index) = self.index(netns, &place.ifname)? {
                    read(self, netns, index)?;
                }
            }
        }
        Ok(())
    }

    /// Adds what the defaults of a link follow from on this host, as far as it is wanted.
    pub(crate) fn add_defaults(
        &mut self,
        wanted: &Wanted,
        (id, link): (&LinkId, &mut Link),
    ) -> Result<()> {
        let (Some(kind), Some(status)) = (&link.kind, &mut link.status) else { return Ok(()) };
        let Place { netns, ifname } = &link.place;
        if wanted.queues.contains(id) {
            let queues = scratch::new_queues(kind);
            status.new_queues = queues.map_err(failed("read a new link for", netns))?;
        }
        if wanted.speeds.contains(id)
            && let Some(namespace) = self.namespaces.find(netns).map_err(failed("open", netns))?
        {
            let speed = namespace.inside(|| ethtool::speed(ifname));
            status.speed = Some(speed.map_err(failed("read the speed of a link of", netns))?);
        }
        Ok(())
    }

    /// The link at a place with its counters.
    fn link_with_state(&mut self, place: &Place) -> Result<Option<Seen>> {
        let named = |out: &mut Vec<u8>| super::read::named(out, &place.ifname);
        let read = |message: Message<'_>| decode(message, &place.netns);
        let seen = self.get((&place.netns, libc::RTM_GETLINK), named, read)?;
        Ok(seen.filter(|seen| seen.link.place == *place))
    }
}

/// The name under which a link is shown: its configured name, its kernel name, or `NAME@NETNS` if
/// the kernel name is taken.
fn identity(
    place: &Place,
    known: &BTreeMap<Place, LinkId>,
    taken: &mut BTreeSet<LinkId>,
) -> Option<LinkId> {
    let id = known.get(place).cloned().or_else(|| {
        let alone = place.ifname.as_str().parse::<LinkId>().ok()?;
        match taken.contains(&alone) {
            false => Some(alone),
            true => format!("{}@{}", place.ifname, place.netns).parse().ok(),
        }
    })?;
    taken.insert(id.clone());
    Some(id)
}
