//! Connects trees with the types of other crates: serde over the nodes of a tree.
//!
//! A container or list entry is a struct or a map, a leaf-list is a sequence, and a list is a sequence of entries.
//! An enumeration is read as its name into a text or a Rust enum, as its number into an integer, and as true into a
//! `bool` for `on`, `up`, `true` or 1. A node that is not in the struct is an error with its path.
//!
//! Extensions of netloom-extensions adapt a model to a struct. `field` gives the name of the struct's field for a
//! leaf, `spelling` defines how the text of a leaf represents numbers, and `apart` excludes a node from the struct
//! of its parent.

mod read;
mod spelling;
mod write;

use crate::error::{Error, ErrorTag};
use crate::schema::SchemaNode;

/// Names for true and false. When a value is written, the first of these names that the leaf's type has is used.
const TRUTHS: [(&str, &str); 4] = [("on", "off"), ("up", "down"), ("true", "false"), ("1", "0")];

impl ::serde::de::Error for Error {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Error::new(ErrorTag::InvalidValue, message.to_string())
    }

    fn unknown_field(field: &str, _: &'static [&'static str]) -> Self {
        Error::new(ErrorTag::UnknownElement, format!("{field} is not supported here"))
    }

    fn missing_field(field: &'static str) -> Self {
        Error::new(ErrorTag::MissingElement, format!("{field} is missing"))
    }
}

impl ::serde::ser::Error for Error {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Error::new(ErrorTag::InvalidValue, message.to_string())
    }
}

