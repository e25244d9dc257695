//! The desired state of a configuration, which can be updated by a change.
//!
//! The objects of an entry depend on the entry and on the names to which it refers. If names are
//! only added, no other entry can have referred to them before. Only the changed entries, and the
//! few that look at them, must then be converted. If a name is removed, or a link moves, the whole
//! configuration is converted again.

use std::collections::BTreeSet;

use netstate::{Desired, Key, State};
use yang::{Diff, Error, Go, Node, Path, Tree, Value};

use crate::directory::Directory;
use crate::instances::{container_of, list_path, schema_node};
use crate::lowering::Lowering;
use crate::noun::link::Pairs;

use crate::{NamedConfiguration, noun, spelling};

/// The number of changed entries up to which the update is tried, at least.
const MANY: usize = 1000;

/// The desired state of a configuration. A copy is cheap.
#[derive(Clone, Debug, Default)]
pub struct Lowered {
    /// The state.
    pub desired: Desired,
    directory: Directory,
}

impl Lowered {
    /// Converts a whole configuration, which is valid by the schema.
    pub fn of(configuration: &Tree) -> Result<Lowered, Vec<Error>> {
        let (directory, state) = noun::lower(Lowering::of(configuration))?;
        Ok(Lowered { desired: state.into(), directory })
    }

    /// Converts `new`, which differs by `diff` from `old`, of which this is the result. Returns the
    /// same as [`Lowered::of`].
    pub fn after(&self, (old, new): (&Tree, &Tree), diff: &Diff) -> Result<Lowered, Vec<Error>> {
        match self.extended(old, new, diff) {
            Some(lowered) => Ok(lowered),
            None => Lowered::of(new),
        }
    }

    /// The path at which an object of `configuration`, of which this is the result, is configured.
    pub fn path(&self, key: &Key, configuration: &Tree) -> Path {
        noun::path(key, &NamedConfiguration::with(configuration, self.directory.clone()))
    }

    /// The same, by converting only what has changed; none if that is not sufficient, or there is
    /// an error.
    fn extended(&self, old: &Tree, new: &Tree, diff: &Diff) -> Option<Lowered> {
        // Looking up many entries costs more than a pass over all of them.
        let mut touched = touched(diff, MANY.max(self.desired.len() / 4))?;
        let directory = self.directory.extended(new, &touched)?;
        if touched.iter().any(|path| container_of(path) == "links") {
            add_related_entries((&self.directory, old), (&directory, new), &mut touched)?;
        }
        let before = state(old, &self.directory, &touched)?;
        let after = state(new, &directory, &touched)?;
        let mut desired = self.desired.clone();
        for key in before.objects.keys() {
            desired.remove(key);
        }
        for (key, object) in after.objects {
            // Two entries describe the same object. Converting everything reports this.
            if desired.insert(key, object).is_some() {
                return None;
            }
        }
        Some(Lowered { desired, directory })
    }
}

/// The desired state of these entries.
fn state(tree: &Tree, directory: &Directory, entries: &BTreeSet<Path>) -> Option<State> {
    let lowering = Lowering::only(tree, directory.clone(), entries);
    noun::lower(lowering).ok().map(|(_, state)| state)
}

/// The changed entries of lists in top containers, unless there are more than `limit`.
fn touched(diff: &Diff, limit: usize) -> Option<BTreeSet<Path>> {
    // Changes are sorted by path, so that no set is needed.
    let mut touched: Vec<Path> = Vec::new();
    diff.walk(|_, steps| {
        let Some(entry) = steps.get(..2) else { return Go::Below };
        if touched.last().is_none_or(|last| last.steps != entry) {
            touched.push(Path { steps: entry.to_vec() });
        }
        if touched.len() > limit { Go::Home } else { Go::Past }
    });
    (touched.len() <= limit).then(|| touched.into_iter().collect())
}

