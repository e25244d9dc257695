//! A rule of the routing policy database (`struct fib_rule_hdr`, `FRA_…`, include/uapi/linux/fib_rules.h; ip-rule(8)).
//!
//! All selectors are in the key, so that rules of others which differ in any of them are other objects.

mod selectors;

use std::fmt;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::attribute::{Attributes, Fields};
use crate::name::NetnsName;
use crate::noun::netns::as_phrase;
use crate::noun::{
    Change, Condition, Described, FoundBy, Key, Lasts, Loose, Loss, Needs, NounFacts, Object,
    Removal, Renaming, Replaced, Stage, Verb, Wanted,
};
use crate::uapi::{
    FR_ACT_BLACKHOLE, FR_ACT_GOTO, FR_ACT_NOP, FR_ACT_PROHIBIT, FR_ACT_UNREACHABLE,
    RT_TABLE_DEFAULT, RT_TABLE_LOCAL, RT_TABLE_MAIN, RTPROT_KERNEL,
};

pub use selectors::{PortRange, Selectors, UidRange};

/// The key of a rule: the packets that it matches, and its priority.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RuleKey {
    /// The namespace of the rule.
    pub netns: NetnsName,
    /// `FRA_PRIORITY`: rules are evaluated in this order.
    pub pref: u32,
    /// `FRA_SRC`, without host bits; length zero means any. Its family is that of the rule.
    pub from: IpNet,
    /// `FRA_DST`, in the same way, with the same family.
    pub to: IpNet,
    /// `tos` of `struct fib_rule_hdr`; zero for any.
    pub tos: u8,
    /// `FRA_FWMARK`; zero for any, unless there is a mask.
    pub fwmark: u32,
    /// `FRA_FWMASK`, unless it is what the kernel means without it: all bits for a mark, and none
    /// for zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fwmask: Option<u32>,
    /// All other selectors.
    #[serde(default, skip_serializing_if = "Selectors::is_empty")]
    pub selectors: Selectors,
}

impl RuleKey {
    /// Whether it is an IPv6 rule.
    pub fn is_ipv6(&self) -> bool {
        self.from.addr().is_ipv6()
    }

    /// The rule with these prefixes, and no other selector.
    pub fn between(netns: NetnsName, pref: u32, (from, to): (IpNet, IpNet)) -> Self {
        let selectors = Selectors::default();
        Self { netns, pref, from, to, tos: 0, fwmark: 0, fwmask: None, selectors }
    }
}

/// The attributes of a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Attributes)]
#[serde(deny_unknown_fields, default)]
pub struct Rule {
    /// `action` of `struct fib_rule_hdr`: `FR_ACT_…`.
    #[attribute(create_only)]
    pub action: Option<u8>,
    /// The table that is looked up; `None` for an action without a table, and for the table of the
    /// VRF.
    #[attribute(FRA_TABLE)]
    pub table: Option<u32>,
    /// The priority of the rule to continue with.
    #[attribute(FRA_GOTO)]
    pub goto: Option<u32>,
    /// A route with a prefix that is at most as long is not used.
    #[attribute(FRA_SUPPRESS_PREFIXLEN)]
    pub suppress_prefixlength: Option<u32>,
    /// A route over a link of this group is not used.
    #[attribute(FRA_SUPPRESS_IFGROUP)]
    pub suppress_ifgroup: Option<u32>,
    /// The realms of the source, in the upper half, and of the destination; never zero.
    #[attribute(FRA_FLOW)]
    pub realms: Option<u32>,
    /// Who made the rule (`RTPROT_…`).
    #[attribute(FRA_PROTOCOL)]
    pub protocol: Option<u8>,
}

/// The facts of a rule.
pub(crate) struct Facts;

impl NounFacts for Facts {
    type Key = Box<RuleKey>;
    type Object = Box<Rule>;

    const FACTS: crate::noun::Facts = crate::noun::Facts {
        name: "rule",
        removal: Removal::Deleted,
        lasts: Lasts::WithAll,
        is_needed: false,
        takes_along: false,
        is_watched: false,
        sets_others: false,
        found_by: FoundBy::Key,
    };

    fn netns(key: &Self::Key) -> Option<&NetnsName> {
        Some(&key.netns)
    }

    /// The kernel keeps a rule whose links do not exist, and compares names.
    fn needs(_: &Self::Key, _: &Self::Object) -> Needs {
        Needs::new()
    }

    fn conditions(_: &Self::Key, _: &Self::Object, _: &mut Vec<Condition>) {}

    fn without(_: &Self::Key, _: &Self::Object, _: &[Condition]) -> Option<Self::Object> {
        None
    }

