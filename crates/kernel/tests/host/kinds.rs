//! Kinds of links with many attributes: each attribute is given, changed and taken back.

use std::collections::BTreeSet;

use netstate::link::{Link, LinkBelow, LinkKind};
use netstate::{Object, State};
use testkit::netns::{has_link_kind, ip, ip_json, isolated};

use crate::{Host, Made, address, link, netns, place, state, veth};

/// Attributes of each kind (a variant of `LinkKind`), one set after the other. Together they have every attribute.
const KINDS: [(&str, &[&str]); 20] = [
    ("Gre", GRE),
    ("Gretap", GRE),
    (
        "Vti",
        &[
            r#"{"remote": "10.9.0.1", "local": "10.9.0.2", "ikey": 1, "okey": 2, "fwmark": 7}"#,
            r#"{"remote": "10.9.0.3", "local": "10.9.0.2", "ikey": 3, "okey": 2}"#,
            r#"{"remote": "10.9.0.3"}"#,
            r#"{"local": "10.9.0.2", "okey": 5}"#,
        ],
    ),
    (
        "Ipip",
        &[
            r#"{"remote": "10.9.0.1", "local": "10.9.0.2", "mode": 0, "ttl": 5, "tos": 184, "pmtudisc": true, "fwmark": 7,
                "encap": 0, "encap_csum": true, "encap_csum6": true, "encap_sport": 4444, "encap_dport": 5555}"#,
            r#"{"remote": "10.9.0.1", "local": "10.9.0.2", "mode": 0, "ttl": 6, "tos": 184, "pmtudisc": true, "fwmark": 7,
                "encap": 0, "encap_csum": true, "encap_csum6": true, "encap_sport": 4444, "encap_dport": 5555}"#,
            r#"{"remote": "10.9.0.3", "pmtudisc": false, "encap_remcsum": true}"#,
            r#"{"local": "10.9.0.2"}"#,
            r#"{"external": true}"#,
            r#"{"external": true, "tos": 3}"#,
        ],
    ),
    (
        "Sit",
        &[
            r#"{"remote": "10.9.0.1", "local": "10.9.0.2", "mode": 0, "ttl": 5, "tos": 184, "pmtudisc": true, "fwmark": 7,
                "prefix_6rd": "2001:db8::", "prefixlen_6rd": 32, "relay_prefix_6rd": "10.0.0.0", "relay_prefixlen_6rd": 8,
                "encap": 0, "encap_csum": true, "encap_csum6": true, "encap_sport": 4444, "encap_dport": 5555}"#,
            r#"{"remote": "10.9.0.1", "local": "10.9.0.2", "mode": 0, "ttl": 6, "tos": 184, "pmtudisc": true, "fwmark": 7,
                "prefix_6rd": "2001:db9::", "prefixlen_6rd": 32, "encap": 0, "encap_csum": true, "encap_csum6": true,
                "encap_sport": 4444, "encap_dport": 5555}"#,
            r#"{"remote": "10.9.0.3", "pmtudisc": false, "encap_remcsum": true}"#,
            r#"{"local": "10.9.0.2", "isatap": true}"#,
        ],
    ),
    ("Macvlan", MACVLAN),
    ("Macvtap", MACVLAN),
    ("Ipvlan", IPVLAN),
    ("Ipvtap", IPVLAN),
    ("Vcan", &["{}"]),
    ("Vxcan", &["{}"]),
    ("Nlmon", &["{}"]),
    ("Geneve", GENEVE),
    (
        "Xfrm",
        &[
            r#"{"if_id": 5}"#,
            r#"{"if_id": 4294967295}"#,
            r#"{"external": true}"#,
            r#"{"if_id": 6}"#,
        ],
    ),
    ("Erspan", ERSPAN),
    ("Ip6erspan", IP6ERSPAN),
    ("Ip6tnl", IP6TNL),
    ("Ip6gre", IP6GRE),
    ("Ip6gretap", IP6GRE),
    (
        "Vti6",
        &[
            r#"{"remote": "2001:db8::1", "local": "2001:db8::2", "ikey": 1, "okey": 2, "fwmark": 7}"#,
            r#"{"remote": "2001:db8::3", "local": "2001:db8::2", "ikey": 3, "okey": 2}"#,
            r#"{"remote": "2001:db8::3"}"#,
            r#"{"local": "2001:db8::2", "okey": 5}"#,
        ],
    ),
];

