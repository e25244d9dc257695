//! Nexthops in YANG and in the kernel's terms.

use expect_test::expect;

use crate::test::{check, check_faults, check_path, check_raised, lowered};

fn nexthops(nexthops: &str) -> String {
    format!(
        r#"{{
        "netnses": {{"netns": [{{"name": "vpn10"}}]}},
        "links": {{"link": [{{"name": "wan", "netloom-link:ifname": "eth0"}}, {{"name": "dummy10", "type": "dummy", "netns": "vpn10"}}]}},
        "nexthops": {{"nexthop": [{nexthops}]}}
        }}"#
    )
}

const ALL: &str = r#"
    {"id": 1, "netns": "1", "dev": "wan", "ipv4": {"address": "10.0.0.9"}, "onlink": true},
    {"id": 2, "netns": "1", "dev": "wan", "ipv6": {"address": "2001:db8::9"}, "netloom-nexthop:protocol": "bird"},
    {"id": 3, "netns": "vpn10", "dev": "dummy10", "netloom-nexthop:family": "inet6"},
    {"id": 4, "netns": "1", "blackhole": true},
    {"id": 5, "netns": "1", "ipv4": {"address": "10.0.0.7"}, "fdb": true},
    {"id": 6, "netns": "1", "fdb": true, "group": {"nh": [{"id": 5, "weight": 1}]}},
    {"id": 7, "netns": "1", "group": {"nh": [{"id": 2, "weight": 300}, {"id": 1, "weight": 1}],
        "type": "resilient", "resilient-buckets": 8, "resilient-unbalanced_timer": 5}}
"#;

