//! What the kernel gives a new link of each kind: what a link that Netloom made goes back to where its
//! configuration no longer says otherwise.

use crate::attribute::Flags;
use crate::link::{
    Bridge, BridgePort, Link, LinkAttributes, LinkFlags, LinkKind, Master, Tun, Vxlan,
};
use crate::name::MacAddress;
use crate::uapi::{IFF_MULTICAST, IFF_NOARP};

/// `GSO_LEGACY_MAX_SIZE` and its like, include/linux/netdevice.h.
const SEGMENTATION_BYTES: u32 = 65_536;
const SEGMENTS: u32 = 65_535;

impl Link {
    /// This link with nothing configured: its place and kind, and every field for which the kernel has
    /// a default that does not depend on the host. Addresses are random and queues follow the processors, so
    /// these have none, nor has anything of a link of a kind that Netloom does not make.
    pub fn kernel_default(&self) -> Link {
        let kind = self.kind.as_ref();
        Link {
            place: self.place.clone(),
            kind: kind.map(LinkKind::kernel_default),
            attributes: kind
                .map(|kind| attributes(kind, self.device.is_some()))
                .unwrap_or_default(),
            flags: kind.map(flags).unwrap_or_default(),
            master: Some(Master::Free),
            port: match self.master {
                Some(Master::Of(_)) => BridgePort::kernel_default(),
                Some(Master::Free) | None => BridgePort::default(),
            },
            device: None,
            status: None,
        }
    }
}

impl LinkKind {
    /// This kind with the attributes that the kernel gives a new one.
    fn kernel_default(&self) -> LinkKind {
        match self {
            LinkKind::Bridge(_) => LinkKind::Bridge(Bridge::kernel_default()),
            LinkKind::Vxlan(_) => LinkKind::Vxlan(Box::new(Vxlan::kernel_default())),
            LinkKind::Tun(_) => LinkKind::Tun(Tun::kernel_default()),
            kind @ (LinkKind::Veth { .. }
            | LinkKind::Dummy
            | LinkKind::Ifb
            | LinkKind::Other(_)) => kind.clone(),
        }
    }

    fn is_tap(&self) -> bool {
        matches!(self, LinkKind::Tun(Tun { mode: Some(Tun::TAP) }))
    }
}

fn attributes(kind: &LinkKind, has_device: bool) -> LinkAttributes {
    let (ethernet, txqueuelen) = match kind {
        LinkKind::Veth { .. } | LinkKind::Dummy | LinkKind::Bridge(_) | LinkKind::Vxlan(_) => {
            (true, 1000)
        }
        LinkKind::Ifb => (true, 32),
        LinkKind::Tun(_) if kind.is_tap() => (true, 1000),
        LinkKind::Tun(_) => (false, 500),
        LinkKind::Other(_) => return LinkAttributes::default(),
    };
    // A VXLAN device takes what its underlay leaves it.
    let follows_device = has_device && matches!(kind, LinkKind::Vxlan(_));
    LinkAttributes {
        mtu: (!follows_device).then_some(1500),
        group: Some(0),
        txqueuelen: Some(txqueuelen),
        gso_max_size: Some(SEGMENTATION_BYTES),
        gso_max_segs: Some(SEGMENTS),
        gro_max_size: Some(SEGMENTATION_BYTES),
        gso_ipv4_max_size: Some(SEGMENTATION_BYTES),
        gro_ipv4_max_size: Some(SEGMENTATION_BYTES),
        protodown: Some(false),
        broadcast: ethernet.then(|| MacAddress::from([0xff; 6].as_slice())),
        alias: Some(String::new()),
        index: None,
        numtxqueues: None,
        numrxqueues: None,
        mac_address: None,
    }
}

fn flags(kind: &LinkKind) -> LinkFlags {
    LinkFlags::decode(match kind {
        LinkKind::Veth { .. } | LinkKind::Bridge(_) | LinkKind::Vxlan(_) => IFF_MULTICAST,
        LinkKind::Dummy | LinkKind::Ifb => IFF_NOARP,
        LinkKind::Tun(_) if kind.is_tap() => IFF_MULTICAST,
        LinkKind::Tun(_) => IFF_MULTICAST | IFF_NOARP,
        LinkKind::Other(_) => return LinkFlags::default(),
    })
}
