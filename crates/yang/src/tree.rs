//! A data tree: an immutable value with structural sharing.

pub(crate) mod entry;
pub(crate) mod interner;
mod node;
#[cfg(test)]
mod properties;
pub(crate) mod sorted;

use std::fmt;
use std::ptr;
use std::sync::Arc;

pub use entry::Entry;
pub use node::Node;
pub(crate) use node::instance_keys;

use crate::error::{Error, ErrorTag, Result};
use crate::path::{Keys, Path, Step};
use crate::schema::{NodeKind, Schema, SchemaNode};
use crate::tree::entry::{Content, Slot};
use crate::tree::node::key_index;
use crate::tree::sorted::Sorted;
use crate::value::Value;

/// The instances of one schema. A clone copies only a pointer. It contains only explicit values: no defaults in use
/// (RFC 7950 section 7.6.1), and no containers without presence that are empty.
#[derive(Clone)]
pub struct Tree {
    schema: &'static Schema,
    pub(crate) root: Arc<Entry>,
}

impl Tree {
    /// A tree without instances.
    pub fn empty(schema: &'static Schema) -> Tree {
        Tree { schema, root: Arc::default() }
    }

    pub(crate) fn new(schema: &'static Schema, root: Arc<Entry>) -> Tree {
        Tree { schema, root }
    }

