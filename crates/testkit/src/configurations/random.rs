//! Draws configurations and surroundings.

use proptest::prelude::*;
use proptest::sample::select;

use super::nexthops::RandomNexthop;
use super::{Configuration, LEFT, LINKS, NIC, RandomLink, RandomRoute, Surroundings, Way};

/// Any configuration.
pub fn configuration() -> impl Strategy<Value = Configuration> {
    let there = |index| match index {
        NIC | LEFT => 0.8,
        _ => 0.5,
    };
    let links: Vec<_> =
        (0..LINKS.len()).map(|index| proptest::option::weighted(there(index), link())).collect();
    let group = proptest::collection::vec(0..4_usize, 1..4);
    let parameter = || proptest::option::weighted(0.12, any::<bool>());
    let parameters = || [parameter(), parameter(), parameter(), parameter(), parameter()];
    (
        links,
        proptest::collection::vec(route(), 0..4),
        (proptest::collection::vec(nexthop(), 0..4), proptest::collection::vec(group, 0..3)),
        proptest::collection::vec(parameters(), 2),
        proptest::bool::weighted(0.85),
    )
        .prop_map(|(links, routes, (nexthops, groups), parameters, is_sound)| Configuration {
            links,
            routes,
            nexthops,
            groups,
            parameters,
            is_sound,
        })
}

/// Any surroundings.
pub fn surroundings() -> impl Strategy<Value = Surroundings> {
    let nic = proptest::option::weighted(0.8, proptest::bool::weighted(0.7));
    (nic, proptest::bool::weighted(0.3))
        .prop_map(|(nic, has_address)| Surroundings { nic, has_address })
}

fn link() -> impl Strategy<Value = RandomLink> {
    let parameter = || proptest::option::weighted(0.12, any::<bool>());
    let up = prop_oneof![8 => Just(Some(true)), 2 => Just(Some(false)), 1 => Just(None)];
    let mtu =
        prop_oneof![4 => Just(None), 1 => select(vec![1200, 1280, 1400, 1500]).prop_map(Some)];
    let hosts = || proptest::sample::subsequence(vec![1_u8, 2], 0..=2);
    (
        (any::<bool>(), proptest::bool::weighted(0.25), up, mtu),
        (hosts(), hosts(), proptest::bool::weighted(0.4), select(vec![0_usize, 1, 2, 3, 4])),
        [parameter(), parameter(), parameter(), parameter(), parameter()],
    )
        .prop_map(
            |((is_in_red, is_renamed, up, mtu), (ipv4, ipv6, is_port, below), parameters)| {
                RandomLink {
                    is_in_red,
                    is_renamed,
                    up,
                    mtu,
                    ipv4,
                    ipv6,
                    is_port,
                    parameters,
                    below,
                }
            },
        )
}

fn nexthop() -> impl Strategy<Value = RandomNexthop> {
    (0..4_usize, way(), any::<bool>(), proptest::bool::weighted(0.15)).prop_map(
        |(link, way, is_ipv6, is_blackhole)| RandomNexthop { link, way, is_ipv6, is_blackhole },
    )
}

fn way() -> impl Strategy<Value = Way> {
    prop_oneof![
        3 => Just(Way::OverLink),
        6 => Just(Way::Gateway),
        1 => Just(Way::Onlink),
        1 => Just(Way::LinkLocal),
        1 => Just(Way::Foreign),
    ]
}

fn route() -> impl Strategy<Value = RandomRoute> {
    let hops = proptest::collection::vec((0..LINKS.len() - 1, way()), 1..3);
    let source = proptest::option::weighted(0.4, (0..LINKS.len(), 1..3_u8));
    (
        (any::<bool>(), 0..5_u8, hops, source),
        (prop_oneof![5 => Just(254_u32), 1 => Just(100)], proptest::bool::weighted(0.08)),
        proptest::option::weighted(0.4, 0..6_usize),
    )
        .prop_map(|((is_ipv6, prefix, hops, source), (table, is_blackhole), nexthop)| {
            RandomRoute { nexthop, is_ipv6, prefix, hops, source, table, is_blackhole }
        })
}
