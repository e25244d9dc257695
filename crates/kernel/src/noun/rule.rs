//! Rules on the wire (`struct fib_rule_hdr` and `FRA_…`).

pub(crate) mod known;
mod removal;
mod support;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use netstate::attribute::{Attributes, Fields, Value, put_value};
use netstate::rule::{Rule, RuleKey, Selectors};
use netstate::uapi::{
    FIB_RULE_INVERT, FR_ACT_TO_TBL, FRA_DPORT_MASK, FRA_DSCP_MASK, FRA_DST, FRA_FLOWLABEL_MASK,
    FRA_FWMARK, FRA_FWMASK, FRA_PRIORITY, FRA_SPORT_MASK, FRA_SRC,
};
use netstate::{Key, LinkName, NetnsName, Object, Part, Wanted};

use crate::execution::{self, Act, Execution, PointedAt};
use crate::message::{Message, Wire, fixed};
use crate::noun::route::family;
use crate::observer::{Observer, Result};

/// Masks that mean the same as none: the kernel reports them, and it needs that of a flow label.
const ALL_PORT_BITS: u16 = u16::MAX;
const ALL_DSCP_BITS: u8 = 0x3f;
const ALL_FLOWLABEL_BITS: u32 = 0xf_ffff;

/// The netlink constants of this noun.
pub(crate) const WIRE: Wire = Wire {
    get: libc::RTM_GETRULE,
    plural: "rules",
    groups: &[libc::RTNLGRP_IPV4_RULE, libc::RTNLGRP_IPV6_RULE],
};

/// Appends the body of a request to add a rule, or to remove the rule that matches in everything.
fn request(out: &mut Vec<u8>, key: &RuleKey, rule: &Rule) {
    let RuleKey { pref, from, to, tos, fwmark, fwmask, selectors, .. } = key;
    let table = rule.table.and_then(|table| u8::try_from(table).ok()).unwrap_or_default();
    let action = rule.action.unwrap_or(FR_ACT_TO_TBL);
    out.extend([family(&from.addr()), to.prefix_len(), from.prefix_len(), *tos]);
    out.extend([table, 0, 0, action]);
    if selectors.not == Some(true) { FIB_RULE_INVERT } else { 0 }.put(out);
    for (number, prefix) in [(FRA_SRC, from), (FRA_DST, to)] {
        if prefix.prefix_len() != 0 {
            put_value(out, number, &prefix.network());
        }
    }
    put_value(out, FRA_PRIORITY, pref);
    if *fwmark != 0 || fwmask.is_some() {
        put_value(out, FRA_FWMARK, fwmark);
        put_value(out, FRA_FWMASK, &fwmask.unwrap_or(u32::MAX));
    }
    selectors.encode(out);
    if selectors.flowlabel.is_some() && selectors.flowlabel_mask.is_none() {
        put_value(out, FRA_FLOWLABEL_MASK, &ALL_FLOWLABEL_BITS.to_be());
    }
    rule.encode(out);
}

/// Reads a message about a rule of namespace `netns`.
fn decode(message: Message<'_>, netns: &NetnsName) -> Option<(Box<RuleKey>, Box<Rule>)> {
    if ![libc::RTM_NEWRULE, libc::RTM_DELRULE].contains(&message.kind) {
        return None;
    }
    let any = match message.byte(0) {
        2 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        10 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        _ => return None,
    };
    let (mut from, mut to, mut pref, mut fwmark, mut fwmask) = (any, any, 0, 0, None);
    for (number, value) in message.attributes(fixed::RULE) {
        match number {
            FRA_SRC => from = IpAddr::take(value)?,
            FRA_DST => to = IpAddr::take(value)?,
            FRA_PRIORITY => pref = u32::take(value)?,
            FRA_FWMARK => fwmark = u32::take(value)?,
            FRA_FWMASK => fwmask = Some(u32::take(value)?),
            _ => {}
        }
    }
    let usual = if fwmark == 0 { 0 } else { u32::MAX };
    let selectors: Selectors = message.decode(fixed::RULE);
    let not = message.number::<u32>(8) & FIB_RULE_INVERT != 0;
    let selectors = Selectors {
        not: not.then_some(true),
        sport_mask: selectors.sport_mask.filter(|mask| *mask != ALL_PORT_BITS),
        dport_mask: selectors.dport_mask.filter(|mask| *mask != ALL_PORT_BITS),
        dscp_mask: selectors.dscp_mask.filter(|mask| *mask != ALL_DSCP_BITS),
        flowlabel_mask: selectors.flowlabel_mask.filter(|mask| *mask != ALL_FLOWLABEL_BITS),
        ..selectors
    };
    let key = RuleKey {
        netns: netns.clone(),
        pref,
        from: IpNet::new(from, message.byte(2)).ok()?,
        to: IpNet::new(to, message.byte(1)).ok()?,
        tos: message.byte(3),
        fwmark,
        fwmask: fwmask.filter(|mask| *mask != usual),
        selectors,
    };
    let rule: Rule = message.decode(fixed::RULE);
    let rule = Rule {
        action: Some(message.byte(7)),
        table: rule.table.filter(|table| *table != 0),
        // The kernel reports -1 if there is none.
        suppress_prefixlength: rule.suppress_prefixlength.filter(|length| *length != u32::MAX),
        ..rule
    };
    Some((key.into(), rule.into()))
}

