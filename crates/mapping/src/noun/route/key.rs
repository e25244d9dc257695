//! The keys of a route: the model's five, as users write them, and the kernel's.
//!
//! Several spellings are the same route for the kernel: `default` and `0.0.0.0/0`, table `main` and
//! 254, a host and its prefix of full length, an IPv6 metric of zero and of 1024.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};
use netstate::{NetnsName, RouteKey};
use yang::{Keys, Node, Path, SchemaNode, Tree, Value};

use crate::instances::{entries, entry_path, list_path, schema_node};

use crate::{NamedConfiguration, spelling};

/// `RT_TABLE_UNSPEC`, which the kernel treats as `RT_TABLE_MAIN`.
const UNSPEC: u32 = 0;
const MAIN: u32 = 254;
/// The kernel's value for an IPv6 route's metric of zero (`IP6_RT_PRIO_USER`).
const METRIC_OF_IPV6: u32 = 1024;

/// The kernel's key for the keys of an entry.
pub(super) fn read(keys: &[Value]) -> Result<RouteKey, String> {
    let [prefix, table, metric, tos, netns] = keys else {
        return Err("the entry lacks a key".into());
    };
    let prefix = read_prefix(prefix)?;
    let metric = match (read_number(metric)?, prefix) {
        (0, IpNet::V6(_)) => METRIC_OF_IPV6,
        (metric, _) => metric,
    };
    let table = match read_number(table)? {
        UNSPEC => MAIN,
        table => table,
    };
    let tos = u8::try_from(read_number(tos)?).map_err(|error| error.to_string())?;
    let netns = netns.to_string().parse::<NetnsName>().map_err(|error| error.to_string())?;
    Ok(RouteKey { netns, table, prefix, tos, metric })
}

/// The keys of the entries of routes, in the order of the routes: as the configuration spells them, or as
/// [`write()`] does. Keys share memory with the configuration, or with those of the route before.
pub(super) struct Spellings {
    list: &'static SchemaNode,
    /// The configured routes, sorted, and how many of them come before the last route.
    configured: Vec<(RouteKey, Keys)>,
    passed: usize,
    /// The keys of the last route that is not configured.
    last: Keys,
}

impl Spellings {
    pub(super) fn of(configuration: &Tree, list: &'static SchemaNode) -> Self {
        let key_of = |node: Node<'_>| match node {
            Node::ListEntry(_, keys, _) => Some((read(keys).ok()?, keys.clone())),
            Node::Container(..) | Node::Leaf(..) | Node::LeafListEntry(..) => None,
        };
        let mut configured: Vec<(RouteKey, Keys)> =
            entries(configuration, "routes", Some("route")).filter_map(key_of).collect();
        configured.sort_by(|(a, _), (b, _)| a.cmp(b));
        Self { list, configured, passed: 0, last: Keys::default() }
    }

    /// The keys of the next route's entry.
    pub(super) fn next(&mut self, key: &RouteKey) -> Keys {
        let before = self.configured[self.passed..].iter().take_while(|(of, _)| of < key).count();
        self.passed += before;
        match self.configured.get(self.passed) {
            Some((of, keys)) if of == key => keys.clone(),
            Some(_) | None => self.written(key),
        }
    }

    /// The same as [`write()`]. Equal values are shared.
    fn written(&mut self, key: &RouteKey) -> Keys {
        let mut keys = write(key, self.list);
        for (value, last) in keys.iter_mut().zip(&self.last).filter(|(value, last)| value == last) {
            value.clone_from(last);
        }
        self.last = keys.into();
        self.last.clone()
    }
}

/// The entry of a route, with the configuration's spelling of its keys.
pub(crate) fn path(key: &RouteKey, known: &NamedConfiguration<'_>) -> Path {
    let configuration = known.configuration;
    let Some(list) = schema_node(configuration.schema(), "routes", &["route"]) else {
        return Path::default();
    };
    let usual = list_path(list).join(list, write(key, list));
    if configuration.node(&usual).is_some() {
        return usual;
    }
    let spelled = entries(configuration, "routes", Some("route"))
        .find(|entry| read(entry.keys()).as_ref() == Ok(key));
    spelled.map_or(usual, |entry| entry_path(&entry))
}

/// The keys of an entry for a route that is not configured.
fn write(key: &RouteKey, list: &'static SchemaNode) -> Vec<Value> {
    let leaf = |index: usize, number| match list.keys.get(index) {
        Some(leaf) => spelling::number(leaf, number),
        None => Value::Unsigned(number.into()),
    };
    let prefix = match key.prefix == IpNet::V4(Ipv4Net::default()) {
        true => Value::Enumeration("default".into(), 0),
        false => Value::String(key.prefix.to_string().into()),
    };
    vec![
        prefix,
        leaf(1, key.table),
        Value::Unsigned(key.metric.into()),
        leaf(3, key.tos.into()),
        spelling::netns(&key.netns),
    ]
}

fn read_prefix(value: &Value) -> Result<IpNet, String> {
    if let Value::Enumeration(..) = value {
        return Ok(Ipv4Net::default().into());
    }
    let text = value.to_string();
    if let Ok(prefix) = text.parse::<IpNet>() {
        return Ok(prefix);
    }
    let host = text.parse::<IpAddr>().map(IpNet::from);
    host.map_err(|_| format!("{text} is no prefix that routes lead to"))
}

fn read_number(value: &Value) -> Result<u32, String> {
    let number = spelling::read_number(value);
    number.ok_or_else(|| format!("{value} is no number that the kernel takes"))
}