    /// The schema of the tree.
    pub fn schema(&self) -> &'static Schema {
        self.schema
    }

    /// Whether there are no instances.
    pub fn is_empty(&self) -> bool {
        self.root.is_empty()
    }

    /// The instances at the top.
    pub fn top(&self) -> impl Iterator<Item = Node<'_>> {
        self.root.slots().iter().flat_map(Slot::instances)
    }

    /// The instance at `path`.
    pub fn node(&self, path: &Path) -> Option<Node<'_>> {
        let (first, rest) = path.steps.split_first()?;
        let mut node = self.root.slot(first.node)?.instance(&first.keys)?;
        for step in rest {
            node = node.instance(step)?;
        }
        Some(node)
    }

    /// The instances at `path`, each with its own path. A list step without keys selects all entries.
    pub fn nodes<'a>(&'a self, path: &Path) -> Vec<(Path, Node<'a>)> {
        let Some((first, rest)) = path.steps.split_first() else { return Vec::new() };
        let top = self.root.slot(first.node).into_iter().flat_map(Slot::instances);
        let mut found = select(&Path::default(), top, first);
        for step in rest {
            found = found
                .iter()
                .flat_map(|(path, node)| match node.instance(step) {
                    Some(one) => vec![(path.join(step.node, step.keys.clone()), one)],
                    None => select(path, node.children_of(step.node), step),
                })
                .collect();
        }
        found
    }

    /// Only the instance at `path` (all entries if the list has no keys in the path), with its ancestors and their
    /// keys.
    pub fn subtree(&self, path: &Path) -> Tree {
        let root = part(&self.root, &path.steps).unwrap_or_default();
        Tree::new(self.schema, Arc::new(root))
    }

    /// Only configuration (without `config false` nodes).
    pub fn config_only(&self) -> Tree {
        Tree::new(self.schema, self.root.retain(&|node| node.config))
    }

    /// Sets the leaf (or adds the leaf-list value), and creates the nodes above it. The value must come from the
    /// leaf's [`SchemaNode::value`].
    pub fn set(&mut self, path: &Path, value: Value) -> Result<()> {
        let (last, above) = self.instance_path(path)?;
        match last.node.kind {
            NodeKind::Leaf | NodeKind::LeafList => {}
            NodeKind::Container { .. } | NodeKind::List => {
                return Err(Error::new(ErrorTag::BadElement, "it is no leaf").at(path));
            }
        }
        if let Some(index) = key_index(last.node) {
            let key = above.last().and_then(|step| step.keys.get(index));
            if key != Some(&value) {
                let message = "a key's value cannot change; create another entry";
                return Err(Error::new(ErrorTag::BadElement, message).at(path));
            }
            return self.create(&Path { steps: above.to_vec() });
        }
        self.descend(above).set(last.node, value);
        Ok(())
    }

    /// Creates the container or list entry, with its keys, and the nodes above it. A container without presence
    /// exists as soon as it has content.
    pub fn create(&mut self, path: &Path) -> Result<()> {
        let (last, _) = self.instance_path(path)?;
        match last.node.kind {
            NodeKind::Container { .. } | NodeKind::List => {}
            NodeKind::Leaf | NodeKind::LeafList => {
                return Err(Error::new(ErrorTag::BadElement, "a leaf needs a value").at(path));
            }
        }
        // Only a list entry or a presence container can be empty at the end of the path.
        let stays = |step: &Step| step.node.kind != NodeKind::Container { presence: false };
        let end = path.steps.iter().rposition(stays).map_or(0, |index| index + 1);
        if end > 0 {
            self.descend(&path.steps[..end]);
        }
        Ok(())
    }

    /// Removes the instance at `path`, and returns whether there was one. Containers without presence that become
    /// empty are removed too.
    pub fn remove(&mut self, path: &Path) -> Result<bool> {
        let Some((last, above)) = path.steps.split_last() else {
            let found = !self.is_empty();
            self.root = Arc::default();
            return Ok(found);
        };
        self.check_path(path, above.len())?;
        if key_index(last.node).is_some() {
            let message = "a key cannot be removed; remove its entry";
            return Err(Error::new(ErrorTag::BadElement, message).at(path));
        }
        Ok(prune(Arc::make_mut(&mut self.root), &path.steps))
    }

    /// Adds the instances of `other` to this tree. If both have a leaf, the value of `other` is used.
    pub fn merge(&mut self, other: &Tree) {
        Entry::merge_shared(&mut self.root, &other.root);
    }

    /// The last step of a path to one instance, and the steps above it.
    pub(crate) fn instance_path<'p>(&self, path: &'p Path) -> Result<(&'p Step, &'p [Step])> {
        let Some((last, above)) = path.steps.split_last() else {
            return Err(Error::new(ErrorTag::BadElement, "the root is no instance to set").at(path));
        };
        // A leaf-list's value may be given outside the path.
        let whole = path.steps.len() - usize::from(last.node.kind == NodeKind::LeafList);
        self.check_path(path, whole)?;
        Ok((last, above))
    }

    /// The content at the steps. Missing nodes are created.
    pub(crate) fn descend(&mut self, steps: &[Step]) -> &mut Entry {
        let mut entry = Arc::make_mut(&mut self.root);
        for step in steps {
            entry = entry.below(step.node, &step.keys);
        }
        entry
    }

    /// Whether the path is valid in this schema, with the keys of its first `whole` steps.
    pub(crate) fn check_path(&self, path: &Path, whole: usize) -> Result<()> {
        let mut above: Option<&'static SchemaNode> = None;
        for (index, step) in path.steps.iter().enumerate() {
            let follows = match (above, step.node.parent()) {
                (None, None) => self.schema.has(step.node),
                (Some(above), Some(parent)) => ptr::eq(above, parent),
                (None, Some(_)) | (Some(_), None) => false,
            };
            if !follows {
                let message = format!("{} does not belong here", step.node.name);
                return Err(Error::new(ErrorTag::UnknownElement, message).at(path));
            }
            let needed = match step.node.kind {
                NodeKind::List => step.node.keys.len(),
                NodeKind::LeafList => 1,
                NodeKind::Container { .. } | NodeKind::Leaf => 0,
            };
            let given = step.keys.len();
            if given != needed && (index < whole || given != 0) {
                let keys: Vec<_> = step.node.keys.iter().map(|key| key.name).collect();
                let message = match step.node.kind {
                    NodeKind::List => format!("{} is named by {}", step.node.name, keys.join(", ")),
                    NodeKind::Container { .. } | NodeKind::Leaf | NodeKind::LeafList => {
                        format!("{} is named without keys", step.node.name)
                    }
                };
                return Err(Error::new(ErrorTag::MissingElement, message).at(path));
            }
            above = Some(step.node);
        }
        Ok(())
    }
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_json(f.alternate()))
    }
}

impl PartialEq for Tree {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.root, &other.root) || self.root == other.root
    }
}

impl Eq for Tree {}

/// The nodes of `nodes` that the step selects.
fn select<'a>(
    above: &Path,
    nodes: impl Iterator<Item = Node<'a>>,
    step: &Step,
) -> Vec<(Path, Node<'a>)> {
    nodes
        .map(|node| (instance_keys(&node), node))
        .filter(|(keys, _)| step.keys.is_empty() || *keys == step.keys)
        .map(|(keys, node)| (above.join(step.node, keys), node))
        .collect()
}

/// Removes the instances at the steps, and the containers without presence that become empty.
fn prune(entry: &mut Entry, steps: &[Step]) -> bool {
    match steps {
        [] => false,
        [last] => entry.remove(last.node, &last.keys),
        [first, rest @ ..] => {
            if entry.slot(first.node).and_then(|slot| slot.instance(&first.keys)).is_none() {
                return false;
            }
            let found = prune(entry.below(first.node, &first.keys), rest);
            entry.prune(first.node);
            found
        }
    }
}

