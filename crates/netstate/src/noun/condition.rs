//! The conditions under which an object can be in the kernel, apart from those of its links.
//!
//! What an object needs of its links ([`Need`](crate::noun::Need)) becomes a condition too.
//! [`verdict`](crate::verdict) decides whether a condition is met. The result of an unmet condition
//! is the same for all nouns: see [`Rule`]. `docs/verdict.md` is generated from the rules.

use std::net::IpAddr;

use crate::name::{LinkName, NetnsName};
use crate::noun::link::Place;
use crate::noun::nexthop::NexthopKey;
use crate::noun::sysctl::SysctlKey;

/// A condition for an object to be in the kernel as it is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The link at this place exists.
    Link(Place),
    /// The link at this place exists and is up.
    LinkUp(Place),
    /// The link at this place, which is the master, exists.
    Master(Place),
    /// The link at this place, which is the master, takes the link as a port, with the attributes of a port that it has.
    Takes(Place),
    /// The link at this place, which is below, is not on this link nor on its master, directly or over others.
    NoLoop(Place),
    /// IPv6 runs on the link at this place (`__in6_dev_get`, net/ipv6/addrconf.c).
    Ipv6(Place),
    /// The link at this place has IPv6 parameters: its MTU is at least 1280.
    Ipv6Parameters(Place),
    /// The MTU of the link at this place, which is the link below, allows this MTU.
    MtuWithin(Place, u32),
    /// The driver of the link itself allows this MTU.
    MtuLimits(u32),
    /// The link at this place has a carrier. A link that is down is another condition.
    Carrier(Place),
    /// The loopback of this namespace is up.
    Loopback(NetnsName),
    /// The nexthop object with this key is in the kernel, and the object can use it.
    Nexthop(NexthopKey),
    /// A link in the namespace has this address.
    Source(NetnsName, IpAddr),
    /// The gateway is reached without another gateway.
    Gateway(Gateway),
    /// The `onlink` gateway is not an address of the namespace. For an IPv4 gateway, the namespace has
    /// an IPv4 address.
    Onlink(Gateway),
    /// The other parameter with the same kernel value is not configured with another value.
    SameValue(SysctlKey),
}

/// The gateway of a route.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gateway {
    /// The namespace of the route.
    pub netns: NetnsName,
    /// The table of the route. The kernel looks there first, then in table main.
    pub table: u32,
    /// The link through which it must be reached; none if the kernel chooses.
    pub dev: Option<LinkName>,
    /// The address of the gateway.
    pub via: IpAddr,
}

/// The result if an object's condition is not met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The configuration contradicts itself and is refused before the kernel is touched.
    Refused,
    /// The object is left out until the condition is met.
    Held,
    /// The plan waits for a limited time.
    Awaited,
    /// The kernel decides, and its message is reported.
    Kernel,
}

/// The rule of a condition, for all nouns.
#[derive(Debug)]
pub struct Rule {
    /// A description of the condition.
    pub condition: &'static str,
    /// The objects that have it.
    pub of: &'static str,
    /// The possible results if the configuration makes it impossible; empty if it cannot.
    pub by_configuration: &'static [Outcome],
    /// The possible results if something that is not configured makes it impossible; empty if
    /// nothing can.
    pub by_environment: &'static [Outcome],
    /// Further explanation, in sentences.
    pub note: &'static str,
    /// The tests of this rule with the real programs and the real kernel, in
    /// `tests/acceptance/tests/verdict/`.
    pub shown_by: &'static [&'static str],
}

impl Outcome {
    /// Its name in documents.
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
    /// The rule of this condition.
    pub fn rule(&self) -> &'static Rule {
        match self {
            Condition::Link(_) => &Rule::LINK,
            Condition::LinkUp(_) => &Rule::LINK_UP,
            Condition::Master(_) => &Rule::MASTER,
            Condition::Takes(_) => &Rule::TAKES,
            Condition::NoLoop(_) => &Rule::NO_LOOP,
            Condition::Ipv6(_) => &Rule::IPV6,
            Condition::Ipv6Parameters(_) => &Rule::IPV6_PARAMETERS,
            Condition::MtuWithin(..) => &Rule::MTU_WITHIN,
            Condition::MtuLimits(_) => &Rule::MTU_LIMITS,
            Condition::Carrier(_) => &Rule::CARRIER,
            Condition::Loopback(_) => &Rule::LOOPBACK,
            Condition::Nexthop(_) => &Rule::NEXTHOP,
            Condition::Source(..) => &Rule::SOURCE,
            Condition::Gateway(_) => &Rule::GATEWAY,
            Condition::Onlink(_) => &Rule::ONLINK,
            Condition::SameValue(_) => &Rule::SAME_VALUE,
        }
    }

    /// Whether this outcome is possible for the condition.
    pub(crate) fn allows(&self, outcome: Outcome) -> bool {
        let Rule { by_configuration, by_environment, .. } = self.rule();
        // The models name the link of each nexthop. A nexthop without a link waits for any link
        // through which its gateway is reached.
        let is_of_any_link = matches!(self, Condition::Gateway(Gateway { dev: None, .. }));
        by_configuration.contains(&outcome)
            || by_environment.contains(&outcome)
            || is_of_any_link && outcome == Outcome::Held
    }
}

