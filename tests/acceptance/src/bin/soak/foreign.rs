//! Another program on the same device. Its objects do not concern the daemon, and must stay.

use std::collections::BTreeSet;

use acceptance::command;
use testkit::netns::ip_json;
use yang::{Path, Tree};

use crate::device::schema;

/// The protocol of a routing daemon's routes (`rtm_protocol`).
const PROTOCOL: &str = "99";

/// The objects of others that must still exist.
#[derive(Debug, Default)]
pub(crate) struct Foreign {
    routes: BTreeSet<Route>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Route {
    netns: String,
    prefix: String,
    dev: String,
}

impl Foreign {
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

    /// Checks that all objects of others exist.
    pub(crate) fn check(&self) {
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