/// The content at the steps, with the nodes above.
fn part(entry: &Entry, steps: &[Step]) -> Option<Entry> {
    let Some((step, rest)) = steps.split_first() else { return Some(entry.clone()) };
    if key_index(step.node).is_some() {
        return rest.is_empty().then(Entry::default);
    }
    let slot = entry.slot(step.node)?;
    let content = match (&slot.content, &step.keys[..]) {
        (Content::Leaf(_), _) if rest.is_empty() => slot.content.clone(),
        (Content::LeafList(_), []) if rest.is_empty() => slot.content.clone(),
        (Content::LeafList(values), [value]) if rest.is_empty() && values.contains(value) => {
            Content::LeafList(Box::new([(value.clone(), ())].into_iter().collect()))
        }
        (Content::Leaf(_) | Content::LeafList(_), _) => return None,
        (Content::Container(below), _) => Content::Container(Arc::new(part(below, rest)?)),
        (Content::List(_), []) if rest.is_empty() => slot.content.clone(),
        (Content::List(entries), []) => {
            let some = |(keys, entry): (&Keys, &Arc<Entry>)| {
                Some((keys.clone(), Arc::new(part(entry, rest)?)))
            };
            let found: Sorted<_, _> = entries.iter().filter_map(some).collect();
            if found.is_empty() {
                return None;
            }
            Content::List(Box::new(found))
        }
        (Content::List(entries), keys) => {
            let (keys, below) = entries.get(keys)?;
            let only = (keys.clone(), Arc::new(part(below, rest)?));
            Content::List(Box::new([only].into_iter().collect()))
        }
    };
    let mut only = Entry::default();
    only.put(step.node, content);
    Some(only)
}