/// Executes an operation on a rule.
pub(crate) fn execute<'a>(
    execution: &mut Execution<'a>,
    index: usize,
    key: &'a RuleKey,
    doing: Act<'a, Box<Rule>>,
) -> execution::Result<()> {
    match doing {
        Act::Create(rule) | Act::Update { change: rule, .. } => {
            support::check(execution, index, key)?;
            removal::note(&mut execution.rules, key, rule);
            execution.push((index, &key.netns), (libc::RTM_NEWRULE, removal::ADD), |out| {
                request(out, key, rule);
            })
        }
        Act::Delete(rule) => removal::remove(execution, index, key, rule),
    }
}

/// The field to which the kernel points.
pub(crate) fn field(_: &Rule, at: PointedAt<'_>) -> Option<&'static str> {
    let attribute = at.after(fixed::RULE)?;
    match attribute.number {
        FRA_SRC => Some("from"),
        FRA_DST => Some("to"),
        FRA_PRIORITY => Some("pref"),
        FRA_FWMARK | FRA_FWMASK => Some("fwmark"),
        FRA_SPORT_MASK => Some("sport"),
        FRA_DPORT_MASK => Some("dport"),
        FRA_DSCP_MASK => Some("dscp-mask"),
        FRA_FLOWLABEL_MASK => Some("flowlabel"),
        _ => at.field(attribute, Selectors::FIELDS).or_else(|| at.field(attribute, Rule::FIELDS)),
    }
}

/// Reads all rules of namespaces.
pub(crate) fn observe_part(
    observer: &mut Observer<'_>,
    namespaces: &[NetnsName],
    _: &Part,
) -> Result<()> {
    observer
        .each_family(namespaces, |observer, netns, family| observer.rules(netns, family, |_| true))
}

/// Reads rules by their keys. The kernel can only report all rules of a family.
pub(crate) fn observe(
    observer: &mut Observer<'_>,
    keys: &[impl AsRef<RuleKey>],
    wanted: &Wanted,
) -> Result<()> {
    let keys = keys.iter().map(AsRef::as_ref);
    let mut families: Vec<_> = keys.map(|key| (&key.netns, family(&key.from.addr()))).collect();
    families.sort_unstable();
    families.dedup();
    for (netns, family) in families {
        observer.rules(netns, family, |key| wanted.keys.contains(key))?;
    }
    Ok(())
}

/// The rule of a notification.
pub(crate) fn notified(
    message: Message<'_>,
    netns: &NetnsName,
    _: impl Fn(u32) -> Option<LinkName>,
) -> Option<Key> {
    Some(Key::Rule(decode(message, netns)?.0))
}

impl Observer<'_> {
    /// The rules of a family that `wanted` selects.
    fn rules(
        &mut self,
        netns: &NetnsName,
        family: u8,
        wanted: impl Fn(&Key) -> bool,
    ) -> Result<()> {
        let request = |out: &mut Vec<u8>| {
            out.push(family);
            out.extend([0; fixed::RULE - 1]);
        };
        let decode = |message: Message<'_>| decode(message, netns);
        for (key, rule) in self.dump((netns, libc::RTM_GETRULE), request, decode)? {
            let key = Key::Rule(key);
            if wanted(&key) {
                self.insert(key, Object::Rule(rule));
            }
        }
        Ok(())
    }
}
