//! What must exist so that the kernel accepts a nexthop object, or a route that uses one.

use super::needs::{Unmet, is_link_local, name};
use super::world::{Presence, World};
use crate::name::LinkName;
use crate::noun::Key;
use crate::noun::link::Place;
use crate::noun::nexthop::{NexthopKey, NexthopKind, NexthopObject, SingleNexthop};

impl World<'_> {
    /// What is missing for a nexthop.
    pub(super) fn missing_for_nexthop_object(
        &self,
        key: &NexthopKey,
        nexthop: &NexthopObject,
        kernels: bool,
    ) -> Unmet {
        match &nexthop.kind {
            // It is on the loopback, and stays there.
            NexthopKind::Blackhole { .. } => {
                let place = Place { netns: key.netns.clone(), ifname: LinkName::loopback() };
                let is_down =
                    matches!(self.link(&place), Presence::Here(lo) if lo.flags.up == Some(false));
                is_down.then(|| format!("{} is down", name(&place)))
            }
            NexthopKind::Group(group) => {
                group.members.keys().find_map(|id| self.missing_nexthop(&key.member(*id)))
            }
            NexthopKind::Single(SingleNexthop { ipv6, dev, via, onlink }) => {
                let dev = dev.as_ref()?;
                let place = Place { netns: key.netns.clone(), ifname: dev.clone() };
                let is_down = matches!(self.link(&place), Presence::Here(link) if link.flags.up == Some(false));
                let down = || is_down.then(|| format!("{} is down", name(&place)));
                let of_ipv6 =
                    || self.missing_ipv6(&place).or_else(|| self.missing_enabled_ipv6(&place));
                let of_ipv6 = || of_ipv6().filter(|_| *ipv6);
                let gateway = || {
                    let via = via.filter(|via| !onlink && !is_link_local(*via))?;
                    let way = self.way_to(via, (&key.netns, Some(dev)), kernels);
                    way.is_none().then(|| format!("nothing leads to its gateway {via}"))
                };
                self.missing_link(&place).or_else(down).or_else(of_ipv6).or_else(gateway)
            }
        }
    }

    /// A nexthop that is not there.
    pub(super) fn missing_nexthop(&self, key: &NexthopKey) -> Unmet {
        let is_there = self.objects.contains_key(&Key::Nexthop(key.clone()));
        (!is_there).then(|| format!("there is no nexthop {}", key.id))
    }
}
