//! The checker of plans: each operation must be legal in its place, and together they must lead
//! exactly to the target.
//!
//! The rules are written independently of the planner's, after the kernel's sources, so that the
//! checker finds what the planner misses. [`check`] applies the operations to a model of the
//! observed state. It then compares the result with the target, key by key, for all nouns.
//!
//! The observed state is partial. A link or a namespace that neither it nor the target names is
//! unknown. The checker accepts references to it, and objects on it. It also accepts what no plan
//! could achieve, such as a gateway that nothing in the target reaches: this is an error of the
//! configuration, and the kernel refuses it. Objects that the kernel creates itself may appear and
//! disappear.

mod addresses;
mod effects;
mod enslaving;
mod needs;
mod nexthop_needs;
mod nexthops;
mod nouns;
mod outcome;
mod users;
mod vlans;
mod world;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use self::needs::name;
use self::nouns::nature;
use self::outcome::{Outcome, from_differs, is_still, kind_differs};
use self::world::{Node, Presence, World, is_built_in, is_can, takes_device};
use crate::name::{LinkId, NetnsName};
use crate::noun::link::{Link, LinkKind, Place};
use crate::noun::{Key, Object};
use crate::operation::{Action, Op, Plan};
use crate::state::State;

/// An error in a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Violation {
    /// The index of the operation in the plan; the number of operations if the final state is
    /// wrong.
    pub index: usize,
    /// The operation; none if the final state is wrong.
    pub op: Option<Box<Op>>,
    /// The object.
    pub key: Key,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.op {
            Some(op) => write!(f, "operation {} ({op}): {}", self.index + 1, self.reason),
            None => write!(f, "in the end, {:?}: {}", self.key, self.reason),
        }
    }
}

impl std::error::Error for Violation {}

/// Checks that `plan` leads from `observed` to `target`, and that each operation is legal in its
/// place.
pub fn check<'a>(
    observed: &'a State,
    plan: &'a Plan,
    target: impl IntoIterator<Item = (&'a Key, &'a Object)>,
) -> Result<(), Violation> {
    let target: BTreeMap<&Key, &Object> = target.into_iter().collect();
    let entries = || target.iter().map(|(key, object)| (*key, *object));
    let mut walk = Walk {
        now: World::of(&observed.objects, entries()),
        end: World::of(entries(), &observed.objects),
    };
    for (index, op) in plan.ops.iter().enumerate() {
        walk.step(index, op).map_err(|reason| Violation {
            index,
            op: Some(Box::new(op.clone())),
            key: op.key.clone(),
            reason,
        })?;
    }
    let seen = observed.objects.iter().filter_map(|(key, object)| match (key, object) {
        (Key::Link(id), Object::Link(link)) => Some((&link.place, id)),
        _ => None,
    });
    let outcome = Outcome { observed, seen: seen.collect(), now: &walk.now, end: &walk.end };
    match outcome.fault(&target) {
        None => Ok(()),
        Some((key, reason)) => Err(Violation { index: plan.ops.len(), op: None, key, reason }),
    }
}

/// The state of a check.
struct Walk<'a> {
    /// The state after the operations so far.
    now: World<'a>,
    /// The state after all operations.
    end: World<'a>,
}

/// Whether an operation is legal, and if not, why.
type Verdict = Result<(), String>;

