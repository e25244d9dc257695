//! Rules of the routing policy database, compared with ip-rule(8).

use netstate::rule::{PortRange, Selectors, UidRange};
use netstate::uapi::{FR_ACT_BLACKHOLE, FR_ACT_GOTO, FR_ACT_NOP, FR_ACT_TO_TBL, RTPROT_STATIC};
use netstate::{Key, Object, Rule, RuleKey, Scope, Southbound, State};
use serde_json::{Value as Json, json};
use testkit::netns::{ip, ip_json, isolated};

use crate::{Host, netns, state};

fn rule(netns: &str, pref: u32, from: &str, table: u32) -> (Key, Object) {
    let from: ipnet::IpNet = from.parse().unwrap();
    let to = if from.addr().is_ipv6() { "::/0" } else { "0.0.0.0/0" };
    let (netns, to) = (netns.parse().unwrap(), to.parse().unwrap());
    let iif = Some("absent".parse().unwrap());
    let selectors = Selectors { iif, ..Selectors::default() };
    let key =
        RuleKey { tos: 0x10, fwmark: 7, selectors, ..RuleKey::between(netns, pref, (from, to)) };
    (Key::Rule(key.into()), Object::Rule(lookup(table).into()))
}

fn lookup(table: u32) -> Rule {
    let (action, protocol) = (Some(FR_ACT_TO_TBL), Some(RTPROT_STATIC));
    Rule { action, table: Some(table), protocol, ..Rule::default() }
}

/// A rule of the host's namespace for any address of a family.
fn any(family: &str, pref: u32, selectors: Selectors, rule: Rule) -> (Key, Object) {
    let all: ipnet::IpNet = if family == "-6" { "::/0" } else { "0.0.0.0/0" }.parse().unwrap();
    let key = RuleKey { selectors, ..RuleKey::between("1".parse().unwrap(), pref, (all, all)) };
    (Key::Rule(key.into()), Object::Rule(rule.into()))
}

#[test]
fn rules_are_made_changed_and_removed_beside_those_of_others() {
    isolated(|| {
        ip("rule add pref 100 from 192.0.2.0/24 lookup 50");
        ip("-6 rule add pref 100 from 2001:db8::/32 lookup 50");
        let before = [ip_json("rule show"), ip_json("-6 rule show")];
        let mut host = Host::open();
        let red = netns("red");
        host.converge(&state([
            red.clone(),
            rule("1", 100, "192.0.2.0/24", 100_000),
            rule("1", 100, "2001:db8::/32", 100_000),
            rule("red", 9, "10.0.0.0/8", 254),
        ]));
        let shown = &ip_json("rule show pref 100")[1];
        let words = ["src", "tos", "fwmark", "iif", "table", "protocol"].map(|word| &shown[word]);
        let [src, tos, mark, iif, table, protocol] = words.map(|word| word.as_str().unwrap_or(""));
        assert_eq!([src, tos, mark], ["192.0.2.0", "0x10", "0x7"], "{shown}");
        assert_eq!([iif, table, protocol], ["absent", "100000", "static"], "{shown}");
        assert_eq!(ip_json("-n red rule show pref 9").as_array().unwrap().len(), 1);
        host.converge(&state([red, rule("1", 100, "192.0.2.0/24", 7)]));
        assert_eq!(ip_json("rule show pref 100")[1]["table"], "7");
        host.converge(&State::default());
        assert_eq!([ip_json("rule show"), ip_json("-6 rule show")], before);
    });
}

#[test]
fn the_kernels_rules_are_observed_and_distinguished() {
    isolated(|| {
        let everything = Scope::Everything { known: Default::default() };
        let observed = Host::open().kernel.observe(&everything).unwrap();
        let rules = observed.objects.keys().filter_map(|key| match key {
            Key::Rule(key) => Some((key.is_ipv6(), key.pref)),
            _ => None,
        });
        let rules: Vec<_> = rules.collect();
        assert_eq!(
            rules,
            [(false, 0), (true, 0), (false, 32_766), (true, 32_766), (false, 32_767)]
        );
    });
}

