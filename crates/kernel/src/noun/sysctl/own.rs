//! The parameters that a link loses when it moves: those with values that a new link would not
//! have.
//!
//! A link that arrives in a namespace gets the parameters of `default` there, whatever it had
//! before.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use netstate::{Key, LinkName, Object, Place, SysctlKey, SysctlPath};

use super::read;
use crate::observer::{Observer, Result, failed};

/// The folders with the parameters of links, below `/proc/sys`.
const FOLDERS: [&str; 4] = ["net/ipv4/conf", "net/ipv4/neigh", "net/ipv6/conf", "net/ipv6/neigh"];

/// Parameters that follow from something else, and are therefore not restored: from the link's MTU;
/// from the link's type (`ipv6_add_dev`, net/ipv6/addrconf.c); or from the secret for address
/// generation, which also sets the mode and without which the kernel refuses that mode.
const FOLLOW: [(&str, Option<&str>); 4] = [
    ("mtu", None),
    ("addr_gen_mode", Some("2")),
    ("accept_dad", Some("-1")),
    ("use_tempaddr", Some("-1")),
];

impl Observer<'_> {
    /// The parameters of the link at `place` that a new link would not have.
    pub(crate) fn own_parameters(&mut self, place: &Place) -> Result<()> {
        let Place { netns, ifname } = place;
        let Some(namespace) = self.namespaces.find(netns).map_err(failed("open", netns))? else {
            return Ok(());
        };
        let own = namespace.inside(|| Ok(own_parameters(ifname)));
        for (path, value) in own.map_err(failed("read parameters of", netns))? {
            let key = SysctlKey { netns: netns.clone(), path };
            self.insert(Key::Sysctl(key), Object::Sysctl(value));
        }
        Ok(())
    }
}

/// The same, in the namespace of the calling thread, sorted. What cannot be read is not restored.
fn own_parameters(ifname: &LinkName) -> Vec<(SysctlPath, String)> {
    let mut own = Vec::new();
    for folder in FOLDERS {
        let at = Path::new("/proc/sys").join(folder);
        // Neighbour defaults exist only in the host's own namespace. Elsewhere the difference
        // cannot be determined.
        if !at.join("default").exists() {
            continue;
        }
        let files = fs::read_dir(at.join(ifname.as_str()));
        for file in files.into_iter().flatten().flatten() {
            let writable = file.metadata().is_ok_and(|file| file.permissions().mode() & 0o200 != 0);
            let name = file.file_name().to_string_lossy().into_owned();
            let of = |link: &str| {
                let path: SysctlPath = format!("{folder}/{link}/{name}").parse().ok()?;
                let value = read(&path).ok()??;
                Some((path, value))
            };
            let Some((path, value)) = of(ifname.as_str()).filter(|_| writable) else { continue };
            let follows = |(other, which): &(&str, Option<&str>)| {
                *other == name && which.is_none_or(|which| which == value)
            };
            let is_default = of("default").is_some_and(|(_, default)| default == value);
            if !is_default && !FOLLOW.iter().any(follows) {
                own.push((path, value));
            }
        }
    }
    own.sort();
    own
}