impl<'a> Walk<'a> {
    /// Applies an operation, if it is legal.
    fn step(&mut self, index: usize, op: &'a Op) -> Verdict {
        let why = || format!("operation {} ({op})", index + 1);
        match (&op.key, &op.action) {
            (Key::Netns(netns), Action::Create(Object::Netns)) => {
                forbid(self.now.netns(netns) == Presence::Here(()), || "it is there".into())?;
                self.now.set_netns(netns, true);
                self.bring_loopback(netns);
                Ok(())
            }
            (Key::Netns(netns), Action::Delete(Object::Netns)) => {
                forbid(netns.is_own(), || "it is the host's own".into())?;
                forbid(self.now.netns(netns) == Presence::Missing, || self.absent(&op.key))?;
                let within = self.now.links_in(netns).map(|node| node.link.place.ifname.as_str());
                let holds: Vec<&str> = within.filter(|name| !is_built_in(name)).collect();
                forbid(!holds.is_empty(), || format!("it still holds {}", holds.join(", ")))?;
                self.now.lose_netns(netns, &why());
                Ok(())
            }
            (Key::Link(id), Action::Create(Object::Link(link))) => self.make(id, link),
            (
                Key::Link(id),
                Action::Update { from: Object::Link(from), change: Object::Link(change) },
            ) => self.change(id, (from, change), &why()),
            (Key::Link(id), Action::Delete(Object::Link(link))) => {
                let seen = self.link_at(id, &link.place)?;
                let kind = kind_differs(link.kind.as_ref(), seen.kind.as_ref());
                forbid(!kind.is_empty(), || "it is of another type".into())?;
                let is_device = seen.kind == Some(LinkKind::Other(String::new()));
                forbid(is_device, || "a device that nobody made cannot be removed".into())?;
                self.now.lose_link(&link.place, &why());
                Ok(())
            }
            (key, Action::Await) => {
                let Key::Address(at) = key else {
                    return Err("only addresses are awaited".into());
                };
                forbid(at.address.addr().is_ipv4(), || "IPv4 detects no duplicates".into())?;
                let there = self.now.objects.contains_key(key);
                forbid(!there, || self.absent(key))
            }
            (Key::Netns(_) | Key::Link(_), _) => Err("it is no operation on such an object".into()),
            (key, Action::Create(object)) => {
                let is_made = !nature(key, object).is_part_of_home;
                let there = self.now.objects.contains_key(key) && is_made;
                forbid(there, || "it is there".into())?;
                self.put(key, object)
            }
            (key, Action::Update { from, change }) => {
                let Some(seen) = self.now.objects.get(key) else { return Err(self.absent(key)) };
                let same = is_still(key, from, seen, &self.now);
                forbid(!same, || format!("it is {seen:?} by then"))?;
                forbid(from == change, || "it changes nothing".into())?;
                let replaceable =
                    [from, change].into_iter().all(|object| nature(key, object).is_replaceable);
                let replaceable = replaceable && nexthops::is_replaceable(from, change);
                forbid(!replaceable, || "no request makes it another".into())?;
                if let (Key::Address(key), Object::Address(from), Object::Address(change)) =
                    (key, from, change)
                    && let Some(fixed) = addresses::fixed(key, from, change)
                {
                    return Err(format!("no request changes {fixed} of an address"));
                }
                self.put(key, change)
            }
            (key, Action::Delete(object)) => {
                let Some(seen) = self.now.objects.get(key) else { return Err(self.absent(key)) };
                let same = is_still(key, object, seen, &self.now);
                forbid(!same, || format!("it is {seen:?} by then"))?;
                let stays = nature(key, object).is_part_of_home;
                forbid(stays, || "it is there as long as what it is on".into())?;
                if let Key::Address(gone) = key
                    && let Some(other) = self.now.secondary_of(gone)
                {
                    let other = other.address;
                    return Err(format!("{other}, secondary to it, may go along or not"));
                }
                self.now.lose(key, &why());
                Ok(())
            }
        }
    }

    /// A new namespace has a loopback (`loopback_net_init`, drivers/net/loopback.c). It has its
    /// name from the target, if the target contains it.
    fn bring_loopback(&mut self, netns: &NetnsName) {
        let loopback = self.end.links_in(netns).find_map(|node| {
            let link = Link::loopback(&node.link.place)?;
            Some((node.id.clone(), link))
        });
        if let Some((id, link)) = loopback {
            let first = link.place.ifname.clone();
            self.now.put_link(Node { id, link: Cow::Owned(link), first, owns_mtu: None });
        }
    }

    /// Creates or replaces an object that is neither a namespace nor a link.
    fn put(&mut self, key: &Key, object: &'a Object) -> Verdict {
        if let Some(missing) = self.now.missing(key, object, true)
            && self.end.missing(key, object, false).is_none()
        {
            return Err(missing);
        }
        if let Key::Address(new) = key
            && new.address.addr().is_ipv6()
        {
            // `ipv6_add_addr` finds an address of a link without its prefix length.
            let holds = |other: &&Key| matches!(other, Key::Address(at) if at.dev == new.dev);
            let mut same = self.now.holding(&new.netns, new.address.addr()).filter(holds);
            forbid(same.any(|other| other != key), || "the link has this address already".into())?;
        }
        self.now.settle(key, object);
        Ok(())
    }

