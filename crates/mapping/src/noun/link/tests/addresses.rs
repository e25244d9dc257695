//! Tables of addresses with options.

use expect_test::expect;
use netstate::{Address, AddressKey, AddressStatus, Key, Link, Object, Place};

use crate::test::{check, check_faults, check_path, check_raised, state};

#[test]
fn each_option_reaches_its_field() {
    check(
        r#"{"links": {
            "link": [{"name": "uplink", "netloom-link:ifname": "eth0", "ip": [
                {"address": "10.0.0.1/24", "netloom-address:label": "eth0:1", "netloom-address:broadcast": "10.0.0.255",
                 "netloom-address:scope": "link", "netloom-address:metric": 7, "netloom-address:proto": 99},
                {"address": "10.0.0.2/32", "netloom-address:peer": "10.0.0.3", "netloom-address:noprefixroute": true},
                {"address": "10.1.0.1/24", "netloom-address:scope": 7, "netloom-address:preferred_lft": 0},
                {"address": "10.2.0.1/24", "netloom-address:peer": "10.2.0.9"},
                {"address": "127.0.1.1/24", "netloom-address:valid_lft": "forever"},
                {"address": "2001:db8::1/64", "netloom-address:nodad": true, "netloom-address:home": true,
                 "netloom-address:mngtmpaddr": true, "netloom-address:valid_lft": 3600,
                 "netloom-address:preferred_lft": 1800},
                {"address": "2001:db8::2/64", "netloom-address:peer": "2001:db8:1::1",
                 "netloom-address:preferred_lft": 1800}
            ]}],
            "gre": [{"name": "g0", "netloom-link:ip": [{"address": "10.9.0.1/30", "netloom-address:metric": 1}]}]
        }}"#,
        expect![[r#"
            {Link: g0} = {Link: {place: {ifname: g0, netns: 1}}}
            {Link: uplink} = {Link: {place: {ifname: eth0, netns: 1}}}
            {Address: {address: 10.0.0.1/24, dev: eth0, netns: 1}} = {Address: {options: {broadcast: 10.0.0.255, label: eth0:1, metric: 7, proto: 99, scope: 253}}}
            {Address: {address: 10.0.0.2/32, dev: eth0, far_subnet: 10.0.0.3/32, netns: 1}} = {Address: {options: {noprefixroute: true, peer: 10.0.0.3}}}
            {Address: {address: 10.1.0.1/24, dev: eth0, netns: 1}} = {Address: {options: {preferred_lft: 0, scope: 7}}}
            {Address: {address: 10.2.0.1/24, dev: eth0, netns: 1}} = {Address: {options: {peer: 10.2.0.9}}}
            {Address: {address: 127.0.1.1/24, dev: eth0, netns: 1}} = {Address: {options: {valid_lft: forever}}}
            {Address: {address: 2001:db8::1/64, dev: eth0, netns: 1}} = {Address: {options: {home: true, mngtmpaddr: true, nodad: true, preferred_lft: 1800, valid_lft: 3600}}}
            {Address: {address: 2001:db8::2/64, dev: eth0, netns: 1}} = {Address: {options: {peer: 2001:db8:1::1, preferred_lft: 1800}}}
            {Address: {address: 10.9.0.1/30, dev: g0, netns: 1}} = {Address: {options: {metric: 1}}}
        "#]],
    );
}

