//! Whether the running kernel has nexthop objects, and weights of more than one byte.
//!
//! A kernel without them refuses both in words that do not say so.

use netstate::attribute::put;
use netstate::{NexthopKey, NexthopObject};

use super::{named, put_member};
use crate::execution::{Execution, Failure, Result};
use crate::message::fixed;
use crate::socket::NetlinkSocket;
use crate::uapi::{NHA_GROUP, RTM_GETNEXTHOP, RTM_NEWNEXTHOP};

/// The highest weight of all kernels with nexthop objects.
const NARROW: u32 = 256;
/// A nexthop that nobody has. The kernel numbers its own from 1, and up to this.
const NONE: u32 = u32::MAX;

/// Fails if the kernel lacks what a nexthop needs.
pub(super) fn check(
    execution: &mut Execution<'_>,
    op: usize,
    key: &NexthopKey,
    nexthop: &NexthopObject,
) -> Result<()> {
    let has_objects = match execution.nexthops.has_objects {
        Some(has_objects) => has_objects,
        None => has_objects(execution.socket(op, &key.netns)?),
    };
    execution.nexthops.has_objects = Some(has_objects);
    if !has_objects {
        let message = "this kernel has no nexthop objects: that needs Linux 5.3, so write the nexthops into the routes";
        return Err(Failure::words(op, message));
    }
    let mut weights = nexthop.group().into_iter().flat_map(|group| group.members.values());
    let Some(weight) = weights.find(|weight| **weight > NARROW) else { return Ok(()) };
    let has_wide_weights = match execution.nexthops.has_wide_weights {
        Some(has_wide_weights) => has_wide_weights,
        None => has_wide_weights(execution.socket(op, &key.netns)?),
    };
    execution.nexthops.has_wide_weights = Some(has_wide_weights);
    if has_wide_weights {
        return Ok(());
    }
    let message = format!(
        "this kernel has no weight above {NARROW} in a group, such as {weight}: that needs Linux 6.12, so take smaller weights"
    );
    Err(Failure { field: Some("group"), ..Failure::words(op, message) })
}

fn has_objects(socket: &mut NetlinkSocket) -> bool {
    match socket.get(RTM_GETNEXTHOP, |out| named(out, NONE), |_| Some(())) {
        Ok(_) => true,
        Err(fault) => fault.errno != libc::EOPNOTSUPP,
    }
}

/// A request for a group without a member is refused in any case. A kernel without the second byte refuses that first.
fn has_wide_weights(socket: &mut NetlinkSocket) -> bool {
    let mut refusal = |weight: u32| {
        let group = |out: &mut Vec<u8>| {
            out.extend([0; fixed::NEXTHOP]);
            put(out, NHA_GROUP, |out| put_member(out, NONE, weight));
        };
        socket.get(RTM_NEWNEXTHOP, group, |_| Some(())).err()
    };
    refusal(NARROW + 1) == refusal(NARROW)
}

#[cfg(test)]
mod tests {
    use testkit::netns::{ip_json, isolated};

    use super::*;

    #[test]
    fn asking_adds_nothing() {
        isolated(|| {
            let mut socket = NetlinkSocket::open().unwrap();
            assert!(has_objects(&mut socket));
            println!("wide weights: {}", has_wide_weights(&mut socket));
            assert_eq!(ip_json("nexthop show").as_array().map_or(0, Vec::len), 0);
        });
    }
}