// Trees are passed between threads: the engine's and its readers'.
const _: () = {
    const fn shared<T: Send + Sync>() {}
    shared::<Tree>();
};

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::sample::{lines, path, schema, tree};

    #[test]
    fn setting_a_leaf_makes_what_is_above_it() {
        let tree = tree("/links/link[name='eth10']/mtu = 9000\n/links/link[name='eth2']/map = 1:2");
        expect![[r#"
            /sample:links
            /sample:links/link[name='eth2']
            /sample:links/link[name='eth2']/map[.='1:2'] = 1:2
            /sample:links/link[name='eth10']
            /sample:links/link[name='eth10']/mtu = 9000
        "#]]
        .assert_eq(&lines(&tree));
    }

    #[test]
    fn a_copy_does_not_see_later_changes() {
        let mut tree = tree("/links/link[name='a']/mtu = 100");
        let copy = tree.clone();
        tree.set(&path("/links/link[name='a']/mtu"), Value::Unsigned(200)).unwrap();
        assert_ne!(tree, copy);
        let node = copy.node(&path("/links/link[name='a']/mtu")).unwrap();
        assert_eq!(node.value(), Some(&Value::Unsigned(100)));
    }

    #[test]
    fn a_node_of_one_case_takes_the_place_of_the_others() {
        let mut tree = tree(
            "/links/link[name='a']/vxlan/remote = 1.1.1.1
             /links/link[name='a']/vxlan/port = 4789
             /links/link[name='a']/vxlan/id = 5
             /links/link[name='a']/vxlan/group = 239.0.0.1",
        );
        let vxlan = path("/links/link[name='a']/vxlan");
        assert_eq!(tree.node(&vxlan).unwrap().children().count(), 2);
        tree.set(&path("/links/link[name='a']/vxlan/port"), Value::Unsigned(1)).unwrap();
        let left: Vec<_> =
            tree.node(&vxlan).unwrap().children().map(|node| node.schema().name).collect();
        assert_eq!(left, ["id", "port"]);
    }

    #[test]
    fn removing_the_last_child_removes_containers_that_mean_nothing_by_themselves() {
        let mut one = tree("/links/link[name='a']/state/rx = 5");
        assert!(one.remove(&path("/links/link[name='a']/state/rx")).unwrap());
        expect![[r#"
            /sample:links
            /sample:links/link[name='a']
        "#]]
        .assert_eq(&lines(&one));
        assert!(!one.remove(&path("/links/link[name='a']/state/rx")).unwrap());
        assert!(!one.remove(&path("/links/link[name='b']/mtu")).unwrap());
        assert!(one.remove(&path("/links/link[name='a']")).unwrap());
        assert!(one.is_empty());

        let mut all = tree("/links/link[name='a']\n/links/link[name='b']/map = 1:1");
        assert!(all.remove(&path("/links/link")).unwrap());
        assert!(all.is_empty());
        assert!(!all.remove(&path("/links/link")).unwrap());
    }

    #[test]
    fn a_path_may_lead_to_many() {
        let tree = tree(
            "/links/link[name='a']/ip[address='1.1.1.1/8']
             /links/link[name='a']/ip[address='2.1.1.1/8']
             /links/link[name='b']/ip[address='3.1.1.1/8']
             /links/link[name='b']/map = 1:1
             /links/link[name='b']/map = 2:2
             /links/link[name='c']",
        );
        let check = |text: &str| {
            let found = tree.nodes(&path(text));
            found.iter().map(|(path, _)| path.to_string()).collect::<Vec<_>>().join(" ")
        };
        expect!["/sample:links/link[name='a']/ip[address='1.1.1.1/8'] /sample:links/link[name='a']/ip[address='2.1.1.1/8'] /sample:links/link[name='b']/ip[address='3.1.1.1/8']"]
            .assert_eq(&check("/links/link/ip"));
        expect![
            "/sample:links/link[name='b']/map[.='1:1'] /sample:links/link[name='b']/map[.='2:2']"
        ]
        .assert_eq(&check("/links/link/map"));
        expect!["/sample:links/link[name='a']/name /sample:links/link[name='b']/name /sample:links/link[name='c']/name"]
            .assert_eq(&check("/links/link/name"));
        expect!["/sample:links/link[name='b']/map[.='2:2']"]
            .assert_eq(&check("/links/link[name='b']/map[.='2:2']"));
        expect![""].assert_eq(&check("/links/link[name='z']/ip"));

        let part = |text: &str| lines(&tree.subtree(&path(text)));
        expect![[r#"
            /sample:links
            /sample:links/link[name='a']
            /sample:links/link[name='a']/ip[address='1.1.1.1/8']
            /sample:links/link[name='a']/ip[address='2.1.1.1/8']
            /sample:links/link[name='b']
            /sample:links/link[name='b']/ip[address='3.1.1.1/8']
        "#]]
        .assert_eq(&part("/links/link/ip"));
        expect![[r#"
            /sample:links
            /sample:links/link[name='a']
        "#]]
        .assert_eq(&part("/links/link[name='a']/name"));
        expect![""].assert_eq(&part("/links/link[name='a']/mtu"));
    }

    #[test]
    fn what_does_not_fit_the_schema_is_refused() {
        let mut tree = Tree::empty(schema());
        let mut check = |text: &str| {
            let path = path(text);
            let set = tree.set(&path, Value::Empty).map_err(|error| error.to_string());
            let create = tree.create(&path).map_err(|error| error.to_string());
            format!("set: {set:?}\ncreate: {create:?}")
        };
        expect![[r#"
            set: Err("/sample:links/link: link is named by name")
            create: Err("/sample:links/link: link is named by name")"#]]
        .assert_eq(&check("/links/link"));
        expect![[r#"
            set: Err("/sample:links/link/mtu: link is named by name")
            create: Err("/sample:links/link/mtu: link is named by name")"#]]
        .assert_eq(&check("/links/link/mtu"));
        expect![[r#"
            set: Err("/sample:links/link[name='a']/name: a key's value cannot change; create another entry")
            create: Err("/sample:links/link[name='a']/name: a leaf needs a value")"#]].assert_eq(&check("/links/link[name='a']/name"));
        expect![[r#"
            set: Err("/: the root is no instance to set")
            create: Err("/: the root is no instance to set")"#]]
        .assert_eq(&check("/"));
        expect![[r#"
            set: Err("/sample:links: it is no leaf")
            create: Ok(())"#]]
        .assert_eq(&check("/links"));
    }

    #[test]
    fn merging_adds_and_overwrites() {
        let mut one = tree("/links/link[name='a']/mtu = 100\n/links/link[name='a']/vxlan/port = 1");
        one.merge(&tree(
            "/links/link[name='a']/mtu = 200
             /links/link[name='a']/vxlan/group = 239.0.0.1
             /links/link[name='b']/map = 1:1",
        ));
        expect![[r#"
            /sample:links
            /sample:links/link[name='a']
            /sample:links/link[name='a']/mtu = 200
            /sample:links/link[name='a']/vxlan
            /sample:links/link[name='a']/vxlan/group = 239.0.0.1
            /sample:links/link[name='b']
            /sample:links/link[name='b']/map[.='1:1'] = 1:1
        "#]]
        .assert_eq(&lines(&one));
    }

    #[test]
    fn state_is_told_from_configuration() {
        let both = tree(
            "/links/link[name='a']/state/rx = 5
             /links/link[name='b']/mtu = 100
             /links/link[name='b']/state/flags = UP",
        );
        let config = both.config_only();
        expect![[r#"
            /sample:links
            /sample:links/link[name='a']
            /sample:links/link[name='b']
            /sample:links/link[name='b']/mtu = 100
        "#]]
        .assert_eq(&lines(&config));
        assert!(Arc::ptr_eq(&config.config_only().root, &config.root));
    }
}
