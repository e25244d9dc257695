//! An entry of list `rule`, and the texts of its leaves.

use std::fmt::Display;
use std::net::Ipv4Addr;
use std::str::FromStr;

use netstate::LinkId;
use netstate::rule::{PortRange, Selectors, UidRange};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

/// The highest port that the kernel takes (`fib_rule_port_range_valid`, include/net/fib_rules.h).
const LAST_PORT: u16 = 65_534;
/// The highest user ID; the next number means no user.
const LAST_UID: u32 = u32::MAX - 1;
/// All bits of a DSCP and of a flow label.
const DSCP_BITS: u8 = 0x3f;
const FLOWLABEL_BITS: u32 = 0xf_ffff;

/// An entry; its keys are read separately.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Entry {
    #[serde(skip_serializing, rename = "pref")]
    _pref: IgnoredAny,
    #[serde(skip_serializing, rename = "from")]
    _from: IgnoredAny,
    #[serde(skip_serializing, rename = "to")]
    _to: IgnoredAny,
    #[serde(skip_serializing, rename = "tos")]
    _tos: IgnoredAny,
    #[serde(skip_serializing, rename = "fwmark")]
    _fwmark: IgnoredAny,
    #[serde(skip_serializing, rename = "netns")]
    _netns: IgnoredAny,
    pub(super) oif: Option<LinkId>,
    pub(super) iif: Option<LinkId>,
    pub(super) action: Action,
    not: Option<bool>,
    ipproto: Option<u8>,
    sport: Option<String>,
    dport: Option<String>,
    uidrange: Option<String>,
    tun_id: Option<u64>,
    l3mdev: Option<bool>,
    dscp: Option<u8>,
    dscp_mask: Option<u8>,
    flowlabel: Option<String>,
    pub(super) protocol: Option<u8>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Action {
    pub(super) table: Option<u32>,
    #[serde(skip_serializing)]
    pub(super) nat: Option<Ipv4Addr>,
    pub(super) r#type: Option<u8>,
    pub(super) goto: Option<u32>,
    pub(super) suppress_prefixlength: Option<u32>,
    pub(super) suppress_ifgroup: Option<u32>,
    pub(super) realms: Option<String>,
}

