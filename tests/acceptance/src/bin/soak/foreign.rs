//! Another program on the same device. Its objects do not concern the daemon, and must stay.

use std::collections::BTreeSet;
use std::fs;

use acceptance::{command, kernel};
use testkit::netns::{ip, ip_json};
use yang::{Path, Tree};

use crate::device::schema;

/// The protocol of a routing daemon's routes (`rtm_protocol`).
const PROTOCOL: &str = "99";

/// Objects of others that no move touches, in the daemon's own namespace. All are on the links
/// `stays` and `stays-too`.
const STAYS: &str = "\
link add stays type veth peer name stays-too
link set stays up mtu 1400 alias uplink
link set stays-too up
address add 198.51.100.1/24 dev stays
address add 198.51.100.77 peer 198.51.100.78 dev stays
address add 2001:db8:ffff::1/64 dev stays nodad
route add 10.250.0.0/16 via 198.51.100.254 dev stays
route add 10.251.0.0/16 via 198.51.100.254 dev stays proto static table 77
route add 2001:db8:fffe::/48 via 2001:db8:ffff::fe dev stays metric 20
neigh add 198.51.100.9 lladdr 02:00:00:00:00:09 dev stays nud permanent
neigh add 2001:db8:ffff::9 lladdr 02:00:00:00:00:09 dev stays nud permanent
rule add from 198.51.100.0/24 iif stays lookup 77
";

const PARAMETERS: [(&str, &str); 4] = [
    ("ipv4/conf/stays/rp_filter", "2"),
    ("ipv4/conf/stays/arp_announce", "1"),
    ("ipv6/conf/stays/hop_limit", "77"),
    ("ipv6/conf/stays-too/accept_ra", "0"),
];

/// Makes the objects that stay.
pub(crate) fn make_what_stays() {
    let file = "/run/stays";
    fs::write(file, STAYS).expect("write a batch");
    ip(&format!("-batch {file}"));
    for (parameter, value) in PARAMETERS {
        fs::write(format!("/proc/sys/net/{parameter}"), value).expect("set a parameter");
    }
    fs::remove_file(file).expect("remove a batch");
}

/// What ip(8) and `/proc/sys/net` show of what stays. `ip_forward` is configured by some moves, and
/// sets the forwarding of each link.
fn what_stays(snapshot: &BTreeSet<String>) -> BTreeSet<String> {
    let stays = |line: &&String| line.contains("stays") && !line.contains("/forwarding");
    snapshot.iter().filter(stays).cloned().collect()
}

/// The objects of others that must still exist.
#[derive(Debug)]
pub(crate) struct Foreign {
    stays: BTreeSet<String>,
    routes: BTreeSet<Route>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Route {
    netns: String,
    prefix: String,
    dev: String,
}

impl Foreign {
    pub(crate) fn new() -> Self {
        Self { stays: kernel::settled(), routes: BTreeSet::new() }
    }

    /// After a boot of the host, only what stays is there.
    pub(crate) fn forget_routes(&mut self) {
        self.routes.clear();
    }

    /// Adds a route on a link, if that is possible.
    pub(crate) fn add_route(&mut self, netns: &str, dev: &str, prefix: &str) {
        if run(netns, &format!("route add {prefix} dev {dev} proto {PROTOCOL}")) {
            let (netns, prefix, dev) = (netns.into(), prefix.into(), dev.into());
            self.routes.insert(Route { netns, prefix, dev });
        }
    }

    /// Forgets objects on links that are removed or changed, because they may be lost.
    pub(crate) fn forget_what_changes(&mut self, old: &Tree, new: &Tree) {
        let path = Path::parse(schema(), "/iproute2-ip-link:links").expect("a path");
        let diff = old.subtree(&path).diff(&new.subtree(&path));
        let names: BTreeSet<String> = (diff.changes())
            .filter_map(|change| change.path().steps.get(1).cloned())
            .flat_map(|step| step.keys.iter().map(ToString::to_string).collect::<Vec<_>>())
            .collect();
        self.forget_on(|dev| names.iter().any(|name| is_of_one_cable(name, dev)));
    }

    /// Forgets objects on a link that others change.
    pub(crate) fn forget_on_link(&mut self, name: &str) {
        self.forget_on(|dev| is_of_one_cable(name, dev));
    }

    fn forget_on(&mut self, is: impl Fn(&str) -> bool) {
        self.routes.retain(|route| !is(&route.dev));
    }

    /// Checks that all objects of others exist, and that what stays is as it was.
    pub(crate) fn check(&self) {
        let differences = kernel::differences_from(&self.stays, what_stays);
        assert!(differences.is_empty(), "the objects of others changed:\n{differences}");
        let namespaces: BTreeSet<&String> = self.routes.iter().map(|route| &route.netns).collect();
        for netns in namespaces {
            let shown = ip_json(&format!("{}route show proto {PROTOCOL}", option(netns)));
            let text = |route: &serde_json::Value, name: &str| {
                route[name].as_str().unwrap_or_default().to_owned()
            };
            let routes = shown.as_array().into_iter().flatten();
            let there: BTreeSet<(String, String)> =
                routes.map(|route| (text(route, "dst"), text(route, "dev"))).collect();
            for Route { prefix, dev, .. } in
                self.routes.iter().filter(|route| route.netns == *netns)
            {
                let route = (prefix.clone(), dev.clone());
                assert!(there.contains(&route), "{route:?} of others has gone from {netns}");
            }
        }
    }
}

/// Runs ip(8) in a namespace. Returns whether it succeeded.
pub(crate) fn run(netns: &str, arguments: &str) -> bool {
    let arguments = format!("{}{arguments}", option(netns));
    let output = command("ip").args(arguments.split_whitespace()).output();
    output.expect("run ip").status.success()
}

fn option(netns: &str) -> String {
    if netns == "1" { String::new() } else { format!("-n {netns} ") }
}

/// Whether both are ends of the same veth pair, which are removed together, as a bridge and its
/// ports are.
fn is_of_one_cable(one: &str, other: &str) -> bool {
    let cable = |name: &str| name.trim_end_matches(['a', 'b']).to_owned();
    cable(one) == cable(other)
}
