//! The foreign state beside a configuration, and a snapshot of the kernel.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use acceptance::command;
use fastrand::Rng;
use kernel::Kernel;
use netstate::uapi::{IFA_F_DADFAILED, IFA_F_TENTATIVE};
use netstate::{Key, Object, Scope, Southbound};
use testkit::netns::ip;

/// One line for each object and each parameter.
pub(crate) type Snapshot = BTreeSet<String>;

/// The links of others.
const NICS: [&str; 3] = ["n1", "n2", "fbr"];

/// The links whose parameters are observed.
const OBSERVED: [&str; 1] = ["n1"];

/// What others may have, one line for ip(8) each. Lines build on lines before them.
const FOREIGN: [&str; 22] = [
    "link add fbr type bridge",
    "link set fbr up",
    "link set n1 master fbr",
    "link set n2 master fbr",
    "link set n1 type bridge_slave cost 7 priority 9",
    "link set n1 mtu 1400",
    "link set n1 alias theirs",
    "link set n2 group 5",
    "link set n2 address 02:00:00:00:00:77",
    "address add 10.70.0.1/24 dev n1",
    "address add 10.70.0.2/24 dev n1",
    "address add 2001:db8:70::1/64 dev n1 nodad",
    "address add 10.71.0.1/24 dev n2",
    "route add 10.72.0.0/16 via 10.70.0.9",
    "route add 10.73.0.0/16 dev n1 src 10.70.0.2",
    "route add 2001:db8:72::/48 via 2001:db8:70::9",
    "route add blackhole 10.74.0.0/16 table 9",
    "neighbor add 10.70.0.7 lladdr 02:00:00:00:00:07 dev n1 nud permanent",
    "rule add from 10.70.0.0/24 lookup 9 pref 90",
    "rule add ipproto 200 lookup main pref 90 protocol static",
    "-6 rule add not uidrange 5-9 lookup main pref 91 protocol static",
    "link set n1 multicast off",
];

/// Makes two NICs, and a random part of what others may have.
pub(crate) fn make(random: &mut Rng) {
    ip("netns add other");
    for (near, far) in [("n1", "f1"), ("n2", "f2")] {
        ip(&format!("link add {near} type veth peer name {far} netns other"));
        ip(&format!("-n other link set {far} up"));
    }
    let mut lines = String::new();
    for near in ["n1", "n2"] {
        lines += &format!("link set {near} {}\n", if random.u8(0..4) > 0 { "up" } else { "down" });
    }
    let few = random.u8(1..8);
    for line in FOREIGN.iter().filter(|_| random.u8(0..8) < few) {
        lines += &format!("{line}\n");
    }
    let batch = command("ip")
        .args(["-force", "-batch", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut batch = batch.expect("run ip");
    // A line that needs another one may fail.
    batch.stdin.take().expect("a pipe").write_all(lines.as_bytes()).expect("write to ip");
    batch.wait().expect("ip ends");
}

/// All that the kernel holds, without what follows from chance or time.
pub(crate) fn snapshot() -> Snapshot {
    let mut kernel = Kernel::open().expect("open the kernel");
    let everything = Scope::Everything { known: std::collections::BTreeMap::default() };
    let state = kernel.observe(&everything).expect("observe everything");
    let mut lines = Snapshot::new();
    for (key, mut object) in state.objects {
        if object.is_automatic() || matches!(key, Key::Fdb(_)) {
            continue;
        }
        if let Object::Link(link) = &mut object {
            link.status = None;
            link.attributes.index = None;
            link.port.bridge.state = None;
            if !NICS.contains(&link.place.ifname.as_str()) {
                link.attributes.mac_address = None;
            }
        }
        if let Object::Address(address) = &mut object
            && let Some(status) = &mut address.status
        {
            // Detection goes on.
            status.flags &= !(IFA_F_TENTATIVE | IFA_F_DADFAILED);
            // The kernel numbers the labels when the link is renamed, and nothing restores them.
            status.label = None;
            // Lifetimes count down.
            for left in [&mut status.valid_left, &mut status.preferred_left] {
                *left = left.map(|left| left.min(1));
            }
            for until in [&mut status.valid_until, &mut status.preferred_until] {
                *until = until.map(|_| 0);
            }
            status.age = 0;
        }
        lines.insert(format!("{key:?}: {object:?}"));
    }
    for (path, value) in parameters() {
        lines.insert(format!("{path} = {value}"));
    }
    lines
}

/// The writable parameters of the namespace, with their values.
pub(crate) fn parameters() -> Vec<(String, String)> {
    let mut parameters = Vec::new();
    add_parameters(Path::new("/proc/sys/net"), &mut parameters);
    parameters.sort();
    parameters
}

fn add_parameters(folder: &Path, parameters: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path: PathBuf = entry.path();
        let Ok(metadata) = entry.metadata() else { continue };
        if metadata.is_dir() {
            // A link has more than a hundred parameters, and reading some waits for the whole host's network lock.
            let is_of_links = ["conf", "neigh"].iter().any(|name| folder.ends_with(name));
            if is_of_links && !OBSERVED.iter().any(|name| path.ends_with(name)) {
                continue;
            }
            add_parameters(&path, parameters);
        } else if metadata.permissions().mode() & 0o222 != 0
            && let Ok(value) = fs::read_to_string(&path)
            && let Ok(name) = path.strip_prefix("/proc/sys")
        {
            parameters.push((name.display().to_string(), value.trim().to_owned()));
        }
    }
}
