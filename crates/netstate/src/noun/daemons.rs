//! The routing daemons, by the protocol of what they create.

use crate::uapi::{
    RTPROT_BABEL, RTPROT_BGP, RTPROT_BIRD, RTPROT_DNROUTED, RTPROT_EIGRP, RTPROT_GATED,
    RTPROT_ISIS, RTPROT_MROUTED, RTPROT_MRT, RTPROT_NTK, RTPROT_OPENR, RTPROT_OSPF, RTPROT_RIP,
    RTPROT_XORP, RTPROT_ZEBRA,
};

/// The `rtm_protocol` of routing daemons (rtnetlink.h).
const DAEMONS: [u8; 15] = [
    RTPROT_GATED,
    RTPROT_MRT,
    RTPROT_ZEBRA,
    RTPROT_BIRD,
    RTPROT_DNROUTED,
    RTPROT_XORP,
    RTPROT_NTK,
    RTPROT_MROUTED,
    RTPROT_BABEL,
    RTPROT_OPENR,
    RTPROT_BGP,
    RTPROT_ISIS,
    RTPROT_OSPF,
    RTPROT_RIP,
    RTPROT_EIGRP,
];

/// Whether this is the `rtm_protocol` of a routing daemon.
pub(crate) fn is_protocol_of_daemon(protocol: u8) -> bool {
    DAEMONS.contains(&protocol)
}