/// Each rule is a constant, and [`Rule::ALL`] contains all of them.
macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident = $rule:expr;)*) => {
        impl Rule {
            $($(#[$doc])* pub const $name: Rule = $rule;)*

            /// All rules, in the order of the document.
            pub const ALL: &[Rule] = &[$(Rule::$name),*];
        }
    };
}

rules! {
    /// For [`Condition::Link`].
    LINK = Rule {
        condition: "the link exists",
        of: "addresses, neighbours, routes, parameters of links, links on another link",
        by_configuration: &[Outcome::Refused],
        by_environment: &[Outcome::Held],
        note: "The configuration excludes it if it names a link that it does not contain. The environment excludes it if the \
               link has no type to create it by, and nobody has plugged it in or created it. A link on such a link is held too.",
        shown_by: &[
            "a_link_that_is_not_configured_is_refused",
            "objects_on_a_missing_nic_are_held",
            "a_link_below_that_is_away_holds_what_is_on_it",
        ],
    };
    /// For [`Condition::LinkUp`].
    LINK_UP = Rule {
        condition: "the link is up",
        of: "routes; nexthops; VLANs, which are up only while the link below is up",
        by_configuration: &[Outcome::Held],
        by_environment: &[Outcome::Held],
        note: "A route over several links goes over those that are up. A VLAN with `loose_binding` does not depend on the \
               link below.",
        shown_by: &[
            "routes_are_held_while_their_link_is_down",
            "a_multipath_route_goes_over_the_links_that_are_up",
            "a_vlan_goes_down_with_the_link_below",
        ],
    };
    /// For [`Condition::Carrier`].
    CARRIER = Rule {
        condition: "the link has a carrier",
        of: "nexthop objects",
        by_configuration: &[Outcome::Held],
        by_environment: &[Outcome::Held, Outcome::Awaited],
        note: "The kernel removes a nexthop object when its link goes down or loses its carrier, with the routes that use it. \
               A link that has just been set up may get its carrier a moment later: the commit waits for at most one second.",
        shown_by: &[
            "a_nexthop_is_held_while_its_link_has_no_carrier",
        ],
    };
    /// For [`Condition::Loopback`].
    LOOPBACK = Rule {
        condition: "the loopback is up",
        of: "nexthop objects that are blackholes",
        by_configuration: &[Outcome::Held],
        by_environment: &[Outcome::Refused],
        note: "The kernel puts a blackhole on `lo`. That of a new namespace is down until it is configured to be up.",
        shown_by: &[
            "a_blackhole_nexthop_needs_the_loopback",
        ],
    };
    /// For [`Condition::Nexthop`].
    NEXTHOP = Rule {
        condition: "the nexthop object is there",
        of: "routes with `nhid`, groups of nexthops",
        by_configuration: &[Outcome::Refused, Outcome::Held],
        by_environment: &[Outcome::Refused, Outcome::Held],
        note: "Refused if the namespace has no such nexthop in the configuration, also if others have made one. Refused too if \
               the object cannot use it: an IPv6 route uses no nexthop of IPv4, a route none for forwarding databases, and a group no \
               other group. Held as long as the nexthop is held. A group uses the members that are not held.",
        shown_by: &[
            "a_nexthop_that_is_not_configured_is_refused",
            "routes_and_groups_are_held_with_their_nexthops",
        ],
    };
    /// For [`Condition::Ipv6`].
    IPV6 = Rule {
        condition: "IPv6 is on for the link",
        of: "IPv6 addresses, IPv6 routes, IPv6 nexthops",
        by_configuration: &[Outcome::Refused],
        by_environment: &[Outcome::Kernel],
        note: "`disable_ipv6` of the link switches it off. If the link has none of its own, that of `all` does, and that of \
               `default` for a link that Netloom creates. An MTU below 1280 switches it off too. If others switch it off, \
               that is drift.",
        shown_by: &[
            "ipv6_that_is_switched_off_contradicts_ipv6_addresses",
            "ipv6_switched_off_by_others_is_drift_and_is_repaired",
        ],
    };
    /// For [`Condition::Ipv6Parameters`].
    IPV6_PARAMETERS = Rule {
        condition: "the MTU is at least 1280",
        of: "IPv6 addresses, IPv6 routes, IPv6 parameters of links",
        by_configuration: &[Outcome::Refused],
        by_environment: &[Outcome::Kernel],
        note: "The kernel removes IPv6 from a link with a smaller MTU, and its parameters too. A VLAN has at most the MTU of \
               the link below, and a bridge that configures none has the least of its ports.",
        shown_by: &[
            "an_mtu_below_1280_contradicts_ipv6",
            "an_mtu_of_a_vlan_fits_into_the_link_below",
            "a_bridge_has_the_mtu_of_its_ports_or_its_own",
        ],
    };
    /// For [`Condition::MtuWithin`].
    MTU_WITHIN = Rule {
        condition: "the MTU is at most that of the link below",
        of: "VLANs",
        by_configuration: &[Outcome::Refused],
        by_environment: &[Outcome::Kernel],
        note: "",
        shown_by: &["an_mtu_of_a_vlan_fits_into_the_link_below"],
    };
    /// For [`Condition::MtuLimits`].
    MTU_LIMITS = Rule {
        condition: "the driver allows the MTU",
        of: "links",
        by_configuration: &[Outcome::Refused],
        by_environment: &[Outcome::Refused],
        note: "The limits of a link that exists are read from it. The kinds of links that Netloom creates have known limits.",
        shown_by: &["an_mtu_is_within_the_limits_of_the_driver"],
    };
    /// For [`Condition::Source`].
    SOURCE = Rule {
        condition: "the source is an address of the namespace",
        of: "routes",
        by_configuration: &[Outcome::Refused, Outcome::Held],
        by_environment: &[Outcome::Refused, Outcome::Held],
        note: "Refused if no link has the address. Held if the link with the address does not exist; for IPv6, also if it is \
               down or has no carrier. A bridge whose ports are all down has none.",
        shown_by: &[
            "a_source_that_is_no_address_is_refused",
            "routes_with_a_source_are_restored_with_their_link",
            "an_ipv6_source_on_a_link_without_carrier_is_held",
            "an_ipv6_source_on_a_bridge_waits_for_a_port",
            "the_hosts_own_loopback_takes_addresses_and_serves_as_source",
        ],
    };
    /// The plan meets this condition: an operation waits.
    DETECTED = Rule {
        condition: "duplicate address detection has ended",
        of: "routes with an IPv6 source",
        by_configuration: &[Outcome::Awaited],
        by_environment: &[Outcome::Awaited],
        note: "The kernel uses a new IPv6 address as a source only after about two seconds. The commit waits for at most 10 \
               seconds. IPv4 has no detection in the kernel.",
        shown_by: &["an_ipv6_source_is_awaited_in_the_same_commit"],
    };
    /// The kernel reports this during that operation.
    UNIQUE = Rule {
        condition: "no other host has the address",
        of: "IPv6 addresses, routes with such a source",
        by_configuration: &[],
        by_environment: &[Outcome::Refused, Outcome::Held],
        note: "A route is refused. The refusal contains the MAC address of the other host, if it answers. An address that \
               no route has as its source is accepted, and is held in part: the kernel has it, and does not use it.",
        shown_by: &[
            "a_duplicate_address_is_refused_with_the_others_mac",
            "a_repairing_commit_is_always_possible",
        ],
    };
    /// For [`Condition::Gateway`].
    GATEWAY = Rule {
        condition: "the gateway is reached without another gateway",
        of: "routes, nexthops",
        by_configuration: &[Outcome::Refused],
        by_environment: &[Outcome::Refused],
        note: "The subnet of an address, or a route without gateway, has to contain the gateway, on the link of the nexthop. \
               `onlink` gateways have the next row's condition instead. Link-local gateways need only the link.",
        shown_by: &[
            "an_address_that_a_gateway_is_reached_by_cannot_go",
            "a_prefix_length_that_leaves_a_gateway_out_is_refused",
            "a_route_that_a_gateway_is_reached_by_cannot_go",
            "a_gateway_that_is_the_routers_own_address_is_refused",
        ],
    };
    /// For [`Condition::Onlink`].
    ONLINK = Rule {
        condition: "the namespace has an IPv4 address, and none that is the gateway",
        of: "routes and nexthops with an IPv4 gateway and the flag `onlink`",
        by_configuration: &[Outcome::Refused, Outcome::Held],
        by_environment: &[Outcome::Refused, Outcome::Held],
        note: "The kernel looks the gateway up in the table `local`, which exists in a namespace from its first IPv4 address on. \
               Any address of the namespace suffices, also one on a link that is down, and so does `lo` if it is up. Held if \
               the links with the addresses do not exist. IPv6 gateways cannot be addresses of the namespace either.",
        shown_by: &["an_onlink_gateway_needs_an_ipv4_address_in_its_namespace"],
    };
    /// For [`Condition::SameValue`].
    SAME_VALUE = Rule {
        condition: "the parameter has one value",
        of: "parameters that are two names of one value",
        by_configuration: &[Outcome::Refused],
        by_environment: &[Outcome::Kernel],
        note: "`net.ipv4.ip_forward` is `net.ipv4.conf.all.forwarding`. Validation refuses the second name.",
        shown_by: &["a_parameter_is_configured_under_one_name"],
    };
    /// The plan meets this condition by its order.
    SET_LAST = Rule {
        condition: "no other parameter sets it afterwards",
        of: "parameters of links, and those that `ip_forward` and IPv6 `forwarding` set too",
        by_configuration: &[],
        by_environment: &[Outcome::Kernel],
        note: "The plan sets the parameters in the order that ends as configured, so both can be configured.",
        shown_by: &["parameters_that_others_set_end_as_configured"],
    };
    /// The kernel copies a default once.
    DEFAULT = Rule {
        condition: "the default was set before the link or the namespace was created",
        of: "parameters that are not configured themselves, of links and namespaces that Netloom creates",
        by_configuration: &[Outcome::Kernel],
        by_environment: &[Outcome::Kernel],
        note: "A link copies `default` when it comes to its namespace, and a new namespace copies the host's IPv4 parameters (see \
               `net.core.devconf_inherit_init_net`). What is set afterwards does not reach it. This is the one case where the \
               order of commits counts. A parameter that is configured for the link itself does not depend on it.",
        shown_by: &["a_default_reaches_the_links_that_come_after_it"],
    };
    /// Validation checks this before the verdict.
    NETNS = Rule {
        condition: "the namespace exists",
        of: "links, routes, rules, parameters",
        by_configuration: &[Outcome::Refused],
        by_environment: &[],
        note: "Netloom creates each configured namespace, and creates it again if others delete it. Each namespace has its \
               own `lo`.",
        shown_by: &[
            "a_namespace_that_is_not_configured_is_refused",
            "each_namespace_has_a_loopback_of_its_own",
        ],
    };
    /// For [`Condition::Master`].
    MASTER = Rule {
        condition: "the master exists",
        of: "ports",
        by_configuration: &[Outcome::Refused],
        by_environment: &[Outcome::Held],
        note: "A port whose master others have yet to create is held in part: it is active without a master, and is enslaved once the \
               master exists.",
        shown_by: &["a_master_that_is_away_is_awaited_by_its_ports"],
    };
    /// For [`Condition::Takes`].
    TAKES = Rule {
        condition: "the master takes such a port",
        of: "ports",
        by_configuration: &[Outcome::Refused],
        by_environment: &[Outcome::Refused],
        note: "A bridge takes no bridge, and a VRF no VRF. The attributes of a port have to be those of its kind of master: the kernel \
               reads attributes of another kind by their numbers, as other attributes. Attributes of a link without a master wait for one.",
        shown_by: &["a_bridge_is_no_port_of_a_bridge", "attributes_of_a_port_fit_its_master"],
    };
    /// For [`Condition::NoLoop`].
    NO_LOOP = Rule {
        condition: "no link is below itself",
        of: "links on another link",
        by_configuration: &[Outcome::Refused],
        by_environment: &[Outcome::Kernel],
        note: "The kernel refuses a link below itself, and below its own master, over any number of links.",
        shown_by: &["a_loop_of_links_is_refused"],
    };
    /// This condition is always met.
    TABLE = Rule {
        condition: "the table exists",
        of: "routes",
        by_configuration: &[],
        by_environment: &[],
        note: "A table exists as soon as a route is in it.",
        shown_by: &["a_table_exists_if_a_route_or_rule_names_it"],
    };
}