/// The name of the field for a node.
fn field_name(node: &'static SchemaNode) -> &'static str {
    node.extension("field").flatten().unwrap_or(node.name)
}

/// Whether a node is excluded from the struct of its parent.
fn is_apart(node: &SchemaNode) -> bool {
    node.extension("apart").is_some()
}

/// Adds the schema path of `node` before the path of an error.
fn under(error: Error, node: &'static SchemaNode) -> Error {
    match node.parent() {
        Some(parent) => error.below(format_args!("{parent:?}")),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::net::IpAddr;

    use ::serde::{Deserialize, Serialize};
    use expect_test::expect;

    use crate::path::Keys;
    use crate::sample::{lines, path, schema, tree};
    use crate::tree::Tree;
    use crate::value::Value;

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Links {
        link: Vec<Link>,
    }

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
    struct Link {
        name: String,
        mtu: Option<u16>,
        admin_status: Option<bool>,
        #[serde(rename = "type")]
        kind: Option<Kind>,
        netns: Option<String>,
        ip: Vec<Ip>,
        map: Vec<String>,
        vxlan: Option<Vxlan>,
        ifname: Option<String>,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Veth,
        Dummy,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Ip {
        address: String,
    }

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Vxlan {
        id: u64,
        remote: Option<IpAddr>,
    }

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Route {
        prefix: String,
        table: u32,
        tag: Option<i8>,
        weight: Option<f32>,
        blackhole: bool,
        onlink: Option<bool>,
    }

    const LINES: &str = "/links/link[name='a']/mtu = 1500
        /links/link[name='a']/admin-status = up
        /links/link[name='a']/type = dummy
        /links/link[name='a']/netns = 1
        /links/link[name='a']/ip[address='1.1.1.1/8']
        /links/link[name='a']/map = 1:1
        /links/link[name='a']/map = 2:2
        /links/link[name='a']/vxlan/id = 7
        /links/link[name='a']/vxlan/remote = 2001:db8::1
        /links/link[name='a']/ifname = eth0
        /links/link[name='b']";

    #[test]
    fn a_tree_is_read_into_structs_and_written_back() {
        let whole = tree(LINES);
        let links: Links = whole.node(&path("/links")).unwrap().deserialize().unwrap();
        expect![[r#"
            Links {
                link: [
                    Link {
                        name: "a",
                        mtu: Some(
                            1500,
                        ),
                        admin_status: Some(
                            true,
                        ),
                        kind: Some(
                            Dummy,
                        ),
                        netns: Some(
                            "1",
                        ),
                        ip: [
                            Ip {
                                address: "1.1.1.1/8",
                            },
                        ],
                        map: [
                            "1:1",
                            "2:2",
                        ],
                        vxlan: Some(
                            Vxlan {
                                id: 7,
                                remote: Some(
                                    2001:db8::1,
                                ),
                            },
                        ),
                        ifname: Some(
                            "eth0",
                        ),
                    },
                    Link {
                        name: "b",
                        mtu: None,
                        admin_status: None,
                        kind: None,
                        netns: None,
                        ip: [],
                        map: [],
                        vxlan: None,
                        ifname: None,
                    },
                ],
            }
        "#]]
        .assert_debug_eq(&links);
        let mut written = Tree::empty(schema());
        written.serialize(&path("/links"), &links).unwrap();
        assert_eq!(lines(&written), lines(&whole));
    }

    #[test]
    fn entries_of_a_list_share_their_content() {
        let keys = |name: &str| Keys::from(vec![Value::String(name.into())]);
        let with = |mtu: u32| Some(BTreeMap::from([("mtu", mtu)]));
        let mut written = tree("/links/link[name='b']/netns = x");
        let list = path("/links/link").steps[1].node;
        let entries =
            [("c", with(100)), ("a", None), ("b", with(200)), ("c", with(300)), ("d", None)];
        let entries = entries.map(|(name, value)| (keys(name), value));
        written.serialize_list(&path("/links"), list, entries).unwrap();
        expect![[r#"
            /sample:links
            /sample:links/link[name='a']
            /sample:links/link[name='a']/mtu = 100
            /sample:links/link[name='b']
            /sample:links/link[name='b']/mtu = 200
            /sample:links/link[name='b']/netns = x
            /sample:links/link[name='c']
            /sample:links/link[name='c']/mtu = 300
            /sample:links/link[name='d']
            /sample:links/link[name='d']/mtu = 300
        "#]]
        .assert_eq(&lines(&written));
        let none: [(Keys, Option<()>); 0] = [];
        let mut empty = Tree::empty(schema());
        empty.serialize_list(&path("/links"), list, none).unwrap();
        assert!(empty.is_empty());
        let wrong = empty.serialize_list(&path("/routes"), list, [(keys("a"), with(100))]);
        assert!(wrong.is_err());
    }

    #[test]
    fn an_entry_is_written_beside_the_others() {
        let mut whole = tree(LINES);
        let link = Link { mtu: Some(100), ..Link::default() };
        // The name of the entry may be omitted if the path contains it. A different name is an error.
        let error = whole.serialize(&path("/links/link[name='c']"), &link).unwrap_err();
        expect![[r#"/sample:links/link[name='c']/name: the key name is "c", not """#]]
            .assert_eq(&error.to_string());
        let link = Link { name: "c".into(), ..link };
        whole.serialize(&path("/links/link[name='c']"), &link).unwrap();
        let fields = BTreeMap::from([("mtu", 200)]);
        whole.serialize(&path("/links/link[name='b']"), &fields).unwrap();
        expect![[r#"
            /sample:links
            /sample:links/link[name='a']
            /sample:links/link[name='a']/mtu = 1500
            /sample:links/link[name='b']
            /sample:links/link[name='b']/mtu = 200
            /sample:links/link[name='c']
            /sample:links/link[name='c']/mtu = 100
        "#]]
        .assert_eq(&lines(&whole.subtree(&path("/links/link/mtu"))));
    }

    #[test]
    fn enumerations_are_names_numbers_and_truths() {
        let mut one = tree(
            "/routes/route[prefix='default'][table='main']/onlink = true
             /routes/route[prefix='default'][table='main']/weight = 2.5
             /routes/route[prefix='default'][table='100']/tag = -1",
        );
        one.set(
            &path("/routes/route[prefix='default'][table='100']/blackhole"),
            crate::Value::Empty,
        )
        .unwrap();
        let routes: BTreeMap<String, Vec<Route>> =
            one.node(&path("/routes")).unwrap().deserialize().unwrap();
        expect![[r#"
            {
                "route": [
                    Route {
                        prefix: "default",
                        table: 100,
                        tag: Some(
                            -1,
                        ),
                        weight: None,
                        blackhole: true,
                        onlink: None,
                    },
                    Route {
                        prefix: "default",
                        table: 254,
                        tag: None,
                        weight: Some(
                            2.5,
                        ),
                        blackhole: false,
                        onlink: Some(
                            true,
                        ),
                    },
                ],
            }
        "#]]
        .assert_debug_eq(&routes);
        let mut written = Tree::empty(schema());
        written.serialize(&path("/routes"), &routes).unwrap();
        expect![[r#"
            /sample:routes
            /sample:routes/route[prefix='default'][table='100']
            /sample:routes/route[prefix='default'][table='100']/tag = -1
            /sample:routes/route[prefix='default'][table='100']/blackhole =
            /sample:routes/route[prefix='default'][table='main']
            /sample:routes/route[prefix='default'][table='main']/weight = 2.5
            /sample:routes/route[prefix='default'][table='main']/onlink = true
        "#]]
        .assert_eq(&lines(&written));
    }

    #[test]
    fn faults_name_their_place() {
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields, rename_all = "kebab-case")]
        #[expect(dead_code, reason = "only read into")]
        struct Strict {
            name: String,
            mtu: u8,
        }
        #[derive(Debug, Deserialize)]
        #[expect(dead_code, reason = "only read into")]
        struct Lists {
            link: Vec<Strict>,
        }
        let read = |lines: &str, at: &str| {
            let tree = tree(lines);
            let node = tree.node(&path(at)).unwrap();
            match node.schema().name {
                "links" => node.deserialize::<Lists>().map(|_| ()).unwrap_err().to_string(),
                _ => node.deserialize::<Strict>().map(|_| ()).unwrap_err().to_string(),
            }
        };
        let check = |expected: expect_test::Expect, shown: String| expected.assert_eq(&shown);
        check(
            expect!["/sample:links/link[name='a']/map: map is not supported here"],
            read("/links/link[name='a']/map = 1:1", "/links"),
        );
        check(
            expect!["/sample:links/link[name='a']/mtu: invalid value: integer `1500`, expected u8"],
            read("/links/link[name='a']/mtu = 1500", "/links"),
        );
        check(
            expect!["/sample:links/link[name='a']/mtu: invalid value: integer `1500`, expected u8"],
            read("/links/link[name='a']/mtu = 1500", "/links/link[name='a']"),
        );
        check(
            expect!["/sample:links/link[name='a']: mtu is missing"],
            read("/links/link[name='a']", "/links"),
        );

        let mut whole = Tree::empty(schema());
        let mut write = |at: &str, value: serde_json::Value| {
            whole.serialize(&path(at), &value).unwrap_err().to_string()
        };
        check(
            expect![[r#"/sample:links/link/mtu: "5" is not a number in 64..65575"#]],
            write("/links", serde_json::json!({"link": [{"name": "a", "mtu": 5}]})),
        );
        check(
            expect!["/sample:links/link: an entry of link lacks a key"],
            write("/links", serde_json::json!({"link": [{"mtu": 500}]})),
        );
        check(
            expect!["/sample:links: links has no node colour"],
            write("/links", serde_json::json!({"colour": 1})),
        );
        check(
            expect!["/sample:links/link/name: name takes one value, not several"],
            write("/links", serde_json::json!({"link": {"name": ["a"]}})),
        );
        check(
            expect![[r#"/sample:links/link: link takes fields, not "a""#]],
            write("/links", serde_json::json!({"link": "a"})),
        );
        check(
            expect!["/sample:links/link[name='a']/mtu: mtu takes a value, not fields"],
            write("/links/link[name='a']", serde_json::json!({"mtu": {"a": 1}})),
        );
        check(
            expect!["/sample:links/link[name='a']/mtu: a leaf has no fields"],
            write("/links/link[name='a']/mtu", serde_json::json!(5)),
        );
        check(
            expect![[r#"/sample:links: links takes fields, not "5""#]],
            write("/links", serde_json::json!(5)),
        );
        assert!(whole.is_empty());
    }
}
