//! All fields of a link together: the groups of [`Fields`] of which a link consists.

use crate::attribute::{Field, Fields};
use crate::noun::link::port::PortKind;
use crate::noun::link::{BridgePort, Link, LinkKind, Master, Port, vlans};

/// A link with a lower MTU has no IPv6 (`addrconf_notify`, net/ipv6/addrconf.c).
pub(crate) const IPV6_MIN_MTU: u32 = 1280;

/// A link whose MTU is below this has no IPv4 (`inetdev_valid_mtu`, net/ipv4/devinet.c).
pub(crate) const IPV4_MIN_MTU: u32 = 68;
/// The MTU of a bridge without ports (`br_mtu_min`, net/bridge/br_if.c).
pub(crate) const ETH_DATA_LEN: u32 = 1500;

impl Link {
    /// Takes over the place of `other`, and every field that is set there.
    pub fn overlay(&mut self, other: &Link) {
        self.place = other.place.clone();
        match (&mut self.kind, &other.kind) {
            (Some(kind), Some(other)) => kind.overlay(other),
            (kind @ None, Some(other)) => *kind = Some(other.clone()),
            (_, None) => {}
        }
        self.attributes.overlay(&other.attributes);
        self.flags.overlay(&other.flags);
        self.port.overlay(&other.port);
        self.vlans = other.vlans.clone().or_else(|| self.vlans.take());
        self.master = other.master.clone().or_else(|| self.master.take());
        self.device = other.device.clone().or_else(|| self.device.take());
        self.peer = other.peer.clone().or_else(|| self.peer.take());
    }

    /// The fields that are set here and differ in `observed`; the place is that of `observed`.
    pub fn changes(&self, observed: &Link) -> Link {
        let same_master = self
            .master
            .as_ref()
            .is_none_or(|master| observed.master.as_ref().unwrap_or(&Master::Free) == master);
        Link {
            place: observed.place.clone(),
            kind: match (&self.kind, &observed.kind) {
                (Some(wanted), Some(seen)) => wanted.changes(seen),
                (Some(wanted), None) => Some(wanted.clone()),
                (None, _) => None,
            },
            attributes: self.attributes.changes(&observed.attributes),
            flags: self.flags.changes(&observed.flags),
            // A port of another bridge starts with the defaults (`new_nbp`, net/bridge/br_if.c).
            port: match same_master {
                true => self.port.changes(&observed.port),
                false => self.port.clone(),
            },
            vlans: self
                .vlans
                .clone()
                .filter(|vlans| !same_master || observed.vlans.as_ref() != Some(vlans)),
            master: self.master.clone().filter(|_| !same_master),
            device: self.device.clone().filter(|device| observed.device.as_ref() != Some(device)),
            peer: self.peer.clone().filter(|peer| observed.peer.as_ref() != Some(peer)),
            peer_attributes: None,
            status: None,
        }
    }

    /// Whether this change may remove objects on the link, because the link moves, goes down, or is
    /// created again. Every change counts that is not known to leave addresses, routes and
    /// neighbours alone.
    pub fn disturbs(&self, observed: &Link) -> bool {
        let mut change = self.changes(observed);
        let attributes = &mut change.attributes;
        attributes.mtu.take_if(|mtu| *mtu >= IPV6_MIN_MTU);
        attributes.group = None;
        attributes.txqueuelen = None;
        attributes.gso_max_size = None;
        attributes.gso_max_segs = None;
        attributes.gro_max_size = None;
        attributes.gso_ipv4_max_size = None;
        attributes.gro_ipv4_max_size = None;
        attributes.alias = None;
        change.flags.up.take_if(|up| *up);
        change.flags.allmulticast = None;
        change.flags.promisc = None;
        change.flags.trailers = None;
        change.port = Port::default();
        change.vlans = None;
        self.place != observed.place || !self.is_of_kind(observed) || !change.is_empty()
    }

