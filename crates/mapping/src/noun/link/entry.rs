//! The leaves of an entry in a list of links: those that all lists have, and those that some have.
//! The attributes of the link's kind are separate (see [`kind`](super::kind)).

use std::collections::BTreeMap;

use netstate::link::{BondPort, BridgePort};
use netstate::{LinkAttributes, LinkFlags, LinkId, LinkName, MacAddress, NetnsName};
use serde::ser::Error as _;
use serde::{Deserialize, Serialize, Serializer};

use super::addresses::Ip;
use crate::noun::sysctl::Written;

/// An entry of any list of links. Fields that a list does not have stay empty.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Entry {
    #[serde(skip_serializing)]
    pub(crate) name: Option<LinkId>,
    pub(crate) mtu: Option<u32>,
    #[serde(rename = "admin-status")]
    pub(crate) admin_status: Option<bool>,
    pub(crate) index: Option<u32>,
    pub(crate) netns: Option<NetnsName>,
    pub(crate) group: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) device: Option<LinkId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) master: Option<LinkId>,
    /// The attributes of the container `advance`.
    #[serde(serialize_with = "those_set")]
    pub(crate) advance: Option<LinkAttributes>,
    #[serde(serialize_with = "those_set")]
    pub(crate) modes: Option<LinkFlags>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lladdresses: Option<Lladdresses>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) ip: Vec<Ip>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) r#type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) virtual_peer_name: Option<LinkId>,
    #[serde(rename = "bridge-conf", skip_serializing_if = "Option::is_none")]
    pub(crate) bridge_conf: Option<BridgeConf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bond_slave: Option<BondPort>,
    pub(crate) ifname: Option<LinkName>,
    pub(crate) description: Option<String>,
    #[serde(skip_serializing)]
    pub(crate) sysctl: BTreeMap<String, Written>,
    #[serde(skip_deserializing)]
    pub(crate) state: Option<LinkState>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Lladdresses {
    pub(crate) mac_addr: Option<MacAddress>,
    pub(crate) broadcast_addr: Option<MacAddress>,
    pub(crate) peer_addr: Option<MacAddress>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct BridgeConf {
    pub(crate) link: Option<BridgePort>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) vlan: Vec<VlanEntry>,
}

/// VLANs of a port or of a bridge: one, or a range.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct VlanEntry {
    pub(crate) vid: u16,
    pub(crate) range_end: Option<u16>,
    pub(crate) pvid: Option<bool>,
    pub(crate) untagged: Option<bool>,
    #[serde(rename = "self")]
    pub(crate) own: Option<bool>,
    pub(crate) master: Option<bool>,
}

/// Leaves that are observed only.
#[derive(Debug, Default, Serialize)]
pub(crate) struct LinkState {
    pub(crate) flags: Vec<&'static str>,
    pub(crate) qdisc: Option<String>,
    pub(crate) operstate: Option<u8>,
    pub(crate) linkmode: Option<u8>,
    pub(crate) stats64: Stats64,
    pub(crate) kind: Option<String>,
    pub(crate) hardware: Option<&'static str>,
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct Stats64 {
    pub(crate) rx: Received,
    pub(crate) tx: Sent,
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct Received {
    pub(crate) bytes: u64,
    pub(crate) packets: u64,
    pub(crate) errors: u64,
    pub(crate) dropped: u64,
    pub(crate) over_errors: u64,
    pub(crate) multicast: u64,
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct Sent {
    pub(crate) bytes: u64,
    pub(crate) packets: u64,
    pub(crate) errors: u64,
    pub(crate) dropped: u64,
    pub(crate) carrier_errors: u64,
    pub(crate) collisions: u64,
}

/// Writes only the fields that are set, because the container does not have all of them.
fn those_set<T: Serialize, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    let fields = serde_json::to_value(value).map_err(S::Error::custom)?;
    let fields = fields.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    serializer.collect_map(fields)
}