    fn renamed(key: &Self::Key, rule: &Self::Object, _: Renaming<'_>) -> (Key, Object) {
        (Key::Rule(key.clone()), Object::Rule(rule.clone()))
    }

    fn is_lost_with(_: &Self::Key, _: &Self::Object, _: &Loss<'_>) -> bool {
        false
    }

    fn loose(_: &Self::Object) -> Loose {
        Loose::default()
    }

    fn loss(_: &Self::Key) -> Option<Loss<'_>> {
        None
    }

    /// The rules that every namespace starts with (`fib_default_rules_init`, net/ipv4/fib_rules.c).
    fn is_automatic(rule: &Self::Object) -> bool {
        rule.protocol == Some(RTPROT_KERNEL)
    }

    fn is_of_daemon(_: &Self::Object) -> bool {
        false
    }

    fn satisfies(_: &Self::Key, seen: &Self::Object, wanted: &Self::Object) -> bool {
        let protocol = wanted.protocol.or(seen.protocol);
        **seen == Rule { protocol, ..Rule::clone(wanted) }
    }

    /// No request changes a rule.
    fn replaced(_: &Self::Key, _: &Self::Object, _: &Self::Object) -> Replaced {
        Replaced::Recreated
    }

    /// After the routes that are looked up.
    fn stage(_: &Self::Key, _: &Self::Object) -> (Stage, u8) {
        (Stage::AfterUp, 5)
    }

    fn sets(_: &Self::Key, _: &Self::Object, _: &Key) -> Option<Object> {
        None
    }

    fn removed_before<'a>(
        _: &Self::Key,
        _: &Self::Object,
        _: &[(&'a Key, &'a Object)],
    ) -> Vec<(&'a Key, &'a Object)> {
        Vec::new()
    }

    fn default_key(_: &Self::Key) -> Option<Self::Key> {
        None
    }

    fn wanted(_: &mut Wanted, _: &Change<'_>) {}

    fn restorable(rule: &Self::Object) -> Self::Object {
        rule.clone()
    }

    fn overlay(rule: &mut Self::Object, other: &Self::Object) {
        rule.clone_from(other);
    }

    /// In the syntax of ip-rule(8).
    fn describe(
        f: &mut fmt::Formatter<'_>,
        verb: Verb,
        key: &Self::Key,
        Described { object: rule, .. }: Described<'_, Self::Object>,
    ) -> fmt::Result {
        let not = if key.selectors.not.is_some() { " not" } else { "" };
        write!(f, "{} rule {}{not} from {}", verb.words()[0], key.pref, Selector(&key.from))?;
        if key.to.prefix_len() != 0 {
            write!(f, " to {}", key.to)?;
        }
        if key.tos != 0 {
            write!(f, " tos {:#04x}", key.tos)?;
        }
        if key.fwmark != 0 || key.fwmask.is_some() {
            write!(f, " fwmark {:#x}", key.fwmark)?;
        }
        if let Some(mask) = key.fwmask {
            write!(f, "/{mask:#x}")?;
        }
        write!(f, "{}", key.selectors)?;
        match (rule.action, rule.goto) {
            (Some(FR_ACT_GOTO), Some(pref)) => write!(f, " goto {pref}")?,
            (Some(FR_ACT_NOP), _) => write!(f, " nop")?,
            (Some(FR_ACT_BLACKHOLE), _) => write!(f, " blackhole")?,
            (Some(FR_ACT_UNREACHABLE), _) => write!(f, " unreachable")?,
            (Some(FR_ACT_PROHIBIT), _) => write!(f, " prohibit")?,
            _ => {}
        }
        match rule.table {
            Some(RT_TABLE_MAIN) => write!(f, " lookup main")?,
            Some(RT_TABLE_LOCAL) => write!(f, " lookup local")?,
            Some(RT_TABLE_DEFAULT) => write!(f, " lookup default")?,
            Some(table) => write!(f, " lookup {table}")?,
            None => {}
        }
        if let Some(length) = rule.suppress_prefixlength {
            write!(f, " suppress_prefixlength {length}")?;
        }
        if let Some(group) = rule.suppress_ifgroup {
            write!(f, " suppress_ifgroup {group}")?;
        }
        match rule.realms.map(|realms| (realms >> 16, realms & 0xffff)) {
            Some((0, to)) => write!(f, " realms {to}")?,
            Some((from, to)) => write!(f, " realms {from}/{to}")?,
            None => {}
        }
        write!(f, " in {}", as_phrase(&key.netns))
    }
}

/// A prefix, or `all`.
struct Selector<'a>(&'a IpNet);

impl fmt::Display for Selector<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.prefix_len(), self.0) {
            (0, IpNet::V4(_)) => write!(f, "all"),
            (_, prefix) => write!(f, "{prefix}"),
        }
    }
}
