//! Observed rules as operational data.

use std::collections::HashMap;

use netstate::rule::Selectors;
use netstate::uapi::{
    FR_ACT_BLACKHOLE, FR_ACT_GOTO, FR_ACT_NOP, FR_ACT_PROHIBIT, FR_ACT_TO_TBL, FR_ACT_UNREACHABLE,
    RTPROT_STATIC,
};
use netstate::{Key, LinkName, Object, Rule, RuleKey};
use yang::{Error, Node, Tree};

use super::entry::{Action, Entry, realms_text};
use super::key;
use crate::instances::{entries, list_path, schema_node};
use crate::raising::Raising;

/// Every rule; of several rules with the key of one entry, the configured one.
pub(crate) fn raise(raising: &Raising<'_>, tree: &mut Tree) -> Result<(), Error> {
    let Raising { observed, configuration, .. } = raising;
    let Some(list) = schema_node(tree.schema(), "rules", &["rule"]) else { return Ok(()) };
    let configured: HashMap<RuleKey, Node<'_>> = entries(configuration, "rules", Some("rule"))
        .filter_map(|node| Some((key::read(node.keys()).ok()?, node)))
        .collect();
    let rules = observed.objects.iter().filter_map(|(key, object)| match (key, object) {
        (Key::Rule(key), Object::Rule(rule)) => Some((key::of_entry(key), &**key, &**rule)),
        _ => None,
    });
    let rules: Vec<_> = rules.collect();
    // The selectors that an entry's key lacks are the last in the order of the kernel's keys.
    for group in rules.chunk_by(|one, other| one.0 == other.0) {
        let of_entry = &group[0].0;
        let node = configured.get(of_entry);
        let mut shown = group.iter().filter_map(|(_, key, rule)| entry(raising, key, rule));
        let entry = match (group.len(), node.and_then(|node| node.deserialize::<Entry>().ok())) {
            (2.., Some(wanted)) => {
                let all: Vec<_> = shown.collect();
                let at = all.iter().position(|entry| is_same(entry, &wanted));
                all.into_iter().nth(at.unwrap_or_default())
            }
            _ => shown.next(),
        };
        let Some(entry) = entry else { continue };
        let keys = node.map_or_else(|| key::write(of_entry, list), |node| node.keys().to_vec());
        tree.serialize(&list_path(list).join(list, keys), &entry)?;
    }
    Ok(())
}

/// A rule whose action is known, as an entry.
fn entry(raising: &Raising<'_>, key: &RuleKey, rule: &Rule) -> Option<Entry> {
    let Selectors { iif, oif, .. } = &key.selectors;
    let name = |link: &Option<LinkName>| raising.names.name(&key.netns, link.as_ref()?);
    let r#type = match rule.action? {
        FR_ACT_TO_TBL | FR_ACT_GOTO => None,
        other @ (FR_ACT_NOP | FR_ACT_BLACKHOLE | FR_ACT_UNREACHABLE | FR_ACT_PROHIBIT) => {
            Some(other)
        }
        _ => return None,
    };
    let action = Action {
        table: rule.table,
        nat: None,
        r#type,
        goto: rule.goto,
        suppress_prefixlength: rule.suppress_prefixlength,
        suppress_ifgroup: rule.suppress_ifgroup,
        realms: rule.realms.map(realms_text),
    };
    let protocol = rule.protocol.filter(|protocol| *protocol != RTPROT_STATIC);
    let mut entry = Entry::of(&key.selectors);
    (entry.iif, entry.oif) = (name(iif), name(oif));
    (entry.action, entry.protocol) = (action, protocol);
    Some(entry)
}

/// Whether the selectors of two entries with the same key are the same.
fn is_same(one: &Entry, other: &Entry) -> bool {
    (one.selectors().0, &one.iif, &one.oif) == (other.selectors().0, &other.iif, &other.oif)
}