#[test]
fn nexthops_lower() {
    check(
        &nexthops(ALL),
        expect![[r#"
        {Netns: vpn10} = Netns
        {Link: dummy10} = {Link: {kind: Dummy, place: {ifname: dummy10, netns: vpn10}}}
        {Link: wan} = {Link: {place: {ifname: eth0, netns: 1}}}
        {Nexthop: {id: 1, netns: 1}} = {Nexthop: {fdb: false, kind: {Single: {dev: eth0, ipv6: false, onlink: true, via: 10.0.0.9}}, protocol: 4}}
        {Nexthop: {id: 2, netns: 1}} = {Nexthop: {fdb: false, kind: {Single: {dev: eth0, ipv6: true, onlink: false, via: 2001:db8::9}}, protocol: 12}}
        {Nexthop: {id: 4, netns: 1}} = {Nexthop: {fdb: false, kind: {Blackhole: {ipv6: false}}, protocol: 4}}
        {Nexthop: {id: 5, netns: 1}} = {Nexthop: {fdb: true, kind: {Single: {ipv6: false, onlink: false, via: 10.0.0.7}}, protocol: 4}}
        {Nexthop: {id: 6, netns: 1}} = {Nexthop: {fdb: true, kind: {Group: {members: {5: 1}}}, protocol: 4}}
        {Nexthop: {id: 7, netns: 1}} = {Nexthop: {fdb: false, kind: {Group: {members: {1: 1, 2: 300}, resilient: {buckets: 8, idle_timer: 12000, unbalanced_timer: 500}}}, protocol: 4}}
        {Nexthop: {id: 3, netns: vpn10}} = {Nexthop: {fdb: false, kind: {Single: {dev: dummy10, ipv6: true, onlink: false}}, protocol: 4}}
    "#]],
    );
}

#[test]
fn nexthops_come_back() {
    let configuration = nexthops(ALL);
    let state = lowered(&configuration);
    check_raised(
        &state,
        &configuration,
        expect![[r#"
            {
              "iproute2-ip-netns:netnses": {
                "netns": [
                  {
                    "name": "vpn10"
                  }
                ]
              },
              "iproute2-ip-link:links": {
                "link": [
                  {
                    "name": "dummy10",
                    "netns": "vpn10",
                    "type": "iproute2-ip-link:dummy"
                  },
                  {
                    "name": "wan",
                    "netns": "1",
                    "netloom-link:ifname": "eth0"
                  }
                ]
              },
              "iproute2-ip-nexthop:nexthops": {
                "nexthop": [
                  {
                    "id": 1,
                    "netns": "1",
                    "dev": "wan",
                    "ipv4": {
                      "address": "10.0.0.9"
                    },
                    "onlink": true
                  },
                  {
                    "id": 2,
                    "netns": "1",
                    "dev": "wan",
                    "ipv6": {
                      "address": "2001:db8::9"
                    },
                    "netloom-nexthop:protocol": "bird"
                  },
                  {
                    "id": 3,
                    "netns": "vpn10",
                    "dev": "dummy10",
                    "netloom-nexthop:family": "inet6"
                  },
                  {
                    "id": 4,
                    "netns": "1",
                    "blackhole": true
                  },
                  {
                    "id": 5,
                    "netns": "1",
                    "ipv4": {
                      "address": "10.0.0.7"
                    },
                    "fdb": true
                  },
                  {
                    "id": 6,
                    "netns": "1",
                    "group": {
                      "nh": [
                        {
                          "id": 5,
                          "weight": 1
                        }
                      ]
                    },
                    "fdb": true
                  },
                  {
                    "id": 7,
                    "netns": "1",
                    "group": {
                      "nh": [
                        {
                          "id": 1,
                          "weight": 1
                        },
                        {
                          "id": 2,
                          "weight": 300
                        }
                      ],
                      "type": "resilient",
                      "resilient-buckets": 8,
                      "resilient-idle-timer": 120,
                      "resilient-unbalanced_timer": 5
                    }
                  }
                ]
              }
            }"#]],
    );
}

#[test]
fn contradictions_are_faults() {
    check_faults(
        &nexthops(
            r#"
            {"id": 1, "netns": "1"},
            {"id": 2, "netns": "1", "dev": "nowhere"},
            {"id": 3, "netns": "1", "dev": "dummy10"},
            {"id": 4, "netns": "vpn9", "blackhole": true},
            {"id": 5, "netns": "1", "dev": "wan", "blackhole": true, "fdb": true},
            {"id": 6, "netns": "1", "dev": "wan", "fdb": true},
            {"id": 7, "netns": "1", "dev": "wan", "onlink": true, "netloom-nexthop:family": "inet6",
                "ipv4": {"address": "224.0.0.1"}},
            {"id": 8, "netns": "1", "dev": "wan", "group": {"nh": [{"id": 8, "weight": 1},
                {"id": 1, "weight": 1}, {"id": 1, "weight": 2}], "resilient-buckets": 8}},
            {"id": 9, "netns": "1", "group": {"type": "resilient"}},
            {"id": 10, "netns": "1", "blackhole": true, "netloom-nexthop:family": "inet",
                "group": {"nh": [{"id": 1, "weight": 1}], "type": "resilient"}},
            {"id": 12, "netns": "1", "dev": "wan", "onlink": true}
            "#,
        ),
        expect![[r#"
            /iproute2-ip-nexthop:nexthops/nexthop[id='1'][netns='1']: the nexthop needs a dev, a group, or blackhole: only one for a forwarding database (fdb) has none
            /iproute2-ip-nexthop:nexthops/nexthop[id='2'][netns='1']/dev: no link nowhere is configured: add it to links, or take this out too
            /iproute2-ip-nexthop:nexthops/nexthop[id='3'][netns='1']/dev: dummy10 is in vpn10, nexthop 3 in namespace 1
            /iproute2-ip-nexthop:nexthops/nexthop[id='4'][netns='vpn9']/netns: there is no namespace vpn9: add netns vpn9 to netnses, or take this out too
            /iproute2-ip-nexthop:nexthops/nexthop[id='5'][netns='1']/dev: a blackhole has no dev: take it out
            /iproute2-ip-nexthop:nexthops/nexthop[id='5'][netns='1']/fdb: a blackhole is for routes, and not for a forwarding database (fdb)
            /iproute2-ip-nexthop:nexthops/nexthop[id='6'][netns='1']/dev: a nexthop for a forwarding database (fdb) has no link: take dev out
            /iproute2-ip-nexthop:nexthops/nexthop[id='6'][netns='1']: a nexthop for a forwarding database (fdb) needs a gateway, in ipv4 or ipv6
            /iproute2-ip-nexthop:nexthops/nexthop[id='7'][netns='1']/ipv4/address: 224.0.0.1 is no address that a gateway can have
            /iproute2-ip-nexthop:nexthops/nexthop[id='7'][netns='1']/netloom-nexthop:family: the gateway is of another family: take this out
            /iproute2-ip-nexthop:nexthops/nexthop[id='8'][netns='1']/dev: a group has no dev: take it out
            /iproute2-ip-nexthop:nexthops/nexthop[id='8'][netns='1']/group/nh[id='1'][weight='2']: nexthop 1 is in the group twice
            /iproute2-ip-nexthop:nexthops/nexthop[id='8'][netns='1']/group/nh[id='8'][weight='1']: a group cannot be a member of itself
            /iproute2-ip-nexthop:nexthops/nexthop[id='8'][netns='1']/group/resilient-buckets: only a group of type resilient has this: take it out, or set the type
            /iproute2-ip-nexthop:nexthops/nexthop[id='9'][netns='1']/group: a group needs a member: add an nh
            /iproute2-ip-nexthop:nexthops/nexthop[id='10'][netns='1']/blackhole: a nexthop is either a group or a blackhole
            /iproute2-ip-nexthop:nexthops/nexthop[id='10'][netns='1']/netloom-nexthop:family: a group has the families of its members: take this out
            /iproute2-ip-nexthop:nexthops/nexthop[id='10'][netns='1']/group: a resilient group needs a number of buckets: set resilient-buckets
            /iproute2-ip-nexthop:nexthops/nexthop[id='12'][netns='1']/onlink: only a nexthop with a gateway on a link has this: take it out
        "#]],
    );
}

#[test]
fn a_nexthop_has_a_path() {
    check_path(
        &nexthops(ALL),
        (r#"{"Nexthop": {"netns": "1", "id": 7}}"#, Some("group")),
        expect!["/iproute2-ip-nexthop:nexthops/nexthop[id='7'][netns='1']/group"],
    );
}

#[test]
fn a_route_names_a_nexthop_instead_of_its_own() {
    let routes = |routes: &str| {
        nexthops(ALL).trim_end().trim_end_matches('}').to_owned()
            + &format!(r#", "routes": {{"route": [{routes}]}}}}"#)
    };
    let good = routes(
        r#"{"prefix": "10.1.0.0/16", "table": "main", "metric": 0, "tos": "default", "netns": "1",
            "netloom-route:nhid": 7},
           {"prefix": "2001:db8:1::/48", "table": "main", "metric": 0, "tos": "default", "netns": "1",
            "netloom-route:nhid": 2}"#,
    );
    let state = lowered(&good);
    let mut of_routes = state.clone();
    of_routes.objects.retain(|key, _| key.route().is_some());
    expect![[r#"
        {Route: {metric: 0, netns: 1, prefix: 10.1.0.0/16, table: 254, tos: 0}} = {Route: {kind: unicast, nhid: 7, protocol: 4, scope: 0}}
        {Route: {metric: 1024, netns: 1, prefix: 2001:db8:1::/48, table: 254, tos: 0}} = {Route: {kind: unicast, nhid: 2, protocol: 4}}
    "#]].assert_eq(&crate::test::objects(&of_routes));
    check_raised(
        &of_routes,
        &good,
        expect![[r#"
        {
          "iproute2-ip-route:routes": {
            "route": [
              {
                "prefix": "10.1.0.0/16",
                "table": "main",
                "metric": 0,
                "tos": "default",
                "netns": "1",
                "protocol": "static",
                "scope": "global",
                "state": {
                  "type": "unicast"
                },
                "netloom-route:nhid": 7
              },
              {
                "prefix": "2001:db8:1::/48",
                "table": "main",
                "metric": 0,
                "tos": "default",
                "netns": "1",
                "protocol": "static",
                "state": {
                  "type": "unicast"
                },
                "netloom-route:nhid": 2
              }
            ]
          }
        }"#]],
    );
    check_faults(
        &routes(
            r#"{"prefix": "10.1.0.0/16", "table": "main", "metric": 0, "tos": "default", "netns": "1",
                "netloom-route:nhid": 7, "nexthop": [{"dev": "wan"}]},
               {"prefix": "10.2.0.0/16", "table": "main", "metric": 0, "tos": "default", "netns": "1",
                "netloom-route:nhid": 7, "netloom-route:type": "blackhole"},
               {"prefix": "10.3.0.0/16", "table": "main", "metric": 0, "tos": "default", "netns": "1",
                "netloom-route:nhid": 7, "flag": "onlink"}"#,
        ),
        expect![[r#"
            /iproute2-ip-route:routes/route[prefix='10.1.0.0/16'][table='main'][metric='0'][tos='default'][netns='1']/netloom-route:nhid: a route has either nexthops or a nhid: take one of them out
            /iproute2-ip-route:routes/route[prefix='10.2.0.0/16'][table='main'][metric='0'][tos='default'][netns='1']/netloom-route:type: only a unicast route has nexthops
            /iproute2-ip-route:routes/route[prefix='10.3.0.0/16'][table='main'][metric='0'][tos='default'][netns='1']/flag: the nexthop that nhid names has flags of its own: take this out
        "#]],
    );
}
