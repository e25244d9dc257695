//! iproute2-ip-rule: rules of the routing policy database.
//!
//! The model's keys are read in the same way as the kernel does: `all`, `0.0.0.0/0` and `::/0` are
//! any address, a host is its prefix of full length, and a mark may be decimal or hexadecimal.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use netstate::uapi::{FR_ACT_TO_TBL, RT_TABLE_MAIN, RTPROT_STATIC};
use netstate::{Key, LinkId, LinkName, NetnsName, Object, Rule, RuleKey};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use yang::{Error, Path, SchemaNode, Tree, Value};

use crate::instances::{below, entries, entry_path, list_path, schema_node};
use crate::lowering::{Lowering, User};
use crate::noun::ShownIn;
use crate::raising::Raising;

use crate::{NamedConfiguration, spelling};

/// The place in operational data.
pub(crate) const SHOWN_IN: &[ShownIn] = &[ShownIn::container("rules")];

/// An entry of list `rule`; its keys are read separately.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Entry {
    #[serde(skip_serializing, rename = "pref")]
    _pref: IgnoredAny,
    #[serde(skip_serializing, rename = "from")]
    _from: IgnoredAny,
    #[serde(skip_serializing, rename = "to")]
    _to: IgnoredAny,
    #[serde(skip_serializing, rename = "tos")]
    _tos: IgnoredAny,
    #[serde(skip_serializing, rename = "fwmark")]
    _fwmark: IgnoredAny,
    #[serde(skip_serializing, rename = "netns")]
    _netns: IgnoredAny,
    oif: Option<LinkId>,
    iif: Option<LinkId>,
    action: Action,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Action {
    table: Option<u32>,
    #[serde(skip_serializing)]
    nat: Option<Ipv4Addr>,
}

/// Every configured rule.
pub(crate) fn lower(lowering: &mut Lowering<'_>) {
    for node in lowering.entries("rules", Some("rule")) {
        let path = entry_path(&node);
        let key = match read(node.keys()) {
            Ok(key) => key,
            Err((leaf, message)) => {
                lowering.faults.invalid(&below(&path, &[leaf]), message);
                continue;
            }
        };
        let known = lowering.netns(&key.netns, || below(&path, &["netns"]));
        let Some(entry) = lowering.read::<Entry>(&node).filter(|_| known) else { continue };
        if entry.action.nat.is_some() {
            let message = "Linux translates no addresses by rules; use tc or nftables for that";
            lowering.faults.invalid(&below(&path, &["action", "nat"]), message);
        }
        let called = format!("rule {}", key.pref);
        let user = User { called: &called, netns: &key.netns };
        let mut link = |id: &Option<LinkId>, leaf: &str| -> Option<LinkName> {
            let at = || below(&path, &[leaf]);
            lowering.place_beside(&user, id.as_ref()?, at).map(|place| place.ifname)
        };
        let rule = Rule {
            action: Some(FR_ACT_TO_TBL),
            table: Some(entry.action.table.unwrap_or(RT_TABLE_MAIN)),
            iif: link(&entry.iif, "iif"),
            oif: link(&entry.oif, "oif"),
            protocol: Some(RTPROT_STATIC),
        };
        let message = format!("another entry is rule {} already, written differently", key.pref);
        if !lowering.add(Key::Rule(key.into()), Object::Rule(rule.into())) {
            lowering.faults.invalid(&path, message);
        }
    }
}

/// Every rule that looks up a table.
pub(crate) fn raise(raising: &Raising<'_>, tree: &mut Tree) -> Result<(), Error> {
    let Raising { observed, names, configuration, .. } = raising;
    let Some(list) = schema_node(tree.schema(), "rules", &["rule"]) else { return Ok(()) };
    let spelled: HashMap<RuleKey, Vec<Value>> = entries(configuration, "rules", Some("rule"))
        .filter_map(|node| Some((read(node.keys()).ok()?, node.keys().to_vec())))
        .collect();
    for (key, object) in &observed.objects {
        let (Key::Rule(key), Object::Rule(rule)) = (key, object) else { continue };
        if rule.action != Some(FR_ACT_TO_TBL) {
            continue;
        }
        let name =
            |link: &Option<LinkName>| link.as_ref().and_then(|link| names.name(&key.netns, link));
        let entry = Entry {
            oif: name(&rule.oif),
            iif: name(&rule.iif),
            action: Action { table: rule.table, nat: None },
            ..Entry::default()
        };
        let keys = spelled.get(&**key).cloned().unwrap_or_else(|| write(key, list));
        tree.serialize(&list_path(list).join(list, keys), &entry)?;
    }
    Ok(())
}

