//! Tunnels over IP (net/ipv4/ip_tunnel.c, net/ipv6/ip6_tunnel.c): what their kinds share.

pub mod geneve;
pub mod gre;
pub mod ip6gre;
pub mod ip6tnl;
pub mod ipip;
pub mod sit;
pub mod vti;
pub mod vti6;
pub mod xfrm;

use std::net::Ipv4Addr;

use crate::noun::link::new_device::{NewDevice, ethernet, point_to_point};
use crate::uapi::{IFF_MULTICAST, IFF_NOARP};

/// What the kernel gives a new tunnel. Its MTU depends on the routes and links of the host
/// (`ip_tunnel_bind_dev`, net/ipv4/ip_tunnel.c).
fn new_tunnel(new: NewDevice) -> NewDevice {
    let mut new = new;
    new.attributes.mtu = None;
    new
}

/// A new tunnel of Ethernet frames.
fn new_ethernet_tunnel() -> NewDevice {
    new_tunnel(ethernet(1000, IFF_MULTICAST))
}

/// A new tunnel of packets.
fn new_ip_tunnel() -> NewDevice {
    new_tunnel(point_to_point(1000, IFF_NOARP))
}

/// What the flags of a device say of the tunnel's remote address. Only a new device gets them
/// (`ip_tunnel_changelink`, net/ipv4/ip_tunnel.c).
#[derive(PartialEq)]
enum Reach {
    /// No remote address: `NBMA`.
    Any,
    /// One host.
    Host,
    /// A multicast group.
    Group,
}

impl Reach {
    fn of(remote: Option<Ipv4Addr>) -> Reach {
        match remote {
            None => Reach::Any,
            Some(remote) if remote.is_unspecified() => Reach::Any,
            Some(remote) if remote.is_multicast() => Reach::Group,
            Some(_) => Reach::Host,
        }
    }

    /// Whether a tunnel must be created again to get another remote address.
    fn differs(wanted: Option<Ipv4Addr>, seen: Option<Ipv4Addr>) -> bool {
        wanted.is_some() && Reach::of(wanted) != Reach::of(seen)
    }
}

/// A key that has a flag in another attribute: zero if there is none.
fn join_key(key: &mut Option<u32>, flag: &mut Option<bool>) {
    if flag.take() == Some(false) {
        *key = Some(0);
    }
}

/// The flag of a key.
fn flag_of(key: Option<u32>) -> Option<bool> {
    key.map(|key| key != 0)
}

/// The traffic class and the flow label, which the kernel has in one number.
struct FlowInfo;

impl FlowInfo {
    const LABEL: u32 = 0xf_ffff;

    fn split(info: Option<u32>) -> (Option<u8>, Option<u32>) {
        let [.., class] = info.map_or([0; 4], |info| (info >> 20).to_be_bytes());
        (info.map(|_| class), info.map(|info| info & Self::LABEL))
    }

    fn join(class: Option<u8>, label: Option<u32>) -> Option<u32> {
        let bits = class.map(|class| u32::from(class) << 20);
        match (bits, label) {
            (None, None) => None,
            (bits, label) => {
                Some(bits.unwrap_or_default() | (label.unwrap_or_default() & Self::LABEL))
            }
        }
    }
}

/// What an ERSPAN tunnel with a session lacks, given its keys and whether its packets are numbered (`erspan_validate`,
/// net/ipv4/ip_gre.c).
fn session_lacks(keys: [Option<u32>; 2], numbered: [Option<bool>; 2]) -> Option<&'static str> {
    match keys.into_iter().flatten().any(|key| key != 0) {
        false => Some("okey"),
        true => (!numbered.contains(&Some(true))).then_some("oseq"),
    }
}
