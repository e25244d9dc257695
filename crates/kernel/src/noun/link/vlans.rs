//! The VLANs of bridges and of their ports on the wire: `IFLA_AF_SPEC` of family `AF_BRIDGE` to set them
//! (`br_afspec`, net/bridge/br_netlink.c), `struct br_vlan_msg` to read them
//! (`br_vlan_rtm_dump`, net/bridge/br_vlan.c).

use std::collections::HashMap;

use netstate::attribute::{Value, put, put_value};
use netstate::link::{BridgeVlan, Link, Place, Vlans};
use netstate::{LinkKind, NetnsName, ObserveError};

use super::read::Seen;
use crate::execution::{Execution, Result};
use crate::message::{Message, fixed, row};
use crate::noun::neighbor::BRIDGE;
use crate::observer::Observer;
use crate::uapi::{
    BRIDGE_FLAGS_MASTER, BRIDGE_FLAGS_SELF, BRIDGE_VLAN_INFO_PVID, BRIDGE_VLAN_INFO_RANGE_BEGIN,
    BRIDGE_VLAN_INFO_RANGE_END, BRIDGE_VLAN_INFO_UNTAGGED, BRIDGE_VLANDB_ENTRY,
    BRIDGE_VLANDB_ENTRY_INFO, BRIDGE_VLANDB_ENTRY_RANGE, IFLA_BRIDGE_FLAGS, IFLA_BRIDGE_VLAN_INFO,
    RTM_GETVLAN, RTM_NEWVLAN,
};

/// The size of `struct br_vlan_msg`.
const VLAN_MESSAGE: usize = 8;

/// The first and the last VLAN, and their flags.
type Range = (u16, u16, u16);

impl Execution<'_> {
    /// Gives a bridge, or a port of one, these VLANs and no others. The kernel takes a range of which
    /// some VLANs are not there when it removes them.
    pub(super) fn set_vlans(&mut self, index: usize, link: &Link, vlans: &Vlans) -> Result<()> {
        let Place { netns, ifname } = &link.place;
        let at = self.index_of(index, netns, ifname)?;
        let side = if link.is_bridge() { BRIDGE_FLAGS_SELF } else { BRIDGE_FLAGS_MASTER };
        let gone: Vec<Range> =
            vlans.absent().into_iter().map(|(first, last)| (first, last, 0)).collect();
        let there: Vec<Range> = vlans
            .ranges()
            .into_iter()
            .map(|(first, last, vlan)| (first, last, flags(vlan)))
            .collect();
        for (kind, ranges) in [(libc::RTM_DELLINK, gone), (libc::RTM_SETLINK, there)] {
            if !ranges.is_empty() {
                self.push((index, netns), (kind, 0), |out| request(out, at, side, &ranges))?;
            }
        }
        Ok(())
    }
}

fn flags(vlan: BridgeVlan) -> u16 {
    let flag = |is: bool, flag: u16| if is { flag } else { 0 };
    flag(vlan.pvid, BRIDGE_VLAN_INFO_PVID) | flag(vlan.untagged, BRIDGE_VLAN_INFO_UNTAGGED)
}

fn request(out: &mut Vec<u8>, index: u32, side: u16, ranges: &[Range]) {
    let start = out.len();
    fixed::link(out, index, 0, 0);
    out[start] = BRIDGE;
    put(out, libc::IFLA_AF_SPEC, |out| {
        put_value(out, IFLA_BRIDGE_FLAGS, &side);
        let mut info = |flags: u16, vid: u16| {
            put(out, IFLA_BRIDGE_VLAN_INFO, |out| {
                flags.put(out);
                vid.put(out);
            });
        };
        for (first, last, flags) in ranges {
            if first == last {
                info(*flags, *first);
            } else {
                info(flags | BRIDGE_VLAN_INFO_RANGE_BEGIN, *first);
                info(flags | BRIDGE_VLAN_INFO_RANGE_END, *last);
            }
        }
    });
}

/// The VLANs in a message about a link, with its index.
fn decode(message: Message<'_>) -> Option<(u32, Vec<Range>)> {
    if message.kind != RTM_NEWVLAN {
        return None;
    }
    let mut ranges = Vec::new();
    for (_, entry) in
        message.attributes(VLAN_MESSAGE).filter(|(number, _)| *number == BRIDGE_VLANDB_ENTRY)
    {
        let (mut first, mut last, mut flags) = (None, None, 0);
        for (number, value) in row(entry) {
            match number {
                BRIDGE_VLANDB_ENTRY_INFO => {
                    flags = value.get(..2).and_then(u16::take).unwrap_or_default();
                    first = value.get(2..4).and_then(u16::take);
                }
                BRIDGE_VLANDB_ENTRY_RANGE => last = u16::take(value),
                _ => {}
            }
        }
        ranges.extend(first.map(|first| (first, last.unwrap_or(first), flags)));
    }
    Some((message.number(4), ranges))
}

impl Observer<'_> {
    /// Reads the VLANs of a link that is a bridge or a port of one. A kernel without VLANs of bridges
    /// has none, not even an empty set.
    pub(crate) fn vlans_of(
        &mut self,
        seen: &Seen,
    ) -> std::result::Result<Option<Vlans>, ObserveError> {
        if !seen.link.is_bridge() && seen.link.port.bridge == Default::default() {
            return Ok(None);
        }
        let mut read = self.vlans(&seen.link.place.netns, seen.index)?;
        Ok(read.as_mut().map(|read| read.remove(&seen.index).unwrap_or_default()))
    }

    /// Adds the VLAN that a new port of the same bridge gets.
    pub(crate) fn add_default_vlan(
        &mut self,
        seen: &mut Seen,
    ) -> std::result::Result<(), ObserveError> {
        if let (Some(_), Some(master)) = (&seen.link.vlans, seen.master)
            && let Some(bridge) = self.link_of_index(&seen.link.place.netns, master)?
            && let Some(status) = &mut seen.link.status
        {
            status.default_vlan = bridge.link.kind.as_ref().and_then(LinkKind::default_vlan);
        }
        Ok(())
    }

    /// The VLANs of a link, or those of all links of a namespace for index zero. None if the kernel has
    /// no VLANs of bridges.
    pub(crate) fn vlans(
        &mut self,
        netns: &NetnsName,
        index: u32,
    ) -> std::result::Result<Option<HashMap<u32, Vlans>>, ObserveError> {
        let ask = |out: &mut Vec<u8>| {
            out.extend([BRIDGE, 0, 0, 0]);
            index.put(out);
        };
        let read = self.dump_if_supported((netns, RTM_GETVLAN), ask, decode)?;
        let Some(read) = read else { return Ok(None) };
        let mut vlans: HashMap<u32, Vlans> = HashMap::new();
        for (index, ranges) in read {
            let of_link = vlans.entry(index).or_default();
            for (first, last, flags) in ranges {
                let vlan = BridgeVlan {
                    pvid: flags & BRIDGE_VLAN_INFO_PVID != 0,
                    untagged: flags & BRIDGE_VLAN_INFO_UNTAGGED != 0,
                };
                of_link.0.extend((first..=last).map(|vid| (vid, vlan)));
            }
        }
        Ok(Some(vlans))
    }
}
