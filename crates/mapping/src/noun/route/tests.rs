//! Tables of routes: the meaning of configurations, errors, and observed routes.

use expect_test::expect;
use netstate::{Key, Nexthop, Object, Route, RouteKey, RouteKind};

use crate::test::{check, check_faults, check_path, check_raised, routes, state};

#[test]
fn prefixes_tables_and_options() {
    check(
        &routes(
            r#"
            {"prefix": "default", "table": "main", "metric": 0, "tos": "default", "netns": "1",
             "nexthop": [{"dev": "eth0", "via": {"address": "10.0.0.254"}}]},
            {"prefix": "::/0", "table": "unspec", "metric": 0, "tos": "default", "netns": "1",
             "nexthop": [{"dev": "eth0", "via": {"address": "fe80::1", "family": "inet6"}}]},
            {"prefix": "10.9.9.9", "table": 7000, "metric": 4294967295, "tos": "AF11", "netns": "vpn10",
             "src": "10.0.0.1", "protocol": "bgp", "scope": "site", "mtu": 1400, "advmss": 1360,
             "flag": "onlink", "nexthop": [
                 {"dev": "veth10", "via": {"address": "10.0.0.254"}, "weight": 3}, {"dev": "dummy10"}]},
            {"prefix": "10.1.0.0/16", "table": "default", "metric": 0, "tos": 8, "netns": "vpn10",
             "netloom-route:type": "blackhole"},
            {"prefix": "10.2.0.0/16", "table": "main", "metric": 0, "tos": "default", "netns": "vpn10",
             "nexthop": [{"dev": "veth10", "via": {"address": "fe80::1"}}]}
            "#,
        ),
        expect![[r#"
            {Netns: vpn10} = Netns
            {Netns: vpn20} = Netns
            {Link: dummy10} = {Link: {kind: Dummy, place: {ifname: dummy10, netns: vpn10}}}
            {Link: eth0} = {Link: {place: {ifname: eth0, netns: 1}}}
            {Link: veth10} = {Link: {kind: Veth, peer: {ifname: veth20, netns: vpn20}, place: {ifname: veth10, netns: vpn10}}}
            {Link: veth20} = {Link: {kind: Veth, peer: {ifname: veth10, netns: vpn10}, place: {ifname: veth20, netns: vpn20}}}
            {Route: {metric: 0, netns: 1, prefix: 0.0.0.0/0, table: 254, tos: 0}} = {Route: {kind: unicast, nexthops: [{dev: eth0, onlink: false, pervasive: false, via: 10.0.0.254, weight: 1}], protocol: 4, scope: 0}}
            {Route: {metric: 1024, netns: 1, prefix: ::/0, table: 254, tos: 0}} = {Route: {kind: unicast, nexthops: [{dev: eth0, onlink: false, pervasive: false, via: fe80::1, weight: 1}], protocol: 4}}
            {Route: {metric: 0, netns: vpn10, prefix: 10.1.0.0/16, table: 253, tos: 8}} = {Route: {kind: blackhole, protocol: 4, scope: 0}}
            {Route: {metric: 0, netns: vpn10, prefix: 10.2.0.0/16, table: 254, tos: 0}} = {Route: {kind: unicast, nexthops: [{dev: veth10, onlink: false, pervasive: false, via: fe80::1, weight: 1}], protocol: 4, scope: 0}}
            {Route: {metric: 4294967295, netns: vpn10, prefix: 10.9.9.9/32, table: 7000, tos: 40}} = {Route: {kind: unicast, metrics: {advmss: 1360, mtu: 1400}, nexthops: [{dev: dummy10, onlink: true, pervasive: false, weight: 1}, {dev: veth10, onlink: true, pervasive: false, via: 10.0.0.254, weight: 3}], protocol: 186, scope: 200, source: 10.0.0.1}}
        "#]],
    );
}

#[test]
fn invalid_routes_are_refused() {
    check_faults(
        &routes(
            r#"
            {"prefix": "10.0.0.0/8", "table": "main", "metric": 0, "tos": "default", "netns": "vpn10",
             "nexthop": [{"dev": "veth20"}]},
            {"prefix": "10.0.0.0/8", "table": "main", "metric": 0, "tos": "default", "netns": "1",
             "nexthop": [{"dev": "eth9"}]},
            {"prefix": "10.0.0.0/8", "table": "main", "metric": 0, "tos": "default", "netns": "vpn99",
             "nexthop": [{"dev": "eth0"}]},
            {"prefix": "10.1.0.0/16", "table": "main", "metric": 0, "tos": "default", "netns": "1"},
            {"prefix": "10.2.0.0/16", "table": "main", "metric": 0, "tos": "default", "netns": "1",
             "netloom-route:type": "prohibit", "nexthop": [{"dev": "eth0"}]},
            {"prefix": "default", "table": "main", "metric": 0, "tos": "default", "netns": "1",
             "nexthop": [{"dev": "eth0", "via": {"address": "2001:db8::1"}}]},
            {"prefix": "0.0.0.0/0", "table": 254, "metric": 0, "tos": "default", "netns": "1",
             "nexthop": [{"dev": "eth0", "via": {"address": "10.0.0.254", "family": "inet6"}}]},
            {"prefix": "2001:db8::/32", "table": "main", "metric": 0, "tos": "EF", "netns": "1", "scope": "link",
             "src": "10.0.0.1", "nexthop": [{"dev": "eth0", "via": {"address": "10.0.0.254"}}]},
            {"prefix": "2001:db8:1::/48", "table": "main", "metric": 0, "tos": "default", "netns": "1",
             "nexthop": [{"dev": "eth0", "via": {"family": "inet6"}}]},
            {"prefix": "2001:db8:1::/48", "table": "main", "metric": 1024, "tos": "default", "netns": "1",
             "nexthop": [{"dev": "eth0", "via": {"address": "ff02::1"}}]}
            "#,
        ),
        expect![[r#"
            /iproute2-ip-route:routes/route[prefix='0.0.0.0/0'][table='254'][metric='0'][tos='default'][netns='1']/nexthop[dev='eth0']/via/family: the gateway 10.0.0.254 is not of this family
            /iproute2-ip-route:routes/route[prefix='10.0.0.0/8'][table='main'][metric='0'][tos='default'][netns='1']/nexthop[dev='eth9']: no link eth9 is configured: add it to links, or take this out too
            /iproute2-ip-route:routes/route[prefix='10.0.0.0/8'][table='main'][metric='0'][tos='default'][netns='vpn10']/nexthop[dev='veth20']: veth20 is in vpn20, the route to 10.0.0.0/8 in vpn10
            /iproute2-ip-route:routes/route[prefix='10.0.0.0/8'][table='main'][metric='0'][tos='default'][netns='vpn99']/netns: there is no namespace vpn99: add netns vpn99 to netnses, or take this out too
            /iproute2-ip-route:routes/route[prefix='10.1.0.0/16'][table='main'][metric='0'][tos='default'][netns='1']: the route needs a nexthop, a nhid, or a type that needs none, such as blackhole
            /iproute2-ip-route:routes/route[prefix='10.2.0.0/16'][table='main'][metric='0'][tos='default'][netns='1']/netloom-route:type: only a unicast route has nexthops
            /iproute2-ip-route:routes/route[prefix='2001:db8:1::/48'][table='main'][metric='0'][tos='default'][netns='1']/nexthop[dev='eth0']/via/address: the gateway needs an address
            /iproute2-ip-route:routes/route[prefix='2001:db8:1::/48'][table='main'][metric='1024'][tos='default'][netns='1']/nexthop[dev='eth0']/via/address: ff02::1 is no address that a gateway can have
            /iproute2-ip-route:routes/route[prefix='2001:db8:1::/48'][table='main'][metric='1024'][tos='default'][netns='1']: another entry is this route already, written differently: the kernel holds one to 2001:db8:1::/48 with metric 1024 in this table
            /iproute2-ip-route:routes/route[prefix='2001:db8::/32'][table='main'][metric='0'][tos='EF'][netns='1']/tos: Linux has no type of service in IPv6 routes
            /iproute2-ip-route:routes/route[prefix='2001:db8::/32'][table='main'][metric='0'][tos='EF'][netns='1']/scope: Linux has no scope in IPv6 routes
            /iproute2-ip-route:routes/route[prefix='2001:db8::/32'][table='main'][metric='0'][tos='EF'][netns='1']/src: the source address is not of the family of 2001:db8::/32
            /iproute2-ip-route:routes/route[prefix='2001:db8::/32'][table='main'][metric='0'][tos='EF'][netns='1']/nexthop[dev='eth0']/via/address: an IPv6 route cannot have the IPv4 gateway 10.0.0.254
            /iproute2-ip-route:routes/route[prefix='default'][table='main'][metric='0'][tos='default'][netns='1']/nexthop[dev='eth0']/via/address: `default` is the IPv4 default route: write ::/0 for IPv6, or 0.0.0.0/0 for IPv4 over an IPv6 gateway
            /iproute2-ip-route:routes/route[prefix='default'][table='main'][metric='0'][tos='default'][netns='1']: another entry is this route already, written differently: the kernel holds one to 0.0.0.0/0 with metric 0 in this table
        "#]],
    );
}

#[test]
fn paths_of_routes_use_the_configured_spelling() {
    let configuration = routes(
        r#"
        {"prefix": "0.0.0.0/0", "table": 254, "metric": 0, "tos": "default", "netns": "1",
         "nexthop": [{"dev": "eth0", "via": {"address": "10.0.0.254"}}]},
        {"prefix": "2001:db8::/32", "table": "main", "metric": 0, "tos": "default", "netns": "vpn10", "mtu": 1300,
         "nexthop": [{"dev": "veth10"}]}
        "#,
    );
    let check =
        |key: &str, field: Option<&str>, expect| check_path(&configuration, (key, field), expect);
    let default =
        r#"{"Route": {"netns": "1", "table": 254, "prefix": "0.0.0.0/0", "tos": 0, "metric": 0}}"#;
    check(
        default,
        None,
        expect![
            "/iproute2-ip-route:routes/route[prefix='0.0.0.0/0'][table='254'][metric='0'][tos='default'][netns='1']"
        ],
    );
    check(
        default,
        Some("mtu"),
        expect![
            "/iproute2-ip-route:routes/route[prefix='0.0.0.0/0'][table='254'][metric='0'][tos='default'][netns='1']"
        ],
    );
    let ipv6 = r#"{"Route": {"netns": "vpn10", "table": 254, "prefix": "2001:db8::/32", "tos": 0, "metric": 1024}}"#;
    check(
        ipv6,
        Some("mtu"),
        expect![
            "/iproute2-ip-route:routes/route[prefix='2001:db8::/32'][table='main'][metric='0'][tos='default'][netns='vpn10']/mtu"
        ],
    );
    let foreign =
        r#"{"Route": {"netns": "1", "table": 9, "prefix": "0.0.0.0/0", "tos": 184, "metric": 5}}"#;
    check(
        foreign,
        None,
        expect![
            "/iproute2-ip-route:routes/route[prefix='default'][table='9'][metric='5'][tos='EF'][netns='1']"
        ],
    );
}

#[test]
fn routes_of_others_are_reported_too() {
    let key = |prefix: &str, table| RouteKey {
        netns: "1".parse().unwrap(),
        table,
        prefix: prefix.parse().unwrap(),
        tos: 0,
        metric: 0,
    };
    let hop = |dev: &str, via: &str| Nexthop {
        dev: dev.parse().ok(),
        via: via.parse().ok(),
        weight: 1,
        onlink: false,
        pervasive: false,
    };
    let made = |kind, protocol, nexthops: Vec<Nexthop>| Route {
        kind,
        protocol: Some(protocol),
        scope: Some(0),
        nexthops: nexthops.into(),
        ..Route::default()
    };
    let observed = state(
        [
            (key("10.0.0.0/24", 254), made(RouteKind::Unicast, 2, vec![hop("eth0", "")])),
            (
                key("0.0.0.0/0", 254),
                made(
                    RouteKind::Unicast,
                    250,
                    vec![hop("eth0", "10.0.0.1"), hop("eth0", "10.0.0.2"), hop("eth1", "10.1.0.1")],
                ),
            ),
            (key("10.3.0.0/16", 42), made(RouteKind::Unreachable, 3, vec![])),
            (key("10.0.0.1/32", 255), made(RouteKind::Local, 2, vec![hop("eth0", "")])),
        ]
        .map(|(key, route)| (Key::Route(key), Object::Route(route.into()))),
    );
    check_raised(
        &observed,
        "{}",
        expect![[r#"
        {
          "iproute2-ip-route:routes": {
            "route": [
              {
                "prefix": "10.0.0.0/24",
                "table": "main",
                "metric": 0,
                "tos": "default",
                "netns": "1",
                "protocol": "kernel",
                "scope": "global",
                "nexthop": [
                  {
                    "dev": "eth0"
                  }
                ],
                "state": {
                  "type": "unicast"
                }
              },
              {
                "prefix": "10.3.0.0/16",
                "table": 42,
                "metric": 0,
                "tos": "default",
                "netns": "1",
                "protocol": "boot",
                "scope": "global",
                "state": {
                  "type": "unreachable"
                },
                "netloom-route:type": "unreachable"
              },
              {
                "prefix": "default",
                "table": "main",
                "metric": 0,
                "tos": "default",
                "netns": "1",
                "protocol": 250,
                "scope": "global",
                "nexthop": [
                  {
                    "dev": "eth0",
                    "via": {
                      "address": "10.0.0.1"
                    },
                    "weight": 1,
                    "netloom-route:further-via": [
                      "10.0.0.2"
                    ]
                  },
                  {
                    "dev": "eth1",
                    "via": {
                      "address": "10.1.0.1"
                    },
                    "weight": 1
                  }
                ],
                "state": {
                  "type": "unicast"
                }
              }
            ]
          }
        }"#]],
    );
}