    fn make(&mut self, id: &LinkId, link: &Link) -> Verdict {
        let place = &link.place;
        forbid(self.now.places.contains_key(id), || "it is there".into())?;
        self.require_free(place)?;
        let kind = link.kind.as_ref();
        forbid(kind.is_none_or(|kind| matches!(kind, LinkKind::Other(_))), || {
            "it is of no type that can be made".into()
        })?;
        if let Some(missing) = self.now.missing_for_link(link, place)
            && self.end.missing_for_link(link, place).is_none()
        {
            return Err(missing);
        }
        // The other end gets its name from the target's link in that place.
        let mate = link.peer.as_ref().and_then(|peer| self.end.node(peer)?.id.clone());
        self.now.make_link(id, link, mate);
        Ok(())
    }

    fn change(&mut self, id: &LinkId, (from, change): (&Link, &Link), why: &str) -> Verdict {
        let (old, new) = (&from.place, &change.place);
        let now = self.link_at(id, old)?;
        let stale = from_differs(from, now, &self.now);
        forbid(!stale.is_empty(), || format!("by then it is otherwise in {}", stale.join(", ")))?;
        let up = now.flags.up == Some(true);
        let changes = change.changes(now);
        forbid(changes.is_empty() && change.master.is_none() && old == new, || {
            "it changes nothing".into()
        })?;
        let fields = changes.set();
        if let Some(field) = fields.iter().find(|field| field.create_only) {
            return Err(format!("only a new link can be given {}", field.name));
        }
        if let Some(field) = fields.iter().find(|field| field.while_down && up) {
            return Err(format!("{} is set only while the link is down", field.name));
        }
        forbid(is_can(now) && up && changes.attributes.mtu.is_some(), || {
            "the MTU is set only while the link is down".into()
        })?;
        let stores = |device: &Place| takes_device(now, old, device);
        forbid(!changes.device.iter().all(stores), || {
            "only a new link can be given a device".into()
        })?;
        forbid(changes.peer.is_some(), || "only a new link can be given a peer".into())?;
        let other_kind = change.kind.as_ref().zip(now.kind.as_ref());
        let other_kind = other_kind.is_some_and(|(new, old)| new.name() != old.name());
        forbid(other_kind, || "a link stays of the type that it was made of".into())?;
        if old != new {
            // `dev_change_name` before Linux 6.2.
            forbid(up && old.netns == new.netns, || "it is renamed while it is up".into())?;
            // `netns_local`, net/bridge/br_device.c.
            let stays = matches!(now.kind, Some(LinkKind::Bridge(_))) && old.netns != new.netns;
            forbid(stays, || "a bridge stays in its namespace".into())?;
            self.require_free(new)?;
        }
        if let Some(missing) = self.now.missing_for_change(now, change, old) {
            let wanted = self.end.places.get(id).and_then(|place| self.end.node(place));
            let lacks = |end: &Link| self.end.missing_for_change(end, change, &end.place).is_some();
            forbid(!wanted.is_some_and(|end| lacks(&end.link)), || missing)?;
        }
        self.now.change_link(old, change, why);
        Ok(())
    }

    fn require_free(&self, place: &Place) -> Verdict {
        match self.now.link(place) {
            Presence::Here(_) => Err(format!("there is a link {} already", name(place))),
            Presence::Missing | Presence::Unknown => Ok(()),
        }
    }

    /// The link with this identity, which must be at this place.
    fn link_at(&self, id: &LinkId, place: &Place) -> Result<&Link, String> {
        match self.now.places.get(id) {
            None => Err(self.absent(&Key::Link(id.clone()))),
            Some(at) if at != place => Err(format!("it is {} by then", name(at))),
            Some(at) => match self.now.node(at) {
                Some(node) => Ok(&node.link),
                None => Err("it is not there".into()),
            },
        }
    }

    fn absent(&self, key: &Key) -> String {
        match self.now.lost.get(key) {
            Some(why) => format!("it is gone since {why}"),
            None => "it is not there".into(),
        }
    }
}

fn forbid(is_so: bool, reason: impl FnOnce() -> String) -> Verdict {
    if is_so { Err(reason()) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
