//! Subtree filters (RFC 6241 section 6).

mod merged;

use std::sync::Arc;

use crate::encoding::xml;
use crate::error::Result;
use crate::filter::merged::Merged;
use crate::schema::{Schema, SchemaNode};
use crate::tree::Tree;
use crate::value::Value;

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
        let root = Merged::of(vec![filters])?.select(&[], &self.root).unwrap_or_default();
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
