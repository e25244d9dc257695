//! A rule of the routing policy database (`struct fib_rule_hdr`, `FRA_…`, include/uapi/linux/fib_rules.h; ip-rule(8)).

use std::fmt;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::attribute::Attributes;
use crate::name::{LinkName, NetnsName};
use crate::noun::netns::as_phrase;
use crate::noun::{
    Change, Condition, Described, FoundBy, Key, Lasts, Loose, Loss, Needs, NounFacts, Object,
    Removal, Renaming, Replaced, Stage, Verb, Wanted,
};
use crate::uapi::{RT_TABLE_DEFAULT, RT_TABLE_LOCAL, RT_TABLE_MAIN, RTPROT_KERNEL};

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
    /// `FRA_FWMARK`; zero for any.
    pub fwmark: u32,
}

impl RuleKey {
    /// Whether it is an IPv6 rule.
    pub fn is_ipv6(&self) -> bool {
        self.from.addr().is_ipv6()
    }
}

/// The attributes of a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Attributes)]
#[serde(deny_unknown_fields, default)]
pub struct Rule {
    /// `action` of `struct fib_rule_hdr`: `FR_ACT_…`.
    #[attribute(create_only)]
    pub action: Option<u8>,
    /// The table that is looked up.
    #[attribute(FRA_TABLE)]
    pub table: Option<u32>,
    /// Matches only packets that were received on the link with this name, which need not exist.
    #[attribute(FRA_IIFNAME)]
    pub iif: Option<LinkName>,
    /// Matches only packets of sockets that are bound to the link with this name.
    #[attribute(FRA_OIFNAME)]
    pub oif: Option<LinkName>,
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
        let protocol = wanted.protocol.is_none() || seen.protocol == wanted.protocol;
        (seen.action, seen.table) == (wanted.action, wanted.table)
            && (&seen.iif, &seen.oif) == (&wanted.iif, &wanted.oif)
            && protocol
    }

    /// No request changes a rule.
    fn replaced(_: &Self::Key) -> Replaced {
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
        write!(f, "{} rule {} from {}", verb.words()[0], key.pref, Selector(&key.from))?;
        if key.to.prefix_len() != 0 {
            write!(f, " to {}", key.to)?;
        }
        if key.tos != 0 {
            write!(f, " tos {:#04x}", key.tos)?;
        }
        if key.fwmark != 0 {
            write!(f, " fwmark {:#x}", key.fwmark)?;
        }
        for (word, link) in [("iif", &rule.iif), ("oif", &rule.oif)] {
            if let Some(link) = link {
                write!(f, " {word} {link}")?;
            }
        }
        match rule.table {
            Some(RT_TABLE_MAIN) => write!(f, " lookup main")?,
            Some(RT_TABLE_LOCAL) => write!(f, " lookup local")?,
            Some(RT_TABLE_DEFAULT) => write!(f, " lookup default")?,
            Some(table) => write!(f, " lookup {table}")?,
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
