//! Operations in words, for who reads a plan before it is carried out, or after it was refused.

use std::fmt;

use super::{Action, Op, Plan};
use crate::link::{KindAttributes, Link, LinkKind, Master};
use crate::name::NetnsName;
use crate::route::{Route, RouteKey, RouteKind};
use crate::state::{Key, Object};

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ops.iter().try_for_each(|op| writeln!(f, "{op}"))
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.key, &self.action) {
            (Key::Link(_), Action::Create(Object::Link(link))) => create_link(f, link),
            (
                Key::Link(_),
                Action::Update { from: Object::Link(from), change: Object::Link(change) },
            ) => change_link(f, from, change),
            (Key::Link(_), Action::Delete(Object::Link(link))) => {
                write!(f, "delete {} from {}", link.place.ifname, netns(&link.place.netns))
            }
            (key, Action::Create(object)) => thing(f, ["add", "to"], key, object),
            (key, Action::Delete(object)) => thing(f, ["delete", "from"], key, object),
            (Key::Sysctl(key), Action::Update { from, change }) => {
                thing(f, ["add", "to"], &Key::Sysctl(key.clone()), change)?;
                if let Object::Sysctl(was) = from { write!(f, " (was {was})") } else { Ok(()) }
            }
            (key, Action::Update { change, .. }) => thing(f, ["replace", "of"], key, change),
        }
    }
}

/// A namespace, as a place.
pub(super) fn netns(netns: &NetnsName) -> String {
    match netns.is_own() {
        true => "the host's namespace".into(),
        false => netns.to_string(),
    }
}

fn create_link(f: &mut fmt::Formatter<'_>, link: &Link) -> fmt::Result {
    let kind = link.kind.as_ref().map_or("link", LinkKind::name);
    write!(f, "create {kind} {} in {}", link.place.ifname, netns(&link.place.netns))?;
    if let Some(peer) = &link.peer {
        write!(f, " with peer {} in {}", peer.ifname, netns(&peer.netns))?;
    }
    if let Some(device) = &link.device {
        write!(f, " on {}", device.ifname)?;
    }
    values(link).into_iter().try_for_each(|value| write!(f, ", {value}"))
}

fn change_link(f: &mut fmt::Formatter<'_>, from: &Link, change: &Link) -> fmt::Result {
    let (old, new) = (&from.place, &change.place);
    if old.netns != new.netns {
        write!(f, "move {} from {} to {}", old.ifname, netns(&old.netns), netns(&new.netns))?;
        return match old.ifname == new.ifname {
            true => Ok(()),
            false => write!(f, " as {}", new.ifname),
        };
    }
    let place = netns(&old.netns);
    if old.ifname != new.ifname {
        return write!(f, "rename {} in {place} to {}", old.ifname, new.ifname);
    }
    let mut parts = Vec::new();
    match change.flags.up {
        Some(true) => parts.push("up".to_owned()),
        Some(false) => parts.push("down".to_owned()),
        None => {}
    }
    match &change.master {
        Some(Master::Of(master)) => parts.push(format!("master {master}")),
        Some(Master::Free) => parts.push("without master".to_owned()),
        None => {}
    }
    let values = values(change);
    parts.extend(values.into_iter().filter(|part| !part.starts_with("up ")));
    write!(f, "set {} in {place} {}", old.ifname, parts.join(", "))
}

/// The fields that are set, with their values as the kernel is given them.
fn values(link: &Link) -> Vec<String> {
    let groups = [
        serde_json::to_value(&link.attributes),
        serde_json::to_value(&link.flags),
        serde_json::to_value(&link.port),
        serde_json::to_value(link.kind.as_ref().map(KindAttributes)),
    ];
    let mut values = Vec::new();
    for group in groups.into_iter().flatten() {
        for (name, value) in group.as_object().into_iter().flatten() {
            match value {
                serde_json::Value::Null => {}
                serde_json::Value::String(text) => values.push(format!("{name} {text}")),
                serde_json::Value::Bool(on) => {
                    values.push(format!("{name} {}", if *on { "on" } else { "off" }));
                }
                serde_json::Value::Number(_)
                | serde_json::Value::Array(_)
                | serde_json::Value::Object(_) => values.push(format!("{name} {value}")),
            }
        }
    }
    values
}

fn thing(
    f: &mut fmt::Formatter<'_>,
    [verb, preposition]: [&str; 2],
    key: &Key,
    object: &Object,
) -> fmt::Result {
    match (key, object) {
        (Key::Netns(name), _) => match verb {
            "add" => write!(f, "create namespace {name}"),
            _ => write!(f, "{verb} namespace {name}"),
        },
        (Key::Link(id), _) => write!(f, "{verb} link {id}"),
        (Key::Sysctl(key), Object::Sysctl(value)) => {
            let name = key.path.dotted();
            write!(f, "set {name} = {value} in {}", netns(&key.netns))
        }
        (Key::Sysctl(key), _) => write!(f, "{verb} {}", key.path),
        (Key::Address(key), _) => write!(
            f,
            "{verb} address {} {preposition} {} in {}",
            key.address,
            key.dev,
            netns(&key.netns)
        ),
        (Key::Neighbor(key), Object::Neighbor(neighbor)) => {
            let proxy = if key.proxy { "proxy " } else { "" };
            write!(f, "{verb} {proxy}neighbour {}", key.address)?;
            if let Some(lladdr) = &neighbor.lladdr {
                write!(f, " lladdr {lladdr}")?;
            }
            write!(f, " dev {} in {}", key.dev, netns(&key.netns))
        }
        (Key::Neighbor(key), _) => write!(f, "{verb} neighbour {}", key.address),
        (Key::Fdb(key), _) => write!(f, "{verb} forwarding entry {} dev {}", key.lladdr, key.dev),
        (Key::Route(key), Object::Route(route)) => {
            write!(f, "{verb} ")?;
            describe_route(f, key, route)
        }
        (Key::Route(key), _) => write!(f, "{verb} route {}", key.prefix),
    }
}

fn describe_route(f: &mut fmt::Formatter<'_>, key: &RouteKey, route: &Route) -> fmt::Result {
    let kind = match route.kind {
        RouteKind::Unicast => "",
        RouteKind::Local => "local ",
        RouteKind::Broadcast => "broadcast ",
        RouteKind::Anycast => "anycast ",
        RouteKind::Multicast => "multicast ",
        RouteKind::Blackhole => "blackhole ",
        RouteKind::Unreachable => "unreachable ",
        RouteKind::Prohibit => "prohibit ",
        RouteKind::Throw => "throw ",
        RouteKind::Nat => "nat ",
    };
    write!(f, "{kind}route {}", key.prefix)?;
    for hop in &route.nexthops {
        if route.nexthops.len() > 1 {
            write!(f, " nexthop")?;
        }
        if let Some(via) = hop.via {
            write!(f, " via {via}")?;
        }
        if let Some(dev) = &hop.dev {
            write!(f, " dev {dev}")?;
        }
        if route.nexthops.len() > 1 {
            write!(f, " weight {}", hop.weight)?;
        }
    }
    if key.table != 254 {
        write!(f, " table {}", key.table)?;
    }
    let default_metric = if key.prefix.addr().is_ipv6() { 1024 } else { 0 };
    if key.metric != default_metric {
        write!(f, " metric {}", key.metric)?;
    }
    write!(f, " in {}", netns(&key.netns))
}