    /// Whether both have the same kind, as far as it is known.
    fn is_of_kind(&self, observed: &Link) -> bool {
        let seen = observed.kind.as_ref();
        self.kind.as_ref().is_none_or(|kind| seen.is_some_and(|seen| kind.name() == seen.name()))
    }

    /// Sets every field that is set in `mask` to its value in `base`. A field that `base` does not
    /// have stays.
    pub fn restore(&mut self, mask: &Link, base: &Link) {
        if let (Some(kind), Some(mask), Some(base)) = (&mut self.kind, &mask.kind, &base.kind) {
            kind.restore(mask, base);
        }
        self.attributes.overlay(&base.attributes.only(&mask.attributes));
        self.flags.overlay(&base.flags.only(&mask.flags));
        self.port.overlay(&base.port.only(&mask.port));
        if mask.vlans.is_some() && base.vlans.is_some() {
            self.vlans = base.vlans.clone();
        }
        if mask.master.is_some() {
            self.master = base.master.clone().or(Some(Master::Free));
        }
    }

    /// The fields of this link that are also set in `seen`. A field that the kernel does not report
    /// does not exist, and cannot be reset to a default.
    fn shown_in(&self, seen: &Link) -> Link {
        Link {
            kind: match (&self.kind, &seen.kind) {
                (Some(kind), Some(seen)) => Some(kind.only(seen)),
                (kind, _) => kind.clone(),
            },
            attributes: self.attributes.only(&seen.attributes),
            flags: self.flags.only(&seen.flags),
            port: self.port.only(&seen.port),
            vlans: self.vlans.clone().filter(|_| seen.vlans.is_some()),
            ..self.clone()
        }
    }

    /// The fields that `seen` has as well, and those that the kernel has changed itself because of
    /// fields that are not in `still`.
    pub(crate) fn given_up(&self, seen: &Link, still: Option<&Link>) -> Link {
        let mut given_up = self.shown_in(seen);
        if let Some(kind) = &mut given_up.kind {
            kind.add_consequences(still.and_then(|still| still.kind.as_ref()));
        }
        given_up
    }

    /// The fields that are set, without place, master, device and peer.
    pub fn set(&self) -> Vec<&'static Field> {
        let mut fields = self.attributes.set();
        fields.extend(self.flags.set());
        fields.extend(self.port.set());
        fields.extend(self.vlans.iter().map(|_| &vlans::FIELD));
        fields.extend(self.kind.as_ref().map(LinkKind::set).unwrap_or_default());
        fields
    }

    /// The fields that are set and do not belong to a port of a master of this kind, each with its own
    /// kind.
    pub(crate) fn of_other_masters(&self, kind: &str) -> Vec<(&'static str, &'static Field)> {
        let mut fields = self.port.of_others(kind);
        let is_bridge = kind == BridgePort::MASTER;
        fields.extend(
            self.vlans.iter().filter(|_| !is_bridge).map(|_| (BridgePort::MASTER, &vlans::FIELD)),
        );
        fields
    }

    /// The changed fields that only a new link can be given, for a message.
    pub(crate) fn created_by(&self) -> String {
        let fields = self.set().into_iter().filter(|field| field.create_only);
        let names: Vec<&str> = fields.map(|field| field.name).collect();
        match (names.is_empty(), &self.device, &self.peer) {
            (false, _, _) => names.join(", "),
            (true, Some(_), _) => "another device".into(),
            (true, None, Some(_)) => "another peer".into(),
            (true, None, None) => "another namespace".into(),
        }
    }

    /// Whether this change flushes the neighbours of a link (`neigh_changeaddr`, net/core/neighbour.c).
    pub(crate) fn sets_link_layer(&self) -> bool {
        let attributes = &self.attributes;
        attributes.mac_address.is_some()
            || attributes.broadcast.is_some()
            || self.flags.arp.is_some()
    }

    /// Whether nothing but the place is set.
    pub fn is_empty(&self) -> bool {
        self.set().is_empty()
            && self.master.is_none()
            && self.device.is_none()
            && self.peer.is_none()
    }
}
