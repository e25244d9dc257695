//! Rules as configuration, as state, and as operational data.

use expect_test::expect;

use crate::test::{check, check_faults, check_path, check_raised, lowered};

const RULES: &str = r#"{
    "netnses": {"netns": [{"name": "vpn10"}]},
    "links": {"link": [{"name": "lan", "netloom-link:ifname": "eth0", "netns": "vpn10"}]},
    "rules": {"rule": [
        {"pref": 100, "from": "10.0.0.1", "to": "0.0.0.0/0", "tos": "default", "fwmark": "0x00",
         "netns": "vpn10", "iif": "lan", "action": {"table": 100}},
        {"pref": 200, "from": "all", "to": "2001:db8::/32", "tos": "EF", "fwmark": "16",
         "netns": "1"}
    ]}
}"#;

#[test]
fn rules() {
    check(
        RULES,
        expect![[r#"
            {Netns: vpn10} = Netns
            {Link: lan} = {Link: {place: {ifname: eth0, netns: vpn10}}}
            {Rule: {from: ::/0, fwmark: 16, netns: 1, pref: 200, to: 2001:db8::/32, tos: 184}} = {Rule: {action: 1, protocol: 4, table: 254}}
            {Rule: {from: 10.0.0.1/32, fwmark: 0, netns: vpn10, pref: 100, selectors: {iif: eth0}, to: 0.0.0.0/0, tos: 0}} = {Rule: {action: 1, protocol: 4, table: 100}}
        "#]],
    );
    check_raised(
        &lowered(RULES),
        RULES,
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
                "name": "lan",
                "netns": "vpn10",
                "netloom-link:ifname": "eth0"
              }
            ]
          },
          "iproute2-ip-rule:rules": {
            "rule": [
              {
                "pref": 100,
                "from": "10.0.0.1",
                "to": "0.0.0.0/0",
                "tos": "default",
                "fwmark": "0x00",
                "netns": "vpn10",
                "iif": "lan",
                "action": {
                  "table": 100
                }
              },
              {
                "pref": 200,
                "from": "all",
                "to": "2001:db8::/32",
                "tos": "EF",
                "fwmark": "16",
                "netns": "1",
                "action": {
                  "table": "main"
                }
              }
            ]
          }
        }"#]],
    );
    let key = r#"{"Rule": {"netns": "1", "pref": 200, "from": "::/0", "to": "2001:db8::/32",
                  "tos": 184, "fwmark": 16}}"#;
    check_path(
        RULES,
        (key, None),
        expect![
            "/iproute2-ip-rule:rules/rule[pref='200'][from='all'][to='2001:db8::/32'][tos='EF'][fwmark='16'][netns='1']"
        ],
    );
}

