//! Each form of a field, written, read and compared. The bytes are those of the kernel's own
//! structures.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use expect_test::{Expect, expect};
use ipnet::IpNet;

use super::{
    AdditiveMap, Attributes, Difference, Fields, Keyed, Masked, Packed, Value, differences,
    iterate, overlong, put, put_nested, put_value,
};
use crate::name::MacAddress;

/// Checks the header and the attributes of a struct, one per line, and that decoding returns the
/// same struct.
fn check<T: Attributes + PartialEq + std::fmt::Debug>(value: T, expect: Expect) {
    let mut bytes = Vec::new();
    value.encode(&mut bytes);
    let (header, row) = bytes.split_at(T::HEADER);
    let mut lines = String::new();
    if !header.is_empty() {
        lines = format!("header: {header:02x?}\n");
    }
    for attribute in iterate(row) {
        let (number, value) = attribute.unwrap();
        lines += &format!("{number}: {value:02x?}\n");
    }
    expect.assert_eq(&lines);
    assert_eq!(bytes.len() % 4, 0);
    assert_eq!(T::decode(&bytes).unwrap().only(&value), value);
}

/// `IFLA_VLAN_…` (`vlan_fill_info`, net/8021q/vlan_netlink.c).
#[derive(Clone, Debug, Default, PartialEq, Eq, Attributes)]
struct Vlan {
    #[attribute(IFLA_VLAN_FLAGS, bit = VLAN_FLAG_REORDER_HDR, masked)]
    reorder_hdr: Option<bool>,
    #[attribute(IFLA_VLAN_FLAGS, bit = VLAN_FLAG_GVRP, masked)]
    gvrp: Option<bool>,
    #[attribute(IFLA_VLAN_EGRESS_QOS, element = IFLA_VLAN_QOS_MAPPING)]
    egress_qos_map: Option<AdditiveMap<u32, u32>>,
}

