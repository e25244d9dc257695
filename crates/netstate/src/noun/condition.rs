//! The conditions that an object is in the kernel under, beside those that its links put.
//!
//! What an object needs of its links ([`Need`](crate::noun::Need)) becomes a condition too. Whether a condition is met is
//! judged by [`verdict`](crate::verdict), and what follows if it is not is the same for all nouns: see [`Condition::RULES`].

use std::net::IpAddr;

use crate::name::{LinkName, NetnsName};
use crate::noun::link::Place;
use crate::noun::sysctl::SysctlKey;

/// What has to be so for an object to be in the kernel as it is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The link at this place is there.
    Link(Place),
    /// The link at this place is there and up.
    LinkUp(Place),
    /// IPv6 runs on the link at this place (`__in6_dev_get`, net/ipv6/addrconf.c).
    Ipv6(Place),
    /// The link at this place has parameters of IPv6: its MTU is not below 1280.
    Ipv6Parameters(Place),
    /// The link can have this MTU on the link at this place, which is the one below it.
    MtuWithin(Place, u32),
    /// A link of the namespace has this address.
    Source(NetnsName, IpAddr),
    /// A gateway is reached without another gateway.
    Gateway(Gateway),
    /// The parameter that is the same value in the kernel is not configured to be another.
    SameValue(SysctlKey),
}

/// The gateway of a route.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gateway {
    /// The namespace of the route.
    pub netns: NetnsName,
    /// The table of the route. The kernel looks there first, then in table main.
    pub table: u32,
    /// The link that it is to be reached by; the kernel finds one where none is named.
    pub dev: Option<LinkName>,
    /// Its address.
    pub via: IpAddr,
}

/// What becomes of an object whose condition is not met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The configuration contradicts itself: it is refused before the kernel is touched.
    Refused,
    /// The object is left out until the condition is met.
    Held,
    /// The plan waits for a bounded time.
    Awaited,
    /// The kernel decides, and its words are the answer.
    Kernel,
}

/// What holds for a condition, whichever noun has it.
#[derive(Debug)]
pub struct Rule {
    /// The condition in words.
    pub condition: &'static str,
    /// The nouns that have it.
    pub of: &'static str,
    /// What follows where the configuration itself excludes it.
    pub by_configuration: Outcome,
    /// What follows where something that is not configured excludes it.
    pub by_environment: Outcome,
    /// More about it, in a sentence.
    pub note: &'static str,
}

impl Outcome {
    /// The word for it in documents.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Refused => "refused",
            Outcome::Held => "held",
            Outcome::Awaited => "awaited",
            Outcome::Kernel => "the kernel decides",
        }
    }
}

impl Condition {
    /// The rules, in the order of the conditions.
    pub const RULES: &[Rule] = &[
        Rule {
            condition: "the link is there",
            of: "addresses, neighbours, routes, link parameters, links on another link",
            by_configuration: Outcome::Refused,
            by_environment: Outcome::Held,
            note: "The configuration excludes it where it names a link that it does not have. The environment does where \
                   the link has no type to make it by and nobody has plugged it in, or where the link below is not there.",
        },
        Rule {
            condition: "the link is up",
            of: "routes; being up, of a VLAN that is bound to the link below",
            by_configuration: Outcome::Held,
            by_environment: Outcome::Held,
            note: "A route over several links goes over those that are up.",
        },
        Rule {
            condition: "IPv6 runs on the link",
            of: "IPv6 addresses, IPv6 routes, IPv6 parameters of links",
            by_configuration: Outcome::Refused,
            by_environment: Outcome::Kernel,
            note: "`disable_ipv6` of the link, or of `all` where the link has none of its own, switches it off, and so does \
                   an MTU below 1280.",
        },
        Rule {
            condition: "the MTU fits into that of the link below",
            of: "VLANs",
            by_configuration: Outcome::Refused,
            by_environment: Outcome::Kernel,
            note: "",
        },
        Rule {
            condition: "the source is an address of the namespace",
            of: "routes",
            by_configuration: Outcome::Held,
            by_environment: Outcome::Refused,
            note: "The route is held where the address is configured on a link that is away, and for IPv6 on one that is \
                   down. An IPv6 address is awaited until duplicate address detection has ended; a duplicate is refused.",
        },
        Rule {
            condition: "the gateway is reached without another gateway",
            of: "routes",
            by_configuration: Outcome::Refused,
            by_environment: Outcome::Refused,
            note: "The subnet of an address or a route without gateway has to hold it, on the link of the nexthop. An \
                   `onlink` gateway and a link-local one of IPv6 need the link only.",
        },
        Rule {
            condition: "the parameter has one value",
            of: "parameters that are two names of one value",
            by_configuration: Outcome::Refused,
            by_environment: Outcome::Kernel,
            note: "`net.ipv4.ip_forward` is `net.ipv4.conf.all.forwarding`.",
        },
    ];
}