impl Entry {
    /// The entry's own selectors without links, and the faulty leaves with what is wrong.
    pub(super) fn selectors(&self) -> (Selectors, Vec<(&'static str, String)>) {
        let mut faults = Vec::new();
        let (sport, sport_mask) = read("sport", &self.sport, ports, &mut faults).unzip();
        let (dport, dport_mask) = read("dport", &self.dport, ports, &mut faults).unzip();
        let (flowlabel, flowlabel_mask) =
            read("flowlabel", &self.flowlabel, flowlabel, &mut faults).unzip();
        match (self.dscp, self.dscp_mask) {
            (None, Some(_)) => faults.push(("dscp-mask", "the mask needs a dscp".into())),
            (Some(dscp), Some(mask)) if dscp & !mask != 0 => {
                faults.push(("dscp-mask", format!("dscp {dscp} has bits outside this mask")));
            }
            (_, None) | (Some(_), Some(_)) => {}
        }
        let selectors = Selectors {
            not: self.not.filter(|not| *not),
            iif: None,
            oif: None,
            ipproto: self.ipproto,
            sport,
            sport_mask: sport_mask.flatten(),
            dport,
            dport_mask: dport_mask.flatten(),
            uidrange: read("uidrange", &self.uidrange, users, &mut faults),
            tun_id: self.tun_id,
            l3mdev: self.l3mdev.filter(|l3mdev| *l3mdev),
            dscp: self.dscp,
            dscp_mask: self.dscp_mask.filter(|mask| *mask != DSCP_BITS),
            flowlabel,
            flowlabel_mask: flowlabel_mask.flatten(),
        };
        (selectors, faults)
    }

    /// The entry with these selectors.
    pub(super) fn of(selectors: &Selectors) -> Self {
        let Selectors { not, ipproto, tun_id, l3mdev, dscp, dscp_mask, .. } = *selectors;
        let ports = |ports: Option<PortRange>, mask: Option<u16>| {
            ports.map(|PortRange { start, end }| match mask {
                Some(mask) => format!("{start:#x}/{mask:#x}"),
                None if start == end => start.to_string(),
                None => format!("{start}-{end}"),
            })
        };
        let flowlabel = selectors.flowlabel.map(|label| match selectors.flowlabel_mask {
            Some(mask) => format!("{label:#x}/{mask:#x}"),
            None => format!("{label:#x}"),
        });
        let uidrange = selectors.uidrange.map(|UidRange { start, end }| match start == end {
            true => start.to_string(),
            false => format!("{start}-{end}"),
        });
        Self {
            not,
            ipproto,
            sport: ports(selectors.sport, selectors.sport_mask),
            dport: ports(selectors.dport, selectors.dport_mask),
            uidrange,
            tun_id,
            l3mdev,
            dscp,
            dscp_mask,
            flowlabel,
            ..Self::default()
        }
    }
}

impl Action {
    /// The realms as the kernel's number.
    pub(super) fn realms(&self) -> Result<Option<u32>, String> {
        let Some(text) = &self.realms else { return Ok(None) };
        let (from, to) = text.split_once('/').unwrap_or(("0", text));
        match (from.parse::<u16>(), to.parse::<u16>()) {
            (Ok(from), Ok(to)) if from | to != 0 => Ok(Some(u32::from(from) << 16 | u32::from(to))),
            _ => Err("a realm is a number from 1 to 65535: leave it out for none".into()),
        }
    }
}

/// The text of realms.
pub(super) fn realms_text(realms: u32) -> String {
    match (realms >> 16, realms & 0xffff) {
        (0, to) => to.to_string(),
        (from, to) => format!("{from}/{to}"),
    }
}

/// A number, decimal or with `0x`.
pub(super) fn number_of(text: &str) -> Option<u32> {
    match text.strip_prefix("0x").or(text.strip_prefix("0X")) {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

fn read<T>(
    leaf: &'static str,
    text: &Option<String>,
    read: impl Fn(&str) -> Result<T, String>,
    faults: &mut Vec<(&'static str, String)>,
) -> Option<T> {
    read(text.as_ref()?).map_err(|message| faults.push((leaf, message))).ok()
}

/// `PORT`, `START-END` or `PORT/MASK`.
fn ports(text: &str) -> Result<(PortRange, Option<u16>), String> {
    if let Some((port, mask)) = text.split_once('/') {
        let number = |text| number_of(text).and_then(|number| u16::try_from(number).ok());
        let (port, mask) =
            number(port).zip(number(mask)).ok_or("a port and its mask have 16 bits")?;
        return match port {
            1..=LAST_PORT if port & !mask == 0 => Ok((
                PortRange { start: port, end: port },
                Some(mask).filter(|mask| *mask != u16::MAX),
            )),
            1..=LAST_PORT => Err(format!("port {port} has bits outside its mask {mask:#x}")),
            _ => Err(format!("a port of a rule is from 1 to {LAST_PORT}")),
        };
    }
    let (start, end) = range(text, "port", (1, LAST_PORT))?;
    Ok((PortRange { start, end }, None))
}

/// `UID` or `START-END`.
fn users(text: &str) -> Result<UidRange, String> {
    let (start, end) = range(text, "user ID", (0, LAST_UID))?;
    Ok(UidRange { start, end })
}

fn range<T: Copy + Display + FromStr + Ord>(
    text: &str,
    what: &str,
    (first, last): (T, T),
) -> Result<(T, T), String> {
    let (start, end) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str| {
        let number = text.parse().ok().filter(|number| (first..=last).contains(number));
        number.ok_or_else(|| format!("a {what} of a rule is from {first} to {last}"))
    };
    match (number(start)?, number(end)?) {
        (start, end) if start <= end => Ok((start, end)),
        (start, end) => Err(format!("the range starts after its end: write {end}-{start}")),
    }
}

/// `LABEL` or `LABEL/MASK`.
fn flowlabel(text: &str) -> Result<(u32, Option<u32>), String> {
    let (label, mask) = text.split_once('/').unwrap_or((text, "0xfffff"));
    let number = |text| number_of(text).filter(|number| *number <= FLOWLABEL_BITS);
    match number(label).zip(number(mask)) {
        None => Err("a flow label and its mask have 20 bits".into()),
        Some((_, 0)) => Err("a mask of zero selects nothing: leave the flow label out".into()),
        Some((label, mask)) if label & !mask != 0 => {
            Err(format!("flow label {label:#x} has bits outside its mask {mask:#x}"))
        }
        Some((label, mask)) => Ok((label, Some(mask).filter(|mask| *mask != FLOWLABEL_BITS))),
    }
}
