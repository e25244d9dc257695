//! Kernel parameters: files below `/proc/sys/net`. They belong to the namespace of the thread that
//! opens them.

use std::os::fd::OwnedFd;

use netstate::attribute::Value;
use netstate::sysctl::plain_value;
use netstate::{
    Key, LinkName, NetnsName, Object, ObserveError, Part, SysctlKey, SysctlPath, Wanted,
};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::execution::{Act, Execution, Failure, PointedAt, Result as Executed};
use crate::message::{Message, Wire, row};
use crate::namespaces::inside_new;
use crate::observer::{Observer, failed};
use crate::uapi::{
    NETCONFA_FORWARDING, NETCONFA_IFINDEX, NETCONFA_IFINDEX_ALL, NETCONFA_IFINDEX_DEFAULT,
    NETCONFA_IGNORE_ROUTES_WITH_LINKDOWN, NETCONFA_PROXY_NEIGH, NETCONFA_RP_FILTER,
    RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF,
};

pub(crate) mod file;
mod own;

use file::{file, read};

/// The netlink constants of this noun.
pub(crate) const WIRE: Wire =
    Wire { get: 0, plural: "parameters", groups: &[RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF] };

/// The parameters that a notification reports as changed (`struct netconfmsg`,
/// include/uapi/linux/netconf.h), by the names of their files. Only a few parameters have
/// notifications. `dev` returns the name of the link with an index.
pub(crate) fn decode_change(
    message: Message<'_>,
    dev: impl Fn(u32) -> Option<LinkName>,
) -> Vec<SysctlPath> {
    let ipv4 = i32::from(message.byte(0)) == libc::AF_INET;
    let attributes = || row(message.body.get(4..).unwrap_or_default());
    let index = attributes().find(|(number, _)| *number == NETCONFA_IFINDEX);
    let link = match index.and_then(|(_, value)| i32::take(value)) {
        Some(NETCONFA_IFINDEX_ALL) => Some("all".to_owned()),
        Some(NETCONFA_IFINDEX_DEFAULT) => Some("default".to_owned()),
        Some(index) => u32::try_from(index).ok().and_then(dev).map(|name| name.to_string()),
        None => None,
    };
    let Some(link) = link else { return Vec::new() };
    let family = if ipv4 { "ipv4" } else { "ipv6" };
    let path = |name: &str| format!("net/{family}/conf/{link}/{name}").parse().ok();
    let paths = attributes().filter_map(|(number, _)| match number {
        // In IPv4 the parameter for all links has a second name, which is used here.
        NETCONFA_FORWARDING if ipv4 && link == "all" => "net/ipv4/ip_forward".parse().ok(),
        NETCONFA_FORWARDING => path("forwarding"),
        NETCONFA_RP_FILTER => path("rp_filter"),
        NETCONFA_PROXY_NEIGH => path(if ipv4 { "proxy_arp" } else { "proxy_ndp" }),
        NETCONFA_IGNORE_ROUTES_WITH_LINKDOWN => path("ignore_routes_with_linkdown"),
        _ => None,
    });
    paths.collect()
}

/// Whether the kernel sends a notification when a parameter changes.
pub(crate) fn has_notification(path: &SysctlPath) -> bool {
    let parts: Vec<&str> = path.as_str().split('/').collect();
    match parts[..] {
        ["net", "ipv4", "ip_forward"] => true,
        ["net", family @ ("ipv4" | "ipv6"), "conf", link, name] => match name {
            "forwarding" => (family, link) != ("ipv4", "all"),
            "rp_filter" | "proxy_arp" => family == "ipv4",
            "proxy_ndp" => family == "ipv6",
            "ignore_routes_with_linkdown" => true,
            _ => false,
        },
        _ => false,
    }
}

/// Opens the file of a parameter in the namespace of the calling thread, neither for reading nor
/// for writing.
pub(crate) fn hold(path: &SysctlPath) -> Result<OwnedFd, Errno> {
    rustix::fs::open(file(path), OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

/// Executes an operation on a parameter.
pub(crate) fn execute<'a>(
    execution: &mut Execution<'a>,
    index: usize,
    key: &'a SysctlKey,
    doing: Act<'a, String>,
) -> Executed<()> {
    match doing {
        Act::Create(value) | Act::Update { change: value, .. } => {
            execution.set_parameter(index, key, value)
        }
        Act::Delete(_) => Err(Failure::words(index, "a kernel parameter cannot be removed")),
    }
}

/// The field to which the kernel points: none, because it returns only an errno.
pub(crate) fn field(_: &String, _: PointedAt<'_>) -> Option<&'static str> {
    None
}

/// Parameters are not read unless they are named, because there are too many.
pub(crate) fn observe_part(
    _: &mut Observer<'_>,
    _: &[NetnsName],
    _: &Part,
) -> Result<(), ObserveError> {
    Ok(())
}

/// Reads parameters by their keys, namespace by namespace.
pub(crate) fn observe(
    observer: &mut Observer<'_>,
    keys: &[&SysctlKey],
    wanted: &Wanted,
) -> Result<(), ObserveError> {
    let of_netns = keys.chunk_by(|one, other| one.netns == other.netns);
    of_netns.into_iter().try_for_each(|keys| observer.sysctls(&keys[0].netns, keys))?;
    let is_to_come = |key: &&SysctlKey| !observer.exists(&key.netns);
    let initial: Vec<&SysctlKey> = wanted.initial.iter().filter(is_to_come).collect();
    if initial.is_empty() { Ok(()) } else { observer.initial_parameters(&initial) }
}

/// Notifications of parameters have a form of their own, see [`decode_change`].
pub(crate) fn notified(
    _: Message<'_>,
    _: &NetnsName,
    _: impl Fn(u32) -> Option<LinkName>,
) -> Option<Key> {
    None
}

impl Observer<'_> {
    /// Reads parameters as they are in a new namespace, which is made for that and goes at once.
    fn initial_parameters(&mut self, keys: &[&SysctlKey]) -> Result<(), ObserveError> {
        let read_all = || keys.iter().map(|key| read(&key.path)).collect::<Result<Vec<_>, _>>();
        let values = inside_new(read_all)
            .map_err(failed("read parameters of a new namespace for", &keys[0].netns))?;
        for (key, value) in keys.iter().zip(values) {
            if let Some(value) = value {
                self.insert(Key::Sysctl((*key).clone()), Object::Sysctl(value));
            }
        }
        Ok(())
    }

    /// Reads the parameters of a namespace.
    pub(crate) fn sysctls(
        &mut self,
        netns: &NetnsName,
        keys: &[&SysctlKey],
    ) -> Result<(), ObserveError> {
        let Some(namespace) = self.namespaces.find(netns).map_err(failed("open", netns))? else {
            return Ok(());
        };
        let values = namespace
            .inside(|| keys.iter().map(|key| read(&key.path)).collect::<Result<Vec<_>, _>>())
            .map_err(failed("read parameters of", netns))?;
        let kept = &namespace.kept;
        let as_written = |(key, value): (&&SysctlKey, Option<String>)| {
            let value = value?;
            // The value that was written, as long as the kernel keeps the form that it made of it.
            let written = kept.get(&key.path).filter(|[_, kept]| *kept == value);
            Some(((*key).clone(), written.map_or(value, |[written, _]| plain_value(written))))
        };
        let values: Vec<(SysctlKey, String)> =
            keys.iter().zip(values).filter_map(as_written).collect();
        for (key, value) in values {
            self.insert(Key::Sysctl(key), Object::Sysctl(value));
        }
        Ok(())
    }
}