#[test]
fn invalid_rules_are_refused() {
    check_faults(
        r#"{
            "netnses": {"netns": [{"name": "vpn10"}]},
            "links": {"link": [{"name": "eth0"}]},
            "rules": {"rule": [
                {"pref": 1, "from": "10.0.0.0/8", "to": "2001:db8::/32", "tos": "default",
                 "fwmark": "0x00", "netns": "1"},
                {"pref": 2, "from": "all", "to": "all", "tos": "default", "fwmark": "0x00",
                 "netns": "vpn10", "oif": "eth0", "action": {"nat": "10.0.0.1"}},
                {"pref": 3, "from": "10.0.0.1", "to": "all", "tos": "default", "fwmark": "0x10",
                 "netns": "1", "iif": "nowhere"},
                {"pref": 3, "from": "10.0.0.1/32", "to": "0.0.0.0/0", "tos": "default",
                 "fwmark": "16", "netns": "1"},
                {"pref": 4, "from": "all", "to": "all", "tos": "default",
                 "fwmark": "9999999999", "netns": "vpn9"}
            ]}
        }"#,
        expect![[r#"
            /iproute2-ip-rule:rules/rule[pref='1'][from='10.0.0.0/8'][to='2001:db8::/32'][tos='default'][fwmark='0x00'][netns='1']/from: 10.0.0.0/8 is not of the family of the other prefix
            /iproute2-ip-rule:rules/rule[pref='2'][from='all'][to='all'][tos='default'][fwmark='0x00'][netns='vpn10']/oif: eth0 is in namespace 1, rule 2 in vpn10
            /iproute2-ip-rule:rules/rule[pref='2'][from='all'][to='all'][tos='default'][fwmark='0x00'][netns='vpn10']/action/nat: Linux translates no addresses by rules; use tc or nftables for that
            /iproute2-ip-rule:rules/rule[pref='3'][from='10.0.0.1'][to='all'][tos='default'][fwmark='0x10'][netns='1']/iif: no link nowhere is configured: add it to links, or take this out too
            /iproute2-ip-rule:rules/rule[pref='3'][from='10.0.0.1/32'][to='0.0.0.0/0'][tos='default'][fwmark='16'][netns='1']: another entry is rule 3 already, written differently
            /iproute2-ip-rule:rules/rule[pref='4'][from='all'][to='all'][tos='default'][fwmark='9999999999'][netns='vpn9']/fwmark: 9999999999 is no number that the kernel takes
        "#]],
    );
}

const SELECTED: &str = r#"{
    "rules": {"rule": [
        {"pref": 1, "from": "all", "to": "all", "tos": "default", "fwmark": "0x1/0xff",
         "netns": "1", "netloom-rule:not": true, "netloom-rule:ipproto": "udp",
         "netloom-rule:sport": "1000-2000", "netloom-rule:dport": "53/0x35",
         "netloom-rule:uidrange": "1000-1999", "netloom-rule:tun_id": "5000000000",
         "netloom-rule:dscp": "AF11", "netloom-rule:dscp-mask": 62,
         "netloom-rule:protocol": "bird",
         "action": {"netloom-rule:suppress_prefixlength": 0, "netloom-rule:suppress_ifgroup": 7,
                    "netloom-rule:realms": "5/10"}},
        {"pref": 2, "from": "::/0", "to": "all", "tos": "default", "fwmark": "0/255",
         "netns": "1", "netloom-rule:not": false, "netloom-rule:sport": "80",
         "netloom-rule:uidrange": "0", "netloom-rule:flowlabel": "0x12000/0xff000",
         "action": {"netloom-rule:goto": 9}},
        {"pref": 3, "from": "::/0", "to": "all", "tos": "default", "fwmark": "7/0xffffffff",
         "netns": "1", "netloom-rule:l3mdev": true, "netloom-rule:flowlabel": "5"},
        {"pref": 4, "from": "all", "to": "all", "tos": "default", "fwmark": "0/0", "netns": "1",
         "action": {"netloom-rule:type": "unreachable"}}
    ]}
}"#;

