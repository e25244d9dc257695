//! Subtree filters (RFC 6241 section 6).

use std::sync::Arc;

use crate::error::Result;
use crate::path::Keys;
use crate::schema::{NodeKind, Schema, SchemaNode};
use crate::tree::Tree;
use crate::tree::entry::{Content, Entry};
use crate::tree::sorted::Sorted;
use crate::value::Value;
use crate::xml;

/// One element of a filter, for one schema node.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    pub(crate) node: &'static SchemaNode,
    pub(crate) what: What,
}

#[derive(Clone, Debug)]
pub(crate) enum What {
    /// A selection node: all instances, completely (section 6.2.4).
    All,
    /// A containment node: of all instances, the nodes that the filters below select (section 6.2.3).
    Below(Filters),
    /// A content match node: selects an instance of the parent if the leaf has this value (section 6.2.5).
    Is(Value),
}

/// The elements of a filter on one level.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filters {
    pub(crate) filters: Vec<Filter>,
    /// Whether one of them is a content match that cannot be satisfied.
    pub(crate) impossible: bool,
}

impl Tree {
    /// The part of the tree that an RFC 6241 section 6 subtree filter (the children of `<filter>`, as XML) selects.
    /// An element without a namespace matches any namespace. An element that is not in the schema selects nothing.
    pub fn filter(&self, subtree: &str) -> Result<Tree> {
        let filters = xml::read_filter(self.schema(), subtree)?;
        let mut root = Entry::default();
        if !filters.impossible {
            filters.filters.iter().for_each(|filter| _ = filter.select(&[], &self.root, &mut root));
        }
        Ok(Tree::new(self.schema(), Arc::new(root)))
    }
}

/// The part that a filter may select: of one list below a top container, or of a whole top node.
#[derive(Clone, Debug)]
pub struct Selected {
    /// The top node.
    pub top: &'static SchemaNode,
    /// The node below it. None if all of the top node is selected.
    pub below: Option<&'static SchemaNode>,
    /// The values of keys that an entry of that list must have.
    pub keys: Vec<(&'static str, Value)>,
    /// The names of the selected nodes of an entry, besides its keys. None if all are selected.
    pub nodes: Option<Vec<&'static str>>,
}

impl Schema {
    /// The parts that such a filter may select. A caller needs to read only these.
    pub fn selected(&'static self, subtree: &str) -> Result<Vec<Selected>> {
        let filters = xml::read_filter(self, subtree)?;
        let mut selected = Vec::new();
        for filter in &filters.filters {
            let top = filter.node;
            match &filter.what {
                What::Below(below) if !below.filters.is_empty() => {
                    selected.extend(below.filters.iter().map(|filter| filter.selected(top)));
                }
                What::All | What::Is(_) | What::Below(_) => {
                    selected.push(Selected { top, below: None, keys: Vec::new(), nodes: None });
                }
            }
        }
        Ok(selected)
    }
}

impl Filters {
    /// The selected nodes of an instance. Empty if its content does not match.
    fn of(&self, keys: &[Value], entry: &Entry) -> Option<Entry> {
        let matches = |filter: &Filter| match &filter.what {
            What::Is(value) => filter.is(value, keys, entry),
            What::All | What::Below(_) => true,
        };
        if self.impossible || self.filters.is_empty() || !self.filters.iter().all(matches) {
            return None;
        }
        if self.filters.iter().all(|filter| matches!(filter.what, What::Is(_))) {
            return Some(entry.clone());
        }
        let mut selected = Entry::default();
        let mut any = false;
        for filter in &self.filters {
            any |= filter.select(keys, entry, &mut selected);
        }
        any.then_some(selected)
    }

    /// The keys of the only entry of the list that can match, if all keys are given.
    fn entry_of(&self, list: &SchemaNode) -> Option<Keys> {
        let given = |key: &&'static SchemaNode| {
            self.filters.iter().find_map(|filter| match &filter.what {
                What::Is(value) if std::ptr::eq(filter.node, *key) => Some(value.clone()),
                What::Is(_) | What::All | What::Below(_) => None,
            })
        };
        list.keys.iter().map(given).collect()
    }
}

