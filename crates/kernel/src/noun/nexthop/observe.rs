//! Reading nexthops: by their identifiers, or all of a namespace.

use std::collections::{BTreeMap, BTreeSet};

use netstate::nexthop::NexthopKind;
use netstate::{Key, LinkName, NetnsName, NexthopKey, NexthopObject, Object, Part, Wanted};

use super::{Seen, decode, named};
use crate::message::fixed;
use crate::observer::{Observer, Result};
use crate::uapi::RTM_GETNEXTHOP;

/// The number of nexthops of a namespace that are read one by one.
const FEW: usize = 32;

/// Reads all nexthops of namespaces.
pub(crate) fn observe_part(
    observer: &mut Observer<'_>,
    namespaces: &[NetnsName],
    _: &Part,
) -> Result<()> {
    namespaces.iter().try_for_each(|netns| observer.nexthops(netns, |_| true))
}

/// Reads nexthops by their keys.
pub(crate) fn observe(observer: &mut Observer<'_>, keys: &[&NexthopKey], _: &Wanted) -> Result<()> {
    for keys in keys.chunk_by(|one, other| one.netns == other.netns) {
        let Some(NexthopKey { netns, .. }) = keys.first() else { continue };
        if keys.len() <= FEW {
            for NexthopKey { id, .. } in keys {
                let seen = observer.get((netns, RTM_GETNEXTHOP), |out| named(out, *id), decode)?;
                seen.into_iter().try_for_each(|seen| observer.add_nexthop(netns, seen))?;
            }
            continue;
        }
        let wanted: BTreeSet<u32> = keys.iter().map(|key| key.id).collect();
        observer.nexthops(netns, |id| wanted.contains(&id))?;
    }
    Ok(())
}

impl Observer<'_> {
    /// The nexthops over these links, the groups with such members, and the routes by both. Whoever made them, they are
    /// lost with the links.
    pub(crate) fn nexthops_on(
        &mut self,
        netns: &NetnsName,
        links: &BTreeMap<u32, LinkName>,
    ) -> Result<BTreeSet<u32>> {
        let all = self.dump_nexthops(netns)?;
        let on_links = all.iter().filter(|seen| links.contains_key(&seen.index));
        let mut found: BTreeSet<u32> = on_links.map(|seen| seen.id).collect();
        if found.is_empty() {
            return Ok(found);
        }
        let groups = all.iter().filter(|seen| {
            let group = seen.nexthop.group();
            group.is_some_and(|group| group.members.keys().any(|id| found.contains(id)))
        });
        let groups: Vec<u32> = groups.map(|seen| seen.id).collect();
        found.extend(groups);
        for seen in all.into_iter().filter(|seen| found.contains(&seen.id)) {
            self.add_nexthop(netns, seen)?;
        }
        Ok(found)
    }

    /// The nexthops of a namespace that `wanted` selects.
    fn nexthops(&mut self, netns: &NetnsName, wanted: impl Fn(u32) -> bool) -> Result<()> {
        let all = self.dump_nexthops(netns)?;
        let wanted = all.into_iter().filter(|seen| wanted(seen.id));
        wanted.into_iter().try_for_each(|seen| self.add_nexthop(netns, seen))
    }

    fn dump_nexthops(&mut self, netns: &NetnsName) -> Result<Vec<Seen>> {
        let all = |out: &mut Vec<u8>| out.extend([0; fixed::NEXTHOP]);
        self.dump((netns, RTM_GETNEXTHOP), all, decode)
    }

    /// Adds a nexthop with the name of its link.
    fn add_nexthop(&mut self, netns: &NetnsName, seen: Seen) -> Result<()> {
        let Seen { id, mut nexthop, index } = seen;
        if let NexthopObject { kind: NexthopKind::Single(single), .. } = &mut nexthop
            && index != 0
        {
            single.dev = self.name(netns, index)?;
        }
        let key = NexthopKey { netns: netns.clone(), id };
        self.insert(Key::Nexthop(key), Object::Nexthop(nexthop.into()));
        Ok(())
    }
}
