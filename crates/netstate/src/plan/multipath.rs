//! A route over several links stays when one of them goes down, but is not made again with that one down: a reboot
//! would lose it. So what takes such a link down is refused, as the kernel refuses to make the route afterwards.

use std::collections::{BTreeMap, BTreeSet};

use super::PlanError;
use super::hangers::devs;
use super::sorted::Entry;
use crate::link::Place;
use crate::state::{Key, Object, State};

/// Refuses what takes down a link that one of the `configured` needs up.
pub(super) fn refuse_lost_legs(
    made: &BTreeMap<Key, Object>,
    observed: &State,
    configured: &[Entry<'_>],
) -> Result<(), PlanError> {
    let goes_down = |(key, object): (&Key, &Object)| {
        let seen = observed.objects.get(key)?.link()?;
        let link = object.link()?;
        (link.flags.up == Some(false) && seen.flags.up == Some(true)).then(|| link.place.clone())
    };
    let down: BTreeSet<Place> = made.iter().filter_map(goes_down).collect();
    if down.is_empty() {
        return Ok(());
    }
    for (key, object) in configured {
        let (Key::Route(route), devs) = (key, devs(key, object)) else { continue };
        let is_down = |ifname| down.contains(&Place { netns: route.netns.clone(), ifname });
        if devs.len() > 1
            && let Some(dev) = devs.into_iter().find(|dev| is_down(dev.clone()))
        {
            let reason =
                format!("{dev} is to be down, and a route is made only over links that are up");
            return Err(PlanError { key: (*key).clone(), reason });
        }
    }
    Ok(())
}