const MACVLAN: &[&str] = &[
    r#"{"mode": 4, "bc_queue_len": 500}"#,
    r#"{"mode": 1, "nodst": true}"#,
    r#"{"mode": 16, "nodst": true, "macaddr": ["02:00:00:00:00:01", "02:00:00:00:00:02"]}"#,
    r#"{"mode": 16, "macaddr": ["02:00:00:00:00:03"]}"#,
    r#"{"mode": 8, "nopromisc": true}"#,
];

const IPVLAN: &[&str] =
    &[r#"{"mode": 0, "private": true}"#, r#"{"mode": 2, "vepa": true}"#, r#"{"mode": 1}"#];

const GENEVE: &[&str] = &[
    r#"{"id": 5, "remote": "10.9.0.1", "ttl": 5, "tos": 184, "df": 1, "dstport": 7777, "udpcsum": true}"#,
    r#"{"id": 5, "remote": "10.9.0.3", "ttl_inherit": true, "tos": 8, "df": 2, "dstport": 7777, "udpcsum": true}"#,
    r#"{"id": 5, "remote": "10.9.0.3", "ttl": 7, "dstport": 7777, "udpcsum": true}"#,
    r#"{"id": 5, "remote": "10.9.0.3"}"#,
    r#"{"id": 6, "remote": "2001:db8::1", "flowlabel": 77, "udp6zerocsumtx": true, "udp6zerocsumrx": true}"#,
    r#"{"id": 6, "remote": "2001:db8::3", "flowlabel": 78, "ttl": 9}"#,
    r#"{"id": 6, "remote": "2001:db8::3", "innerprotoinherit": true}"#,
    r#"{"id": 6, "remote": "10.9.0.1", "innerprotoinherit": true}"#,
    r#"{"external": true}"#,
    r#"{"external": true, "df": 1}"#,
    r#"{"id": 7}"#,
];

const ERSPAN: &[&str] = &[
    r#"{"remote": "10.9.0.1", "local": "10.9.0.2", "ikey": 1, "okey": 2, "iseq": true, "oseq": true, "ttl": 5, "tos": 184,
        "pmtudisc": true, "fwmark": 7, "erspan_index": 123, "encap": 0, "encap_csum": true, "encap_csum6": true,
        "encap_sport": 4444, "encap_dport": 5555}"#,
    r#"{"remote": "10.9.0.1", "local": "10.9.0.2", "ikey": 1, "okey": 2, "oseq": true, "ttl": 6, "tos": 184,
        "erspan_index": 1048575}"#,
    r#"{"remote": "10.9.0.3", "okey": 1023, "iseq": true, "pmtudisc": false, "ignore_df": true, "encap_remcsum": true}"#,
    r#"{"remote": "10.9.0.3", "okey": 1023, "iseq": true, "erspan_ver": 2, "erspan_dir": 1, "erspan_hwid": 63}"#,
    r#"{"remote": "10.9.0.3", "ikey": 1022, "iseq": true, "erspan_ver": 2, "erspan_dir": 0, "erspan_hwid": 1}"#,
    r#"{"remote": "10.9.0.3", "erspan_ver": 0, "icsum": true, "ocsum": true}"#,
    r#"{"remote": "10.9.0.3", "erspan_ver": 0, "ocsum": true, "ttl": 3}"#,
    r#"{"external": true}"#,
    r#"{"external": true, "ttl": 3}"#,
];

const IP6ERSPAN: &[&str] = &[
    r#"{"remote": "2001:db8::1", "local": "2001:db8::2", "ikey": 1, "okey": 2, "iseq": true, "oseq": true, "hoplimit": 5,
        "encaplimit": 3, "tclass": 184, "flowlabel": 77, "inherit_dscp": true, "allow_localremote": true, "fwmark": 7,
        "erspan_index": 123, "encap": 0, "encap_csum": true, "encap_csum6": true, "encap_sport": 4444,
        "encap_dport": 5555}"#,
    r#"{"remote": "2001:db8::1", "local": "2001:db8::2", "ikey": 1, "okey": 2, "iseq": true, "hoplimit": 6,
        "erspan_index": 1048575}"#,
    r#"{"remote": "2001:db8::3", "okey": 4, "oseq": true, "no_encaplimit": true, "inherit_tclass": true,
        "inherit_flowlabel": true, "inherit_fwmark": true, "encap_remcsum": true}"#,
    r#"{"remote": "2001:db8::3", "okey": 4, "oseq": true, "erspan_ver": 2, "erspan_dir": 1, "erspan_hwid": 63}"#,
    r#"{"remote": "2001:db8::3", "ikey": 4, "oseq": true, "erspan_ver": 2, "erspan_dir": 0, "erspan_hwid": 1}"#,
    r#"{"remote": "2001:db8::3", "ikey": 4, "oseq": true, "hoplimit": 3}"#,
    r#"{"external": true, "icsum": true, "ocsum": true}"#,
    r#"{"external": true, "hoplimit": 3}"#,
];

