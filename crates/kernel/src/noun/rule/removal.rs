//! Removing exactly one rule.
//!
//! A request to remove a rule removes the first one that has all the selectors in the request, even
//! if it has more (`rule_find`, net/core/fib_rules.c). Where that is another rule of the same
//! priority, all rules of this priority are removed in their order, which is exact for each of
//! them, and the others are added again in the same batch and order.

use std::collections::BTreeMap;

use ipnet::IpNet;
use netstate::attribute::put_value;
use netstate::rule::{Rule, RuleKey, Selectors};
use netstate::uapi::{FIB_RULE_INVERT, FRA_PRIORITY};

use super::known::{Known, Standing};
use super::{decode, request};
use crate::execution::{CREATE, Execution, Failure, Result};
use crate::fault::Fault;
use crate::message::{fixed, message};
use crate::noun::route::family;
use crate::socket::NetlinkSocket;

/// With `NLM_F_EXCL`, the kernel refuses a rule beside one that only has more selectors.
pub(super) const ADD: i32 = CREATE & !libc::NLM_F_EXCL;

/// The number of requests that the kernel gets at once.
const TOGETHER: usize = 400;

/// A rule is added, after all others of its priority.
pub(super) fn note(known: &mut Known, key: &RuleKey, rule: &Rule) {
    let place = (key.netns.clone(), family(&key.from.addr()));
    if let Some(standing) = known.standing.get_mut(&place) {
        let mut body = Vec::new();
        request(&mut body, key, rule);
        let added = Standing { key: key.clone(), rule: rule.clone(), body };
        standing.entry(key.pref).or_default().push(added);
    }
}

/// Removes a rule, and no other.
pub(super) fn remove(
    execution: &mut Execution<'_>,
    op: usize,
    key: &RuleKey,
    rule: &Rule,
) -> Result<()> {
    let place = (key.netns.clone(), family(&key.from.addr()));
    if !execution.rules.standing.contains_key(&place) {
        let standing = read(execution, op, key)?;
        execution.rules.standing.insert(place.clone(), standing);
    }
    let group = execution.rules.standing.get_mut(&place).and_then(|all| all.get_mut(&key.pref));
    let absent = || Failure::new(op, &Fault::from_answer(libc::ENOENT, &[]));
    let group = group.ok_or_else(absent)?;
    let is_exact = |standing: &Standing| standing.key == *key && standing.rule == *rule;
    let first = group.iter().position(|standing| is_found((key, rule), standing));
    let at = match first {
        Some(first) if is_exact(&group[first]) => first,
        _ => group
            .iter()
            .position(is_exact)
            .or_else(|| group.iter().position(|standing| standing.key == *key))
            .ok_or_else(absent)?,
    };
    if first == Some(at) {
        let Standing { body, .. } = group.remove(at);
        return execution.push((op, &key.netns), (libc::RTM_DELRULE, 0), |out| out.extend(body));
    }
    tracing::info!(
        priority = key.pref,
        "rules of this priority are added again, because one of them cannot be removed alone"
    );
    let bodies = group.iter().map(|standing| standing.body.clone());
    let mut requests: Vec<_> = bodies.map(|body| (libc::RTM_DELRULE, 0, body)).collect();
    group.remove(at);
    let bodies = group.iter().map(|standing| standing.body.clone());
    requests.extend(bodies.map(|body| (libc::RTM_NEWRULE, ADD, body)));
    send_all(execution.socket(op, &key.netns)?, &requests).map_err(|fault| Failure::new(op, &fault))
}

