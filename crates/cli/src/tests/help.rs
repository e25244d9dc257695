//! The lines that can follow, as `?` and TAB show them.

use super::*;

#[test]
fn help_tells_what_can_follow() {
    let mut device = Device::new();
    device.help(
        "",
        expect![[r#"
            configure: Enter configuration mode
            exit: Leave this mode, or exit the program at the start
            help: How to use this command line
            quit: Exit the program
            repair: Repair changes by others in the kernel
            show: Show configuration, state or history
        "#]],
    );
    device.help(
        "show config-running l",
        expect![[r#"
        links-iproute2: Network interfaces: NICs, virtual links, bridges and tunnels
    "#]],
    );
    device.play(TUTORIAL);
    device.help(
        "ro",
        expect![[r#"
        routes-iproute2: IPv4 and IPv6 routes
        rollback: Load an earlier configuration into the candidate
    "#]],
    );
    device.help(
        "links-iproute2 link ",
        expect![[r#"
            enp0s4
            enp0s5
            lo@vpn10
            lo@vpn20
            <name> (told): The name of the link: of an existing NIC, or of a link to be created, 1..255 characters
        "#]],
    );
    device.help(
        "netns ",
        expect![[r#"
            1: The namespace of the daemon, which is the host's namespace.
            vpn10
            vpn20
            <netns> (told): The namespace (VPN) of the link, default 1
        "#]],
    );
    device.help(
        "admin-status ",
        expect![[r#"
            down: The link carries no traffic, and routes over it are removed.
            up: The link carries traffic as soon as it has a carrier.
        "#]],
    );
    device.help(
        "mtu ",
        expect![[r#"
            <number> (told): The size of the largest packet, 0..2147483647, bytes
        "#]],
    );
    device.help(
        "type iproute2-ip-link:v",
        expect![[r#"
        iproute2-ip-link:vcan
        iproute2-ip-link:veth
        iproute2-ip-link:virt_wifi
        iproute2-ip-link:vxcan
    "#]],
    );
    device.help("routes-iproute2 route default ", expect![[r#"
        table: The routing table, by name or number, 0..4294967295, default main
        metric: If there are several routes to a prefix, the route with the lowest metric is used, 0..4294967295, default 0
        tos: The route matches packets with this type of service; IPv4 only, 0..255, default default
        netns: The namespace (VPN) of the route, default 1
        src: The source address that this host prefers for its own packets
        protocol: The origin of the route; the default is static
        scope: The distance of the destinations; the default depends on the nexthops
        mtu: The path MTU to the destinations, if it is less than the MTU of the link
        advmss: The maximum segment size that TCP advertises to the destinations
        flag: A flag of all nexthops
        nexthop: The link that packets are sent through, and optionally a gateway
        type: The action of the route for packets; the default is unicast
        nhid: The identifier of a configured nexthop object of the same namespace, which the route uses instead of nexthops of its own
        <cr> (told)
    "#]]);
    device.help(
        "show history | ",
        expect![[r#"
            blame: Show who last changed each line
            compare: Show the differences from an earlier configuration
            count: Count the lines
            display: Change the format
            except: Only lines that do not match a regular expression
            match: Only lines that match a regular expression
            no-more: Do not stop after each page
        "#]],
    );
    device.help("nonsense ", expect![[r#"
        "nonsense" is unknown here; expected one of mtu, admin-status, index, netns, group, device, master, advance, modes, lladdresses, ip, type, virtual_peer_name, bridge-conf, bond_slave, ifname, description, sysctl, macvlan, ipvlan, ipip, sit, ip6tnl, ip6gre, erspan, ip6erspan, geneve, xfrm, vti6, tun, netnses-iproute2, links-iproute2, neighbors-iproute2, nexthops-iproute2, routes-iproute2, rules-iproute2, sysctls-netloom, drift-netloom, commit, discard-changes, do, end, load, lock, no, resolve, rollback, save, top, unlock, up, update, exit, help, quit, repair, show
    "#]]);
}