const IP6TNL: &[&str] = &[
    r#"{"remote": "2001:db8::1", "local": "2001:db8::2", "mode": 41, "hoplimit": 5, "encaplimit": 3, "tclass": 184,
        "flowlabel": 77, "inherit_dscp": true, "allow_localremote": true, "fwmark": 7, "encap": 0, "encap_csum": true,
        "encap_csum6": true, "encap_sport": 4444, "encap_dport": 5555}"#,
    r#"{"remote": "2001:db8::1", "local": "2001:db8::2", "mode": 41, "hoplimit": 6, "encaplimit": 3, "tclass": 184,
        "flowlabel": 77, "inherit_dscp": true, "allow_localremote": true, "fwmark": 7, "encap": 0, "encap_csum": true,
        "encap_csum6": true, "encap_sport": 4444, "encap_dport": 5555}"#,
    r#"{"remote": "2001:db8::3", "mode": 4, "no_encaplimit": true, "inherit_tclass": true, "inherit_flowlabel": true,
        "inherit_fwmark": true, "encap_remcsum": true}"#,
    r#"{"local": "2001:db8::2", "flowlabel": 5}"#,
    r#"{"external": true}"#,
    r#"{"external": true, "hoplimit": 3}"#,
];

const IP6GRE: &[&str] = &[
    r#"{"remote": "2001:db8::1", "local": "2001:db8::2", "ikey": 1, "okey": 2, "iseq": true, "oseq": true, "icsum": true,
        "ocsum": true, "hoplimit": 5, "encaplimit": 3, "tclass": 184, "flowlabel": 77, "inherit_dscp": true,
        "allow_localremote": true, "fwmark": 7, "encap": 0, "encap_csum": true, "encap_csum6": true, "encap_sport": 4444,
        "encap_dport": 5555}"#,
    r#"{"remote": "2001:db8::1", "local": "2001:db8::2", "ikey": 1, "okey": 2, "iseq": true, "oseq": true, "icsum": true,
        "ocsum": true, "hoplimit": 6, "encaplimit": 3, "tclass": 184, "flowlabel": 77, "inherit_dscp": true,
        "allow_localremote": true, "fwmark": 7, "encap": 0, "encap_csum": true, "encap_csum6": true, "encap_sport": 4444,
        "encap_dport": 5555}"#,
    r#"{"remote": "2001:db8::3", "okey": 4, "no_encaplimit": true, "inherit_tclass": true, "inherit_flowlabel": true,
        "inherit_fwmark": true, "encap_remcsum": true}"#,
    r#"{"local": "2001:db8::2", "ikey": 9}"#,
    r#"{"external": true}"#,
    r#"{"external": true, "hoplimit": 3}"#,
];

/// A header around the tunnel would need a module that the kernel does not load by itself (fou).
const GRE: &[&str] = &[
    r#"{"remote": "10.9.0.1", "local": "10.9.0.2", "ikey": 1, "okey": 2, "iseq": true, "oseq": true, "icsum": true,
        "ocsum": true, "ttl": 5, "tos": 184, "pmtudisc": true, "fwmark": 7, "encap": 0, "encap_csum": true,
        "encap_csum6": true, "encap_sport": 4444, "encap_dport": 5555}"#,
    r#"{"remote": "10.9.0.1", "local": "10.9.0.2", "ikey": 1, "okey": 2, "iseq": true, "oseq": true, "icsum": true,
        "ocsum": true, "ttl": 6, "tos": 184, "pmtudisc": true, "fwmark": 7, "encap": 0, "encap_csum": true,
        "encap_csum6": true, "encap_sport": 4444, "encap_dport": 5555}"#,
    r#"{"remote": "10.9.0.3", "local": "10.9.0.2", "okey": 3, "ttl": 9, "pmtudisc": false, "ignore_df": true,
        "encap_remcsum": true, "encap_dport": 5556}"#,
    r#"{"remote": "10.9.0.3", "local": "10.9.0.2", "ikey": 4, "ocsum": true}"#,
    r#"{"remote": "239.1.1.1", "local": "10.9.0.2"}"#,
    r#"{"local": "10.9.0.2", "ikey": 9}"#,
    r#"{"external": true}"#,
    r#"{"external": true, "ttl": 3}"#,
];