impl Filter {
    /// The nodes below `top` that it selects.
    fn selected(&self, top: &'static SchemaNode) -> Selected {
        let (mut keys, mut nodes) = (Vec::new(), None);
        if let What::Below(filters) = &self.what {
            let of_entry = filters.filters.iter();
            for filter in of_entry {
                match &filter.what {
                    What::Is(value) if filter.node.is_key() => {
                        keys.push((filter.node.name, value.clone()));
                    }
                    What::Is(_) | What::All | What::Below(_) => {
                        let nodes = nodes.get_or_insert_with(Vec::new);
                        if !filter.node.is_key() {
                            nodes.push(filter.node.name);
                        }
                    }
                }
            }
        }
        Selected { top, below: Some(self.node), keys, nodes }
    }

    fn is(&self, wanted: &Value, keys: &[Value], entry: &Entry) -> bool {
        if let Some(key) = self.key(keys) {
            return key == wanted;
        }
        entry.slot(self.node).is_some_and(|slot| match &slot.content {
            Content::Leaf(value) => value == wanted,
            Content::LeafList(values) => values.contains(wanted),
            Content::Container(_) | Content::List(_) => false,
        })
    }

    /// The value of the key, if this filter is for a key.
    fn key<'k>(&self, keys: &'k [Value]) -> Option<&'k Value> {
        let list = self.node.parent()?;
        let index = list.keys.iter().position(|key| std::ptr::eq(*key, self.node))?;
        keys.get(index)
    }

    /// Adds the selected children of an instance. Returns whether there were any.
    fn select(&self, keys: &[Value], from: &Entry, into: &mut Entry) -> bool {
        if self.key(keys).is_some() {
            // The keys of selected entries are always included.
            return true;
        }
        let Some(slot) = from.slot(self.node) else { return false };
        let selected = match (&self.what, &slot.content) {
            (What::All, content) => content.clone(),
            (What::Is(_), Content::Leaf(_)) => slot.content.clone(),
            (What::Is(value), Content::LeafList(_)) => {
                Content::LeafList(Box::new([(value.clone(), ())].into_iter().collect()))
            }
            (What::Below(filters), Content::Container(entry)) => match filters.of(&[], entry) {
                Some(entry) => Content::Container(Arc::new(entry)),
                None => return false,
            },
            (What::Below(filters), Content::List(entries)) => {
                let found = match filters.entry_of(self.node) {
                    Some(keys) => entries.get(&keys[..]).into_iter().collect(),
                    None => entries.iter().collect::<Vec<_>>(),
                };
                let some = |(keys, entry): (&Keys, &Arc<Entry>)| {
                    Some((keys.clone(), Arc::new(filters.of(keys, entry)?)))
                };
                let found: Sorted<_, _> = found.into_iter().filter_map(some).collect();
                if found.is_empty() {
                    return false;
                }
                Content::List(Box::new(found))
            }
            (What::Below(_), Content::Leaf(_) | Content::LeafList(_))
            | (What::Is(_), Content::Container(_) | Content::List(_)) => return false,
        };
        let mut selection = Entry::default();
        selection.put(self.node, selected);
        if self.node.kind == (NodeKind::Container { presence: false }) {
            selection.prune(self.node);
        }
        into.merge(&selection);
        true
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use crate::sample::{lines, tree};

    const LINES: &str = "/netnses/netns[name='vpn10']
        /links/link[name='a']/mtu = 100
        /links/link[name='a']/type = veth
        /links/link[name='a']/ip[address='1.1.1.1/8']
        /links/link[name='b']/mtu = 200
        /links/link[name='b']/type = dummy
        /links/link[name='b']/map = 1:1
        /links/link[name='b']/map = 2:2
        /links/link[name='c']/mtu = 100
        /links/link[name='c']/vxlan/id = 5
        /links/link[name='c']/ifname = x";

    #[track_caller]
    fn check(filter: &str, expected: Expect) {
        let shown = match tree(LINES).filter(filter) {
            Ok(tree) => lines(&tree),
            Err(error) => format!("error: {error}"),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn selection() {
        check("", expect![""]);
        check(
            "<netnses xmlns='urn:sample'/>",
            expect![[r#"
            /sample:netnses
            /sample:netnses/netns[name='vpn10']
        "#]],
        );
        check(
            "<netnses/>",
            expect![[r#"
            /sample:netnses
            /sample:netnses/netns[name='vpn10']
        "#]],
        );
        check(
            "<filter xmlns='urn:ietf:params:xml:ns:netconf:base:1.0'><netnses/></filter>",
            expect![[r#"
                /sample:netnses
                /sample:netnses/netns[name='vpn10']
            "#]],
        );
        check("<netnses xmlns='urn:other'/>", expect![""]);
        check("<nothing xmlns='urn:sample'><a><b/></a></nothing>", expect![""]);
        check("<links xmlns='urn:sample'><link><ifname/></link></links>", expect![""]);
        check(
            "<links xmlns='urn:sample'><link><ifname xmlns='urn:sample:more'/></link></links>",
            expect![[r#"
                /sample:links
                /sample:links/link[name='c']
                /sample:links/link[name='c']/sample-more:ifname = x
            "#]],
        );
        check(
            "<links><link><name/></link></links><netnses/>",
            expect![[r#"
            /sample:netnses
            /sample:netnses/netns[name='vpn10']
            /sample:links
            /sample:links/link[name='a']
            /sample:links/link[name='b']
            /sample:links/link[name='c']
        "#]],
        );
        check("<links><link><vxlan><port/></vxlan></link></links>", expect![""]);
        check("<links><link><mtu><x/></mtu></link></links>", expect![""]);
        check("<links><nothing/></links>", expect![""]);
        check("<links kind='new'/>", expect![""]);
    }

    #[test]
    fn content_match() {
        check(
            "<links><link><name>a</name></link></links>",
            expect![[r#"
            /sample:links
            /sample:links/link[name='a']
            /sample:links/link[name='a']/mtu = 100
            /sample:links/link[name='a']/type = sample:veth
            /sample:links/link[name='a']/ip[address='1.1.1.1/8']
        "#]],
        );
        check("<links><link><name>z</name></link></links>", expect![""]);
        check(
            "<links><link><mtu> 100 </mtu><ifname/></link></links>",
            expect![[r#"
            /sample:links
            /sample:links/link[name='a']
            /sample:links/link[name='a']/mtu = 100
            /sample:links/link[name='c']
            /sample:links/link[name='c']/mtu = 100
            /sample:links/link[name='c']/sample-more:ifname = x
        "#]],
        );
        check(
            "<links><link><mtu>100</mtu><name>a</name></link></links>",
            expect![[r#"
            /sample:links
            /sample:links/link[name='a']
            /sample:links/link[name='a']/mtu = 100
            /sample:links/link[name='a']/type = sample:veth
            /sample:links/link[name='a']/ip[address='1.1.1.1/8']
        "#]],
        );
        check("<links><link><mtu>big</mtu></link></links>", expect![""]);
        check("<links><link><colour>red</colour><name/></link></links>", expect![""]);
        check(
            "<links><link><map>1:1</map><mtu/></link></links>",
            expect![[r#"
            /sample:links
            /sample:links/link[name='b']
            /sample:links/link[name='b']/mtu = 200
            /sample:links/link[name='b']/map[.='1:1'] = 1:1
        "#]],
        );
        check(
            "<links><link><type xmlns:q='urn:sample:more'>q:dummy</type><name/></link></links>",
            expect![[r#"
                /sample:links
                /sample:links/link[name='b']
                /sample:links/link[name='b']/type = sample-more:dummy
            "#]],
        );
        check(
            "<links><link><name>a</name><mtu/></link><link><name>b</name><map/></link></links>",
            expect![[r#"
                /sample:links
                /sample:links/link[name='a']
                /sample:links/link[name='a']/mtu = 100
                /sample:links/link[name='b']
                /sample:links/link[name='b']/map[.='1:1'] = 1:1
                /sample:links/link[name='b']/map[.='2:2'] = 2:2
            "#]],
        );
        check("<links>text</links>", expect![""]);
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        check("<links>", expect!["error: line 1 column 7: the filter ends within <links>"]);
        check("<q:links/>", expect!["error: line 1 column 10: the prefix q is not declared"]);
        check(
            "<links><nothing>",
            expect!["error: line 1 column 16: the filter ends within <nothing>"],
        );
        check(
            &"<a>".repeat(100_000),
            expect![
                "error: line 1 column 0: document nests elements deeper than the supported limit of 65535"
            ],
        );
        check(
            &"<filter>".repeat(100_000),
            expect![
                "error: line 1 column 0: document nests elements deeper than the supported limit of 65535"
            ],
        );
        check(
            &format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000)),
            expect![
                "error: line 1 column 0: document nests elements deeper than the supported limit of 65535"
            ],
        );
    }
}
