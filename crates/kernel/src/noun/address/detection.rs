//! Waiting for duplicate address detection (RFC 4862, section 5.4). The kernel does it while an
//! address is tentative.
//!
//! The kernel sends a notification when detection ends (`addrconf_dad_completed`,
//! `addrconf_dad_stop`, net/ipv6/addrconf.c). A notification is a reason to read the address again,
//! not the result.

use std::net::{IpAddr, Ipv6Addr, SocketAddrV6};
use std::time::{Duration, Instant};

use netstate::attribute::{Value, put_value};
use netstate::neighbor::Neighbor;
use netstate::uapi::{IFA_F_DADFAILED, IFA_F_TENTATIVE};
use netstate::{AddressKey, MacAddress};
use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, SocketType};

use super::decode;
use crate::awaiting::{Listener, flags, has_carrier};
use crate::execution::{self, Execution, REPLACE};
use crate::fault::Fault;
use crate::message::message;
use crate::noun::neighbor;
use crate::noun::route::family;
use crate::socket::NetlinkSocket;

/// The longest wait for detection. By default, detection takes one to two seconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest wait for a carrier, without which detection does not begin. A virtual link has a carrier at
/// once. A network card may need seconds: the commit does not wait for it, and what needs the address follows.
const PATIENCE_WITHOUT_CARRIER: Duration = Duration::from_secs(1);
/// The longest wait for the other host's link-layer address. The kernel asks three times, at
/// intervals of one second.
const PATIENCE_WITH_OTHER: Duration = Duration::from_secs(2);

/// A neighbour advertisement (ICMPv6), and its length up to the options.
const ADVERTISEMENT: u8 = 136;
const ADVERTISEMENT_LENGTH: usize = 24;
/// The number of the option.
const TARGET_LINK_LAYER_ADDRESS: u8 = 2;

/// Waits until an address has passed detection. Fails if another host has the address.
pub(crate) fn await_detection(
    execution: &mut Execution<'_>,
    index: usize,
    key: &AddressKey,
) -> execution::Result<()> {
    let dev = execution.index_of(index, &key.netns, &key.dev)?;
    execution.inside(index, &key.netns, || settle(dev, key))
}

/// The state of detection.
enum Finding {
    Unique,
    Duplicate,
    Tentative,
}

/// Waits inside the namespace.
fn settle(dev: u32, key: &AddressKey) -> Result<(), Fault> {
    let address = key.address.addr();
    // Subscribe before reading, so that neither the end of detection nor a carrier is missed.
    let listener = Listener::open(&[libc::RTNLGRP_IPV6_IFADDR, libc::RTNLGRP_LINK])?;
    let mut socket = NetlinkSocket::open()?;
    let begin = Instant::now();
    loop {
        match finding(&mut socket, dev, address)? {
            Finding::Unique => return Ok(()),
            Finding::Duplicate => {
                let dev_name = &key.dev;
                let words = match holder(&mut socket, dev, address)? {
                    Some(holder) => {
                        format!("duplicate address: another host on {dev_name} has it, {holder}")
                    }
                    None => format!("duplicate address: another host on {dev_name} has it"),
                };
                return Err(Fault::of(&words, Errno::ADDRNOTAVAIL));
            }
            Finding::Tentative => {}
        }
        let has_carrier = has_carrier(&mut socket, dev)?;
        let patience = if has_carrier { PATIENCE } else { PATIENCE_WITHOUT_CARRIER };
        let until = begin + patience;
        if Instant::now() >= until {
            let words = match has_carrier {
                true => "duplicate address detection has not ended",
                false => "duplicate address detection has not begun: the link has no carrier",
            };
            let words = format!("{words} (waited {} s on {})", patience.as_secs(), key.dev);
            return Err(Fault::of(&words, Errno::TIMEDOUT));
        }
        listener.wait(until, |message| match decode(message) {
            Some((at, ip, _)) => (at, ip.addr()) == (dev, address),
            None => flags(message, dev).is_some(),
        })?;
    }
}

/// Reads one address (`inet6_rtm_getaddr`, net/ipv6/addrconf.c).
fn finding(socket: &mut NetlinkSocket, dev: u32, address: IpAddr) -> Result<Finding, Fault> {
    let request = |out: &mut Vec<u8>| {
        out.extend([family(&address), 0, 0, 0]);
        dev.put(out);
        put_value(out, libc::IFA_ADDRESS, &address);
    };
    let answer = socket.get(libc::RTM_GETADDR, request, |answer| {
        let (_, _, address) = decode(answer)?;
        Some(address.status?.flags)
    });
    let flags = match answer {
        Ok(Some(flags)) => flags,
        Err(fault) if fault.errno != libc::EADDRNOTAVAIL => return Err(fault),
        Ok(None) | Err(_) => {
            return Err(Fault::of("the address is not there", Errno::ADDRNOTAVAIL));
        }
    };
    // The kernel already uses an optimistic address (RFC 4429) while it is tentative.
    let is_tentative = flags & IFA_F_TENTATIVE != 0 && flags & libc::IFA_F_OPTIMISTIC == 0;
    Ok(match (flags & IFA_F_DADFAILED != 0, is_tentative) {
        (true, _) => Finding::Duplicate,
        (false, true) => Finding::Tentative,
        (false, false) => Finding::Unique,
    })
}

