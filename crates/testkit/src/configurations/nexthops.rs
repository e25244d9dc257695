//! Random nexthop objects, groups of them, and what a route uses.

use std::collections::BTreeMap;

use netstate::nexthop::{NexthopGroup, NexthopKind, SingleNexthop};
use netstate::{Key, LinkName, NetnsName, Nexthop, NexthopKey, NexthopObject, Object, Place};

use super::{Configuration, DUMMY, LEFT, NIC, RIGHT, Way};

/// The links of nexthops: those that have a carrier by themselves, or by the other end of a pair.
const CARRIERS: [usize; 4] = [NIC, LEFT, RIGHT, DUMMY];

/// The identifier of the first nexthop, and of the first group.
const FIRST: u32 = 1;
const FIRST_GROUP: u32 = 11;

#[derive(Clone, Debug)]
pub(super) struct RandomNexthop {
    /// The index among [`CARRIERS`].
    pub(super) link: usize,
    pub(super) way: Way,
    pub(super) is_ipv6: bool,
    pub(super) is_blackhole: bool,
}

/// The members of a group, as indexes of nexthops.
pub(super) type RandomGroup = Vec<usize>;

impl Configuration {
    pub(super) fn add_nexthops(&self, objects: &mut BTreeMap<Key, Object>) {
        for (id, random) in (FIRST..).zip(&self.nexthops) {
            let index = CARRIERS[random.link % CARRIERS.len()];
            let Some(place) = self.place(index) else { continue };
            let kind = match random.is_blackhole {
                true if self.is_sound && !has_loopback(&place.netns, objects) => continue,
                true => NexthopKind::Blackhole { ipv6: random.is_ipv6 },
                false => {
                    let onlink = random.way == Way::Onlink;
                    let hop = (place.clone(), onlink, random.way, random.is_ipv6);
                    let Some(Nexthop { dev, via, onlink, .. }) = self.hop(index, hop, objects)
                    else {
                        continue;
                    };
                    NexthopKind::Single(SingleNexthop { ipv6: random.is_ipv6, dev, via, onlink })
                }
            };
            add(objects, place.netns, id, kind);
        }
        for (id, members) in (FIRST_GROUP..).zip(&self.groups) {
            let member = |index: &usize| {
                let id = FIRST + u32::try_from(*index).unwrap_or_default();
                let found = objects.iter().find_map(|(key, object)| match (key, object) {
                    (Key::Nexthop(key), Object::Nexthop(nexthop)) if key.id == id => {
                        Some((key.netns.clone(), nexthop.single().is_none()))
                    }
                    _ => None,
                });
                found.map(|(netns, drops)| (id, netns, drops))
            };
            let there: Vec<(u32, NetnsName, bool)> = members.iter().filter_map(member).collect();
            let Some((_, netns, _)) = there.first() else { continue };
            let netns = netns.clone();
            let fit = there.into_iter().filter(|(_, of, drops)| *of == netns && !drops);
            let members: BTreeMap<u32, u32> = fit.map(|(id, ..)| (id, id)).collect();
            if !members.is_empty() {
                let group = NexthopGroup { members, resilient: None };
                add(objects, netns, id, NexthopKind::Group(group));
            }
        }
    }

    /// The nexthop that a route of a namespace uses: a single one, or a group.
    pub(super) fn used(
        &self,
        number: usize,
        (netns, is_ipv6): (&NetnsName, bool),
        objects: &BTreeMap<Key, Object>,
    ) -> Option<u32> {
        let number = u32::try_from(number).ok()?;
        let id = if number < 4 { FIRST + number } else { FIRST_GROUP + number - 4 };
        let at = |id: u32| match objects.get(&Key::Nexthop(NexthopKey { netns: netns.clone(), id }))
        {
            Some(Object::Nexthop(nexthop)) => Some(nexthop),
            _ => None,
        };
        let is_fit = |nexthop: &NexthopObject| match &nexthop.kind {
            NexthopKind::Single(single) => single.ipv6 || !is_ipv6,
            NexthopKind::Blackhole { ipv6 } => *ipv6 || !is_ipv6,
            NexthopKind::Group(_) => true,
        };
        let nexthop = at(id)?;
        let members = nexthop.group().into_iter().flat_map(|group| group.members.keys());
        let mut members = members.filter_map(|id| at(*id));
        let fits = is_fit(nexthop) && members.all(|member| is_fit(member));
        (fits || !self.is_sound).then_some(id)
    }
}

fn add(objects: &mut BTreeMap<Key, Object>, netns: NetnsName, id: u32, kind: NexthopKind) {
    let object = NexthopObject { protocol: Some(4), fdb: false, kind };
    objects.insert(Key::Nexthop(NexthopKey { netns, id }), Object::Nexthop(object.into()));
}

/// Whether a namespace has a loopback that is configured to be up.
fn has_loopback(netns: &NetnsName, objects: &BTreeMap<Key, Object>) -> bool {
    let place = Place { netns: netns.clone(), ifname: LinkName::loopback() };
    let mut links = objects.values().filter_map(Object::link);
    links.any(|link| link.place == place && link.flags.up == Some(true))
}
