//! The facts of the noun link. What differs between kinds is in [`kind`](super::kind).

use std::fmt;

use crate::name::{LinkId, NetnsName};
use crate::noun::link::{KindAttributes, Link, LinkKind, Master, Port};
use crate::noun::netns::as_phrase;
use crate::noun::{
    Change, Condition, Described, FoundBy, How, Key, Lasts, Loose, Loss, Need, Needs, NounFacts,
    Object, Removal, Renaming, Replaced, Stage, Verb, Wanted,
};

/// The facts of a link.
pub(crate) struct Facts;

impl NounFacts for Facts {
    type Key = LinkId;
    type Object = Box<Link>;

    const FACTS: crate::noun::Facts = crate::noun::Facts {
        name: "link",
        removal: Removal::ByStep,
        lasts: Lasts::WithAll,
        is_needed: true,
        takes_along: true,
        is_watched: false,
        sets_others: false,
        found_by: FoundBy::Place,
    };

    /// The key of a link does not contain its place.
    fn netns(_: &LinkId) -> Option<&NetnsName> {
        None
    }

    /// The link below; and the master and the peer, whose removal it survives.
    fn needs(_: &LinkId, link: &Self::Object) -> Needs {
        let mentioned = link.master_place().into_iter().chain(link.peer.clone());
        let mentioned = mentioned.map(|place| Need::of_place(place, How::Mentioned));
        let needs_up = link.kind.as_ref().is_some_and(|kind| kind.below().needs_up);
        let how = if needs_up && link.flags.up == Some(true) { How::Up } else { How::There };
        mentioned.chain(link.device.clone().map(|place| Need::of_place(place, how))).collect()
    }

    fn conditions(_: &LinkId, link: &Self::Object, conditions: &mut Vec<Condition>) {
        let is_within = link.kind.as_ref().is_some_and(|kind| kind.below().mtu_within);
        let below = link.device.clone().filter(|_| is_within);
        let mtu = below.zip(link.attributes.mtu);
        conditions.extend(mtu.map(|(below, mtu)| Condition::MtuWithin(below, mtu)));
        conditions.extend(link.attributes.mtu.map(Condition::MtuLimits));
        conditions.extend(link.master_place().map(Condition::Master));
        conditions.extend(link.master_place().map(Condition::Takes));
        conditions.extend(link.device.clone().map(Condition::NoLoop));
    }

    /// A link that follows the link below is down without that, and a link without its master has
    /// none.
    fn without(_: &LinkId, link: &Self::Object, unmet: &[Condition]) -> Option<Self::Object> {
        let mut less = link.clone();
        for condition in unmet {
            match condition {
                Condition::LinkUp(_) => less.flags.up = Some(false),
                Condition::Master(_) => {
                    less.master = None;
                    less.port = Port::default();
                    less.vlans = None;
                }
                Condition::Link(_)
                | Condition::Ipv6(_)
                | Condition::Ipv6Parameters(_)
                | Condition::Carrier(_)
                | Condition::Loopback(_)
                | Condition::Nexthop(_)
                | Condition::Takes(_)
                | Condition::NoLoop(_)
                | Condition::MtuWithin(..)
                | Condition::MtuLimits(_)
                | Condition::Source(..)
                | Condition::Gateway(_)
                | Condition::Onlink(_)
                | Condition::SameValue(_) => return None,
            }
        }
        Some(less)
    }

    fn renamed(id: &LinkId, link: &Self::Object, _: Renaming<'_>) -> (Key, Object) {
        (Key::Link(id.clone()), Object::Link(link.clone()))
    }

    fn is_lost_with(_: &LinkId, _: &Self::Object, _: &Loss<'_>) -> bool {
        false
    }

    fn loose(_: &Self::Object) -> Loose {
        Loose::default()
    }

