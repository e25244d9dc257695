//! Whether a nexthop object is there, and whether an object can use it (`fib_check_nexthop`, `fib6_check_nexthop` and
//! `nh_check_attr_group`, net/ipv4/nexthop.c).

use super::answer::{Answer, NexthopState};
use super::world::{World, refused};
use super::{Contradiction, Hold, conditions_of};
use crate::name::{LinkName, NetnsName};
use crate::noun::link::Place;
use crate::noun::netns::as_phrase;
use crate::noun::nexthop::{NexthopKey, NexthopKind, NexthopObject};
use crate::noun::{Key, Object};

impl World<'_> {
    /// The carrier of a link that is up.
    pub(super) fn carrier(&mut self, place: &Place) -> Answer {
        if self.link(place).down.is_some() {
            return Answer::Met;
        }
        self.without_carrier(place).map_or(Answer::Met, Answer::Held)
    }

    /// The loopback, on which blackholes are.
    pub(super) fn loopback(&mut self, netns: &NetnsName, key: &Key) -> Answer {
        let place = Place { netns: netns.clone(), ifname: LinkName::loopback() };
        match (self.loopback_is_up(netns), self.link(&place).down.clone()) {
            (Some(true), _) => Answer::Met,
            (None, _) => Answer::Unknown(netns.clone()),
            (Some(false), Some(hold)) => Answer::Held(hold),
            (Some(false), None) => {
                let reason = format!(
                    "the kernel puts a blackhole on lo, which is down in {}: configure a link lo there, with admin-status up",
                    as_phrase(netns)
                );
                refused(key, reason, None)
            }
        }
    }

    /// Whether a nexthop is there for a route or a group.
    pub(super) fn nexthop(
        &mut self,
        nexthop: &NexthopKey,
        (key, object): (&Key, &Object),
    ) -> Answer {
        let id = nexthop.id;
        let field = if matches!(object, Object::Route(_)) { "nhid" } else { "group" };
        let Some(state) = self.nexthop_state(nexthop) else {
            let reason = format!(
                "no nexthop {id} is configured in {}: add it to nexthops, or take this out too",
                as_phrase(&nexthop.netns)
            );
            return contradiction(key, field, reason, None);
        };
        let unfit = match (key, object) {
            (Key::Route(_), _) => unfit_for_route(key, id, state),
            (_, Object::Nexthop(group)) => unfit_for_group(group, id, state),
            _ => None,
        };
        if let Some(reason) = unfit {
            return contradiction(key, field, reason, Some(nexthop));
        }
        match &state.answer {
            Answer::Met => Answer::Met,
            Answer::Unknown(netns) => Answer::Unknown(netns.clone()),
            Answer::Held(Hold { reason, waits_for }) => Answer::Held(Hold {
                reason: format!("its nexthop {id} is held: {reason}"),
                waits_for: waits_for.clone(),
            }),
            // It is refused itself.
            Answer::Refused(Contradiction { reason, .. }) => Answer::Held(Hold {
                reason: format!("its nexthop {id} is not possible: {reason}"),
                waits_for: Key::Nexthop(nexthop.clone()),
            }),
        }
    }

    /// The state of a nexthop; none if it is not configured.
    fn nexthop_state(&mut self, key: &NexthopKey) -> Option<&NexthopState> {
        if !self.nexthops.contains_key(key) {
            let state = self.judge_nexthop(key);
            self.nexthops.insert(key.clone(), state);
        }
        self.nexthops.get(key)?.as_ref()
    }

    fn judge_nexthop(&mut self, nexthop: &NexthopKey) -> Option<NexthopState> {
        let desired = self.desired;
        let key = Key::Nexthop(nexthop.clone());
        let object = desired.get(&key)?;
        let Object::Nexthop(of) = object else { return None };
        let answer = match of.kind {
            NexthopKind::Group(_) => self.judge_group(nexthop, of),
            NexthopKind::Single(_) | NexthopKind::Blackhole { .. } => {
                let mut conditions = Vec::new();
                conditions_of(&key, object, &mut conditions);
                let mut answers =
                    conditions.iter().map(|condition| self.ask(condition, (&key, object)));
                answers.find(|answer| !matches!(answer, Answer::Met)).unwrap_or(Answer::Met)
            }
        };
        Some(NexthopState {
            answer,
            is_group: of.group().is_some(),
            is_fdb: of.fdb,
            drops: matches!(of.kind, NexthopKind::Blackhole { .. }),
            of_ipv4: self.first_of_ipv4(nexthop, of),
        })
    }

    /// A group is there if one of its members is.
    fn judge_group(&mut self, key: &NexthopKey, group: &NexthopObject) -> Answer {
        let mut first = Answer::Met;
        for id in group.group().into_iter().flat_map(|group| group.members.keys()) {
            // A group in a group is refused.
            let member = key.member(*id);
            let is_group =
                |object: &Object| matches!(object, Object::Nexthop(of) if of.group().is_some());
            if self.desired.get(&Key::Nexthop(member.clone())).is_some_and(is_group) {
                continue;
            }
            match self.nexthop_state(&member).map(|state| &state.answer) {
                Some(Answer::Met) => return Answer::Met,
                Some(answer) if matches!(first, Answer::Met) => first = answer.clone(),
                Some(_) | None => {}
            }
        }
        first
    }

    fn first_of_ipv4(&self, key: &NexthopKey, nexthop: &NexthopObject) -> Option<u32> {
        let is_of_ipv4 = |nexthop: &NexthopObject| match &nexthop.kind {
            NexthopKind::Single(single) => !single.ipv6,
            NexthopKind::Blackhole { ipv6 } => !ipv6,
            NexthopKind::Group(_) => false,
        };
        let Some(group) = nexthop.group() else {
            return is_of_ipv4(nexthop).then_some(key.id);
        };
        let members = group.members.keys();
        members.copied().find(|id| {
            let member = self.desired.get(&Key::Nexthop(key.member(*id)));
            matches!(member, Some(Object::Nexthop(member)) if is_of_ipv4(member))
        })
    }
}

