//! The configuration that describes a link as it is: only what differs from a new link.

use super::{Enslaving, Link, LinkAttributes, LinkFlags, LinkKind, Master, Vlans};
use crate::attribute::Fields;
use crate::noun::link::fields::ETH_DATA_LEN;

/// `ARPHRD_ETHER` (include/uapi/linux/if_arp.h).
const ARPHRD_ETHER: u16 = 1;

impl Link {
    /// The fields that a configuration of this observed link needs. Links of a kind that Netloom creates
    /// are described as a new link with changes; other links exist already, and have only what people
    /// set. `master` is the kind of its master.
    pub fn described(&self, master: Option<&LinkKind>) -> Link {
        let made = self.kind.as_ref().filter(|kind| kind.is_made());
        let mut described = match made.filter(|_| !self.belongs_to_namespace()) {
            Some(kind) => self.described_as_made(kind),
            None => self.described_as_found(),
        };
        if let Some(Master::Of(_)) = self.master {
            let new = self.new_port();
            // Without a default are the values that the kernel chooses for this port.
            described.port = self.port.changes(&new).only(&new);
            described.master = self.master.clone();
            described.vlans = self.vlans.clone().filter(|vlans| {
                let pvid = master.and_then(LinkKind::default_vlan);
                *vlans != Vlans::of_new(pvid.unwrap_or_default())
            });
            if master.and_then(|kind| kind.facts().enslaves) == Some(Enslaving::Opens) {
                // The bond sets these.
                described.attributes.mtu = None;
                described.attributes.mac_address = None;
            }
        }
        described
    }

    fn described_as_made(&self, kind: &LinkKind) -> Link {
        let new = Link { status: None, ..self.clone() }.kernel_default();
        let of_new = new.kind.clone().unwrap_or_else(|| kind.plain());
        let changed = kind.changes(&of_new).unwrap_or_else(|| kind.plain());
        let attributes = self.attributes.changes(&new.attributes).only(&new.attributes);
        let flags = self.flags.changes(&new.flags).only(&new.flags);
        let vlans = self
            .vlans
            .clone()
            .filter(|vlans| kind.default_vlan().is_some_and(|pvid| *vlans != Vlans::of_new(pvid)));
        Link {
            kind: Some(changed),
            attributes: LinkAttributes {
                index: None,
                alias: self.alias(),
                numtxqueues: None,
                numrxqueues: None,
                ..attributes
            },
            flags: LinkFlags { up: self.flags.up, ..flags },
            device: self.device.clone(),
            peer: self.peer.clone(),
            vlans: vlans.filter(|_| self.is_bridge()),
            ..Link::at(self.place.clone())
        }
    }

    /// This link as one that exists already.
    pub fn described_as_found(&self) -> Link {
        let is_ethernet =
            self.status.as_ref().is_some_and(|status| status.device_type == ARPHRD_ETHER);
        let mtu = self.attributes.mtu.filter(|mtu| is_ethernet && *mtu != ETH_DATA_LEN);
        Link {
            attributes: LinkAttributes { mtu, alias: self.alias(), ..LinkAttributes::default() },
            flags: LinkFlags { up: self.flags.up, ..LinkFlags::default() },
            ..Link::at(self.place.clone())
        }
    }

    fn alias(&self) -> Option<String> {
        self.attributes.alias.clone().filter(|alias| !alias.is_empty())
    }
}