/// Sends requests, also those after one that fails: a rule of others that is removed comes back.
fn send_all(
    socket: &mut NetlinkSocket,
    requests: &[(u16, i32, Vec<u8>)],
) -> std::result::Result<(), Fault> {
    let mut outcome = Ok(());
    for some in requests.chunks(TOGETHER) {
        let mut bytes = Vec::new();
        for (number, (kind, flags, body)) in some.iter().enumerate() {
            let is_last = number + 1 == some.len();
            let flags = flags | if is_last { libc::NLM_F_ACK } else { 0 };
            message(&mut bytes, (*kind, flags, 0), |out| out.extend(body));
        }
        let failures = socket.transact(&bytes).map_err(Fault::from);
        let failure = failures.map(|failures| failures.into_iter().next());
        match failure {
            Ok(None) => {}
            Ok(Some((_, fault))) | Err(fault) => outcome = outcome.and(Err(fault)),
        }
    }
    outcome
}

/// The rules of the key's namespace and family.
fn read(
    execution: &mut Execution<'_>,
    op: usize,
    key: &RuleKey,
) -> Result<BTreeMap<u32, Vec<Standing>>> {
    let ask = |out: &mut Vec<u8>| {
        out.push(family(&key.from.addr()));
        out.extend([0; fixed::RULE - 1]);
    };
    let socket = execution.socket(op, &key.netns)?;
    let found = socket.dump(libc::RTM_GETRULE, ask, |message| {
        let (key, rule) = decode(message, &key.netns)?;
        let mut body = message.body.to_vec();
        // The other flags are what the kernel found out about a rule.
        let flags = message.number::<u32>(8) & FIB_RULE_INVERT;
        body.get_mut(8..12)?.copy_from_slice(&flags.to_ne_bytes());
        if key.pref == 0 {
            put_value(&mut body, FRA_PRIORITY, &0u32);
        }
        Some(Standing { key: *key, rule: *rule, body })
    });
    let mut standing: BTreeMap<u32, Vec<Standing>> = BTreeMap::new();
    for rule in found.map_err(|fault| Failure::new(op, &fault))? {
        standing.entry(rule.key.pref).or_default().push(rule);
    }
    Ok(standing)
}

/// Whether the kernel finds `found` by a request for a rule, which has the same priority.
fn is_found((key, rule): (&RuleKey, &Rule), found: &Standing) -> bool {
    fn same<T: PartialEq>(asked: Option<T>, found: Option<T>) -> bool {
        asked.is_none() || asked == found
    }
    let prefix = |asked: &IpNet, found: &IpNet| asked.prefix_len() == 0 || asked == found;
    let (other, seen) = (&found.key, &found.rule);
    let mask = |key: &RuleKey| key.fwmask.unwrap_or(if key.fwmark == 0 { 0 } else { u32::MAX });
    let (one, two): (&Selectors, &Selectors) = (&key.selectors, &other.selectors);
    prefix(&key.from, &other.from)
        && prefix(&key.to, &other.to)
        && (key.tos == 0 || key.tos == other.tos)
        && (key.fwmark == 0 || key.fwmark == other.fwmark)
        && (mask(key) == 0 || mask(key) == mask(other))
        && same(one.iif.as_ref(), two.iif.as_ref())
        && same(one.oif.as_ref(), two.oif.as_ref())
        && same(one.ipproto, two.ipproto)
        && same(one.sport, two.sport)
        && same(one.dport, two.dport)
        // The mask of a single port is all bits if it is not given.
        && (one.sport.is_none() || one.sport_mask == two.sport_mask)
        && (one.dport.is_none() || one.dport_mask == two.dport_mask)
        && same(one.uidrange, two.uidrange)
        && same(one.tun_id, two.tun_id)
        && same(one.l3mdev, two.l3mdev)
        && (one.dscp.is_none() || (one.dscp, one.dscp_mask) == (two.dscp, two.dscp_mask))
        && (one.flowlabel.is_none()
            || (one.flowlabel, one.flowlabel_mask) == (two.flowlabel, two.flowlabel_mask))
        && same(rule.action, seen.action)
        && same(rule.table, seen.table)
        && same(rule.suppress_prefixlength, seen.suppress_prefixlength)
        && same(rule.suppress_ifgroup, seen.suppress_ifgroup)
        && same(rule.realms, seen.realms)
        && same(rule.protocol.filter(|protocol| *protocol != 0), seen.protocol)
}
