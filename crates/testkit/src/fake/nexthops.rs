//! What Linux does with nexthop objects (net/ipv4/nexthop.c): which it takes, and what goes with one.

use netstate::nexthop::{NexthopGroup, NexthopKind, SingleNexthop};
use netstate::uapi::RT_TABLE_MAIN;
use netstate::{
    Key, LinkName, NetnsName, NexthopKey, NexthopObject, Object, Place, RouteKey, State,
};

use super::routes::{Hop, permit_hop};
use super::shared::{Refused, link, need_netns, refusal};

/// Whether the kernel takes a nexthop, new or in the place of another (`nh_create_ipv4`, `nh_create_ipv6`,
/// `nh_check_attr_group`, `replace_nexthop`).
pub(super) fn permit(state: &State, key: &NexthopKey, new: &NexthopObject) -> Result<(), Refused> {
    need_netns(state, &key.netns)?;
    if let Some(old) = nexthop(state, &key.netns, key.id) {
        permit_instead(state, key, (old, new))?;
    }
    match &new.kind {
        NexthopKind::Single(single) => permit_single(state, key, single),
        NexthopKind::Blackhole { .. } => permit_blackhole(state, key),
        NexthopKind::Group(group) => permit_group(state, key, (new, group)),
    }
}

fn permit_single(
    state: &State,
    key: &NexthopKey,
    SingleNexthop { ipv6, dev, via, onlink }: &SingleNexthop,
) -> Result<(), Refused> {
    if dev.is_none() {
        return Ok(());
    }
    let any = if *ipv6 { "::/0" } else { "0.0.0.0/0" };
    let prefix = any.parse().map_err(|_| refusal(libc::EINVAL, ""))?;
    let (netns, table) = (key.netns.clone(), RT_TABLE_MAIN);
    let of = RouteKey { netns, table, prefix, tos: 0, metric: 0 };
    permit_hop(state, &of, Hop { dev: dev.as_ref(), via: *via, onlink: *onlink })
}

/// It is on the loopback, which has to be up.
fn permit_blackhole(state: &State, key: &NexthopKey) -> Result<(), Refused> {
    let place = Place { netns: key.netns.clone(), ifname: LinkName::loopback() };
    match link(state, &place).is_some_and(|lo| lo.flags.up == Some(false)) {
        true => Err(refusal(libc::ENETDOWN, "Device for nexthop is not up")),
        false => Ok(()),
    }
}

fn permit_group(
    state: &State,
    key: &NexthopKey,
    (new, group): (&NexthopObject, &NexthopGroup),
) -> Result<(), Refused> {
    for id in group.members.keys() {
        let member = nexthop(state, &key.netns, *id)
            .ok_or_else(|| refusal(libc::EINVAL, "Invalid nexthop id"))?;
        let words = match &member.kind {
            NexthopKind::Group(_) => "Hash-threshold group can not be a nexthop within a group",
            NexthopKind::Blackhole { .. } if group.members.len() > 1 => {
                "Blackhole nexthop can not be used in a group with more than 1 path"
            }
            NexthopKind::Single(_) | NexthopKind::Blackhole { .. } => match (new.fdb, member.fdb) {
                (true, false) => "FDB nexthop group can only have fdb nexthops",
                (false, true) => "Non FDB nexthop group cannot have fdb nexthops",
                (true, true) | (false, false) => continue,
            },
        };
        return Err(refusal(libc::EINVAL, words));
    }
    Ok(())
}

fn permit_instead(
    state: &State,
    key: &NexthopKey,
    (old, new): (&NexthopObject, &NexthopObject),
) -> Result<(), Refused> {
    let in_several = groups_with(state, key).any(|group| group.members.len() > 1);
    let words = match (&old.kind, &new.kind) {
        (NexthopKind::Group(old), NexthopKind::Group(new)) => {
            match (old.resilient, new.resilient) {
                (Some(old), Some(new)) if old.buckets != new.buckets => {
                    "Can not change number of buckets of a resilient nexthop group"
                }
                (Some(_), None) | (None, Some(_)) => {
                    "Can not replace a nexthop group with one of a different type"
                }
                (Some(_), Some(_)) | (None, None) => return Ok(()),
            }
        }
        (NexthopKind::Group(_), _) => "Can not replace a nexthop group with a nexthop",
        (_, NexthopKind::Group(_)) => "Can not replace a nexthop with a nexthop group",
        (_, NexthopKind::Blackhole { .. }) if in_several => {
            "Blackhole nexthop can not be a member of a group with more than one path"
        }
        _ if old.fdb != new.fdb && groups_with(state, key).next().is_some() => {
            "Cannot change nexthop FDB status while in a group"
        }
        _ => return Ok(()),
    };
    Err(refusal(libc::EINVAL, words))
}

