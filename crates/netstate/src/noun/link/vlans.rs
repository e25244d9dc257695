//! The VLANs of a bridge's port, or of a bridge itself (bridge(8), `vlan`).

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::attribute::Field;

/// The field of a link, for messages.
pub(crate) static FIELD: Field =
    Field { name: "vlan", attribute: 0, create_only: false, while_down: false, nested: &[] };

/// The VLAN identifiers that a port can have (IEEE 802.1Q; `VLAN_VID_MASK` is reserved).
pub(super) const VIDS: std::ops::RangeInclusive<u16> = 1..=4094;

/// All VLANs of a port, by identifier. Their text is that of bridge(8), with ranges:
/// `1 pvid untagged, 10, 20-30 untagged`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Vlans(pub BTreeMap<u16, BridgeVlan>);

/// How a port has a VLAN: `BRIDGE_VLAN_INFO_…` (include/uapi/linux/if_bridge.h).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BridgeVlan {
    /// Whether received frames without a tag belong to it. A port has at most one such VLAN.
    pub pvid: bool,
    /// Whether its frames are sent without a tag.
    pub untagged: bool,
}

/// VLANs with consecutive identifiers and the same flags: the first, and the last.
type Range = (u16, u16, BridgeVlan);

impl Vlans {
    /// The VLANs of a new port of a bridge with this `vlan_default_pvid`, and of the bridge itself
    /// (`nbp_vlan_init`, net/bridge/br_vlan.c).
    pub fn of_new(default_pvid: u16) -> Vlans {
        let vlan = BridgeVlan { pvid: true, untagged: true };
        Vlans(VIDS.contains(&default_pvid).then_some((default_pvid, vlan)).into_iter().collect())
    }

    /// The VLANs in order. The kernel takes the VLAN of untagged frames only on its own.
    pub fn ranges(&self) -> Vec<Range> {
        let mut ranges: Vec<Range> = Vec::new();
        for (vid, vlan) in &self.0 {
            match ranges.last_mut() {
                Some((_, last, of)) if of == vlan && !vlan.pvid && *last + 1 == *vid => {
                    *last = *vid
                }
                Some(_) | None => ranges.push((*vid, *vid, *vlan)),
            }
        }
        ranges
    }

    /// The identifiers that are not here, as ranges: the first, and the last.
    pub fn absent(&self) -> Vec<(u16, u16)> {
        let mut absent = Vec::new();
        let mut next = *VIDS.start();
        for vid in self.0.keys() {
            if next < *vid {
                absent.push((next, vid - 1));
            }
            next = vid.saturating_add(1);
        }
        if next <= *VIDS.end() {
            absent.push((next, *VIDS.end()));
        }
        absent
    }
}

impl fmt::Display for BridgeVlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [(self.pvid, " pvid"), (self.untagged, " untagged")];
        words.iter().filter(|(is, _)| *is).try_for_each(|(_, word)| f.write_str(word))
    }
}

impl fmt::Display for Vlans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (first, last, vlan)) in self.ranges().into_iter().enumerate() {
            let separator = if at == 0 { "" } else { ", " };
            match first == last {
                true => write!(f, "{separator}{first}{vlan}")?,
                false => write!(f, "{separator}{first}-{last}{vlan}")?,
            }
        }
        Ok(())
    }
}

/// A text that does not list VLANs.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("not a list of VLANs")]
pub struct InvalidVlans;

impl FromStr for Vlans {
    type Err = InvalidVlans;

    fn from_str(text: &str) -> Result<Vlans, InvalidVlans> {
        let mut vlans = BTreeMap::new();
        for part in text.split(',').filter(|part| !part.trim().is_empty()) {
            let mut words = part.split_whitespace();
            let vids = words.next().ok_or(InvalidVlans)?;
            let (first, last) = vids.split_once('-').unwrap_or((vids, vids));
            let vid = |text: &str| text.parse().ok().filter(|vid| VIDS.contains(vid));
            let (first, last) = vid(first).zip(vid(last)).ok_or(InvalidVlans)?;
            let mut vlan = BridgeVlan::default();
            for word in words {
                match word {
                    "pvid" => vlan.pvid = true,
                    "untagged" => vlan.untagged = true,
                    _ => return Err(InvalidVlans),
                }
            }
            vlans.extend((first..=last).map(|vid| (vid, vlan)));
        }
        Ok(Vlans(vlans))
    }
}

impl TryFrom<String> for Vlans {
    type Error = InvalidVlans;

    fn try_from(text: String) -> Result<Vlans, InvalidVlans> {
        text.parse()
    }
}

impl From<Vlans> for String {
    fn from(vlans: Vlans) -> String {
        vlans.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_vlans_is_read_back() {
        for (text, absent) in [
            ("", "1-4094"),
            ("1 pvid untagged", "2-4094"),
            ("1 pvid untagged, 10, 20-30 untagged", "2-9 11-19 31-4094"),
            ("1-4094", ""),
            ("1, 2 pvid, 3-4094", ""),
            ("10-11, 12-13 untagged, 4094 pvid untagged", "1-9 14-4093"),
        ] {
            let vlans: Vlans = text.parse().unwrap();
            assert_eq!(vlans.to_string(), text);
            let ranges: Vec<String> =
                vlans.absent().iter().map(|(first, last)| format!("{first}-{last}")).collect();
            assert_eq!(ranges.join(" "), absent, "{text}");
        }
        for text in ["0", "4095", "1-", "a", "1 tagged", "5-4095"] {
            assert!(text.parse::<Vlans>().is_err(), "{text}");
        }
        assert_eq!(Vlans::of_new(0), Vlans::default());
        assert_eq!(Vlans::of_new(7).to_string(), "7 pvid untagged");
    }
}
