//! What the kernel gives a new link: what a link that Netloom made goes back to where its configuration no longer says
//! otherwise.

use crate::attribute::Flags;
use crate::name::MacAddress;
use crate::noun::link::kind::NewDevice;
use crate::noun::link::{BridgePort, Link, LinkAttributes, LinkFlags, LinkKind, Master, Place};

/// `GSO_LEGACY_MAX_SIZE` and its like, include/linux/netdevice.h.
const SEGMENTATION_BYTES: u32 = 65_536;
const SEGMENTS: u32 = 65_535;

/// `LOOPBACK_MTU`, drivers/net/loopback.c.
const LOOPBACK_MTU: u32 = 65_536;

impl Link {
    /// The loopback of a namespace, as it is in a new one; nothing where the place is another link's.
    pub fn loopback(place: &Place) -> Option<Link> {
        (place.ifname.as_str() == "lo").then(|| {
            let NewDevice { attributes, flags } = point_to_point(1000, 0);
            Link {
                kind: Some(LinkKind::Other(String::new())),
                attributes: LinkAttributes { mtu: Some(LOOPBACK_MTU), ..attributes },
                flags: LinkFlags { up: Some(false), ..flags },
                master: Some(Master::Free),
                ..Link::at(place.clone())
            }
        })
    }

    /// This link with nothing configured: its place and kind, and every field for which the kernel has
    /// a default that does not depend on the host. Addresses are random and queues follow the processors, so
    /// these have none, nor has anything of a link of a kind that Netloom does not make.
    pub fn kernel_default(&self) -> Link {
        if let Some(loopback) = Link::loopback(&self.place) {
            return loopback;
        }
        let kind = self.kind.as_ref();
        let NewDevice { attributes, flags } =
            kind.map(|kind| kind.new_device(self.device.is_some())).unwrap_or_default();
        Link {
            kind: kind.map(LinkKind::kernel_default),
            attributes,
            flags,
            master: Some(Master::Free),
            port: match self.master {
                Some(Master::Of(_)) => BridgePort::kernel_default(),
                Some(Master::Free) | None => BridgePort::default(),
            },
            ..Link::at(self.place.clone())
        }
    }
}

/// A device as `ether_setup` leaves it (net/ethernet/eth.c), but for the length of its queue and its flags (`IFF_…`).
pub(super) fn ethernet(txqueuelen: u32, flags: u32) -> NewDevice {
    let plain = point_to_point(txqueuelen, flags);
    let broadcast = Some(MacAddress::from([0xff; 6].as_slice()));
    NewDevice { attributes: LinkAttributes { broadcast, ..plain.attributes }, ..plain }
}

/// A device without link-layer addresses.
pub(super) fn point_to_point(txqueuelen: u32, flags: u32) -> NewDevice {
    let attributes = LinkAttributes {
        mtu: Some(1500),
        group: Some(0),
        txqueuelen: Some(txqueuelen),
        gso_max_size: Some(SEGMENTATION_BYTES),
        gso_max_segs: Some(SEGMENTS),
        gro_max_size: Some(SEGMENTATION_BYTES),
        gso_ipv4_max_size: Some(SEGMENTATION_BYTES),
        gro_ipv4_max_size: Some(SEGMENTATION_BYTES),
        protodown: Some(false),
        alias: Some(String::new()),
        index: None,
        numtxqueues: None,
        numrxqueues: None,
        mac_address: None,
        broadcast: None,
    };
    NewDevice { attributes, flags: LinkFlags::decode(flags) }
}