#[test]
fn flags_with_a_mask_are_sent_separately() {
    let off = Vlan { reorder_hdr: Some(false), ..Vlan::default() };
    let both = Vlan { gvrp: Some(true), ..off.clone() };
    check(
        off,
        expect![[r#"
            2: [00, 00, 00, 00, 01, 00, 00, 00]
        "#]],
    );
    check(
        both.clone(),
        expect![[r#"
            2: [02, 00, 00, 00, 03, 00, 00, 00]
        "#]],
    );
    let seen = Vlan { reorder_hdr: Some(true), gvrp: Some(true), ..Vlan::default() };
    assert_eq!(both.changes(&seen), Vlan { gvrp: None, ..both });
}

#[test]
fn a_change_of_an_additive_map_contains_removals() {
    let map = |entries: &[(u32, u32)]| Some(entries.iter().copied().collect::<AdditiveMap<_, _>>());
    let vlan = |entries| Vlan { egress_qos_map: map(entries), ..Vlan::default() };
    check(
        vlan(&[(1, 2), (3, 4)]),
        expect![[r#"
            3: [0c, 00, 01, 00, 01, 00, 00, 00, 02, 00, 00, 00, 0c, 00, 01, 00, 03, 00, 00, 00, 04, 00, 00, 00]
        "#]],
    );
    // (wanted, observed, the entries of the change)
    type Entries = &'static [(u32, u32)];
    let cases: [(Entries, Entries, Option<Entries>); 6] = [
        (&[(1, 2)], &[(1, 2), (3, 4)], Some(&[(3, 0)])),
        (&[(1, 5), (6, 7)], &[(1, 2)], Some(&[(1, 5), (6, 7)])),
        (&[], &[(1, 2)], Some(&[(1, 0)])),
        (&[(1, 0)], &[], None),
        (&[(1, 2)], &[(1, 2)], None),
        (&[], &[], None),
    ];
    for (wanted, observed, entries) in cases {
        let (wanted, mut seen) = (vlan(wanted), vlan(observed));
        let change = wanted.changes(&seen);
        let said = change
            .egress_qos_map
            .as_ref()
            .map(|map| map.entries().iter().map(|(from, to)| (*from, *to)).collect::<Vec<_>>());
        assert_eq!(said, entries.map(<[_]>::to_vec));
        seen.overlay(&change);
        assert_eq!(seen, wanted, "the change leads there");
    }
    assert!(Vlan::default().changes(&vlan(&[(1, 2)])).is_empty(), "not configured, it stays");
    let mut target = vlan(&[(3, 4)]);
    target.overlay(&vlan(&[(1, 2)]));
    assert_eq!(target, vlan(&[(1, 2)]), "a configured map is all of it");
    assert_eq!(Vlan::decode(&[]).unwrap().egress_qos_map, map(&[]));
}

#[test]
fn an_additive_map_is_written_as_a_map() {
    let map: AdditiveMap<u32, u32> = serde_json::from_str(r#"{"3": 4, "1": 2, "5": 0}"#).unwrap();
    assert_eq!(serde_json::to_string(&map).unwrap(), r#"{"1":2,"3":4}"#, "0 stands for none");
    serde_json::from_str::<AdditiveMap<u32, u32>>(r#"{"3": "x"}"#).unwrap_err();
}

/// `RTAX_…`, and the flags of a nexthop, which are set by being present.
#[derive(Clone, Debug, Default, PartialEq, Eq, Attributes)]
struct Metrics {
    #[attribute(RTAX_MTU)]
    mtu: Option<u32>,
    #[attribute(RTAX_ADVMSS, create_only)]
    advmss: Option<u32>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Attributes)]
struct Nested {
    #[attribute(plain)]
    kind: u8,
    #[attribute(RTA_METRICS, nested)]
    metrics: Metrics,
    #[attribute(IFLA_VXLAN_GBP, presence)]
    gbp: Option<bool>,
}

#[test]
fn nested_fields_are_fields() {
    let metrics = Metrics { mtu: Some(1400), advmss: None };
    let observed = Nested { metrics, gbp: Some(true), ..Nested::default() };
    let wanted = Nested { kind: 1, ..observed.clone() };
    check(
        observed,
        expect![[r#"
            8: [08, 00, 02, 00, 78, 05, 00, 00]
            23: []
        "#]],
    );
    assert_eq!(wanted.set_fields(), ["mtu", "gbp"]);
    assert_eq!(Nested::FIELDS[0].nested[1].name, "advmss");
    let seen = Nested { metrics: Metrics { mtu: Some(1400), advmss: Some(9) }, ..wanted.clone() };
    let change = wanted.changes(&seen);
    assert!(change.is_empty());
    assert_eq!((change.kind, seen.changes(&wanted).set_fields()), (1, vec!["advmss"]));
    let mut both = Nested::default();
    both.overlay(&seen);
    assert_eq!((&both, seen.only(&wanted)), (&seen, wanted));
    // A default is not written, and a missing attribute is read as the default.
    check(Nested { gbp: Some(false), ..Nested::default() }, expect![""]);
}

/// `struct tc_ratespec` (pkt_sched.h).
#[derive(Clone, Debug, Default, PartialEq, Eq, Packed)]
struct RateSpec {
    cell_log: u8,
    linklayer: u8,
    overhead: u16,
    cell_align: i16,
    mpu: u16,
    rate: BytesPerSecond,
}

/// A rate that users give in kilobits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct BytesPerSecond {
    kilobits: u32,
}

impl Value for BytesPerSecond {
    fn put(&self, out: &mut Vec<u8>) {
        (self.kilobits * 125).put(out);
    }

    fn take(bytes: &[u8]) -> Option<Self> {
        Some(Self { kilobits: u32::take(bytes)? / 125 })
    }
}

impl Packed for BytesPerSecond {
    const SIZE: usize = 4;
}

/// `struct tc_htb_opt`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Attributes)]
struct Htb {
    #[attribute(TCA_HTB_PARMS, at = 8)]
    rate: Option<BytesPerSecond>,
    #[attribute(TCA_HTB_PARMS, at = 12, size = 44)]
    ceil: Option<RateSpec>,
    #[attribute(TCA_HTB_PARMS, at = 32)]
    quantum: Option<u32>,
}

#[test]
fn a_structure_is_sent_as_a_whole() {
    let rate = Some(BytesPerSecond { kilobits: 1000 });
    check(
        Htb { rate: rate.clone(), quantum: Some(1514), ..Htb::default() },
        expect![[r#"
            1: [00, 00, 00, 00, 00, 00, 00, 00, 48, e8, 01, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, ea, 05, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00]
        "#]],
    );
    let spec =
        RateSpec { cell_log: 3, rate: BytesPerSecond { kilobits: 8 }, ..RateSpec::default() };
    let seen = Htb { rate, ceil: Some(spec), quantum: Some(1514) };
    let wanted = Htb { quantum: Some(3000), ..Htb::default() };
    let change = wanted.changes(&seen);
    assert_eq!(change, Htb { quantum: Some(3000), ..seen.clone() }, "what is not meant stays");
    assert!(Htb { quantum: Some(1514), ..Htb::default() }.changes(&seen).is_empty());
    // The structure of an older kernel is shorter.
    let mut bytes = Vec::new();
    put(&mut bytes, crate::uapi::TCA_HTB_PARMS, |out| out.extend([0; 30]));
    let old = Htb::decode(&bytes).unwrap();
    assert_eq!((old.rate, old.quantum), (Some(BytesPerSecond::default()), None));
}

/// `struct ndmsg` and its attributes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Attributes)]
#[attribute(header = 12)]
struct Neighbor {
    #[attribute(header, at = 8)]
    state: Option<u16>,
    #[attribute(header, at = 10, bit = NTF_ROUTER)]
    router: Option<bool>,
    #[attribute(header, at = 10, bit = not NTF_EXT_LEARNED)]
    own: Option<bool>,
    #[attribute(NDA_FLAGS_EXT, bit = NTF_EXT_MANAGED, absent = false)]
    managed: Option<bool>,
}

#[test]
fn a_header_is_a_structure_too() {
    let wanted = Neighbor { router: Some(true), own: Some(false), ..Neighbor::default() };
    let change = wanted.changes(&Neighbor { state: Some(0x80), ..Neighbor::default() });
    assert_eq!(change.state, Some(0x80), "without a mask, a change of a flag is the header whole");
    check(
        change,
        expect![[r#"
            header: [00, 00, 00, 00, 00, 00, 00, 00, 80, 00, 90, 00]
        "#]],
    );
    check(
        Neighbor { managed: Some(true), ..Neighbor::default() },
        expect![[r#"
            header: [00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00]
            15: [01, 00, 00, 00]
        "#]],
    );
    let read = Neighbor::decode(&[0; 12]).unwrap();
    assert_eq!((read.router, read.own, read.managed), (Some(false), Some(true), Some(false)));
    assert!(Neighbor::decode(&[0; 11]).is_err());
}

/// `TCA_FLOWER_KEY_…` (pkt_cls.h).
#[derive(Clone, Debug, Default, PartialEq, Eq, Attributes)]
struct Flower {
    #[attribute(
        TCA_FLOWER_KEY_IPV4_SRC,
        mask = TCA_FLOWER_KEY_IPV4_SRC_MASK,
        or = TCA_FLOWER_KEY_IPV6_SRC,
        or_mask = TCA_FLOWER_KEY_IPV6_SRC_MASK
    )]
    src_ip: Option<IpNet>,
    #[attribute(TCA_FLOWER_KEY_TCP_DST, mask = TCA_FLOWER_KEY_TCP_DST_MASK, big_endian)]
    dst_port: Option<Masked<u16>>,
}

#[test]
fn a_value_has_its_mask_beside_it() {
    let dst_port = Some(Masked { value: 8080, mask: 0xfff0 });
    check(
        Flower { src_ip: Some("192.0.2.0/24".parse().unwrap()), dst_port },
        expect![[r#"
            10: [c0, 00, 02, 00]
            11: [ff, ff, ff, 00]
            19: [1f, 90]
            36: [ff, f0]
        "#]],
    );
    check(
        Flower { src_ip: Some("2001:db8::/32".parse().unwrap()), ..Flower::default() },
        expect![[r#"
            14: [20, 01, 0d, b8, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00]
            15: [ff, ff, ff, ff, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00]
        "#]],
    );
    let read = |attributes: &[(u16, IpAddr)]| {
        let mut bytes = Vec::new();
        attributes.iter().for_each(|(number, value)| put_value(&mut bytes, *number, value));
        Flower::decode(&bytes).map(|flower| flower.src_ip.map(|ip| ip.to_string()))
    };
    let (address, mask) = ("192.0.2.0".parse().unwrap(), "255.255.0.0".parse().unwrap());
    let same = |text: &str| Ok(Some(text.to_owned()));
    assert_eq!(read(&[(10, address)]), same("192.0.2.0/32"), "without a mask, all of it");
    assert_eq!(read(&[(10, address), (11, mask)]), same("192.0.2.0/16"));
    assert_eq!(read(&[(11, mask), (10, address)]), same("192.0.2.0/16"));
    let holes = "255.0.255.0".parse().unwrap();
    assert_eq!(read(&[(10, address), (11, holes)]).unwrap_err().field, "src_ip");
}

/// `IFLA_BOND_…` and `IFLA_MACVLAN_…`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Attributes)]
struct Lists {
    #[attribute(IFLA_BOND_ARP_IP_TARGET)]
    arp_ip_target: Option<BTreeSet<Ipv4Addr>>,
    #[attribute(IFLA_MACVLAN_MACADDR_DATA, element = IFLA_MACVLAN_MACADDR)]
    sources: Option<Vec<MacAddress>>,
    #[attribute(IFLA_MACVLAN_MACADDR, repeated)]
    repeated: Option<BTreeMap<u8, Association>>,
}

/// `MACSEC_SA_ATTR_…`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Attributes)]
struct Association {
    #[attribute(MACSEC_SA_ATTR_AN)]
    number: Option<u8>,
    #[attribute(MACSEC_SA_ATTR_ACTIVE)]
    active: Option<bool>,
}

impl Keyed for Association {
    type Key = u8;

    fn key(&self) -> u8 {
        self.number.unwrap_or_default()
    }
}

fn associations(all: &[(u8, Option<bool>)]) -> BTreeMap<u8, Association> {
    let one = |(number, active): &(u8, Option<bool>)| {
        (*number, Association { number: Some(*number), active: *active })
    };
    all.iter().map(one).collect()
}

#[test]
fn lists_number_their_elements_or_do_not() {
    check(
        Lists {
            arp_ip_target: Some(["192.0.2.2", "192.0.2.1"].map(|ip| ip.parse().unwrap()).into()),
            sources: Some(vec!["52:54:00:12:34:56".parse().unwrap()]),
            repeated: Some(associations(&[(0, Some(true)), (1, None)])),
        },
        expect![[r#"
            8: [08, 00, 00, 00, c0, 00, 02, 01, 08, 00, 01, 00, c0, 00, 02, 02]
            5: [0a, 00, 04, 00, 52, 54, 00, 12, 34, 56, 00, 00]
            4: [05, 00, 01, 00, 00, 00, 00, 00, 05, 00, 02, 00, 01, 00, 00, 00]
            4: [05, 00, 01, 00, 01, 00, 00, 00]
        "#]],
    );
    assert_eq!(
        Lists::decode(&[]).unwrap().sources,
        Some(Vec::new()),
        "an empty list is not decoded"
    );
}

#[test]
fn elements_are_compared_by_their_keys() {
    let wanted = associations(&[(0, None), (1, Some(true)), (3, Some(true))]);
    let seen = associations(&[(0, Some(true)), (1, Some(false)), (2, Some(true))]);
    let due: Vec<String> = differences(&wanted, &seen)
        .map(|(key, difference)| match difference {
            Difference::Added(_) => format!("{key} added"),
            Difference::Changed(change) => format!("{key} changed: {:?}", change.set_fields()),
            Difference::Removed(_) => format!("{key} removed"),
        })
        .collect();
    assert_eq!(due, ["2 removed", r#"1 changed: ["active"]"#, "3 added"]);
    let open = associations(&[(0, None)]);
    assert_eq!(open.change(Some(&associations(&[(0, Some(true))]))), None);
    assert_eq!(open.change(Some(&associations(&[]))), Some(open.clone()));
}

#[test]
fn an_overlong_attribute_is_found() {
    let long = "x".repeat(1 << 16);
    let request = |value: &String| {
        let mut out = Vec::new();
        put_value(&mut out, 1, &7u32);
        put_nested(&mut out, 2, |out| {
            put_value(out, 3, &8u32);
            put_value(out, 4, value);
        });
        put_value(&mut out, 5, &9u32);
        out
    };
    assert_eq!(overlong(&request(&long)), Some(8 + 4 + 8), "the innermost that is too long");
    assert!(request(&long).len() > 1 << 16, "nothing is cut");
    let fits = "x".repeat(65_527 - 4 - 8 - 4);
    let both = [request(&fits), request(&fits)].concat();
    assert_eq!(overlong(&both), None, "a row may be longer than an attribute");
    assert_eq!(overlong(&[both.clone(), request(&long)].concat()), Some(both.len() + 20));
    // All elements together may be too long, even if each one is not.
    let mut out = Vec::new();
    put_nested(&mut out, 1, |out| (0..9000).for_each(|value: u32| put_value(out, 2, &value)));
    assert_eq!(overlong(&out), Some(0));
}
