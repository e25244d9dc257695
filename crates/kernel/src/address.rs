//! IP addresses on the wire (`struct ifaddrmsg` and `IFA_…`).

use std::net::IpAddr;

use ipnet::IpNet;
use netstate::address::{Address, AddressStatus};
use netstate::attribute::{Value, put_value};

use crate::message::{Message, fixed};
use crate::route::family;
use crate::uapi::IFA_PROTO;

/// Appends the body of a request to add or remove an address of the link of that index.
pub(crate) fn request(out: &mut Vec<u8>, index: u32, address: &IpNet) {
    let ip = address.addr();
    // An IPv4 loopback address is of scope host as ip-address(8) adds it; IPv6 knows by itself.
    let scope = match ip {
        IpAddr::V4(ip) if ip.is_loopback() => libc::RT_SCOPE_HOST,
        IpAddr::V4(_) | IpAddr::V6(_) => libc::RT_SCOPE_UNIVERSE,
    };
    out.extend([family(&ip), address.prefix_len(), 0, scope]);
    index.put(out);
    put_value(out, libc::IFA_LOCAL, &ip);
    put_value(out, libc::IFA_ADDRESS, &ip);
}

/// Appends the body of a request for all addresses of a family, of one link only where `index` is not zero.
pub(crate) fn dump(out: &mut Vec<u8>, family: u8, index: u32) {
    out.extend([family, 0, 0, 0]);
    index.put(out);
}

/// Reads a message on an address: the index of its link, the address, and what else there is to it.
pub(crate) fn decode(message: Message<'_>) -> Option<(u32, IpNet, Address)> {
    if ![libc::RTM_NEWADDR, libc::RTM_DELADDR].contains(&message.kind) {
        return None;
    }
    let (mut local, mut address) = (None, None);
    let mut status =
        AddressStatus { flags: message.byte(2).into(), scope: message.byte(3), protocol: 0 };
    for (number, value) in message.attributes(fixed::ADDRESS) {
        match number {
            libc::IFA_LOCAL => local = IpAddr::take(value),
            libc::IFA_ADDRESS => address = IpAddr::take(value),
            libc::IFA_FLAGS => status.flags = u32::take(value)?,
            IFA_PROTO => status.protocol = u8::take(value)?,
            _ => {}
        }
    }
    let address = IpNet::new(local.or(address)?, message.byte(1)).ok()?;
    Some((message.number(4), address, Address { status: Some(status) }))
}
