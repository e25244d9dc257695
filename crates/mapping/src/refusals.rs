//! The errors that the modules report themselves, with helpful messages.

use expect_test::{Expect, expect};
use yang::Schema;

fn check(path: &str, values: &[&str], expect: Expect) {
    let mut text = String::new();
    let schema = Schema::netloom().unwrap();
    let mut names = path.split('/');
    let top = schema.top_node(None, names.next().unwrap()).unwrap();
    let leaf = names.fold(top, |node, name| node.child(None, name).unwrap());
    for value in values {
        text += &match leaf.value(value) {
            Ok(taken) => format!("{value:?} is {taken}\n"),
            Err(error) => format!("{}\n", error.message),
        };
    }
    expect.assert_eq(&text);
}

#[test]
fn names_of_namespaces() {
    let long = "x".repeat(300);
    check(
        "netnses/netns/name",
        &["vpn10", "a.b_c-d@e+f", "a b", "../x", "..", "-all", "", &long, "1"],
        expect![[r#"
            "vpn10" is vpn10
            "a.b_c-d@e+f" is a.b_c-d@e+f
            "a b": a namespace's name holds only letters, digits and `._-@+`, for example vpn10
            "../x": a namespace's name holds only letters, digits and `._-@+`, for example vpn10
            "..": `.` and `..` name directories, not namespaces
            "-all": a namespace's name does not begin with `-`, which ip-netns(8) takes for an option
            "": a namespace's name is the name of a file: 1 to 255 characters
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…": a namespace's name is the name of a file: 1 to 255 characters
            "1": namespace 1 is the one that the daemon runs in: it is always there and not configured
        "#]],
    );
}

#[test]
fn names_and_addresses_of_links() {
    check(
        "links/link/ifname",
        &["eth0", "abcdefghijklmnop", "a b", "a/b", "eth%d", "."],
        expect![[r#"
            "eth0" is eth0
            "abcdefghijklmnop": the kernel's name for a link has 1 to 15 characters
            "a b": the kernel's name for a link holds no `/`, `:`, `%` or white space
            "a/b": the kernel's name for a link holds no `/`, `:`, `%` or white space
            "eth%d": the kernel's name for a link holds no `/`, `:`, `%` or white space
            ".": `.` and `..` name directories, not links
        "#]],
    );
    check(
        "links/link/ip/address",
        &[
            "192.168.10.10/24",
            "192.168.10.10",
            "2001:db8::1/64",
            "2001:db8::1",
            "10.0.0.256/8",
            "10.0.0.1/33",
        ],
        expect![[r#"
            "192.168.10.10/24" is 192.168.10.10/24
            "192.168.10.10": the address needs a prefix length, for example 192.168.10.10/24 or 2001:db8::10/64
            "2001:db8::1/64" is 2001:db8::1/64
            "2001:db8::1": the address needs a prefix length, for example 192.168.10.10/24 or 2001:db8::10/64
            "10.0.0.256/8": this is not an IP address with a prefix length, for example 192.168.10.10/24 or 2001:db8::10/64
            "10.0.0.1/33": this is not an IP address with a prefix length, for example 192.168.10.10/24 or 2001:db8::10/64
        "#]],
    );
    check(
        "links/link/lladdresses/mac_addr",
        &["52:54:00:12:34:56", "525400123456"],
        expect![[r#"
            "52:54:00:12:34:56" is 52:54:00:12:34:56
            "525400123456": a link-layer address is pairs of hexadecimal digits, for example 52:54:00:12:34:56
        "#]],
    );
    check(
        "links/link/netns",
        &["1", "vpn10", "a b"],
        expect![[r#"
            "1" is 1
            "vpn10" is vpn10
            "a b": a namespace's name holds only letters, digits and `._-@+`, for example vpn10
        "#]],
    );
    check(
        "links/link/type",
        &["veth", "iproute2-ip-link:veth", "ether", "wireguard"],
        expect![[r#"
            "veth" is iproute2-ip-link:veth
            "iproute2-ip-link:veth" is iproute2-ip-link:veth
            "ether" is not can, dsa, dummy, erspan, gretap, ifb, ip6erspan, ip6tnl, ipvlan, ipvtap, lowpan, netdevsim, nlmonipvtap, tun, vcan, veth, virt_wifi, vxcan, geneve, ip6gre, ip6gretap, ipip, macvlan, macvtap, nlmon, sit, vti6 or xfrm
            "wireguard" is not can, dsa, dummy, erspan, gretap, ifb, ip6erspan, ip6tnl, ipvlan, ipvtap, lowpan, netdevsim, nlmonipvtap, tun, vcan, veth, virt_wifi, vxcan, geneve, ip6gre, ip6gretap, ipip, macvlan, macvtap, nlmon, sit, vti6 or xfrm
        "#]],
    );
    check(
        "links/vxlan/vxlan-info/id",
        &["5", "16777216"],
        expect![[r#"
            "5" is 5
            "16777216": a VXLAN network identifier is 0 to 16777215
        "#]],
    );
    check(
        "links/bridge/br-info/hello_time",
        &["200", "5"],
        expect![[r#"
            "200" is 200
            "5" is not a number in 10..1000
        "#]],
    );
}

#[test]
fn keys_of_routes() {
    check(
        "routes/route/prefix",
        &["default", "10.0.0.1", "10.1.2.3/8", "2001:DB8::1/32", "10.0.0.0/33", "nowhere"],
        expect![[r#"
            "default" is default
            "10.0.0.1" is 10.0.0.1
            "10.1.2.3/8" is 10.0.0.0/8
            "2001:DB8::1/32" is 2001:db8::/32
            "10.0.0.0/33" is not default, an ipv4-prefix, an ipv6-prefix, an ipv4-address or an ipv6-address
            "nowhere" is not default, an ipv4-prefix, an ipv6-prefix, an ipv4-address or an ipv6-address
        "#]],
    );
    check(
        "routes/route/table",
        &["main", "254", "4294967295", "4294967296"],
        expect![[r#"
            "main" is main
            "254" is 254
            "4294967295" is 4294967295
            "4294967296" is not default, local, main, unspec or a number in 0..4294967295
        "#]],
    );
    check(
        "routes/route/tos",
        &["AF11", "40", "0x28", "256"],
        expect![[r#"
            "AF11" is AF11
            "40" is 40
            "0x28" is not default, AF11, AF12, AF13, AF21, AF22, AF23, AF31, AF32, AF33, AF41, AF42, AF43, CS1, CS2, CS3, CS4, CS5, CS6, CS7, EF or a number in 0..255
            "256" is not default, AF11, AF12, AF13, AF21, AF22, AF23, AF31, AF32, AF33, AF41, AF42, AF43, CS1, CS2, CS3, CS4, CS5, CS6, CS7, EF or a number in 0..255
        "#]],
    );
    check(
        "routes/route/nexthop/weight",
        &["256", "0", "257"],
        expect![[r#"
            "256" is 256
            "0": a nexthop's weight is 1 to 256
            "257": a nexthop's weight is 1 to 256
        "#]],
    );
}

#[test]
fn kernel_parameters() {
    check(
        "sysctls/netns/variable/name",
        &[
            "net.ipv4.tcp_ecn",
            "net/ipv4/conf/eth0.5/arp_filter",
            "kernel.hostname",
            "net/../kernel/hostname",
            "net",
        ],
        expect![[r#"
            "net.ipv4.tcp_ecn" is net.ipv4.tcp_ecn
            "net/ipv4/conf/eth0.5/arp_filter" is net/ipv4/conf/eth0.5/arp_filter
            "kernel.hostname": a parameter's name begins with net., for example net.ipv4.tcp_ecn
            "net/../kernel/hostname": a parameter's name does not leave net/
            "net" is not 5..1023 characters long (it has 3)
        "#]],
    );
    check(
        "sysctls/netns/ip_forward",
        &["1", "2"],
        expect![[r#"
            "1" is 1
            "2" is not 0 or 1
        "#]],
    );
}
