//! The VPN tutorial's lessons, as keystrokes.

/// Two VPNs, a NIC in each, one commit.
pub const TWO_VPNS: &str = "\
netnses-iproute2
netns vpn10
netns vpn20
exit
links-iproute2
link enp0s4
netns vpn10
ip 192.168.10.10/24
admin-status up
exit
link enp0s5
netns vpn20
ip 192.168.20.20/24
admin-status up
commit
";

/// A veth pair between the VPNs, up to the routes.
pub const VETH_PAIR: &str = "\
links-iproute2
link veth10
type iproute2-ip-link:veth
virtual_peer_name veth20
ip 1.1.1.9/30
admin-status up
netns vpn10
exit
link veth20
type iproute2-ip-link:veth
netns vpn20
ip 1.1.1.10/30
admin-status up
virtual_peer_name veth10
exit
exit
";

/// The routes as on the page: on-link.
pub const ROUTES: &str = "\
routes-iproute2
route 192.168.20.0/24 netns vpn10
nexthop veth10
exit
route 192.168.10.0/24 netns vpn20
nexthop veth20
commit
";

/// The routes through the address of the other end.
pub const ROUTES_VIA: &str = "\
routes-iproute2
route 192.168.20.0/24 netns vpn10
nexthop veth10 via address 1.1.1.10
exit
route 192.168.10.0/24 netns vpn20
nexthop veth20 via address 1.1.1.9
commit
";

/// Both VPNs forward.
pub const FORWARDING: &str = "\
sysctls-netloom
netns vpn10
ip_forward 1
exit
netns vpn20
ip_forward 1
commit
";

/// The veths answer ARP for the hosts behind them, which on-link routes need.
pub const PROXY_ARP: &str = "\
links-iproute2
link veth10
sysctl proxy_arp 1
exit
link veth20
sysctl proxy_arp 1
commit
";