/// The link-layer address of the host that has an address, if that host answers soon.
///
/// The kernel asks for it as for any neighbour, but ignores answers about one of its own addresses
/// (`ndisc_recv_na`, net/ipv6/ndisc.c). This function therefore receives the answers itself, which
/// requires the privilege for raw sockets.
fn holder(socket: &mut NetlinkSocket, dev: u32, address: IpAddr) -> Result<Option<String>, Fault> {
    let IpAddr::V6(target) = address else { return Ok(None) };
    let icmp = Some(rustix::net::ipproto::ICMPV6);
    let Ok(advertisements) = rustix::net::socket(AddressFamily::INET6, SocketType::RAW, icmp)
    else {
        return Ok(None);
    };
    let mut request = Vec::new();
    let sequence = socket.next_sequence();
    let solicited = Neighbor { use_: Some(true), ..Neighbor::default() };
    message(&mut request, (libc::RTM_NEWNEIGH, REPLACE | libc::NLM_F_ACK, sequence), |out| {
        neighbor::set(out, dev, (&address, false), &solicited);
    });
    if !socket.transact(&request)?.is_empty() {
        return Ok(None);
    }
    let until = Instant::now() + PATIENCE_WITH_OTHER;
    let mut packet = [0; 256];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        set_socket_timeout(&advertisements, Timeout::Recv, Some(left))?;
        let (length, sender) =
            match rustix::net::recvfrom(&advertisements, &mut packet[..], RecvFlags::empty()) {
                Ok((length, _, sender)) => (length, sender),
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => return Ok(None),
                Err(error) => return Err(error.into()),
            };
        // The scope of a sender's link-local address identifies the link.
        let scope = sender.and_then(|sender| SocketAddrV6::try_from(sender).ok());
        let is_of_link = scope.is_none_or(|sender| [0, dev].contains(&sender.scope_id()));
        let lladdr = advertised(packet.get(..length).unwrap_or_default(), target);
        if let Some(lladdr) = lladdr.filter(|_| is_of_link) {
            return Ok(Some(lladdr.to_string()));
        }
    }
}

/// The target link-layer address in a neighbour advertisement for that target (RFC 4861, sections
/// 4.4 and 4.6.1).
fn advertised(packet: &[u8], target: Ipv6Addr) -> Option<MacAddress> {
    let (head, mut options) = packet.split_at_checked(ADVERTISEMENT_LENGTH)?;
    if head[0] != ADVERTISEMENT || head[8..] != target.octets() {
        return None;
    }
    loop {
        let length = usize::from(*options.get(1)?) * 8;
        let option = options.get(..length).filter(|option| !option.is_empty())?;
        if option[0] == TARGET_LINK_LAYER_ADDRESS {
            return MacAddress::take(&option[2..]);
        }
        options = &options[length..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_advertisement_tells_a_link_layer_address() {
        let target: Ipv6Addr = "2001:db8::1".parse().unwrap();
        let mut packet = vec![ADVERTISEMENT, 0, 0, 0, 0x20, 0, 0, 0];
        packet.extend(target.octets());
        let nonce = [14, 1, 1, 2, 3, 4, 5, 6];
        let lladdr = [TARGET_LINK_LAYER_ADDRESS, 1, 2, 0, 0, 0, 0, 11];
        let packet = [&packet[..], &nonce, &lladdr].concat();
        let address = |packet: &[u8], target| Some(advertised(packet, target)?.to_string());
        assert_eq!(address(&packet, target).as_deref(), Some("02:00:00:00:00:0b"));
        assert_eq!(address(&packet, "2001:db8::2".parse().unwrap()), None);
        for length in 0..packet.len() {
            assert_eq!(address(&packet[..length], target), None);
        }
    }

    #[test]
    fn an_option_without_a_length_ends_an_advertisement() {
        let mut packet = vec![0; ADVERTISEMENT_LENGTH + 8];
        packet[0] = ADVERTISEMENT;
        assert_eq!(advertised(&packet, Ipv6Addr::UNSPECIFIED), None);
    }
}
