//! The VLANs that a link is to have, as a port of a bridge or as a bridge.

use crate::noun::link::kind::Kind as _;
use crate::noun::link::{Bridge, Link, LinkKind, Vlans};

/// The `vlan_default_pvid` of a bridge that nobody has changed.
const DEFAULT_PVID: u16 = 1;

/// A link before and after the change.
pub(super) struct Links<'a> {
    pub(super) desired: &'a Link,
    pub(super) touched: Option<&'a Link>,
    /// With the name that its master has now.
    pub(super) original: Option<&'a Link>,
    pub(super) observed: &'a Link,
    /// The link as it is to be, without its VLANs.
    pub(super) target: &'a Link,
    /// The kind of its master; none if that is not a part of the change.
    pub(super) master: Option<&'a LinkKind>,
    pub(super) keeps_master: bool,
}

/// The VLANs of a configured link. If VLANs are configured, it has these and no others. If they are no
/// longer configured, it has those that it had before, or those of a new port. Otherwise they stay.
pub(super) fn configured(links: &Links<'_>) -> Option<Vlans> {
    let target = links.target;
    let master = links.master.map_or(Bridge::FACTS.name, LinkKind::name);
    if !target.is_bridge() && (target.master_place().is_none() || master != Bridge::FACTS.name) {
        return None;
    }
    if let Some(vlans) = &links.desired.vlans {
        return Some(vlans.clone());
    }
    let original = links
        .original
        .filter(|original| target.is_bridge() || original.master_place() == target.master_place());
    let before = original.and_then(|original| original.vlans.clone());
    let stays = links.keeps_master || target.is_bridge();
    match (&links.observed.vlans, stays) {
        (Some(seen), true) => {
            let was_configured = links.touched.is_some_and(|link| link.vlans.is_some());
            let usual = before.or_else(|| of_new(links));
            usual.filter(|_| was_configured).or_else(|| Some(seen.clone()))
        }
        (None, true) => None,
        (_, false) => before,
    }
}

/// The VLANs of a link that becomes a port of this master, or of a bridge; none if that is not known.
fn of_new(links: &Links<'_>) -> Option<Vlans> {
    let own = links.target.kind.as_ref().filter(|_| links.target.is_bridge());
    let pvid = match own.or(links.master) {
        Some(bridge) => bridge.default_vlan().unwrap_or(DEFAULT_PVID),
        None => links.observed.status.as_ref()?.default_vlan.filter(|_| links.keeps_master)?,
    };
    Some(Vlans::of_new(pvid))
}
