//! GRE over IPv6, with packets or Ethernet frames (RFC 7676; `IFLA_GRE_…`,
//! include/uapi/linux/if_tunnel.h; net/ipv6/ip6_gre.c).

use std::net::Ipv6Addr;

use serde::{Deserialize, Serialize};

use super::{FlowInfo, flag_of, join_key, new_ethernet_tunnel, new_ip_tunnel, session_lacks};
use crate::attribute::{Attributes, Fields};
use crate::noun::link::kind::{
    Below, BelowAttribute, CreatedBy, Kind, KindFacts, LinkBelow, MtuAtCreation,
};
use crate::noun::link::new_device::NewDevice;
use crate::uapi::IFLA_GRE_LINK;

const ANY: Ipv6Addr = Ipv6Addr::UNSPECIFIED;

macro_rules! ip6gre {
    (
        $(#[$doc:meta])* $name:ident = $kind:literal, tap: $is_tap:literal
        $(, version: $version:ident, minimal: { $($minimal:tt)* }, also: {
            $($(#[$meta:meta])* $field:ident: $type:ty = $default:expr,)*
        })?
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Attributes)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            /// The remote endpoint; unspecified for any.
            #[attribute(IFLA_GRE_REMOTE)]
            pub remote: Option<Ipv6Addr>,
            /// The source address of tunnelled packets; unspecified means that routing decides.
            #[attribute(IFLA_GRE_LOCAL)]
            pub local: Option<Ipv6Addr>,
            /// The key that a received packet must have; zero for none.
            #[attribute(IFLA_GRE_IKEY, big_endian)]
            pub ikey: Option<u32>,
            /// The key of sent packets; zero for none.
            #[attribute(IFLA_GRE_OKEY, big_endian)]
            pub okey: Option<u32>,
            /// Whether received packets must have sequence numbers.
            #[attribute(IFLA_GRE_IFLAGS, bit = GRE_SEQ, big_endian)]
            pub iseq: Option<bool>,
            /// Whether sent packets have sequence numbers.
            #[attribute(IFLA_GRE_OFLAGS, bit = GRE_SEQ, big_endian)]
            pub oseq: Option<bool>,
            /// Whether received packets must have checksums.
            #[attribute(IFLA_GRE_IFLAGS, bit = GRE_CSUM, big_endian)]
            pub icsum: Option<bool>,
            /// Whether sent packets have checksums.
            #[attribute(IFLA_GRE_OFLAGS, bit = GRE_CSUM, big_endian)]
            pub ocsum: Option<bool>,
            /// Whether `ikey` is a key, in requests only.
            #[serde(skip)]
            #[attribute(IFLA_GRE_IFLAGS, bit = GRE_KEY, big_endian)]
            pub has_ikey: Option<bool>,
            /// Whether `okey` is a key, in requests only.
            #[serde(skip)]
            #[attribute(IFLA_GRE_OFLAGS, bit = GRE_KEY, big_endian)]
            pub has_okey: Option<bool>,
            /// The hop limit of tunnelled packets; zero means the kernel's default.
            #[attribute(IFLA_GRE_TTL)]
            pub hoplimit: Option<u8>,
            /// How often a tunnelled packet may be tunnelled again (RFC 2473, section 4.1.1).
            #[attribute(IFLA_GRE_ENCAP_LIMIT)]
            pub encaplimit: Option<u8>,
            /// Whether tunnelled packets carry no such limit.
            #[attribute(IFLA_GRE_FLAGS, bit = IP6_TNL_F_IGN_ENCAP_LIMIT)]
            pub no_encaplimit: Option<bool>,
            /// The traffic class of tunnelled packets.
            pub tclass: Option<u8>,
            /// The flow label of tunnelled packets.
            pub flowlabel: Option<u32>,
            /// Both, in requests only.
            #[serde(skip)]
            #[attribute(IFLA_GRE_FLOWINFO, big_endian)]
            pub has_flowinfo: Option<u32>,
            /// Whether the traffic class is copied from the inner packet.
            #[attribute(IFLA_GRE_FLAGS, bit = IP6_TNL_F_USE_ORIG_TCLASS)]
            pub inherit_tclass: Option<bool>,
            /// Whether the flow label is copied from the inner packet.
            #[attribute(IFLA_GRE_FLAGS, bit = IP6_TNL_F_USE_ORIG_FLOWLABEL)]
            pub inherit_flowlabel: Option<bool>,
            /// Whether the traffic class is copied to the inner packet.
            #[attribute(IFLA_GRE_FLAGS, bit = IP6_TNL_F_RCV_DSCP_COPY)]
            pub inherit_dscp: Option<bool>,
            /// Whether the firewall mark is that of the inner packet.
            #[attribute(IFLA_GRE_FLAGS, bit = IP6_TNL_F_USE_ORIG_FWMARK)]
            pub inherit_fwmark: Option<bool>,
            /// Whether the remote end may be an address of this host.
            #[attribute(IFLA_GRE_FLAGS, bit = IP6_TNL_F_ALLOW_LOCAL_REMOTE)]
            pub allow_localremote: Option<bool>,
            /// The firewall mark of tunnelled packets.
            #[attribute(IFLA_GRE_FWMARK)]
            pub fwmark: Option<u32>,
            /// Whether each packet carries its tunnel parameters.
            #[attribute(IFLA_GRE_COLLECT_METADATA, presence, create_only)]
            pub external: Option<bool>,
            /// A header of UDP around GRE: 0 none, 1 FOU, 2 GUE.
            #[attribute(IFLA_GRE_ENCAP_TYPE)]
            pub encap: Option<u16>,
            /// Whether packets over IPv4 carry a UDP checksum.
            #[attribute(IFLA_GRE_ENCAP_FLAGS, bit = TUNNEL_ENCAP_FLAG_CSUM)]
            pub encap_csum: Option<bool>,
            /// Whether packets over IPv6 carry a UDP checksum.
            #[attribute(IFLA_GRE_ENCAP_FLAGS, bit = TUNNEL_ENCAP_FLAG_CSUM6)]
            pub encap_csum6: Option<bool>,
            /// Whether GUE offloads the checksum of the inner packet to the remote end.
            #[attribute(IFLA_GRE_ENCAP_FLAGS, bit = TUNNEL_ENCAP_FLAG_REMCSUM)]
            pub encap_remcsum: Option<bool>,
            /// The UDP source port; zero chooses one for each flow.
            #[attribute(IFLA_GRE_ENCAP_SPORT, big_endian)]
            pub encap_sport: Option<u16>,
            /// The UDP destination port.
            #[attribute(IFLA_GRE_ENCAP_DPORT, big_endian)]
            pub encap_dport: Option<u16>,
            $($($(#[$meta])* pub $field: Option<$type>,)*)?
        }

        impl Kind for $name {
            const FACTS: KindFacts = KindFacts {
                name: $kind,
                created_by: CreatedBy::Netlink,
                link_below: LinkBelow::Optional(BelowAttribute::Stored(IFLA_GRE_LINK)),
                // `ip6gre_netlink_parms` starts from zero.
                changes_whole: true,
                enslaves: None,
                paired: false,
                // Tunnelled packets would stay in the namespace where the tunnel was created.
                moves: false,
                mtu_of_ports: false,
                // `ip6gre_newlink_common` ignores an MTU that it does not accept.
                mtu: MtuAtCreation::ToldNext,
                mtu_while_down: false,
                mtu_limits: None,
            };

            /// Without a remote address it would be the tunnel that each namespace has (`ip6gre0`).
            fn minimal() -> Self {
                let remote = Some(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));
                Self { remote, $($($minimal)*)? ..Self::default() }
            }

            /// `ip6gre_netlink_parms`.
            fn kernel_default() -> Self {
                Self {
                    remote: Some(ANY),
                    local: Some(ANY),
                    ikey: Some(0),
                    okey: Some(0),
                    iseq: Some(false),
                    oseq: Some(false),
                    icsum: Some(false),
                    ocsum: Some(false),
                    has_ikey: None,
                    has_okey: None,
                    hoplimit: Some(0),
                    encaplimit: Some(0),
                    no_encaplimit: Some(false),
                    tclass: Some(0),
                    flowlabel: Some(0),
                    has_flowinfo: None,
                    inherit_tclass: Some(false),
                    inherit_flowlabel: Some(false),
                    inherit_dscp: Some(false),
                    inherit_fwmark: Some(false),
                    allow_localremote: Some(false),
                    fwmark: Some(0),
                    external: Some(false),
                    encap: Some(0),
                    encap_csum: Some(false),
                    encap_csum6: Some(false),
                    encap_remcsum: Some(false),
                    encap_sport: Some(0),
                    encap_dport: Some(0),
                    $($($field: Some($default),)*)?
                }
            }

            /// `ip6gre_tunnel_setup` and `ip6gre_tap_setup`.
            fn new_device(&self, _: bool) -> NewDevice {
                if $is_tap { new_ethernet_tunnel() } else { new_ip_tunnel() }
            }

            fn below(&self) -> Below {
                Below::default()
            }

            fn add_unreported(&mut self) {
                join_key(&mut self.ikey, &mut self.has_ikey);
                join_key(&mut self.okey, &mut self.has_okey);
                (self.tclass, self.flowlabel) = FlowInfo::split(self.has_flowinfo.take());
            }

            /// `ip6gre_tap_validate` refuses to be told that there is no remote address.
            fn stated(&self) -> Self {
                Self {
                    remote: self.remote.filter(|remote| !remote.is_unspecified()),
                    has_ikey: flag_of(self.ikey),
                    has_okey: flag_of(self.okey),
                    has_flowinfo: FlowInfo::join(self.tclass, self.flowlabel),
                    ..self.clone()
                }
            }

            /// The kernel takes a tunnel without addresses for the one that each namespace has
            /// (`ip6gre_changelink_common`). What only one version of a header has would stay (`ip6erspan_set_version`).
            fn needs_recreation(&self, seen: &Self) -> bool {
                let is_external = seen.external == Some(true);
                is_external && !self.changes(seen).is_empty()
                    $(|| self.$version.is_some() && self.$version != seen.$version)?
            }

            $(
                /// `ip6erspan_tap_validate`.
                fn lacks(&self) -> Option<&'static str> {
                    let has_session = self.$version != Some(0) && self.external != Some(true);
                    let numbered = [self.iseq, self.oseq];
                    has_session.then(|| session_lacks([self.ikey, self.okey], numbered)).flatten()
                }
            )?
        }
    };
}

ip6gre! {
    /// The attributes of a tunnel of packets.
    Ip6gre = "ip6gre", tap: false
}

ip6gre! {
    /// The attributes of a tunnel of Ethernet frames.
    Ip6gretap = "ip6gretap", tap: true
}

ip6gre! {
    /// The attributes of a tunnel of mirrored frames (draft-foschiano-erspan).
    Ip6erspan = "ip6erspan", tap: true,
    version: erspan_ver,
    // `ip6erspan_tap_validate` wants a session, and sequence numbers.
    minimal: { ikey: Some(1), okey: Some(1), iseq: Some(true), oseq: Some(true), },
    also: {
        /// The version of the header: 1 (type II), 2 (type III).
        #[attribute(IFLA_GRE_ERSPAN_VER)]
        erspan_ver: u8 = 1,
        /// The number of the mirrored port, in version 1.
        #[attribute(IFLA_GRE_ERSPAN_INDEX, absent = 0)]
        erspan_index: u32 = 0,
        /// The direction of the mirrored frames, in version 2: 0 received, 1 sent.
        #[attribute(IFLA_GRE_ERSPAN_DIR, absent = 0)]
        erspan_dir: u8 = 0,
        /// The number of the hardware that mirrors, in version 2.
        #[attribute(IFLA_GRE_ERSPAN_HWID, absent = 0)]
        erspan_hwid: u16 = 0,
    }
}