#[test]
fn options_that_an_address_cannot_have_are_refused() {
    check_faults(
        r#"{"links": {"link": [{"name": "eth0", "ip": [
            {"address": "10.0.0.1/24", "netloom-address:label": "eth1:1", "netloom-address:nodad": false,
             "netloom-address:home": true, "netloom-address:mngtmpaddr": true, "netloom-address:peer": "2001:db8::1"},
            {"address": "10.0.0.2/24", "netloom-address:label": "eth01", "netloom-address:scope": "link",
             "netloom-address:peer": "10.0.0.2"},
            {"address": "10.0.1.1/24", "netloom-address:preferred_lft": 100, "netloom-address:peer": "224.0.0.1"},
            {"address": "10.0.2.1/24", "netloom-address:valid_lft": 100, "netloom-address:preferred_lft": 101},
            {"address": "10.0.3.1/24", "netloom-address:valid_lft": 0, "netloom-address:broadcast": "0.0.0.0"},
            {"address": "10.0.4.1/24", "netloom-address:valid_lft": 100, "netloom-address:preferred_lft": "forever"},
            {"address": "10.0.5.1/24", "netloom-address:peer": "10.0.0.9"},
            {"address": "224.0.0.1/24"},
            {"address": "2001:db8::1/60", "netloom-address:label": "eth0", "netloom-address:broadcast": "10.0.0.1",
             "netloom-address:scope": "global", "netloom-address:mngtmpaddr": true}
        ]}]}}"#,
        expect![[r#"
            /iproute2-ip-link:links/link[name='eth0']/ip[address='10.0.0.1/24']/netloom-address:home: only an IPv6 address has this
            /iproute2-ip-link:links/link[name='eth0']/ip[address='10.0.0.1/24']/netloom-address:nodad: only an IPv6 address has this
            /iproute2-ip-link:links/link[name='eth0']/ip[address='10.0.0.1/24']/netloom-address:mngtmpaddr: only an IPv6 address has this
            /iproute2-ip-link:links/link[name='eth0']/ip[address='10.0.0.1/24']/netloom-address:peer: the peer is not of the family of 10.0.0.1/24
            /iproute2-ip-link:links/link[name='eth0']/ip[address='10.0.0.1/24']/netloom-address:label: a label begins with the name of the link: eth0, or eth0: and a text
            /iproute2-ip-link:links/link[name='eth0']/ip[address='10.0.0.2/24']/netloom-address:peer: this is the address itself
            /iproute2-ip-link:links/link[name='eth0']/ip[address='10.0.0.2/24']/netloom-address:label: a label begins with the name of the link: eth0, or eth0: and a text
            /iproute2-ip-link:links/link[name='eth0']/ip[address='10.0.0.2/24']/netloom-address:scope: 10.0.0.1/24 is in the same subnet and has another scope; the addresses of a subnet have one scope
            /iproute2-ip-link:links/link[name='eth0']/ip[address='10.0.1.1/24']/netloom-address:peer: 224.0.0.1 is no address that a host can have
            /iproute2-ip-link:links/link[name='eth0']/ip[address='10.0.1.1/24']/netloom-address:preferred_lft: Linux does not count down an IPv4 address that is valid forever: set valid_lft too, or set this to 0 or forever
            /iproute2-ip-link:links/link[name='eth0']/ip[address='10.0.2.1/24']/netloom-address:preferred_lft: this is longer than valid_lft, 100 seconds
            /iproute2-ip-link:links/link[name='eth0']/ip[address='10.0.3.1/24']/netloom-address:broadcast: this is no address; leave broadcast out for none
            /iproute2-ip-link:links/link[name='eth0']/ip[address='10.0.3.1/24']/netloom-address:valid_lft: an address with this would be gone at once
            /iproute2-ip-link:links/link[name='eth0']/ip[address='10.0.4.1/24']/netloom-address:preferred_lft: this is longer than valid_lft, 100 seconds
            /iproute2-ip-link:links/link[name='eth0']/ip[address='224.0.0.1/24']: 224.0.0.1 is no address that a link can have
            /iproute2-ip-link:links/link[name='eth0']/ip[address='2001:db8::1/60']/netloom-address:broadcast: only an IPv4 address has this
            /iproute2-ip-link:links/link[name='eth0']/ip[address='2001:db8::1/60']/netloom-address:label: only an IPv4 address has this
            /iproute2-ip-link:links/link[name='eth0']/ip[address='2001:db8::1/60']/netloom-address:scope: only an IPv4 address has this
            /iproute2-ip-link:links/link[name='eth0']/ip[address='2001:db8::1/60']/netloom-address:mngtmpaddr: temporary addresses need a prefix length of 64
        "#]],
    );
}

