//! The keys of an entry, which are read in the same way as the kernel does: `all`, `0.0.0.0/0` and
//! `::/0` are any address, a host is its prefix of full length, and a mark may be decimal or
//! hexadecimal.
//!
//! The kernel's key has more selectors than these. An entry has the key without them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use netstate::rule::Selectors;
use netstate::{NetnsName, RuleKey};
use yang::{Path, SchemaNode, Value};

use super::entry::number_of;
use crate::instances::{entries, entry_path, list_path, schema_node};
use crate::{NamedConfiguration, spelling};

/// The key without the selectors that are not in the key of an entry.
pub(super) fn of_entry(key: &RuleKey) -> RuleKey {
    RuleKey { netns: key.netns.clone(), selectors: Selectors::default(), ..*key }
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
    let key = of_entry(key);
    let spelled = entries(known.configuration, "rules", Some("rule"))
        .find(|entry| read(entry.keys()).as_ref() == Ok(&key));
    spelled.map_or(usual, |entry| entry_path(&entry))
}

/// The kernel's key for the keys of an entry. An error names the faulty key.
pub(super) fn read(keys: &[Value]) -> Result<RuleKey, (&'static str, String)> {
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
    let no_mark = || ("fwmark", format!("{fwmark} is no number that the kernel takes"));
    let (fwmark, fwmask) = read_mark(fwmark).ok_or_else(no_mark)?;
    Ok(RuleKey {
        netns: netns.parse::<NetnsName>().map_err(|error| ("netns", error.to_string()))?,
        pref: number("pref", pref)?,
        from: of_family("from", from)?,
        to: of_family("to", to)?,
        tos: u8::try_from(number("tos", tos)?).map_err(|error| ("tos", error.to_string()))?,
        fwmark,
        fwmask,
        selectors: Selectors::default(),
    })
}

/// A mark, and its mask if it is not the usual one: all bits for a mark, and none for zero.
fn read_mark(value: &Value) -> Option<(u32, Option<u32>)> {
    let text = value.to_string();
    let Some((mark, mask)) = text.split_once('/') else { return Some((number_of(&text)?, None)) };
    let (mark, mask) = (number_of(mark)?, number_of(mask)?);
    let usual = if mark == 0 { 0 } else { u32::MAX };
    Some((mark, Some(mask).filter(|mask| *mask != usual)))
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
pub(super) fn write(key: &RuleKey, list: &'static SchemaNode) -> Vec<Value> {
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
        text(match key.fwmask {
            Some(mask) => format!("{:#04x}/{mask:#04x}", key.fwmark),
            None => format!("{:#04x}", key.fwmark),
        }),
        spelling::netns(&key.netns),
    ]
}
