//! Waiting for the carrier of a link, without which the kernel takes no nexthop (`rtm_to_nh_config`, net/ipv4/nexthop.c).
//!
//! A virtual link that has just been set up has its carrier at once, or when the kernel's worker has run (`linkwatch_event`,
//! net/core/link_watch.c). A network card may need seconds: the commit does not wait for it, and the nexthop follows.

use std::time::{Duration, Instant};

use netstate::{LinkName, NetnsName};
use rustix::io::Errno;

use crate::awaiting::{Listener, flags, has_carrier};
use crate::execution::{self, Execution};
use crate::fault::Fault;
use crate::socket::NetlinkSocket;

const PATIENCE: Duration = Duration::from_secs(1);

/// Waits until a link has a carrier, at most for a second. Each link is asked once.
pub(super) fn wait(
    execution: &mut Execution<'_>,
    op: usize,
    netns: &NetnsName,
    (dev, index): (&LinkName, u32),
) -> execution::Result<()> {
    let place = (netns.clone(), dev.clone());
    if execution.nexthops.with_carrier.contains(&place) {
        return Ok(());
    }
    execution.inside(op, netns, || settle(dev, index))?;
    execution.nexthops.with_carrier.insert(place);
    Ok(())
}

/// Waits inside the namespace.
fn settle(dev: &LinkName, index: u32) -> Result<(), Fault> {
    let mut socket = NetlinkSocket::open()?;
    if has_carrier(&mut socket, index)? {
        return Ok(());
    }
    // Subscribe before reading, so that a carrier is not missed.
    let listener = Listener::open(&[libc::RTNLGRP_LINK])?;
    let until = Instant::now() + PATIENCE;
    loop {
        if has_carrier(&mut socket, index)? {
            return Ok(());
        }
        if Instant::now() >= until {
            let seconds = PATIENCE.as_secs();
            let words = format!("{dev} has no carrier, which a nexthop needs (waited {seconds} s)");
            return Err(Fault::of(&words, Errno::TIMEDOUT));
        }
        listener.wait(until, |message| flags(message, index).is_some())?;
    }
}
