//! Constants of the kernel that libc lacks (include/uapi/linux/).

// netlink.h
pub(crate) const NLMSG_ERROR: u16 = 2;
pub(crate) const NLMSG_DONE: u16 = 3;
pub(crate) const NLMSGERR_ATTR_MSG: u16 = 1;
pub(crate) const NLMSGERR_ATTR_OFFS: u16 = 2;
pub(crate) const NLA_F_NESTED: u16 = 0x8000;
pub(crate) const NLA_TYPE_MASK: u16 = 0x3fff;

// net_namespace.h
pub(crate) const NETNSA_NSID: u16 = 1;
pub(crate) const NETNSA_FD: u16 = 3;

// veth.h
pub(crate) const VETH_INFO_PEER: u16 = 1;

// if_link.h
pub(crate) const RTEXT_FILTER_SKIP_STATS: u32 = 1 << 3;

// if_bridge.h
pub(crate) const IFLA_BRIDGE_FLAGS: u16 = 0;
pub(crate) const IFLA_BRIDGE_VLAN_INFO: u16 = 2;
pub(crate) const BRIDGE_FLAGS_MASTER: u16 = 1;
pub(crate) const BRIDGE_FLAGS_SELF: u16 = 2;
pub(crate) const BRIDGE_VLAN_INFO_PVID: u16 = 1 << 1;
pub(crate) const BRIDGE_VLAN_INFO_UNTAGGED: u16 = 1 << 2;
pub(crate) const BRIDGE_VLAN_INFO_RANGE_BEGIN: u16 = 1 << 3;
pub(crate) const BRIDGE_VLAN_INFO_RANGE_END: u16 = 1 << 4;
pub(crate) const BRIDGE_VLANDB_ENTRY: u16 = 1;
pub(crate) const BRIDGE_VLANDB_ENTRY_INFO: u16 = 1;
pub(crate) const BRIDGE_VLANDB_ENTRY_RANGE: u16 = 2;

// ethtool.h
pub(crate) const ETHTOOL_GSET: u32 = 1;

// netconf.h
pub(crate) const NETCONFA_IFINDEX: u16 = 1;
pub(crate) const NETCONFA_FORWARDING: u16 = 2;
pub(crate) const NETCONFA_RP_FILTER: u16 = 3;
pub(crate) const NETCONFA_PROXY_NEIGH: u16 = 5;
pub(crate) const NETCONFA_IGNORE_ROUTES_WITH_LINKDOWN: u16 = 6;
pub(crate) const NETCONFA_IFINDEX_ALL: i32 = -1;
pub(crate) const NETCONFA_IFINDEX_DEFAULT: i32 = -2;

// rtnetlink.h
pub(crate) const RTM_NEWNETCONF: u16 = 80;
pub(crate) const RTM_NEWVLAN: u16 = 112;
pub(crate) const RTM_GETVLAN: u16 = 114;
pub(crate) const RTNLGRP_IPV4_NETCONF: u32 = 24;
pub(crate) const RTNLGRP_IPV6_NETCONF: u32 = 25;
pub(crate) const RTM_NEWNEXTHOP: u16 = 104;
pub(crate) const RTM_DELNEXTHOP: u16 = 105;
pub(crate) const RTM_GETNEXTHOP: u16 = 106;
pub(crate) const RTNH_F_PERVASIVE: u8 = 2;
pub(crate) const RTNH_F_ONLINK: u8 = 4;

// nexthop.h
pub(crate) const NHA_ID: u16 = 1;
pub(crate) const NHA_GROUP: u16 = 2;
pub(crate) const NHA_GROUP_TYPE: u16 = 3;
pub(crate) const NHA_BLACKHOLE: u16 = 4;
pub(crate) const NHA_OIF: u16 = 5;
pub(crate) const NHA_GATEWAY: u16 = 6;
pub(crate) const NHA_FDB: u16 = 11;
pub(crate) const NHA_RES_GROUP: u16 = 12;
pub(crate) const NHA_RES_GROUP_BUCKETS: u16 = 1;
pub(crate) const NHA_RES_GROUP_IDLE_TIMER: u16 = 2;
pub(crate) const NHA_RES_GROUP_UNBALANCED_TIMER: u16 = 3;
pub(crate) const NEXTHOP_GRP_TYPE_RES: u16 = 1;
