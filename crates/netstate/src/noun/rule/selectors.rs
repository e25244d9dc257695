//! The selectors of a rule beyond prefixes, type of service and mark (`FRA_…`, include/uapi/linux/fib_rules.h).
//!
//! Equal selectors have equal fields: a mask of which all bits count is `None`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::attribute::{Attributes, Packed};
use crate::name::LinkName;

/// Further selectors. `None` matches any packet.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Attributes,
)]
#[serde(deny_unknown_fields, default)]
pub struct Selectors {
    /// `FIB_RULE_INVERT`: matches what all selectors together do not match; never `Some(false)`.
    pub not: Option<bool>,
    /// Matches only packets that were received on the link with this name, which need not exist.
    #[attribute(FRA_IIFNAME)]
    pub iif: Option<LinkName>,
    /// Matches only packets of sockets that are bound to the link with this name.
    #[attribute(FRA_OIFNAME)]
    pub oif: Option<LinkName>,
    /// The IP protocol; never zero.
    #[attribute(FRA_IP_PROTO)]
    pub ipproto: Option<u8>,
    /// The source port.
    #[attribute(FRA_SPORT_RANGE)]
    pub sport: Option<PortRange>,
    /// The bits of a single source port that count.
    #[attribute(FRA_SPORT_MASK)]
    pub sport_mask: Option<u16>,
    /// The destination port.
    #[attribute(FRA_DPORT_RANGE)]
    pub dport: Option<PortRange>,
    /// The bits of a single destination port that count.
    #[attribute(FRA_DPORT_MASK)]
    pub dport_mask: Option<u16>,
    /// The user of the socket.
    #[attribute(FRA_UID_RANGE)]
    pub uidrange: Option<UidRange>,
    /// The key of the tunnel; never zero.
    #[attribute(FRA_TUN_ID, big_endian)]
    pub tun_id: Option<u64>,
    /// Matches packets of links in VRFs; never `Some(false)`.
    #[attribute(FRA_L3MDEV)]
    pub l3mdev: Option<bool>,
    /// The differentiated services code point.
    #[attribute(FRA_DSCP)]
    pub dscp: Option<u8>,
    /// The bits of it that count.
    #[attribute(FRA_DSCP_MASK)]
    pub dscp_mask: Option<u8>,
    /// The flow label, of IPv6.
    #[attribute(FRA_FLOWLABEL, big_endian)]
    pub flowlabel: Option<u32>,
    /// The bits of it that count.
    #[attribute(FRA_FLOWLABEL_MASK, big_endian)]
    pub flowlabel_mask: Option<u32>,
}

/// `struct fib_rule_port_range`: from `start` to `end`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Packed,
)]
pub struct PortRange {
    /// The first one.
    pub start: u16,
    /// The last one.
    pub end: u16,
}

/// `struct fib_rule_uid_range`: from `start` to `end`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Packed,
)]
pub struct UidRange {
    /// The first one.
    pub start: u32,
    /// The last one.
    pub end: u32,
}

/// In the syntax of ip-rule(8), without `not`.
impl fmt::Display for Selectors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (word, link) in [("iif", &self.iif), ("oif", &self.oif)] {
            if let Some(link) = link {
                write!(f, " {word} {link}")?;
            }
        }
        if self.l3mdev.is_some() {
            write!(f, " l3mdev")?;
        }
        if let Some(UidRange { start, end }) = self.uidrange {
            write!(f, " uidrange {start}-{end}")?;
        }
        if let Some(number) = self.ipproto {
            write!(f, " ipproto {number}")?;
        }
        let ports =
            [("sport", self.sport, self.sport_mask), ("dport", self.dport, self.dport_mask)];
        for (word, range, mask) in ports {
            match (range, mask) {
                (Some(PortRange { start, .. }), Some(mask)) => {
                    write!(f, " {word} {start}/{mask:#x}")?;
                }
                (Some(PortRange { start, end }), None) if start == end => {
                    write!(f, " {word} {start}")?;
                }
                (Some(PortRange { start, end }), None) => write!(f, " {word} {start}-{end}")?,
                (None, _) => {}
            }
        }
        if let Some(id) = self.tun_id {
            write!(f, " tun_id {id}")?;
        }
        if let Some(dscp) = self.dscp {
            write!(f, " dscp {dscp}")?;
        }
        if let Some(mask) = self.dscp_mask {
            write!(f, "/{mask:#x}")?;
        }
        if let Some(label) = self.flowlabel {
            write!(f, " flowlabel {label:#x}")?;
        }
        if let Some(mask) = self.flowlabel_mask {
            write!(f, "/{mask:#x}")?;
        }
        Ok(())
    }
}