#[test]
fn options_are_shown_unless_they_are_defaults_that_are_not_configured() {
    let place = Place { netns: "1".parse().unwrap(), ifname: "eth0".parse().unwrap() };
    let link =
        (Key::Link("eth0".parse().unwrap()), Object::Link(Box::new(Link::at(place.clone()))));
    let seen = |text: &str, status: AddressStatus| {
        let key = AddressKey::new(place.netns.clone(), place.ifname.clone(), text.parse().unwrap());
        let address = Address { status: Some(status.into()), ..Address::default() };
        (Key::Address(key.with_peer(None)), Object::Address(address))
    };
    let plain = AddressStatus { label: Some("eth0".into()), ..AddressStatus::default() };
    let full = AddressStatus {
        flags: 0x280,
        scope: 253,
        protocol: 99,
        peer: Some("10.0.1.2".parse().unwrap()),
        broadcast: Some("10.0.1.255".parse().unwrap()),
        label: Some("eth0:1".into()),
        metric: Some(7),
        valid_left: Some(100),
        preferred_left: Some(0),
        age: 5,
        ..AddressStatus::default()
    };
    let of_ipv6 =
        AddressStatus { flags: 0x112, preferred_left: Some(9), ..AddressStatus::default() };
    let observed = state([
        link,
        seen("10.0.0.1/24", plain.clone()),
        seen("10.0.0.2/24", plain),
        seen("10.0.1.1/24", full),
        seen("2001:db8::1/64", of_ipv6),
    ]);
    check_raised(
        &observed,
        r#"{"links": {"link": [{"name": "eth0", "ip": [
            {"address": "10.0.0.2/24", "netloom-address:scope": "global", "netloom-address:noprefixroute": false,
             "netloom-address:label": "eth0", "netloom-address:valid_lft": "forever"}
        ]}]}}"#,
        expect![[r#"
            {
              "iproute2-ip-link:links": {
                "link": [
                  {
                    "name": "eth0",
                    "netns": "1",
                    "ip": [
                      {
                        "address": "10.0.0.1/24"
                      },
                      {
                        "address": "10.0.0.2/24",
                        "netloom-address:label": "eth0",
                        "netloom-address:scope": "global",
                        "netloom-address:valid_lft": "forever",
                        "netloom-address:noprefixroute": false
                      },
                      {
                        "address": "10.0.1.1/24",
                        "netloom-address:peer": "10.0.1.2",
                        "netloom-address:broadcast": "10.0.1.255",
                        "netloom-address:label": "eth0:1",
                        "netloom-address:scope": "link",
                        "netloom-address:valid_lft": 100,
                        "netloom-address:preferred_lft": 0,
                        "netloom-address:metric": 7,
                        "netloom-address:proto": 99,
                        "netloom-address:noprefixroute": true
                      },
                      {
                        "address": "2001:db8::1/64",
                        "netloom-address:preferred_lft": 9,
                        "netloom-address:home": true,
                        "netloom-address:nodad": true,
                        "netloom-address:mngtmpaddr": true
                      }
                    ]
                  }
                ]
              }
            }"#]],
    );
}

#[test]
fn an_error_names_the_leaf_of_an_option() {
    let key = r#"{"Address": {"netns": "1", "dev": "eth0", "address": "10.0.0.1/24"}}"#;
    let configuration = r#"{"links": {"link": [{"name": "eth0", "ip": [
        {"address": "10.0.0.1/24", "netloom-address:label": "eth0:1"}]}]}}"#;
    check_path(
        configuration,
        (key, Some("label")),
        expect![
            "/iproute2-ip-link:links/link[name='eth0']/ip[address='10.0.0.1/24']/netloom-address:label"
        ],
    );
    check_path(
        configuration,
        (key, Some("metric")),
        expect!["/iproute2-ip-link:links/link[name='eth0']/ip[address='10.0.0.1/24']"],
    );
}
