//! A route (`struct rtmsg`, rtnetlink(7), ip-route(8)).

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::name::{LinkName, NetnsName};
use crate::uapi::{
    RT_SCOPE_HOST, RT_SCOPE_LINK, RT_SCOPE_UNIVERSE, RTPROT_BABEL, RTPROT_BGP, RTPROT_BIRD,
    RTPROT_DNROUTED, RTPROT_EIGRP, RTPROT_GATED, RTPROT_ISIS, RTPROT_MROUTED, RTPROT_MRT,
    RTPROT_NTK, RTPROT_OPENR, RTPROT_OSPF, RTPROT_RIP, RTPROT_XORP, RTPROT_ZEBRA,
};

/// What makes two routes the same route to the kernel.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RouteKey {
    /// The namespace whose table it is in.
    pub netns: NetnsName,
    /// `RTA_TABLE`, 32 bits.
    pub table: u32,
    /// `RTA_DST`, without host bits; its family is the route's. The default route is `0.0.0.0/0` or `::/0`.
    pub prefix: IpNet,
    /// `rtm_tos`.
    pub tos: u8,
    /// `RTA_PRIORITY`. For IPv6 the kernel reads zero as 1024; so does this key.
    pub metric: u32,
}

/// What a route does with the packets that it matches (`rtm_type`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum RouteKind {
    /// `RTN_UNICAST`: forwards them to a nexthop.
    #[default]
    Unicast = 1,
    /// `RTN_LOCAL`: delivers them here.
    Local = 2,
    /// `RTN_BROADCAST`: delivers them here, sends them as broadcast.
    Broadcast = 3,
    /// `RTN_ANYCAST`: delivers them here, sends them as unicast.
    Anycast = 4,
    /// `RTN_MULTICAST`.
    Multicast = 5,
    /// `RTN_BLACKHOLE`: drops them silently.
    Blackhole = 6,
    /// `RTN_UNREACHABLE`: answers that the host is unreachable.
    Unreachable = 7,
    /// `RTN_PROHIBIT`: answers that it is prohibited.
    Prohibit = 8,
    /// `RTN_THROW`: ends the look-up in this table.
    Throw = 9,
    /// `RTN_NAT`, of old kernels.
    Nat = 10,
}

/// A route's properties. An option that is `None` is left to the kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Route {
    /// `rtm_type`.
    pub kind: RouteKind,
    /// `rtm_protocol`: who made the route (`RTPROT_…`).
    pub protocol: Option<u8>,
    /// `rtm_scope`: `RT_SCOPE_…`.
    pub scope: Option<u8>,
    /// `RTA_PREFSRC`.
    pub source: Option<IpAddr>,
    /// `RTAX_MTU`, bytes.
    pub mtu: Option<u32>,
    /// `RTAX_ADVMSS`, bytes.
    pub advmss: Option<u32>,
    /// Where unicast packets go; several share the load by their weights. In order of `dev`, then `via`.
    pub nexthops: Nexthops,
}

/// The nexthops of a route: one as a rule, which is held in place.
pub type Nexthops = SmallVec<[Nexthop; 1]>;

/// One way that a route's packets take.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Nexthop {
    /// The link, as the kernel names it in the route's namespace.
    pub dev: Option<LinkName>,
    /// The gateway, of either family (`RTA_GATEWAY`, `RTA_VIA`).
    pub via: Option<IpAddr>,
    /// 1 to 256 (`rtnh_hops` plus one).
    pub weight: u16,
    /// `RTNH_F_ONLINK`: the gateway is on the link though no address there says so.
    pub onlink: bool,
    /// `RTNH_F_PERVASIVE`.
    pub pervasive: bool,
}

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

impl Route {
    /// Whether a routing daemon made it: it watches links, and knows best which routes are to come back with one.
    pub fn is_of_daemon(&self) -> bool {
        self.protocol.is_some_and(|protocol| DAEMONS.contains(&protocol))
    }

    /// The scope that the kernel's tools give an IPv4 route that names none (`RT_SCOPE_…`, ip-route(8)).
    pub fn natural_scope(&self) -> u8 {
        let forwards = self.nexthops.iter().any(|hop| hop.via.is_some());
        match self.kind {
            RouteKind::Local | RouteKind::Nat => RT_SCOPE_HOST,
            RouteKind::Broadcast | RouteKind::Multicast | RouteKind::Anycast => RT_SCOPE_LINK,
            RouteKind::Unicast if !forwards => RT_SCOPE_LINK,
            RouteKind::Unicast
            | RouteKind::Blackhole
            | RouteKind::Unreachable
            | RouteKind::Prohibit
            | RouteKind::Throw => RT_SCOPE_UNIVERSE,
        }
    }

    /// Whether `seen` goes the ways that this one names. Where this names only a gateway, the kernel chose the link,
    /// and where it names none at all (a blackhole), the kernel may show its loopback.
    pub fn same_nexthops(&self, seen: &Route) -> bool {
        if self.nexthops.is_empty() {
            return self.kind != RouteKind::Unicast || seen.nexthops.is_empty();
        }
        let same = |(wanted, seen): (&Nexthop, &Nexthop)| {
            (wanted.dev.is_none() || wanted.dev == seen.dev)
                && (wanted.via, wanted.weight) == (seen.via, seen.weight)
                && (wanted.onlink, wanted.pervasive) == (seen.onlink, seen.pervasive)
        };
        self.nexthops.len() == seen.nexthops.len()
            && self.nexthops.iter().zip(&seen.nexthops).all(same)
    }
}