/// The entry of a rule, with the configuration's spelling of its keys.
pub(crate) fn path(key: &RuleKey, known: &NamedConfiguration<'_>) -> Path {
    let Some(list) = schema_node(known.configuration.schema(), "rules", &["rule"]) else {
        return Path::default();
    };
    let usual = list_path(list).join(list, write(key, list));
    if known.configuration.node(&usual).is_some() {
        return usual;
    }
    let spelled = entries(known.configuration, "rules", Some("rule"))
        .find(|entry| read(entry.keys()).as_ref() == Ok(key));
    spelled.map_or(usual, |entry| entry_path(&entry))
}

/// The kernel's key for the keys of an entry. An error names the faulty key.
fn read(keys: &[Value]) -> Result<RuleKey, (&'static str, String)> {
    let [pref, from, to, tos, fwmark, netns] = keys else {
        return Err(("pref", "the entry lacks a key".into()));
    };
    let number = |leaf, value: &Value| {
        let number = spelling::read_number(value);
        number.ok_or_else(|| (leaf, format!("{value} is no number that the kernel takes")))
    };
    let (from, to) = (read_selector("from", from)?, read_selector("to", to)?);
    let is_ipv6 = [from, to].iter().flatten().any(|prefix| prefix.addr().is_ipv6());
    let any = match is_ipv6 {
        true => IpNet::from(IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
        false => IpNet::from(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
    };
    let any = IpNet::new(any.addr(), 0).unwrap_or(any);
    let of_family = |leaf, prefix: Option<IpNet>| match prefix {
        None => Ok(any),
        Some(prefix) if prefix.addr().is_ipv6() == is_ipv6 => Ok(prefix),
        // An IPv4 prefix of length zero means that the key is not set.
        Some(prefix) if prefix.prefix_len() == 0 => Ok(any),
        Some(prefix) => Err((leaf, format!("{prefix} is not of the family of the other prefix"))),
    };
    let netns = netns.to_string();
    Ok(RuleKey {
        netns: netns.parse::<NetnsName>().map_err(|error| ("netns", error.to_string()))?,
        pref: number("pref", pref)?,
        from: of_family("from", from)?,
        to: of_family("to", to)?,
        tos: u8::try_from(number("tos", tos)?).map_err(|error| ("tos", error.to_string()))?,
        fwmark: number("fwmark", fwmark)?,
    })
}

/// A prefix; none for any address of any family.
fn read_selector(
    leaf: &'static str,
    value: &Value,
) -> Result<Option<IpNet>, (&'static str, String)> {
    if let Value::Enumeration(..) = value {
        return Ok(None);
    }
    let text = value.to_string();
    let prefix = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    prefix.map(|prefix| Some(prefix.trunc())).map_err(|_| (leaf, format!("{text} is no prefix")))
}

/// The keys of an entry for a rule that is not configured.
fn write(key: &RuleKey, list: &'static SchemaNode) -> Vec<Value> {
    let text = |text: String| Value::String(text.into());
    let tos = match list.keys.get(3) {
        Some(leaf) => spelling::number(leaf, key.tos.into()),
        None => Value::Unsigned(key.tos.into()),
    };
    vec![
        Value::Unsigned(key.pref.into()),
        text(key.from.to_string()),
        text(key.to.to_string()),
        tos,
        text(format!("{:#04x}", key.fwmark)),
        spelling::netns(&key.netns),
    ]
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::test::{check, check_faults, check_path, check_raised, lowered};

    const RULES: &str = r#"{
        "netnses": {"netns": [{"name": "vpn10"}]},
        "links": {"link": [{"name": "lan", "netloom-link:ifname": "eth0", "netns": "vpn10"}]},
        "rules": {"rule": [
            {"pref": 100, "from": "10.0.0.1", "to": "0.0.0.0/0", "tos": "default", "fwmark": "0x00",
             "netns": "vpn10", "iif": "lan", "action": {"table": 100}},
            {"pref": 200, "from": "all", "to": "2001:db8::/32", "tos": "EF", "fwmark": "16",
             "netns": "1"}
        ]}
    }"#;

    #[test]
    fn rules() {
        check(
            RULES,
            expect![[r#"
            {Netns: vpn10} = Netns
            {Link: lan} = {Link: {place: {ifname: eth0, netns: vpn10}}}
            {Rule: {from: ::/0, fwmark: 16, netns: 1, pref: 200, to: 2001:db8::/32, tos: 184}} = {Rule: {action: 1, protocol: 4, table: 254}}
            {Rule: {from: 10.0.0.1/32, fwmark: 0, netns: vpn10, pref: 100, to: 0.0.0.0/0, tos: 0}} = {Rule: {action: 1, iif: eth0, protocol: 4, table: 100}}
        "#]],
        );
        check_raised(
            &lowered(RULES),
            RULES,
            expect![[r#"
            {
              "iproute2-ip-netns:netnses": {
                "netns": [
                  {
                    "name": "vpn10"
                  }
                ]
              },
              "iproute2-ip-link:links": {
                "link": [
                  {
                    "name": "lan",
                    "netns": "vpn10",
                    "netloom-link:ifname": "eth0"
                  }
                ]
              },
              "iproute2-ip-rule:rules": {
                "rule": [
                  {
                    "pref": 100,
                    "from": "10.0.0.1",
                    "to": "0.0.0.0/0",
                    "tos": "default",
                    "fwmark": "0x00",
                    "netns": "vpn10",
                    "iif": "lan",
                    "action": {
                      "table": 100
                    }
                  },
                  {
                    "pref": 200,
                    "from": "all",
                    "to": "2001:db8::/32",
                    "tos": "EF",
                    "fwmark": "16",
                    "netns": "1",
                    "action": {
                      "table": "main"
                    }
                  }
                ]
              }
            }"#]],
        );
        let key = r#"{"Rule": {"netns": "1", "pref": 200, "from": "::/0", "to": "2001:db8::/32",
                      "tos": 184, "fwmark": 16}}"#;
        check_path(
            RULES,
            (key, None),
            expect![
                "/iproute2-ip-rule:rules/rule[pref='200'][from='all'][to='2001:db8::/32'][tos='EF'][fwmark='16'][netns='1']"
            ],
        );
    }

    #[test]
    fn invalid_rules_are_refused() {
        check_faults(
            r#"{
                "netnses": {"netns": [{"name": "vpn10"}]},
                "links": {"link": [{"name": "eth0"}]},
                "rules": {"rule": [
                    {"pref": 1, "from": "10.0.0.0/8", "to": "2001:db8::/32", "tos": "default",
                     "fwmark": "0x00", "netns": "1"},
                    {"pref": 2, "from": "all", "to": "all", "tos": "default", "fwmark": "0x00",
                     "netns": "vpn10", "oif": "eth0", "action": {"nat": "10.0.0.1"}},
                    {"pref": 3, "from": "10.0.0.1", "to": "all", "tos": "default", "fwmark": "0x10",
                     "netns": "1", "iif": "nowhere"},
                    {"pref": 3, "from": "10.0.0.1/32", "to": "0.0.0.0/0", "tos": "default",
                     "fwmark": "16", "netns": "1"},
                    {"pref": 4, "from": "all", "to": "all", "tos": "default",
                     "fwmark": "9999999999", "netns": "vpn9"}
                ]}
            }"#,
            expect![[r#"
                /iproute2-ip-rule:rules/rule[pref='1'][from='10.0.0.0/8'][to='2001:db8::/32'][tos='default'][fwmark='0x00'][netns='1']/from: 10.0.0.0/8 is not of the family of the other prefix
                /iproute2-ip-rule:rules/rule[pref='2'][from='all'][to='all'][tos='default'][fwmark='0x00'][netns='vpn10']/action/nat: Linux translates no addresses by rules; use tc or nftables for that
                /iproute2-ip-rule:rules/rule[pref='2'][from='all'][to='all'][tos='default'][fwmark='0x00'][netns='vpn10']/oif: eth0 is in namespace 1, rule 2 in vpn10
                /iproute2-ip-rule:rules/rule[pref='3'][from='10.0.0.1'][to='all'][tos='default'][fwmark='0x10'][netns='1']/iif: no link nowhere is configured: add it to links, or take this out too
                /iproute2-ip-rule:rules/rule[pref='3'][from='10.0.0.1/32'][to='0.0.0.0/0'][tos='default'][fwmark='16'][netns='1']: another entry is rule 3 already, written differently
                /iproute2-ip-rule:rules/rule[pref='4'][from='all'][to='all'][tos='default'][fwmark='9999999999'][netns='vpn9']/fwmark: 9999999999 is no number that the kernel takes
            "#]],
        );
    }
}