fn kind(variant: &str, attributes: &str) -> LinkKind {
    serde_json::from_str(&format!(r#"{{"{variant}": {attributes}}}"#)).unwrap()
}

#[test]
fn every_kind_takes_each_attribute() {
    for (variant, sets) in KINDS {
        let empty = kind(variant, "{}");
        let name = empty.name();
        isolated(|| {
            if !has_link_kind(name) {
                return;
            }
            ip("link add below type veth peer name other");
            ip("link set below up");
            ip("addr add 10.9.0.2/24 dev below");
            ip("addr add 2001:db8::2/64 dev below nodad");
            let mut host = Host::open();
            let of = |kind: LinkKind| {
                let facts = kind.facts();
                let peer = facts.paired.then(|| place("far@1"));
                let (key, mut object) = link("l", "l@1", Made { kind: Some(kind), peer });
                if let (LinkBelow::Required(_), Object::Link(link)) =
                    (facts.link_below, &mut object)
                {
                    link.device = Some(place("below@1"));
                }
                state([(key, object)])
            };
            let mut given = BTreeSet::new();
            for set in sets {
                let kind = kind(variant, set);
                given.extend(kind.set().into_iter().map(|field| field.name));
                host.converge(&of(kind));
            }
            let all = empty.fields().iter().map(|field| field.name);
            let left: Vec<&str> =
                all.filter(|name| !given.contains(name) && !name.starts_with("has_")).collect();
            assert!(left.is_empty(), "{name}: nobody gives {left:?}");
            let minimal = LinkKind::all().find(|kind| kind.name() == name).unwrap();
            host.converge(&of(minimal));
            host.converge(&State::default());
        });
    }
}

/// The kernel only stores the index of the underlay.
#[test]
fn every_kind_of_tunnel_outlives_its_underlay() {
    isolated(|| {
        if !has_link_kind("gre") {
            return;
        }
        let mut host = Host::open();
        let tunnel = |at: &str, under: Option<&str>, attributes: &str| {
            let kind = kind("Gre", attributes);
            let (key, object) = link("gre", at, Some(kind));
            let Object::Link(made) = object else { unreachable!() };
            let device = under.map(place);
            (key, Object::Link(Box::new(Link { device, ..*made })))
        };
        let pair = |one: &str, other: &str| {
            [
                link(one, &format!("{one}@1"), veth(&format!("{other}@1"))),
                link(other, &format!("{other}@1"), veth(&format!("{one}@1"))),
            ]
        };
        let ends = r#"{"remote": "10.9.0.1", "ikey": 16909060, "ttl": 7}"#;
        let base = |more: Vec<_>| {
            state(
                [netns("red"), address("u@1", "10.9.0.2/24")]
                    .into_iter()
                    .chain(pair("u", "v"))
                    .chain(more),
            )
        };
        let index = || ip_json("link show tunnel")[0]["ifindex"].clone();
        host.converge(&base(vec![tunnel("tunnel@1", Some("u@1"), ends)]));
        let first = index();
        let seen = &ip_json("-d link show tunnel")[0]["linkinfo"]["info_data"];
        assert_eq!((&seen["ikey"], &seen["ttl"]), (&"1.2.3.4".into(), &7.into()));
        // Another attribute does not reset the underlay, nor the others.
        let more = r#"{"remote": "10.9.0.1", "ikey": 16909060, "ttl": 7, "tos": 8}"#;
        host.converge(&base(vec![tunnel("tunnel@1", Some("u@1"), more)]));
        let seen = &ip_json("-d link show tunnel")[0];
        assert_eq!(
            (&seen["link"], &seen["linkinfo"]["info_data"]["ttl"]),
            (&"u".into(), &7.into())
        );
        // Another underlay, and the first one goes.
        let others = |under| {
            state(
                [netns("red")]
                    .into_iter()
                    .chain(pair("x", "y"))
                    .chain([tunnel("tunnel@1", under, more)]),
            )
        };
        host.converge(&others(Some("x@1")));
        assert_eq!(ip_json("link show tunnel")[0]["link"], "x");
        assert_eq!(index(), first);
        host.converge(&others(None));
        // An underlay in another namespace.
        host.converge(&base(vec![tunnel("tunnel@red", Some("u@1"), ends)]));
        let seen = &ip_json("-n red -d link show tunnel")[0];
        assert_eq!(seen["linkinfo"]["info_data"]["ttl"], 7);
        assert!(seen["link_netnsid"].is_number());
        host.converge(&base(vec![tunnel("tunnel@red", Some("u@1"), more)]));
        host.converge(&base(vec![tunnel("tunnel@red", None, more)]));
        host.converge(&State::default());
    });
}
