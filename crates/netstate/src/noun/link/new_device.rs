//! The defaults of a new link. A link that Netloom created returns to these when its configuration
//! no longer sets a field.

use crate::attribute::Flags;
use crate::name::{LinkName, MacAddress};
use crate::noun::link::{Link, LinkAttributes, LinkFlags, LinkKind, Master, Place, Port};

/// `GSO_LEGACY_MAX_SIZE` and its like, include/linux/netdevice.h.
const SEGMENTATION_BYTES: u32 = 65_536;
const SEGMENTS: u32 = 65_535;

/// `LOOPBACK_MTU`, drivers/net/loopback.c.
const LOOPBACK_MTU: u32 = 65_536;

/// What the kernel gives a new link in addition to its kind's attributes.
#[derive(Clone, Debug, Default)]
pub(crate) struct NewDevice {
    /// Attributes that do not depend on the host.
    pub(crate) attributes: LinkAttributes,
    /// Interface flags that do not depend on the host.
    pub(crate) flags: LinkFlags,
}

impl Link {
    /// The loopback of a new namespace; none if the place is that of another link.
    pub fn loopback(place: &Place) -> Option<Link> {
        (place.ifname == LinkName::loopback()).then(|| {
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

    /// This link with nothing configured: its place, its kind, and every field whose default is known.
    /// Random addresses have none, and the number of queues has one only if it does not depend on the
    /// host, or was observed. Links of a kind that Netloom cannot create have no known defaults.
    pub fn kernel_default(&self) -> Link {
        if let Some(loopback) = Link::loopback(&self.place) {
            return loopback;
        }
        let kind = self.kind.as_ref();
        let NewDevice { mut attributes, flags } =
            kind.map(|kind| kind.new_device(self.device.is_some())).unwrap_or_default();
        if let Some([numtxqueues, numrxqueues]) =
            self.status.as_ref().and_then(|status| status.new_queues)
        {
            attributes.numtxqueues.get_or_insert(numtxqueues);
            attributes.numrxqueues.get_or_insert(numrxqueues);
        }
        Link {
            kind: kind.map(LinkKind::kernel_default),
            attributes,
            flags,
            master: Some(Master::Free),
            port: match self.master {
                Some(Master::Of(_)) => self.new_port(),
                Some(Master::Free) | None => Port::default(),
            },
            ..Link::at(self.place.clone())
        }
    }

    /// The attributes of this link as a new port of a master of any kind.
    pub(crate) fn new_port(&self) -> Port {
        Port::kernel_default(self.status.as_ref().and_then(|status| status.speed))
    }
}

/// A device after `ether_setup` (net/ethernet/eth.c), with its own queue length and flags
/// (`IFF_…`).
pub(super) fn ethernet(txqueuelen: u32, flags: u32) -> NewDevice {
    let plain = point_to_point(txqueuelen, flags);
    let broadcast = Some(MacAddress::from([0xff; 6].as_slice()));
    NewDevice { attributes: LinkAttributes { broadcast, ..plain.attributes }, ..plain }
}

/// A device whose number of queues depends on the host.
pub(super) fn with_queues_of_host(new: NewDevice) -> NewDevice {
    let attributes = LinkAttributes { numtxqueues: None, numrxqueues: None, ..new.attributes };
    NewDevice { attributes, ..new }
}

/// A device that takes its MTU and the limits of segments from the link below.
pub(super) fn on_ethernet(new: NewDevice) -> NewDevice {
    let attributes = LinkAttributes {
        mtu: None,
        gso_max_size: None,
        gso_max_segs: None,
        gso_ipv4_max_size: None,
        ..new.attributes
    };
    NewDevice { attributes, ..new }
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
        // `rtnl_create_link`, net/core/rtnetlink.c.
        numtxqueues: Some(1),
        numrxqueues: Some(1),
        mac_address: None,
        broadcast: None,
    };
    NewDevice { attributes, flags: LinkFlags::decode(flags) }
}