fn unfit_for_route(key: &Key, id: u32, state: &NexthopState) -> Option<String> {
    if state.is_fdb {
        return Some(format!("nexthop {id} is for forwarding databases, which no route uses"));
    }
    let is_ipv6 = matches!(key, Key::Route(key) if key.prefix.addr().is_ipv6());
    match state.of_ipv4.filter(|_| is_ipv6) {
        Some(own) if own == id => Some(format!(
            "an IPv6 route uses no nexthop of IPv4, and nexthop {id} is one: give it an IPv6 gateway, or the family inet6"
        )),
        Some(member) => Some(format!(
            "an IPv6 route uses no nexthop of IPv4, and {member} in group {id} is one: give it an IPv6 gateway, or the \
             family inet6"
        )),
        None => None,
    }
}

fn unfit_for_group(group: &NexthopObject, id: u32, state: &NexthopState) -> Option<String> {
    let several = group.group().is_some_and(|group| group.members.len() > 1);
    if state.is_group {
        return Some(format!("{id} is a group itself, and a group contains no other group"));
    }
    if state.drops && several {
        return Some(format!("{id} is a blackhole, which can only be alone in a group"));
    }
    match (group.fdb, state.is_fdb) {
        (true, false) => {
            Some(format!("the group is for forwarding databases (fdb), and nexthop {id} is not"))
        }
        (false, true) => {
            Some(format!("nexthop {id} is for forwarding databases (fdb), and the group is not"))
        }
        (true, true) | (false, false) => None,
    }
}

fn contradiction(
    key: &Key,
    field: &'static str,
    reason: String,
    other: Option<&NexthopKey>,
) -> Answer {
    let other = other.map(|nexthop| (Key::Nexthop(nexthop.clone()), None));
    match refused(key, reason, other) {
        Answer::Refused(contradiction) => {
            Answer::Refused(Contradiction { field: Some(field), ..contradiction })
        }
        answer @ (Answer::Met | Answer::Held(_) | Answer::Unknown(_)) => answer,
    }
}