    fn loss(_: &LinkId) -> Option<Loss<'_>> {
        None
    }

    fn is_automatic(_: &Self::Object) -> bool {
        false
    }

    fn is_of_daemon(_: &Self::Object) -> bool {
        false
    }

    fn satisfies(_: &LinkId, seen: &Self::Object, wanted: &Self::Object) -> bool {
        wanted.place == seen.place && wanted.changes(seen).is_empty()
    }

    fn replaced(_: &LinkId, _: &Self::Object, _: &Self::Object) -> Replaced {
        Replaced::InPlace
    }

    fn stage(_: &LinkId, _: &Self::Object) -> (Stage, u8) {
        (Stage::Never, 0)
    }

    fn sets(_: &LinkId, _: &Self::Object, _: &Key) -> Option<Object> {
        None
    }

    fn removed_before<'a>(
        _: &LinkId,
        _: &Self::Object,
        _: &[(&'a Key, &'a Object)],
    ) -> Vec<(&'a Key, &'a Object)> {
        Vec::new()
    }

    fn default_key(_: &LinkId) -> Option<LinkId> {
        None
    }

    fn wanted(wanted: &mut Wanted, change: &Change<'_>) {
        super::observed::wanted(wanted, change);
    }

    fn restorable(link: &Self::Object) -> Self::Object {
        Box::new(Link { status: None, ..(**link).clone() })
    }

    fn overlay(link: &mut Self::Object, other: &Self::Object) {
        link.overlay(other);
    }

    fn describe(
        f: &mut fmt::Formatter<'_>,
        verb: Verb,
        _: &LinkId,
        Described { object: link, before }: Described<'_, Self::Object>,
    ) -> fmt::Result {
        match (verb, before) {
            (Verb::Add, _) => describe_creation(f, link),
            (Verb::Replace, Some(before)) => describe_change(f, before, link),
            (Verb::Delete, _) | (Verb::Replace, None) => {
                let [verb, preposition] = verb.words();
                let at = &link.place;
                write!(f, "{verb} {} {preposition} {}", at.ifname, as_phrase(&at.netns))
            }
        }
    }
}

fn describe_creation(f: &mut fmt::Formatter<'_>, link: &Link) -> fmt::Result {
    let kind = link.kind.as_ref().map_or("link", LinkKind::name);
    write!(f, "create {kind} {} in {}", link.place.ifname, as_phrase(&link.place.netns))?;
    if let Some(peer) = &link.peer {
        write!(f, " with peer {} in {}", peer.ifname, as_phrase(&peer.netns))?;
        if let Some(attributes) = &link.peer_attributes {
            let of_peer = Link { attributes: (**attributes).clone(), ..Link::at(peer.clone()) };
            write!(f, " ({})", values(&of_peer).join(", "))?;
        }
    }
    if let Some(device) = &link.device {
        write!(f, " on {}", device.ifname)?;
    }
    values(link).into_iter().try_for_each(|value| write!(f, ", {value}"))
}

fn describe_change(f: &mut fmt::Formatter<'_>, from: &Link, change: &Link) -> fmt::Result {
    let (old, new) = (&from.place, &change.place);
    if old.netns != new.netns {
        write!(
            f,
            "move {} from {} to {}",
            old.ifname,
            as_phrase(&old.netns),
            as_phrase(&new.netns)
        )?;
        return match old.ifname == new.ifname {
            true => Ok(()),
            false => write!(f, " as {}", new.ifname),
        };
    }
    let place = as_phrase(&old.netns);
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
    if let Some(device) = &change.device {
        parts.push(format!("on {}", device.ifname));
    }
    let values = values(change);
    parts.extend(values.into_iter().filter(|part| !part.starts_with("up ")));
    write!(f, "set {} in {place} {}", old.ifname, parts.join(", "))
}

impl Link {
    /// The fields that are set, with their values as the kernel gets them.
    pub(crate) fn values(&self) -> Vec<String> {
        values(self)
    }
}

fn values(link: &Link) -> Vec<String> {
    let groups = [
        serde_json::to_value(&link.attributes),
        serde_json::to_value(&link.flags),
        serde_json::to_value(&link.port),
        serde_json::to_value(link.kind.as_ref().map(KindAttributes)),
    ];
    let mut values: Vec<String> = Vec::new();
    if let Some(vlans) = &link.vlans {
        let text = vlans.to_string();
        values.push(if text.is_empty() { "no vlan".into() } else { format!("vlan {text}") });
    }
    values.extend(groups.into_iter().flatten().flat_map(|group| words(&group)));
    values
}

/// The fields of an object that are set, with their values.
pub(crate) fn words(fields: &serde_json::Value) -> Vec<String> {
    let mut words = Vec::new();
    for (name, value) in fields.as_object().into_iter().flatten() {
        match value {
            serde_json::Value::Null => {}
            serde_json::Value::String(text) if text.is_empty() => {
                words.push(format!("no {name}"));
            }
            serde_json::Value::String(text) => words.push(format!("{name} {text}")),
            serde_json::Value::Bool(on) => {
                words.push(format!("{name} {}", if *on { "on" } else { "off" }));
            }
            serde_json::Value::Number(_)
            | serde_json::Value::Array(_)
            | serde_json::Value::Object(_) => words.push(format!("{name} {value}")),
        }
    }
    words
}
