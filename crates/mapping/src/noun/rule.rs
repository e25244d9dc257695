//! iproute2-ip-rule and netloom-rule: rules of the routing policy database.

mod entry;
mod key;
mod raise;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use ipnet::IpNet;
use netstate::rule::Selectors;
use netstate::uapi::{FR_ACT_GOTO, FR_ACT_TO_TBL, RT_TABLE_MAIN, RTPROT_KERNEL, RTPROT_STATIC};
use netstate::{Key, LinkId, LinkName, Object, Rule, RuleKey};
use yang::Node;

pub(crate) use key::path;
pub(crate) use raise::raise;

use self::entry::{Action, Entry};
use crate::instances::{below, entry_path};
use crate::lowering::{Lowering, User};
use crate::noun::ShownIn;

/// The place in operational data.
pub(crate) const SHOWN_IN: &[ShownIn] = &[ShownIn::container("rules")];

/// The bits of a type of service that Linux takes in an IPv4 rule (`fib4_rule_configure`).
const IPV4_TOS_BITS: u8 = 0x1c;

/// Every configured rule.
pub(crate) fn lower(lowering: &mut Lowering<'_>) {
    let mut known = HashSet::new();
    for node in lowering.entries("rules", Some("rule")) {
        let key = match key::read(node.keys()) {
            Ok(key) => key,
            Err((leaf, message)) => {
                lowering.faults.invalid(&below(&entry_path(&node), &[leaf]), message);
                continue;
            }
        };
        let has_netns = lowering.netns(&key.netns, || below(&entry_path(&node), &["netns"]));
        let Some(entry) = lowering.read::<Entry>(&node).filter(|_| has_netns) else { continue };
        if !known.insert(key.clone()) {
            let message =
                format!("another entry is rule {} already, written differently", key.pref);
            lowering.faults.invalid(&entry_path(&node), message);
            continue;
        }
        if entry.protocol == Some(RTPROT_KERNEL) {
            let message = "only the kernel makes rules of this protocol: take it out";
            lowering.faults.invalid(&below(&entry_path(&node), &["protocol"]), message);
        }
        let mut rule = RuleLowering { lowering, node: &node, key: &key };
        let selectors = rule.selectors(&entry);
        let object = rule.action(&entry.action, &selectors, entry.protocol);
        let key = Key::Rule(RuleKey { selectors, ..key }.into());
        lowering.add(key, Object::Rule(object.into()));
    }
}

struct RuleLowering<'l, 'c, 'n> {
    lowering: &'l mut Lowering<'c>,
    node: &'n Node<'c>,
    key: &'n RuleKey,
}

impl RuleLowering<'_, '_, '_> {
    fn selectors(&mut self, entry: &Entry) -> Selectors {
        let (selectors, faults) = entry.selectors();
        for (leaf, message) in faults {
            self.invalid(&[leaf], message);
        }
        if !self.key.is_ipv6() && self.key.tos & !IPV4_TOS_BITS != 0 {
            let message = format!(
                "Linux does not take this type of service in IPv4 rules: use default, and dscp {}",
                self.key.tos >> 2
            );
            self.invalid(&["tos"], message);
        }
        if self.key.tos != 0 && selectors.dscp.is_some() {
            self.invalid(&["dscp"], "a rule has either tos or dscp: set tos to default");
        }
        if !self.key.is_ipv6() && selectors.flowlabel.is_some() {
            let message =
                "only an IPv6 rule has a flow label: write from ::/0 for any IPv6 address";
            self.invalid(&["flowlabel"], message);
        }
        Selectors {
            iif: self.link(entry.iif.as_ref(), "iif"),
            oif: self.link(entry.oif.as_ref(), "oif"),
            ..selectors
        }
    }

    /// The name of a link, which must be in the namespace of the rule.
    fn link(&mut self, id: Option<&LinkId>, leaf: &str) -> Option<LinkName> {
        let called = format!("rule {}", self.key.pref);
        let user = User { called: &called, netns: &self.key.netns };
        let at = || below(&entry_path(self.node), &[leaf]);
        self.lowering.place_beside(&user, id?, at).map(|place| place.ifname)
    }

    fn action(&mut self, action: &Action, selectors: &Selectors, protocol: Option<u8>) -> Rule {
        if action.nat.is_some() {
            let message = "Linux translates no addresses by rules; use tc or nftables for that";
            self.invalid(&["action", "nat"], message);
        }
        let kind = match (action.r#type, action.goto) {
            (kind, None) => kind.unwrap_or(FR_ACT_TO_TBL),
            (None, Some(_)) => FR_ACT_GOTO,
            (Some(kind), Some(_)) => {
                let message = "a rule has either a type or goto: take one of them out";
                self.invalid(&["action", "goto"], message);
                kind
            }
        };
        if let Some(target) = action.goto.filter(|target| *target <= self.key.pref) {
            let message = format!(
                "a rule goes on only to a later one: {target} is not higher than its priority {}",
                self.key.pref
            );
            self.invalid(&["action", "goto"], message);
        }
        let of_lookup = [
            ("table", action.table.is_some()),
            ("suppress_prefixlength", action.suppress_prefixlength.is_some()),
            ("suppress_ifgroup", action.suppress_ifgroup.is_some()),
            ("realms", action.realms.is_some()),
        ];
        for (leaf, _) in of_lookup.iter().filter(|(_, is_set)| *is_set && kind != FR_ACT_TO_TBL) {
            let message = "only a rule that looks up a table has this: take it out";
            self.invalid(&["action", leaf], message);
        }
        if selectors.l3mdev.is_some() && action.table.is_some() {
            let message = "the table is that of the VRF if there is l3mdev: take one of them out";
            self.invalid(&["action", "table"], message);
        }
        let longest = if matches!(self.key.from, IpNet::V4(_)) { 32 } else { 128 };
        if action.suppress_prefixlength.is_some_and(|length| length > longest) {
            let message = format!("a prefix of this family has at most {longest} bits");
            self.invalid(&["action", "suppress_prefixlength"], message);
        }
        if self.key.is_ipv6() && action.realms.is_some() {
            self.invalid(&["action", "realms"], "Linux has realms only in IPv4 rules");
        }
        let realms = action.realms();
        if let Err(message) = &realms {
            self.invalid(&["action", "realms"], message.as_str());
        }
        let has_table = kind == FR_ACT_TO_TBL && selectors.l3mdev.is_none();
        Rule {
            action: Some(kind),
            table: has_table.then(|| action.table.unwrap_or(RT_TABLE_MAIN)),
            goto: action.goto,
            suppress_prefixlength: action.suppress_prefixlength,
            suppress_ifgroup: action.suppress_ifgroup,
            realms: realms.ok().flatten(),
            protocol: Some(protocol.unwrap_or(RTPROT_STATIC)),
        }
    }

    fn invalid(&mut self, leaf: &[&str], message: impl Into<String>) {
        self.lowering.faults.invalid(&below(&entry_path(self.node), leaf), message);
    }
}
