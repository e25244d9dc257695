//! Rules of the routing policy database, compared with ip-rule(8).

use netstate::uapi::{FR_ACT_TO_TBL, RTPROT_STATIC};
use netstate::{Key, Object, Rule, RuleKey, Scope, Southbound, State};
use testkit::netns::{ip, ip_json, isolated};

use crate::{Host, netns, state};

fn rule(netns: &str, pref: u32, from: &str, table: u32) -> (Key, Object) {
    let from: ipnet::IpNet = from.parse().unwrap();
    let to = if from.addr().is_ipv6() { "::/0" } else { "0.0.0.0/0" };
    let (netns, to) = (netns.parse().unwrap(), to.parse().unwrap());
    let key = RuleKey { netns, pref, from, to, tos: 0x10, fwmark: 7 };
    let rule = Rule {
        action: Some(FR_ACT_TO_TBL),
        table: Some(table),
        iif: Some("absent".parse().unwrap()),
        oif: None,
        protocol: Some(RTPROT_STATIC),
    };
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