#[test]
fn selectors_and_actions() {
    check(
        SELECTED,
        expect![[r#"
        {Rule: {from: 0.0.0.0/0, fwmark: 1, fwmask: 255, netns: 1, pref: 1, selectors: {dport: {end: 53, start: 53}, dport_mask: 53, dscp: 10, dscp_mask: 62, ipproto: 17, not: true, sport: {end: 2000, start: 1000}, tun_id: 5000000000, uidrange: {end: 1999, start: 1000}}, to: 0.0.0.0/0, tos: 0}} = {Rule: {action: 1, protocol: 12, realms: 327690, suppress_ifgroup: 7, suppress_prefixlength: 0, table: 254}}
        {Rule: {from: ::/0, fwmark: 0, fwmask: 255, netns: 1, pref: 2, selectors: {flowlabel: 73728, flowlabel_mask: 1044480, sport: {end: 80, start: 80}, uidrange: {end: 0, start: 0}}, to: ::/0, tos: 0}} = {Rule: {action: 2, goto: 9, protocol: 4}}
        {Rule: {from: ::/0, fwmark: 7, netns: 1, pref: 3, selectors: {flowlabel: 5, l3mdev: true}, to: ::/0, tos: 0}} = {Rule: {action: 1, protocol: 4}}
        {Rule: {from: 0.0.0.0/0, fwmark: 0, netns: 1, pref: 4, to: 0.0.0.0/0, tos: 0}} = {Rule: {action: 7, protocol: 4}}
    "#]],
    );
    check_raised(
        &lowered(SELECTED),
        SELECTED,
        expect![[r#"
        {
          "iproute2-ip-rule:rules": {
            "rule": [
              {
                "pref": 1,
                "from": "all",
                "to": "all",
                "tos": "default",
                "fwmark": "0x1/0xff",
                "netns": "1",
                "action": {
                  "table": "main",
                  "netloom-rule:suppress_prefixlength": 0,
                  "netloom-rule:suppress_ifgroup": 7,
                  "netloom-rule:realms": "5/10"
                },
                "netloom-rule:not": true,
                "netloom-rule:ipproto": "udp",
                "netloom-rule:sport": "1000-2000",
                "netloom-rule:dport": "0x35/0x35",
                "netloom-rule:uidrange": "1000-1999",
                "netloom-rule:tun_id": "5000000000",
                "netloom-rule:dscp": "AF11",
                "netloom-rule:dscp-mask": 62,
                "netloom-rule:protocol": "bird"
              },
              {
                "pref": 2,
                "from": "::/0",
                "to": "all",
                "tos": "default",
                "fwmark": "0/255",
                "netns": "1",
                "action": {
                  "netloom-rule:goto": 9
                },
                "netloom-rule:sport": "80",
                "netloom-rule:uidrange": "0",
                "netloom-rule:flowlabel": "0x12000/0xff000"
              },
              {
                "pref": 3,
                "from": "::/0",
                "to": "all",
                "tos": "default",
                "fwmark": "7/0xffffffff",
                "netns": "1",
                "netloom-rule:l3mdev": true,
                "netloom-rule:flowlabel": "0x5"
              },
              {
                "pref": 4,
                "from": "all",
                "to": "all",
                "tos": "default",
                "fwmark": "0/0",
                "netns": "1",
                "action": {
                  "netloom-rule:type": "unreachable"
                }
              }
            ]
          }
        }"#]],
    );
    let key = r#"{"Rule": {"netns": "1", "pref": 2, "from": "::/0", "to": "::/0", "tos": 0,
                  "fwmark": 0, "fwmask": 255, "selectors": {"sport": {"start": 80, "end": 80}}}}"#;
    check_path(
        SELECTED,
        (key, Some("goto")),
        expect![
            "/iproute2-ip-rule:rules/rule[pref='2'][from='::/0'][to='all'][tos='default'][fwmark='0/255'][netns='1']/action/netloom-rule:goto"
        ],
    );
    check_path(
        SELECTED,
        (key, Some("sport")),
        expect![
            "/iproute2-ip-rule:rules/rule[pref='2'][from='::/0'][to='all'][tos='default'][fwmark='0/255'][netns='1']/netloom-rule:sport"
        ],
    );
}

#[test]
fn invalid_selectors_and_actions_are_refused() {
    let rule = |pref: u32, from: &str, tos: &str, rest: &str| {
        format!(
            r#"{{"pref": {pref}, "from": "{from}", "to": "all", "tos": "{tos}", "fwmark": "0x00",
                 "netns": "1", {rest}}}"#
        )
    };
    let rules = [
        rule(1, "all", "default", r#""netloom-rule:sport": "0", "netloom-rule:dport": "5-65535""#),
        rule(2, "all", "default", r#""netloom-rule:sport": "9-5", "netloom-rule:dport": "3/1""#),
        rule(3, "all", "default", r#""netloom-rule:uidrange": "1-4294967295""#),
        rule(4, "all", "EF", r#""netloom-rule:flowlabel": "0xfffff""#),
        rule(5, "::/0", "CS1", r#""netloom-rule:dscp": 1, "netloom-rule:flowlabel": "1/2""#),
        rule(6, "all", "default", r#""netloom-rule:dscp-mask": 1"#),
        rule(7, "all", "default", r#""netloom-rule:dscp": "EF", "netloom-rule:dscp-mask": 1"#),
        rule(8, "all", "default", r#""netloom-rule:l3mdev": true, "action": {"table": 5}"#),
        rule(9, "all", "default", r#""action": {"netloom-rule:goto": 9}"#),
        rule(
            10,
            "all",
            "default",
            r#""action": {"netloom-rule:goto": 11, "netloom-rule:type": "nop", "table": 1}"#,
        ),
        rule(
            11,
            "all",
            "default",
            r#""action": {"netloom-rule:type": "prohibit", "netloom-rule:suppress_ifgroup": 1,
                          "netloom-rule:realms": "1"}"#,
        ),
        rule(
            12,
            "::/0",
            "default",
            r#""action": {"netloom-rule:realms": "0/0", "netloom-rule:suppress_prefixlength": 64}"#,
        ),
        rule(
            13,
            "all",
            "default",
            r#""action": {"netloom-rule:realms": "70000", "netloom-rule:suppress_prefixlength": 33}"#,
        ),
        rule(14, "all", "default", r#""netloom-rule:protocol": "kernel""#),
        rule(15, "10.0.0.1", "default", r#""netloom-rule:ipproto": 6"#),
        rule(15, "10.0.0.1/32", "default", r#""netloom-rule:ipproto": 17"#),
    ];
    let rules = rules.join(", ");
    check_faults(
        &format!(r#"{{"rules": {{"rule": [{rules}]}}}}"#),
        expect![[r#"
        /iproute2-ip-rule:rules/rule[pref='1'][from='all'][to='all'][tos='default'][fwmark='0x00'][netns='1']/netloom-rule:sport: a port of a rule is from 1 to 65534
        /iproute2-ip-rule:rules/rule[pref='1'][from='all'][to='all'][tos='default'][fwmark='0x00'][netns='1']/netloom-rule:dport: a port of a rule is from 1 to 65534
        /iproute2-ip-rule:rules/rule[pref='2'][from='all'][to='all'][tos='default'][fwmark='0x00'][netns='1']/netloom-rule:sport: the range starts after its end: write 5-9
        /iproute2-ip-rule:rules/rule[pref='2'][from='all'][to='all'][tos='default'][fwmark='0x00'][netns='1']/netloom-rule:dport: port 3 has bits outside its mask 0x1
        /iproute2-ip-rule:rules/rule[pref='3'][from='all'][to='all'][tos='default'][fwmark='0x00'][netns='1']/netloom-rule:uidrange: a user ID of a rule is from 0 to 4294967294
        /iproute2-ip-rule:rules/rule[pref='4'][from='all'][to='all'][tos='EF'][fwmark='0x00'][netns='1']/tos: Linux does not take this type of service in IPv4 rules: use default, and dscp 46
        /iproute2-ip-rule:rules/rule[pref='4'][from='all'][to='all'][tos='EF'][fwmark='0x00'][netns='1']/netloom-rule:flowlabel: only an IPv6 rule has a flow label: write from ::/0 for any IPv6 address
        /iproute2-ip-rule:rules/rule[pref='5'][from='::/0'][to='all'][tos='CS1'][fwmark='0x00'][netns='1']/netloom-rule:flowlabel: flow label 0x1 has bits outside its mask 0x2
        /iproute2-ip-rule:rules/rule[pref='5'][from='::/0'][to='all'][tos='CS1'][fwmark='0x00'][netns='1']/netloom-rule:dscp: a rule has either tos or dscp: set tos to default
        /iproute2-ip-rule:rules/rule[pref='6'][from='all'][to='all'][tos='default'][fwmark='0x00'][netns='1']/netloom-rule:dscp-mask: the mask needs a dscp
        /iproute2-ip-rule:rules/rule[pref='7'][from='all'][to='all'][tos='default'][fwmark='0x00'][netns='1']/netloom-rule:dscp-mask: dscp 46 has bits outside this mask
        /iproute2-ip-rule:rules/rule[pref='8'][from='all'][to='all'][tos='default'][fwmark='0x00'][netns='1']/action/table: the table is that of the VRF if there is l3mdev: take one of them out
        /iproute2-ip-rule:rules/rule[pref='9'][from='all'][to='all'][tos='default'][fwmark='0x00'][netns='1']/action/netloom-rule:goto: a rule goes on only to a later one: 9 is not higher than its priority 9
        /iproute2-ip-rule:rules/rule[pref='10'][from='all'][to='all'][tos='default'][fwmark='0x00'][netns='1']/action/netloom-rule:goto: a rule has either a type or goto: take one of them out
        /iproute2-ip-rule:rules/rule[pref='10'][from='all'][to='all'][tos='default'][fwmark='0x00'][netns='1']/action/table: only a rule that looks up a table has this: take it out
        /iproute2-ip-rule:rules/rule[pref='11'][from='all'][to='all'][tos='default'][fwmark='0x00'][netns='1']/action/netloom-rule:suppress_ifgroup: only a rule that looks up a table has this: take it out
        /iproute2-ip-rule:rules/rule[pref='11'][from='all'][to='all'][tos='default'][fwmark='0x00'][netns='1']/action/netloom-rule:realms: only a rule that looks up a table has this: take it out
        /iproute2-ip-rule:rules/rule[pref='12'][from='::/0'][to='all'][tos='default'][fwmark='0x00'][netns='1']/action/netloom-rule:realms: Linux has realms only in IPv4 rules
        /iproute2-ip-rule:rules/rule[pref='12'][from='::/0'][to='all'][tos='default'][fwmark='0x00'][netns='1']/action/netloom-rule:realms: a realm is a number from 1 to 65535: leave it out for none
        /iproute2-ip-rule:rules/rule[pref='13'][from='all'][to='all'][tos='default'][fwmark='0x00'][netns='1']/action/netloom-rule:suppress_prefixlength: a prefix of this family has at most 32 bits
        /iproute2-ip-rule:rules/rule[pref='13'][from='all'][to='all'][tos='default'][fwmark='0x00'][netns='1']/action/netloom-rule:realms: a realm is a number from 1 to 65535: leave it out for none
        /iproute2-ip-rule:rules/rule[pref='14'][from='all'][to='all'][tos='default'][fwmark='0x00'][netns='1']/netloom-rule:protocol: only the kernel makes rules of this protocol: take it out
        /iproute2-ip-rule:rules/rule[pref='15'][from='10.0.0.1/32'][to='all'][tos='default'][fwmark='0x00'][netns='1']: another entry is rule 15 already, written differently
    "#]],
    );
}

#[test]
fn of_rules_with_one_key_the_configured_one_is_shown() {
    let rule = |number: u8| {
        format!(
            r#"{{"rules": {{"rule": [{{"pref": 9, "from": "all", "to": "all", "tos": "default",
                "fwmark": "0x00", "netns": "1", "netloom-rule:ipproto": {number}}}]}}}}"#
        )
    };
    let mut observed = lowered(&rule(6));
    observed.objects.extend(lowered(&rule(17)).objects);
    let raised = |configuration: &str| {
        let raised = crate::raise(&observed, &crate::test::tree(configuration)).unwrap();
        let told: serde_json::Value = serde_json::from_str(&raised.to_json(false)).unwrap();
        let rules = &told["iproute2-ip-rule:rules"]["rule"];
        let numbers = rules.as_array().unwrap().iter().map(|rule| &rule["netloom-rule:ipproto"]);
        numbers.map(|number| number.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(raised(&rule(17)), ["udp"]);
    assert_eq!(raised(&rule(6)), ["tcp"]);
    assert_eq!(raised("{}"), ["tcp"]);
}