/// Adds the entries that look at changed links: the other ends of new ones, and the parameters of
/// their namespaces. None if an existing link changes its kind.
fn add_related_entries(
    (was, old): (&Directory, &Tree),
    (is, new): (&Directory, &Tree),
    touched: &mut BTreeSet<Path>,
) -> Option<()> {
    let pairs = Pairs::read(&mut Lowering::only(new, is.clone(), touched));
    let mut more = BTreeSet::new();
    for path in touched.iter().filter(|path| container_of(path) == "links") {
        let entry = new.node(path)?;
        let id = entry.leaf("name")?.to_string().parse().ok()?;
        if let Some(before) = old.node(path).filter(|_| was.link(&id).is_some()) {
            if kind_leaves(&before) != kind_leaves(&entry) {
                return None;
            }
            continue;
        }
        let mate = pairs.peer(&id).and_then(|place| is.link(is.id_at(place)?));
        more.extend(mate.map(|mate| mate.path.clone()));
        let netns = &is.link(&id)?.place.as_ref()?.netns;
        let list = schema_node(new.schema(), "sysctls", &["netns"])?;
        more.insert(list_path(list).join(list, vec![spelling::netns(netns)]));
    }
    touched.extend(more);
    Some(())
}

/// The leaves of a link's entry at which others look.
fn kind_leaves<'t>(entry: &Node<'t>) -> [Option<&'t Value>; 2] {
    ["type", "virtual_peer_name"].map(|leaf| entry.leaf(leaf))
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use yang::Schema;

    use super::*;

    /// Lines of a configuration, many of which contradict each other.
    const LINES: [&str; 33] = [
        "/iproute2-ip-netns:netnses/netns[name='a']",
        "/iproute2-ip-netns:netnses/netns[name='b']",
        "/iproute2-ip-link:links/link[name='e0']/mtu = 1400",
        "/iproute2-ip-link:links/link[name='e0']/netns = a",
        "/iproute2-ip-link:links/link[name='e0']/netloom-link:ifname = v1",
        "/iproute2-ip-link:links/link[name='e0']/ip[address='10.0.0.1/24']",
        "/iproute2-ip-link:links/link[name='e0']/ip[address='2001:DB8::1/64']",
        "/iproute2-ip-link:links/link[name='e0']/ip[address='2001:db8::1/64']",
        "/iproute2-ip-link:links/link[name='e0']/master = br",
        "/iproute2-ip-link:links/link[name='v1']/type = iproute2-ip-link:veth",
        "/iproute2-ip-link:links/link[name='v1']/virtual_peer_name = v2",
        "/iproute2-ip-link:links/link[name='v1']/netns = a",
        "/iproute2-ip-link:links/link[name='v1']/netloom-link:sysctl/proxy_arp = 1",
        "/iproute2-ip-link:links/link[name='v2']/type = iproute2-ip-link:veth",
        "/iproute2-ip-link:links/link[name='v2']/virtual_peer_name = v1",
        "/iproute2-ip-link:links/link[name='v2']/netns = b",
        "/iproute2-ip-link:links/link[name='v3']/type = iproute2-ip-link:dummy",
        "/iproute2-ip-link:links/link[name='v3']/virtual_peer_name = v1",
        "/iproute2-ip-link:links/bridge[name='br']/mtu = 1500",
        "/iproute2-ip-link:links/bridge[name='br']/netns = a",
        "/iproute2-ip-link:links/vxlan[name='vx']/vxlan-info/dev = e0",
        "/iproute2-ip-route:routes/route[prefix='10.1.0.0/16'][netns='a'][table='254'][tos='0'][metric='0']/nexthop[dev='e0']",
        "/iproute2-ip-route:routes/route[prefix='10.1.0.0/16'][netns='1'][table='254'][tos='0'][metric='0']/nexthop[dev='e0']",
        "/iproute2-ip-route:routes/route[prefix='10.1.0.0/16'][netns='b'][table='254'][tos='0'][metric='0']/nexthop[dev='v2']",
        "/iproute2-ip-route:routes/route[prefix='default'][netns='a'][table='254'][tos='0'][metric='0']/type = blackhole",
        "/iproute2-ip-route:routes/route[prefix='0.0.0.0/0'][netns='a'][table='254'][tos='0'][metric='0']/type = blackhole",
        "/iproute2-ip-neighbor:neighbors/neighbor[to_addr='10.0.0.9'][netns='a']/dev = e0",
        "/iproute2-ip-neighbor:neighbors/neighbor[to_addr='10.0.0.9'][netns='a']/lladdr = 02:00:00:00:00:01",
        "/iproute2-ip-neighbor:neighbors/neighbor[to_addr='10.0.0.9'][netns='1']/dev = e0",
        "/netloom-sysctl:sysctls/netns[name='a']/ip_forward = 1",
        "/netloom-sysctl:sysctls/netns[name='a']/variable[name='net.ipv4.conf.v1.proxy_arp']/value = 1",
        "/netloom-sysctl:sysctls/netns[name='1']/variable[name='net.ipv4.conf.e0.proxy_arp']/value = 1",
        "/netloom-sysctl:sysctls/netns[name='b']/variable[name='net/ipv4/conf/v2/rp_filter']/value = 1",
    ];

    fn tree(chosen: &[bool]) -> Tree {
        let schema = Schema::netloom().unwrap();
        let mut tree = Tree::empty(schema);
        for (line, _) in LINES.iter().zip(chosen).filter(|(_, chosen)| **chosen) {
            let (path, value) = line.split_once(" = ").unwrap_or((line, ""));
            let path = Path::parse(schema, path).unwrap();
            let leaf = path.steps.last().unwrap().node;
            match value {
                "" => tree.create(&path).unwrap(),
                value => tree.set(&path, leaf.value(value).unwrap()).unwrap(),
            }
        }
        tree
    }

    /// Removes lines until the rest is valid.
    fn good(mut chosen: Vec<bool>) -> (Vec<bool>, Lowered) {
        loop {
            let drop = match Lowered::of(&tree(&chosen)) {
                Ok(lowered) => return (chosen, lowered),
                Err(faults) => faults.len() % chosen.len(),
            };
            let next = (drop..chosen.len()).chain(0..drop).find(|at| chosen[*at]);
            chosen[next.expect("the empty configuration is good")] = false;
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(600))]

        #[test]
        fn incremental_conversion_equals_full_conversion(
            chosen in vec(any::<bool>(), LINES.len()),
            toggled in vec(0..LINES.len(), 1..5),
        ) {
            let (chosen, lowered) = good(chosen);
            let mut changed = chosen.clone();
            toggled.into_iter().for_each(|at| changed[at] = !changed[at]);
            let (old, new) = (tree(&chosen), tree(&changed));
            let whole = Lowered::of(&new).map(|lowered| lowered.desired);
            let diff = old.diff(&new);
            let by_change = lowered.extended(&old, &new, &diff).map(|lowered| lowered.desired);
            if let Some(by_change) = by_change {
                prop_assert_eq!(Ok(by_change), whole);
            }
        }
    }

    #[test]
    fn additions_and_changes_are_converted_incrementally() {
        let chosen: Vec<bool> = LINES.iter().map(|line| !line.contains("v2")).collect();
        let (chosen, lowered) = good(chosen);
        for (at, line) in LINES.iter().enumerate().filter(|(_, line)| line.contains("routes")) {
            let mut changed = chosen.clone();
            changed[at] = !changed[at];
            let (old, new) = (tree(&chosen), tree(&changed));
            if Lowered::of(&new).is_ok() {
                let diff = old.diff(&new);
                assert!(lowered.extended(&old, &new, &diff).is_some(), "{line}");
            }
        }
    }
}
