//! Rules on the wire (`struct fib_rule_hdr` and `FRA_…`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use netstate::attribute::{Attributes, Fields, Value, put_value};
use netstate::rule::{Rule, RuleKey};
use netstate::uapi::{
    FR_ACT_TO_TBL, FRA_DST, FRA_FWMARK, FRA_FWMASK, FRA_PRIORITY, FRA_SRC, FRA_TABLE,
};
use netstate::{Key, LinkName, NetnsName, Object, Part, Wanted};

use crate::execution::{self, Act, CREATE, Execution, PointedAt};
use crate::message::{Message, Wire, fixed};
use crate::noun::route::family;
use crate::observer::{Observer, Result};

/// The netlink constants of this noun.
pub(crate) const WIRE: Wire = Wire {
    get: libc::RTM_GETRULE,
    plural: "rules",
    groups: &[libc::RTNLGRP_IPV4_RULE, libc::RTNLGRP_IPV6_RULE],
};

/// Appends the body of a request to add a rule, or to remove the rule that matches in everything.
fn request(out: &mut Vec<u8>, key: &RuleKey, rule: &Rule) {
    let RuleKey { pref, from, to, tos, fwmark, .. } = key;
    let table = rule.table.and_then(|table| u8::try_from(table).ok()).unwrap_or_default();
    let action = rule.action.unwrap_or(FR_ACT_TO_TBL);
    out.extend([family(&from.addr()), to.prefix_len(), from.prefix_len(), *tos]);
    out.extend([table, 0, 0, action]);
    0u32.put(out);
    for (number, prefix) in [(FRA_SRC, from), (FRA_DST, to)] {
        if prefix.prefix_len() != 0 {
            put_value(out, number, &prefix.network());
        }
    }
    put_value(out, FRA_PRIORITY, pref);
    if *fwmark != 0 {
        put_value(out, FRA_FWMARK, fwmark);
        put_value(out, FRA_FWMASK, &u32::MAX);
    }
    rule.encode(out);
}

/// Reads a message about a rule of namespace `netns`. Rules with selectors that a key cannot
/// contain are skipped: they belong to others.
fn decode(message: Message<'_>, netns: &NetnsName) -> Option<(Box<RuleKey>, Box<Rule>)> {
    if ![libc::RTM_NEWRULE, libc::RTM_DELRULE].contains(&message.kind) {
        return None;
    }
    let any = match message.byte(0) {
        2 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        10 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        _ => return None,
    };
    let (mut from, mut to, mut pref, mut fwmark, mut fwmask) = (any, any, 0, 0, u32::MAX);
    for (number, value) in message.attributes(fixed::RULE) {
        match number {
            FRA_SRC => from = IpAddr::take(value)?,
            FRA_DST => to = IpAddr::take(value)?,
            FRA_PRIORITY => pref = u32::take(value)?,
            FRA_FWMARK => fwmark = u32::take(value)?,
            FRA_FWMASK => fwmask = u32::take(value)?,
            _ => {}
        }
    }
    if fwmark != 0 && fwmask != u32::MAX {
        return None;
    }
    let key = RuleKey {
        netns: netns.clone(),
        pref,
        from: IpNet::new(from, message.byte(2)).ok()?,
        to: IpNet::new(to, message.byte(1)).ok()?,
        tos: message.byte(3),
        fwmark,
    };
    let rule: Rule = message.decode(fixed::RULE);
    let rule = Rule { action: Some(message.byte(7)), ..rule };
    Some((key.into(), rule.into()))
}

/// Executes an operation on a rule.
pub(crate) fn execute<'a>(
    execution: &mut Execution<'a>,
    index: usize,
    key: &'a RuleKey,
    doing: Act<'a, Box<Rule>>,
) -> execution::Result<()> {
    let (kind, rule) = match doing {
        Act::Create(rule) | Act::Update { change: rule, .. } => ((libc::RTM_NEWRULE, CREATE), rule),
        Act::Delete(rule) => ((libc::RTM_DELRULE, 0), rule),
    };
    execution.push((index, &key.netns), kind, |out| request(out, key, rule))
}

/// The field to which the kernel points.
pub(crate) fn field(_: &Rule, at: PointedAt<'_>) -> Option<&'static str> {
    let attribute = at.after(fixed::RULE)?;
    match attribute.number {
        FRA_SRC => Some("from"),
        FRA_DST => Some("to"),
        FRA_PRIORITY => Some("pref"),
        FRA_FWMARK | FRA_FWMASK => Some("fwmark"),
        FRA_TABLE => Some("table"),
        _ => at.field(attribute, Rule::FIELDS),
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