#[test]
fn each_selector_and_action_is_as_ip_rule_shows_it() {
    let ports = |start, end| Some(PortRange { start, end });
    let none = Selectors::default;
    let acts = |action| Rule { action: Some(action), table: None, ..lookup(1) };
    let realms = Rule { realms: Some(5 << 16 | 7), ..lookup(9) };
    let suppress = Rule { suppress_prefixlength: Some(0), suppress_ifgroup: Some(7), ..lookup(9) };
    // The selectors and the action, and what ip-rule(8) shows beside the priority and the source.
    let cases = [
        (
            Selectors { not: Some(true), ipproto: Some(6), ..none() },
            lookup(9),
            json!({"not": null, "ipproto": "tcp", "table": "9"}),
        ),
        (
            Selectors { sport: ports(80, 80), dport: ports(1000, 65_534), ..none() },
            lookup(9),
            json!({"sport": 80, "dport_start": 1000, "dport_end": 65534, "table": "9"}),
        ),
        (
            Selectors { uidrange: Some(UidRange { start: 0, end: 4_294_967_294 }), ..none() },
            lookup(9),
            json!({"uid_start": 0, "uid_end": 4_294_967_294_u32, "table": "9"}),
        ),
        (
            Selectors { tun_id: Some(5_000_000_000), ..none() },
            lookup(9),
            json!({"tun_id": 5_000_000_000_u64, "table": "9"}),
        ),
        (Selectors { l3mdev: Some(true), ..none() }, acts(FR_ACT_TO_TBL), json!({"l3mdev": null})),
        (
            Selectors { oif: Some("absent".parse().unwrap()), ..none() },
            acts(FR_ACT_BLACKHOLE),
            json!({"oif": "absent", "oif_detached": null, "action": "blackhole"}),
        ),
        (
            none(),
            Rule { goto: Some(30_000), ..acts(FR_ACT_GOTO) },
            json!({"goto": 30_000, "unresolved": null}),
        ),
        (none(), acts(FR_ACT_NOP), json!({"nop": null})),
        (none(), suppress, json!({"table": "9", "suppress_prefixlen": 0, "suppress_ifgroup": "7"})),
        (none(), realms, json!({"table": "9", "flow_from": "5", "flow_to": "7"})),
    ];
    isolated(|| {
        let mut host = Host::open();
        for (family, command) in [("-4", "rule"), ("-6", "-6 rule")] {
            let before = ip_json(&format!("{command} show"));
            let of_family =
                |rule: &&(Selectors, Rule, Json)| family == "-4" || rule.1.realms.is_none();
            let cases: Vec<_> = cases.iter().filter(of_family).collect();
            let rules = cases.iter().zip(100..).map(|((selectors, rule, _), pref)| {
                any(family, pref, selectors.clone(), rule.clone())
            });
            host.converge(&state(rules));
            for ((_, _, expected), pref) in cases.iter().zip(100..) {
                let shown = ip_json(&format!("-d {command} show pref {pref}"));
                let mut shown = shown[0].as_object().unwrap().clone();
                assert_eq!(shown.remove("protocol"), Some("static".into()));
                shown.retain(|word, _| !["priority", "src"].contains(&word.as_str()));
                assert_eq!(Json::Object(shown), *expected, "{family} {pref}");
            }
            host.converge(&State::default());
            assert_eq!(ip_json(&format!("{command} show")), before);
        }
    });
}

#[test]
fn masks_and_recent_selectors_are_as_they_are_wanted_or_refused() {
    let port = Some(PortRange { start: 0x10, end: 0x10 });
    let none = Selectors::default;
    let cases = [
        ("-4", Selectors { dscp: Some(46), ..none() }),
        ("-6", Selectors { dscp: Some(8), dscp_mask: Some(0x38), ..none() }),
        ("-4", Selectors { sport: port, sport_mask: Some(0xf0), ..none() }),
        ("-4", Selectors { dport: port, dport_mask: Some(0xf0), ..none() }),
        ("-6", Selectors { flowlabel: Some(0x12345), ..none() }),
        ("-6", Selectors { flowlabel: Some(0x12000), flowlabel_mask: Some(0xff000), ..none() }),
    ];
    isolated(|| {
        let mut host = Host::open();
        let before = [ip_json("rule show"), ip_json("-6 rule show")];
        for (family, selectors) in &cases {
            let wanted = state([any(family, 100, selectors.clone(), lookup(9))]);
            // `converge` checks that the kernel has the rule with these selectors.
            if let Err(refusal) = host.try_converge(&wanted) {
                assert!(refusal.message.contains("this kernel"), "{refusal:?}");
                println!("skipped: {selectors:?}: {}", refusal.message);
            }
            host.converge(&State::default());
            assert_eq!([ip_json("rule show"), ip_json("-6 rule show")], before);
        }
        for mark in [(0, Some(0xff)), (0, Some(u32::MAX)), (5, None), (5, Some(0xff))] {
            let (mut key, object) = any("-4", 100, none(), lookup(9));
            if let Key::Rule(key) = &mut key {
                (key.fwmark, key.fwmask) = mark;
            }
            host.converge(&state([(key, object)]));
        }
        let mark = ip_json("rule show pref 100");
        assert_eq!((&mark[0]["fwmark"], &mark[0]["fwmask"]), (&json!("0x5"), &json!("0xff")));
    });
}

#[test]
fn rules_of_others_with_the_same_key_and_other_selectors_stay() {
    let tcp = Selectors { ipproto: Some(6), ..Selectors::default() };
    isolated(|| {
        // The kernel would remove the first one by a request for a rule with fewer selectors.
        ip("rule add pref 100 ipproto udp lookup 9 protocol static");
        ip("rule add pref 100 from 10.0.0.0/8 lookup 9 protocol static");
        ip("rule add pref 100 not from 10.0.0.0/8 lookup 8 protocol static");
        let before = ip_json("rule show");
        let mut host = Host::open();
        let plain = any("-4", 100, Selectors::default(), lookup(9));
        host.converge(&state([plain.clone(), any("-4", 100, tcp, lookup(9))]));
        assert_eq!(ip_json("rule show pref 100").as_array().unwrap().len(), 5);
        host.converge(&state([plain]));
        let shown = ip_json("rule show pref 100");
        assert_eq!(shown.as_array().unwrap().len(), 4, "{shown}");
        assert_eq!(shown[0]["ipproto"], "udp");
        assert_eq!(shown[3]["ipproto"], Json::Null);
        host.converge(&State::default());
        assert_eq!(ip_json("rule show"), before);
    });
}

#[test]
fn the_order_of_other_rules_stays_when_one_cannot_be_removed_alone() {
    isolated(|| {
        // The first one and those in between have more selectors than the one that is removed.
        ip("rule add pref 100 ipproto udp lookup 9 protocol static");
        let mut host = Host::open();
        host.converge(&state([any("-4", 100, Selectors::default(), lookup(9))]));
        for number in 1..500 {
            ip(&format!("rule add pref 100 tun_id {number} goto 101 protocol static"));
        }
        ip("rule add pref 101 from 10.0.0.0/8 lookup 9 protocol static");
        let mut before = ip_json("-d rule show");
        host.converge(&State::default());
        before.as_array_mut().unwrap().remove(2);
        assert_eq!(ip_json("-d rule show"), before);
    });
}
