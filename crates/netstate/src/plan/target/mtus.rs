//! MTUs that are not configured, and follow from the MTUs of other links.

use std::collections::BTreeMap;

use super::places_of;
use crate::noun::link::{Link, Place, below, follows_ports, least_mtu, link_objects};
use crate::noun::{Key, Object};
use crate::originals::Originals;
use crate::state::{Entry, State};

/// A link whose MTU is not configured, and may follow from others.
struct Following {
    key: Key,
    place: Place,
    of: Of,
    /// Whether it has the MTU that a new link would have. Otherwise it stays, as far as the others
    /// allow.
    is_as_new: bool,
}

/// The links from which an MTU follows.
enum Of {
    /// The link below.
    Device(Place),
    /// The ports, with their least MTU as it was observed.
    Ports(Option<u32>),
}

/// The configuration, what was configured before, and what was observed.
#[derive(Clone, Copy)]
pub(super) struct History<'a> {
    pub(super) desired: &'a State,
    pub(super) touched: &'a State,
    pub(super) originals: &'a Originals,
    pub(super) observed: &'a State,
}

/// Gives links the MTUs that the kernel gives them if they are not configured: that of the link
/// below at most ([`Below::mtu_within`]), or the least of their ports ([`KindFacts::mtu_of_ports`]).
/// `others` are links that stay as observed.
///
/// [`Below::mtu_within`]: crate::noun::link::Below::mtu_within
/// [`KindFacts::mtu_of_ports`]: crate::noun::link::KindFacts::mtu_of_ports
pub(super) fn fit_mtus(
    made: &mut BTreeMap<Key, Object>,
    others: &mut Vec<Entry<'_>>,
    history: History<'_>,
) {
    let foreign = others.iter().filter_map(|(key, object)| Some((*key, object.link()?)));
    let links = || link_objects(made).chain(foreign.clone());
    let is_any = |(_, link): (&Key, &Link)| below(link).mtu_within || follows_ports(link);
    if !links().any(is_any) {
        return;
    }
    let seen_at = places_of(&history.observed.objects);
    let seen_ports = ports(link_objects(&history.observed.objects).map(|(_, link)| link), Some);
    let following: Vec<Following> = links()
        .filter_map(|(key, link)| history.following(key, link, (&seen_at, &seen_ports)))
        .collect();
    if following.is_empty() {
        return;
    }
    // A port that stays has the observed name of its master.
    let called = |master: Place| {
        let link = seen_at.get(&master).and_then(|key| made.get(*key)?.link());
        Some(link.map_or(master, |link| link.place.clone()))
    };
    let mut ports = ports(link_objects(made).map(|(_, link)| link), Some);
    for (master, more) in self::ports(foreign.clone().map(|(_, link)| link), called) {
        ports.entry(master).or_default().extend(more);
    }
    // The MTU of a new link is not always known.
    let mtu = |(_, link): (&Key, &Link)| (link.place.clone(), link.attributes.mtu);
    let before: BTreeMap<Place, Option<u32>> = links().map(mtu).collect();
    let mut mtus = before.clone();
    // A link may follow another of these, so one pass is not always enough.
    for _ in &following {
        let mut is_settled = true;
        for Following { place, of, is_as_new, .. } in &following {
            let own = before.get(place).copied().flatten();
            let fit = match of {
                Of::Device(device) => {
                    let Some(&limit) = mtus.get(device) else { continue };
                    match is_as_new {
                        true => limit,
                        false => own.map(|own| limit.map_or(own, |limit| own.min(limit))),
                    }
                }
                Of::Ports(seen) => {
                    let ports = ports.get(place).into_iter().flatten();
                    let least = least_mtu(
                        ports.map(|port| mtus.get(&port.place).copied()?.or(new_mtu(port))),
                    );
                    match is_as_new {
                        true => least,
                        // Whether it follows its ports is not known.
                        false => own.filter(|_| least == *seen),
                    }
                }
            };
            is_settled &= mtus.insert(place.clone(), fit) == Some(fit);
        }
        if is_settled {
            break;
        }
    }
    for Following { key, place, .. } in following {
        if mtus.get(&place) == before.get(&place) {
            continue;
        }
        let mtu = mtus.get(&place).copied().flatten();
        if let Some(Object::Link(link)) = made.get_mut(&key) {
            link.attributes.mtu = mtu;
        } else if let Some(at) = others.iter().position(|(other, _)| **other == key)
            && let Some(link) = others.remove(at).1.link()
        {
            let mut link = link.clone();
            link.attributes.mtu = mtu;
            made.insert(key, Object::Link(Box::new(link)));
        }
    }
}

/// The MTU that the kernel gives a new link, if it does not depend on others.
fn new_mtu(link: &Link) -> Option<u32> {
    let kind = link.kind.as_ref().filter(|_| !below(link).mtu_within)?;
    kind.new_device(link.device.is_some()).attributes.mtu
}

/// The ports of each master.
fn ports<'l>(
    links: impl Iterator<Item = &'l Link>,
    called: impl Fn(Place) -> Option<Place>,
) -> BTreeMap<Place, Vec<&'l Link>> {
    let mut ports: BTreeMap<Place, Vec<&Link>> = BTreeMap::new();
    for link in links {
        if let Some(master) = link.master_place().and_then(&called) {
            ports.entry(master).or_default().push(link);
        }
    }
    ports
}

impl History<'_> {
    /// Whether and how the MTU of a link follows from others.
    fn following(
        &self,
        key: &Key,
        link: &Link,
        (seen_at, seen_ports): (&BTreeMap<&Place, &Key>, &BTreeMap<Place, Vec<&Link>>),
    ) -> Option<Following> {
        let History { desired, touched, originals, observed } = *self;
        let mtu_in = |state: &State| state.objects.get(key)?.link()?.attributes.mtu;
        if mtu_in(desired).is_some() {
            return None;
        }
        let seen = observed.objects.get(key).and_then(Object::link);
        let (of, followed) = match &link.device {
            Some(device) if below(link).mtu_within => {
                let below = seen.and_then(|seen| seen_at.get(seen.device.as_ref()?));
                let below = below.and_then(|key| observed.objects.get(*key)?.link());
                let followed = below.and_then(|below| below.attributes.mtu);
                (Of::Device(device.clone()), followed)
            }
            Some(_) | None => {
                // A new bridge follows its ports by itself.
                let seen = seen.filter(|_| follows_ports(link))?;
                let ports = seen_ports.get(&seen.place).into_iter().flatten();
                let least = least_mtu(ports.map(|port| port.attributes.mtu));
                (Of::Ports(least), least)
            }
        };
        let is_original = originals.objects.contains_key(key);
        let was_configured = mtu_in(touched).is_some();
        if matches!(of, Of::Ports(_)) && is_original && was_configured {
            return None;
        }
        let is_made = desired.objects.get(key).and_then(Object::link);
        let is_made = is_made.is_some_and(|link| !link.is_adopted());
        let follows = is_made && seen.is_none_or(|seen| seen.attributes.mtu == followed);
        let is_as_new = !is_original && (was_configured || follows);
        Some(Following { key: key.clone(), place: link.place.clone(), of, is_as_new })
    }
}
