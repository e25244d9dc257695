//! GRE over IPv4, with packets or Ethernet frames (RFC 2784, RFC 2890; `IFLA_GRE_…`,
//! include/uapi/linux/if_tunnel.h; net/ipv4/ip_gre.c).

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::{Reach, flag_of, join_key, new_ethernet_tunnel, new_ip_tunnel, session_lacks};
use crate::attribute::{Attributes, Fields};
use crate::noun::link::kind::{
    Below, BelowAttribute, CreatedBy, Kind, KindFacts, LinkBelow, MtuAtCreation,
};
use crate::noun::link::new_device::NewDevice;
use crate::uapi::IFLA_GRE_LINK;

const ANY: Ipv4Addr = Ipv4Addr::UNSPECIFIED;

macro_rules! gre {
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
            /// The remote endpoint or a multicast group; unspecified for any.
            #[attribute(IFLA_GRE_REMOTE)]
            pub remote: Option<Ipv4Addr>,
            /// The source address of tunnelled packets; unspecified means that routing decides.
            #[attribute(IFLA_GRE_LOCAL)]
            pub local: Option<Ipv4Addr>,
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
            /// The TTL of tunnelled packets; zero copies that of the inner packet.
            #[attribute(IFLA_GRE_TTL)]
            pub ttl: Option<u8>,
            /// The DS field of tunnelled packets; 1 copies that of the inner packet.
            #[attribute(IFLA_GRE_TOS)]
            pub tos: Option<u8>,
            /// Whether tunnelled packets must not be fragmented, so that the path MTU is found.
            #[attribute(IFLA_GRE_PMTUDISC)]
            pub pmtudisc: Option<bool>,
            /// Whether tunnelled packets may be fragmented although the inner packet must not be.
            #[attribute(IFLA_GRE_IGNORE_DF)]
            pub ignore_df: Option<bool>,
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
                // `ipgre_netlink_parms` starts from zero.
                changes_whole: true,
                enslaves: None,
                paired: false,
                // Tunnelled packets would stay in the namespace where the tunnel was created.
                moves: false,
                mtu_of_ports: false,
                // `ip_tunnel_newlink` changes an MTU that it does not accept.
                mtu: MtuAtCreation::ToldNext,
                mtu_while_down: false,
                mtu_limits: None,
            };

            /// Without a remote address it would be the tunnel that each namespace has (`gre0`).
            fn minimal() -> Self {
                let remote = Some(Ipv4Addr::new(192, 0, 2, 1));
                Self { remote, $($($minimal)*)? ..Self::default() }
            }

            /// `ipgre_netlink_parms`.
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
                    ttl: Some(0),
                    tos: Some(0),
                    pmtudisc: Some(true),
                    ignore_df: Some(false),
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

            /// `ipgre_tunnel_init` and `ipgre_tap_setup`. A tunnel to a multicast group resolves addresses.
            fn new_device(&self, _: bool) -> NewDevice {
                if $is_tap {
                    return new_ethernet_tunnel();
                }
                let mut new = new_ip_tunnel();
                let is_broadcast = Reach::of(self.remote) == Reach::Group && self.external != Some(true);
                new.flags.arp = Some(is_broadcast);
                new
            }

            fn below(&self) -> Below {
                Below::default()
            }

            fn add_unreported(&mut self) {
                join_key(&mut self.ikey, &mut self.has_ikey);
                join_key(&mut self.okey, &mut self.has_okey);
            }

            /// `ipgre_tap_validate` refuses to be told that there is no remote address.
            fn stated(&self) -> Self {
                Self {
                    remote: self.remote.filter(|remote| !remote.is_unspecified()),
                    has_ikey: flag_of(self.ikey),
                    has_okey: flag_of(self.okey),
                    ..self.clone()
                }
            }

            /// `ip_tunnel_changelink`. The header of ERSPAN keeps the length of its first version (`erspan_tunnel_init`),
            /// and a request without a session must be for a new tunnel (`erspan_validate`).
            fn needs_recreation(&self, seen: &Self) -> bool {
                let other_reach = !$is_tap && Reach::differs(self.remote, seen.remote);
                other_reach
                    $(|| self.$version.is_some() && self.$version != seen.$version
                        || seen.external == Some(true) && !self.changes(seen).is_empty())?
            }

            /// `ipgre_netlink_parms` compares with the flag that the tunnel has.
            fn first(&self) -> Option<Self> {
                let comes_back = self.ignore_df == Some(false) && self.pmtudisc == Some(true);
                comes_back.then(|| Self { ignore_df: Some(false), ..Self::default() })
            }

            $(
                /// `erspan_validate`.
                fn lacks(&self) -> Option<&'static str> {
                    let has_session = self.$version != Some(0) && self.external != Some(true);
                    let numbered = [self.iseq, self.oseq];
                    has_session.then(|| session_lacks([self.ikey, self.okey], numbered)).flatten()
                }
            )?
        }
    };
}

gre! {
    /// The attributes of a tunnel of packets.
    Gre = "gre", tap: false
}

gre! {
    /// The attributes of a tunnel of Ethernet frames.
    Gretap = "gretap", tap: true
}

gre! {
    /// The attributes of a tunnel of mirrored frames (draft-foschiano-erspan).
    Erspan = "erspan", tap: true,
    version: erspan_ver,
    // `erspan_validate` wants a session, and sequence numbers.
    minimal: { ikey: Some(1), okey: Some(1), iseq: Some(true), oseq: Some(true), },
    also: {
        /// The version of the header: 0 none, 1 (type II), 2 (type III).
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