/// Whether a route can use a nexthop (`fib_check_nexthop`, `fib6_check_nexthop`).
pub(super) fn permit_route(state: &State, key: &RouteKey, id: u32) -> Result<(), Refused> {
    let invalid = |words: &str| Err(refusal(libc::EINVAL, words));
    let Some(used) = nexthop(state, &key.netns, id) else {
        return invalid("Nexthop id does not exist");
    };
    if used.fdb {
        return invalid("Route cannot point to a fdb nexthop");
    }
    let members = used.group().into_iter().flat_map(|group| group.members.keys());
    let members = members.filter_map(|id| nexthop(state, &key.netns, *id));
    let of_ipv4 = members.chain([used]).any(|nexthop| match &nexthop.kind {
        NexthopKind::Single(single) => !single.ipv6,
        NexthopKind::Blackhole { ipv6 } => !ipv6,
        NexthopKind::Group(_) => false,
    });
    match of_ipv4 && key.prefix.addr().is_ipv6() {
        true => invalid("IPv6 routes can not use an IPv4 nexthop"),
        false => Ok(()),
    }
}

/// A link has no nexthops in this namespace any more, or a nexthop is gone: groups lose their members, and what has none
/// goes too (`__remove_nexthop`).
pub(super) fn follow(state: &mut State) {
    loop {
        let there = |netns: &NetnsName, id: u32| nexthop(state, netns, id).is_some();
        let shrunk = state.objects.iter().filter_map(|(key, object)| match (key, object) {
            (Key::Nexthop(key), Object::Nexthop(group)) => {
                let members = &group.group()?.members;
                let is_whole = members.keys().all(|id| there(&key.netns, *id));
                let rest = || group.with_members(|id| there(&key.netns, id));
                (!is_whole).then(|| (Key::Nexthop(key.clone()), rest()))
            }
            (Key::Route(key), Object::Route(route)) => {
                let is_gone = !there(&key.netns, route.nhid?);
                is_gone.then(|| (Key::Route(key.clone()), None))
            }
            _ => None,
        });
        let shrunk: Vec<(Key, Option<NexthopObject>)> = shrunk.collect();
        if shrunk.is_empty() {
            return;
        }
        for (key, rest) in shrunk {
            match rest {
                Some(rest) => drop(state.objects.insert(key, Object::Nexthop(rest.into()))),
                None => drop(state.objects.remove(&key)),
            }
        }
    }
}

/// The link of a nexthop has another name.
pub(super) fn rename(nexthop: &mut NexthopObject, old: &Place, new: &Place) {
    if let NexthopKind::Single(SingleNexthop { dev: Some(dev), .. }) = &mut nexthop.kind
        && *dev == old.ifname
    {
        dev.clone_from(&new.ifname);
    }
}

fn nexthop<'s>(state: &'s State, netns: &NetnsName, id: u32) -> Option<&'s NexthopObject> {
    let object = state.objects.get(&Key::Nexthop(NexthopKey { netns: netns.clone(), id }))?;
    if let Object::Nexthop(nexthop) = object { Some(nexthop) } else { None }
}

fn groups_with<'s>(
    state: &'s State,
    member: &'s NexthopKey,
) -> impl Iterator<Item = &'s NexthopGroup> {
    state.objects.iter().filter_map(move |(key, object)| match (key, object) {
        (Key::Nexthop(key), Object::Nexthop(nexthop)) if key.netns == member.netns => {
            nexthop.group().filter(|group| group.members.contains_key(&member.id))
        }
        _ => None,
    })
}
