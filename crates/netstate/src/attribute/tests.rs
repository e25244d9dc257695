//! What the derive macro generates for each form of a field, as bytes of the kernel.

use expect_test::{Expect, expect};

use super::*;
use crate::noun::link::{Bridge, LinkAttributes, LinkFlags, PortRange, Vxlan};
use crate::uapi::{IFF_NOARP, IFF_UP};

fn check<T: Attributes + PartialEq + std::fmt::Debug>(attributes: T, expect: Expect) {
    let mut bytes = Vec::new();
    attributes.encode(&mut bytes);
    let row = |attribute: Result<(u16, &[u8]), _>| {
        let (number, value) = attribute.unwrap();
        format!("{number}: {value:02x?}\n")
    };
    expect.assert_eq(&iterate(&bytes).map(row).collect::<String>());
    assert_eq!(bytes.len() % 4, 0);
    assert_eq!(T::decode(&bytes).unwrap().only(&attributes), attributes);
}

#[test]
fn values_are_encoded_as_in_the_kernel() {
    check(
        Bridge {
            ageing_time: Some(30_000),
            priority: Some(4096),
            vlan_filtering: Some(true),
            vlan_protocol: Some(0x88a8),
            ..Bridge::default()
        },
        expect![[r#"
            4: [30, 75, 00, 00]
            6: [00, 10]
            7: [01]
            8: [88, a8]
        "#]],
    );
    check(
        LinkAttributes {
            mtu: Some(1400),
            mac_address: Some("52:54:00:12:34:56".parse().unwrap()),
            alias: Some("to the cellar".into()),
            ..LinkAttributes::default()
        },
        expect![[r#"
            4: [78, 05, 00, 00]
            1: [52, 54, 00, 12, 34, 56]
            20: [74, 6f, 20, 74, 68, 65, 20, 63, 65, 6c, 6c, 61, 72]
        "#]],
    );
}

#[test]
fn an_address_goes_by_its_family() {
    check(
        Vxlan {
            remote: Some("2001:db8::1".parse().unwrap()),
            local: Some("192.0.2.1".parse().unwrap()),
            srcport: Some(PortRange { low: 49152, high: 65535 }),
            ..Vxlan::default()
        },
        expect![[r#"
            16: [20, 01, 0d, b8, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 01]
            4: [c0, 00, 02, 01]
            10: [c0, 00, ff, ff]
        "#]],
    );
    check(
        Vxlan { remote: Some("239.1.1.1".parse().unwrap()), ..Vxlan::default() },
        expect![[r#"
            2: [ef, 01, 01, 01]
        "#]],
    );
}

#[test]
fn flags_have_a_mask_of_the_set_bits() {
    let flags = LinkFlags { up: Some(false), arp: Some(false), ..LinkFlags::default() };
    assert_eq!(flags.encode(), (IFF_NOARP, IFF_UP | IFF_NOARP));
    assert_eq!(LinkFlags::decode(IFF_NOARP).only(&flags), flags);
}

#[test]
fn fields_are_compared_one_by_one() {
    let old = Bridge { priority: Some(1), stp_state: Some(0), ..Bridge::default() };
    let mut new = Bridge { priority: Some(1), stp_state: Some(1), ..Bridge::default() };
    assert_eq!(new.changes(&old).set_fields(), ["stp_state"]);
    assert!(old.changes(&old).is_empty());
    new.overlay(&Bridge { priority: Some(2), ..Bridge::default() });
    assert_eq!((new.priority, new.stp_state), (Some(2), Some(1)));
}

#[test]
fn truncated_attributes_are_refused_and_unknown_ones_skipped() {
    assert_eq!(Bridge::decode(&[9, 0, 4, 0, 1]), Err(Malformed { field: "" }));
    assert_eq!(Bridge::decode(&[5, 0, 4, 0, 1]), Err(Malformed { field: "ageing_time" }));
    assert_eq!(Bridge::decode(&[5, 0, 255, 0, 1, 0, 0, 0]), Ok(Bridge::default()));
}
