//! The compiled schema, as plain values.

mod build;
mod cache;
mod types;

use std::fmt;
use std::ptr;
use std::sync::OnceLock;

pub use types::Type;

use crate::error::{Error, ErrorTag, Result};
use crate::libyang::{Context, Ipv4, RawModule, RawNode};
use crate::value::Value;

/// The module texts of the repository's `yang/` folder.
const NETLOOM: &[&str] = include!(concat!(env!("OUT_DIR"), "/modules.rs"));

/// The compiled modules of this process. Created once and never freed, so all references are `&'static`.
pub struct Schema {
    modules: &'static [Module],
    /// Top-level data nodes.
    top: Vec<&'static SchemaNode>,
    pub(crate) context: Context,
}

/// A module.
#[derive(Debug)]
#[allow(missing_docs, reason = "the YANG statements of those names")]
pub struct Module {
    pub name: String,
    pub namespace: String,
    pub prefix: String,
    pub revision: Option<String>,
    pub description: Option<String>,
    /// Whether its nodes are in the schema, and not only its types.
    pub implemented: bool,
    /// The enabled features.
    pub features: Vec<String>,
    raw: RawModule,
}

/// A data node of the schema. Choices and cases are removed, and [`SchemaNode::case`] describes them.
pub struct SchemaNode {
    /// The module that defines it. For a node of an augment, this is the augmenting module.
    pub module: &'static Module,
    /// Its name.
    pub name: &'static str,
    /// The kind of the node.
    pub kind: NodeKind,
    /// `description`.
    pub description: Option<&'static str>,
    /// Whether it is configuration.
    pub config: bool,
    /// `mandatory`.
    pub mandatory: bool,
    /// `units`.
    pub units: Option<&'static str>,
    /// `default`, in canonical form. A leaf-list may have several.
    pub defaults: Vec<Value>,
    /// The type of a leaf or leaf-list.
    pub leaf_type: Option<Type>,
    /// The key leaves of a list, in order.
    pub keys: Vec<&'static SchemaNode>,
    /// Data children in schema order, keys first.
    pub children: Vec<&'static SchemaNode>,
    /// The choice and the case that contain it, outermost first.
    pub case: Vec<(&'static str, &'static str)>,
    /// Extension instances of the module `netloom-extensions`: keyword and argument.
    pub extensions: Vec<(&'static str, Option<&'static str>)>,
    pub(crate) raw: RawNode,
    /// The texts that a leaf accepts without a check by libyang.
    ipv4: Ipv4,
    /// Data that is computed when the whole schema is built.
    place: OnceLock<Place>,
}

/// The position of a node in its schema.
#[derive(Clone, Copy)]
struct Place {
    parent: Option<&'static SchemaNode>,
    /// The index among its siblings.
    index: usize,
    /// The index among all nodes. Parents come before children.
    order: usize,
    /// Whether validation reads it, or a node below it.
    seen: bool,
    afar: bool,
    /// All modules of the schema.
    modules: &'static [Module],
}

/// The kind of a schema node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the YANG statements of those names")]
pub enum NodeKind {
    Container { presence: bool },
    List,
    Leaf,
    LeafList,
}

impl Schema {
    /// Compiles Netloom's own modules (embedded in the program) and the standard modules that they import. They are
    /// compiled once per process, and later calls return the same schema.
    pub fn netloom() -> Result<&'static Schema> {
        static SCHEMA: OnceLock<Result<&'static Schema>> = OnceLock::new();
        SCHEMA.get_or_init(|| Schema::from_texts(NETLOOM)).clone()
    }

    /// Compiles these module texts, for tests. The result is never freed. Trees cannot represent configuration that
    /// is `ordered-by user`, lists without keys, `anydata` and `anyxml`, so these are refused.
    pub fn from_texts(texts: &[&str]) -> Result<&'static Schema> {
        build::compile(texts)
    }

    /// Every module, including those that are only imported. A module comes after its imports.
    pub fn modules(&self) -> &'static [Module] {
        self.modules
    }

    /// The top-level data nodes, in the order of the modules.
    pub fn top(&self) -> &[&'static SchemaNode] {
        &self.top
    }

    /// The top-level node of this name. `module` is a module's name, which is needed if two modules have such a
    /// node.
    pub fn top_node(&self, module: Option<&str>, name: &str) -> Option<&'static SchemaNode> {
        find(&self.top, module, name)
    }

    /// Whether `node` belongs to this schema.
    pub(crate) fn has(&self, node: &'static SchemaNode) -> bool {
        let mut root = node;
        while let Some(parent) = root.parent() {
            root = parent;
        }
        self.top.get(root.index()).is_some_and(|top| ptr::eq(*top, root))
    }
}

impl Module {
    /// The module in the YANG language, as libyang prints it.
    pub fn text(&self) -> Result<String> {
        self.raw.print()
    }
}

impl SchemaNode {
    /// The child of this name. `module` is needed if an augment has a node of the same name.
    pub fn child(&self, module: Option<&str>, name: &str) -> Option<&'static SchemaNode> {
        find(&self.children, module, name)
    }

    /// The parent node.
    pub fn parent(&self) -> Option<&'static SchemaNode> {
        self.place.get().and_then(|place| place.parent)
    }

    /// Whether this leaf is a key of its list.
    pub fn is_key(&self) -> bool {
        self.parent().is_some_and(|list| list.keys.iter().any(|key| ptr::eq(*key, self)))
    }

    /// The argument of an extension of `netloom-extensions`, for example `key-default`.
    pub fn extension(&self, keyword: &str) -> Option<Option<&'static str>> {
        self.extensions.iter().find(|(name, _)| *name == keyword).map(|(_, argument)| *argument)
    }

    /// Checks `text` against the leaf's type and returns its canonical value. Identities may be given with or
    /// without their module. The form of leafrefs is checked, but not their target.
    pub fn value(&'static self, text: &str) -> Result<Value> {
        if self.leaf_type.is_none() {
            let message = format!("{} is not a leaf and has no value", self.name);
            return Err(Error::new(ErrorTag::BadElement, message));
        }
        cache::value(self, text, || {
            if self.ipv4.takes(text) {
                return Ok(Value::String(text.into()));
            }
            self.raw.check(text).or_else(|refusal| {
                // libyang requires the module of an identity if it is not the module of the leaf.
                let modules =
                    self.leaf_type.iter().flat_map(|leaf_type| leaf_type.modules_of(text));
                let full = modules.map(|module| self.raw.check(&format!("{module}:{text}")));
                full.flatten().next().ok_or(Error {
                    app_tag: refusal.app_tag,
                    ..Error::new(ErrorTag::InvalidValue, refusal.message)
                })
            })
        })
    }

    /// Its index among its siblings.
    pub(crate) fn index(&self) -> usize {
        self.place.get().map_or(0, |place| place.index)
    }

    /// Its index among all nodes of the schema. A parent comes before its children.
    pub(crate) fn order(&self) -> usize {
        self.place.get().map_or(0, |place| place.order)
    }

    /// Whether the validation of a configuration reads it, or a node below it. For all other nodes the type is the
    /// only constraint.
    pub(crate) fn is_seen(&self) -> bool {
        self.place.get().is_none_or(|place| place.seen)
    }

    /// Whether the validity of other nodes, anywhere in the tree, may depend on its instances.
    pub(crate) fn is_seen_from_afar(&self) -> bool {
        self.place.get().is_none_or(|place| place.afar)
    }

    /// All modules of its schema.
    pub(crate) fn modules(&self) -> &'static [Module] {
        self.place.get().map_or(&[], |place| place.modules)
    }

    /// Whether its name is written with its module (RFC 7951 section 4).
    pub fn starts_module(&self) -> bool {
        self.parent().is_none_or(|parent| !ptr::eq(parent.module, self.module))
    }
}

impl fmt::Debug for Schema {
    /// The names of its modules.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.modules.iter().map(|module| &module.name)).finish()
    }
}

impl fmt::Debug for SchemaNode {
    /// The schema path. The complete structure is recursive.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent() {
            parent.fmt(f)?;
        }
        f.write_str("/")?;
        if self.starts_module() {
            write!(f, "{}:", self.module.name)?;
        }
        f.write_str(self.name)
    }
}

/// The first of `nodes` with this name.
fn find(
    nodes: &[&'static SchemaNode],
    module: Option<&str>,
    name: &str,
) -> Option<&'static SchemaNode> {
    let named = |node: &&&'static SchemaNode| {
        node.name == name && module.is_none_or(|module| node.module.name == module)
    };
    nodes.iter().find(named).copied()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::sample::{path, schema};

    fn show(nodes: &[&'static SchemaNode], depth: usize, text: &mut String) {
        for node in nodes {
            let module =
                if node.starts_module() { format!("{}:", node.module.name) } else { String::new() };
            let keys: Vec<_> = node.keys.iter().map(|key| key.name).collect();
            text.push_str(&format!("{:1$}{module}{2}", "", depth * 2, node.name));
            match node.kind {
                NodeKind::Container { presence: true } => text.push('!'),
                NodeKind::Container { presence: false } => text.push('/'),
                NodeKind::List => text.push_str(&format!(" [{}]", keys.join(" "))),
                NodeKind::Leaf => {}
                NodeKind::LeafList => text.push('*'),
            }
            if !node.config {
                text.push_str(" ro");
            }
            if node.mandatory {
                text.push_str(" mandatory");
            }
            for (choice, case) in &node.case {
                text.push_str(&format!(" ({choice}: {case})"));
            }
            for default in &node.defaults {
                text.push_str(&format!(" = {default}"));
            }
            for (keyword, argument) in &node.extensions {
                text.push_str(&format!(" {keyword} {argument:?}"));
            }
            text.push('\n');
            show(&node.children, depth + 1, text);
        }
    }

    #[test]
    fn nodes_stand_in_the_order_of_the_schema() {
        let mut text = String::new();
        show(schema().top(), 0, &mut text);
        expect![[r#"
            sample:netnses/
              netns [name]
                name
            sample:links/
              link [name]
                name
                mtu = 1500
                admin-status
                type
                netns key-default Some("1")
                master
                ip [address]
                  address
                map*
                vxlan!
                  id mandatory
                  group (to: group)
                  remote (to: remote)
                  port (to: remote)
                state/ ro
                  flags ro
                  rx ro
                sample-more:ifname
            sample:routes/
              route [prefix table]
                prefix
                table
                tag
                weight
                blackhole
                onlink
                key
                dev
                inner
        "#]]
        .assert_eq(&text);
    }

    #[test]
    fn modules_are_printed() {
        for module in Schema::netloom().unwrap().modules() {
            let text = module.text().unwrap();
            assert!(text.starts_with(&format!("module {} {{\n", module.name)), "{text}");
            assert!(text.contains(&module.namespace));
        }
    }

    #[test]
    fn validation_looks_at_what_constraints_read() {
        fn seen(nodes: &[&'static SchemaNode], into: &mut Vec<String>) {
            for node in nodes.iter().filter(|node| node.is_seen()) {
                into.push(format!("{node:?}"));
                seen(&node.children, into);
            }
        }
        let mut nodes = Vec::new();
        seen(schema().top(), &mut nodes);
        expect![[r#"
            /sample:netnses
            /sample:netnses/netns
            /sample:netnses/netns/name
            /sample:links
            /sample:links/link
            /sample:links/link/name
            /sample:links/link/netns
            /sample:links/link/master
            /sample:links/link/vxlan
            /sample:links/link/vxlan/id
            /sample:links/link/vxlan/port
            /sample:routes
            /sample:routes/route
            /sample:routes/route/tag
            /sample:routes/route/onlink
            /sample:routes/route/inner"#]]
        .assert_eq(&nodes.join("\n"));
    }

    #[test]
    fn modules_stand_after_what_they_import() {
        let names: Vec<_> = schema()
            .modules()
            .iter()
            .map(|module| (&*module.name, module.implemented, module.revision.as_deref()))
            .collect();
        expect![[r#"
            [
                (
                    "netloom-extensions",
                    true,
                    None,
                ),
                (
                    "ietf-inet-types",
                    false,
                    Some(
                        "2025-12-22",
                    ),
                ),
                (
                    "sample",
                    true,
                    Some(
                        "2024-02-24",
                    ),
                ),
                (
                    "sample-more",
                    true,
                    None,
                ),
            ]
        "#]]
        .assert_debug_eq(&names);
    }

    #[track_caller]
    fn check_type(leaf: &str, expected: Expect) {
        expected.assert_debug_eq(path(leaf).node().unwrap().leaf_type.as_ref().unwrap());
    }

    #[test]
    fn types_tell_what_they_take() {
        check_type(
            "/links/link/mtu",
            expect![[r#"
            Integer {
                signed: false,
                bits: 32,
                ranges: [
                    (
                        64,
                        65575,
                    ),
                ],
            }
        "#]],
        );
        check_type(
            "/links/link/type",
            expect![[r#"
            Identityref(
                [
                    "sample:veth",
                    "sample-more:dummy",
                ],
            )
        "#]],
        );
        check_type(
            "/links/link/netns",
            expect![[r#"
            Union(
                [
                    Leafref {
                        path: "/s:netnses/s:netns/s:name",
                        target: /sample:netnses/netns/name,
                        real: String {
                            lengths: [
                                (
                                    1,
                                    32,
                                ),
                            ],
                            patterns: [],
                        },
                    },
                    Enumeration(
                        [
                            (
                                "1",
                                0,
                                None,
                            ),
                        ],
                    ),
                ],
            )
        "#]],
        );
        check_type(
            "/links/link/admin-status",
            expect![[r#"
            Enumeration(
                [
                    (
                        "up",
                        1,
                        Some(
                            "It carries traffic.",
                        ),
                    ),
                    (
                        "down",
                        0,
                        None,
                    ),
                ],
            )
        "#]],
        );
        check_type(
            "/routes/route/weight",
            expect![[r#"
            Decimal64 {
                digits: 2,
                ranges: [
                    (
                        "0.5",
                        "9.0",
                    ),
                ],
            }
        "#]],
        );
    }

    #[track_caller]
    fn check(leaf: &str, text: &str, expected: Expect) {
        let shown = match path(leaf).node().unwrap().value(text) {
            Ok(value) => format!("{value:?}"),
            Err(error) => format!("error: {error}"),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn values_are_canonical_and_typed() {
        check("/links/link/mtu", "01500", expect!["Unsigned(1500)"]);
        check(
            "/links/link/type",
            "veth",
            expect![[r#"Identity(Identity { module: "sample", name: "veth" })"#]],
        );
        check(
            "/links/link/type",
            "sample:veth",
            expect![[r#"Identity(Identity { module: "sample", name: "veth" })"#]],
        );
        check(
            "/links/link/type",
            "dummy",
            expect![[r#"Identity(Identity { module: "sample-more", name: "dummy" })"#]],
        );
        check(
            "/links/link/type",
            "sample-more:dummy",
            expect![[r#"Identity(Identity { module: "sample-more", name: "dummy" })"#]],
        );
        check("/links/link/netns", "1", expect![[r#"String("1")"#]]);
        check("/links/link/vxlan/id", "5", expect!["Unsigned64(5)"]);
        check("/links/link/vxlan/remote", "2001:DB8:0::1", expect![[r#"String("2001:db8::1")"#]]);
        check("/routes/route/prefix", "10.1.2.3/8", expect![[r#"String("10.0.0.0/8")"#]]);
        check("/routes/route/prefix", "default", expect![[r#"Enumeration("default", 0)"#]]);
        check("/routes/route/table", "main", expect![[r#"Enumeration("main", 254)"#]]);
        check("/routes/route/table", "100", expect!["Unsigned(100)"]);
        check("/routes/route/weight", "1.50", expect![[r#"Decimal64("1.5")"#]]);
        check("/routes/route/blackhole", "", expect!["Empty"]);
        check("/routes/route/onlink", "true", expect!["Boolean(true)"]);
        check(
            "/routes/route/dev",
            "/sample:links/link[name='a']/mtu",
            expect![[r#"InstanceIdentifier("/sample:links/link[name='a']/mtu")"#]],
        );
        check("/links/link/state/flags", "LOOPBACK UP", expect![[r#"Bits("UP LOOPBACK")"#]]);
    }

    #[test]
    fn refusals_say_what_is_wanted() {
        check(
            "/links/link/mtu",
            "70000",
            expect![[r#"error: "70000" is not a number in 64..65575"#]],
        );
        check("/links/link/mtu", "big", expect![[r#"error: "big" is not a number in 64..65575"#]]);
        check("/links/link/mtu", "", expect![[r#"error: "" is not a number in 64..65575"#]]);
        check(
            "/links/link/admin-status",
            "sideways",
            expect![[r#"error: "sideways" is not up or down"#]],
        );
        check("/links/link/type", "vlan", expect![[r#"error: "vlan" is not veth or dummy"#]]);
        check(
            "/links/link/type",
            "nowhere:veth",
            expect![[r#"error: "nowhere:veth" is not veth or dummy"#]],
        );
        check(
            "/links/link/ip/address",
            "1.2.3.4",
            expect![[
                r#"error: "1.2.3.4": address needs a prefix length, for example 192.168.10.10/24"#
            ]],
        );
        check(
            "/links/link/ifname",
            "sixteen-letters-",
            expect![[r#"error: "sixteen-letters-" is not 1..15 characters long (it has 16)"#]],
        );
        check("/links/link/map", "a", expect![[r#"error: "a" is not of the form [0-9]+:[0-9]+"#]]);
        check(
            "/links/link/vxlan/remote",
            "1.2.3",
            expect![[r#"error: "1.2.3" is not an ipv4-address or an ipv6-address"#]],
        );
        check(
            "/routes/route/prefix",
            "1.2.3.0/33",
            expect![[r#"error: "1.2.3.0/33" is not an ipv4-prefix, an ipv6-prefix or default"#]],
        );
        check(
            "/routes/route/table",
            "mani",
            expect![[r#"error: "mani" is not main or a number in 0..65535"#]],
        );
        check(
            "/routes/route/weight",
            "0.1",
            expect![[r#"error: "0.1" is not a number in 0.5..9.0 with up to 2 fraction digits"#]],
        );
        check(
            "/routes/route/weight",
            "1.234",
            expect![[r#"error: "1.234" is not a number in 0.5..9.0 with up to 2 fraction digits"#]],
        );
        check(
            "/routes/route/blackhole",
            "yes",
            expect![[r#"error: "yes" is not empty (the node takes no value)"#]],
        );
        check("/routes/route/onlink", "yes", expect![[r#"error: "yes" is not true or false"#]]);
        check("/routes/route/key", "!", expect![[r#"error: "!" is not base64"#]]);
        check(
            "/routes/route/dev",
            "nowhere",
            expect![[r#"error: "nowhere" is not the path of an instance"#]],
        );
        check(
            "/links/link/state/flags",
            "DOWN",
            expect![[r#"error: "DOWN" is not a list of UP, LOOPBACK"#]],
        );
        check(
            "/links/link/name",
            "nul\0",
            expect!["error: a value cannot hold the character U+0000"],
        );
        check(
            "/links/link/name",
            "\u{ffff}",
            expect!["error: a value cannot hold the character U+FFFF"],
        );
        check("/links/link", "x", expect!["error: link is not a leaf and has no value"]);
    }

    #[test]
    fn modules_that_do_not_compile_are_told_with_their_line() {
        let check = |text: &str, expected: Expect| {
            let error = Schema::from_texts(&[text]).map(|_| ()).unwrap_err();
            expected.assert_eq(&error.to_string());
        };
        check("container c;", expect!["a module begins with `module NAME {`"]);
        check(
            "module a { yang-version 1.1; namespace urn:a; prefix a;\n leaf l { type nothing; } }",
            expect![[r#"/a:l: Referenced type "nothing" not found."#]],
        );
        check(
            "module b { yang-version 1.1; namespace urn:b; prefix b;\n import none { prefix n; } }",
            expect![[r#"
            Loading "none" module failed, not found.
            Parsing module "b" failed."#]],
        );
        check(
            "module c { yang-version 1.1; namespace urn:c; prefix c; list l { ordered-by user; key k; leaf k { type string; } } }",
            expect!["c:l: lists that are `ordered-by user` are not supported"],
        );
        check(
            "module d { yang-version 1.1; namespace urn:d; prefix d; anydata any; }",
            expect!["d:any: anydata and anyxml are not supported"],
        );
        check(
            "// e\n/* e */ module e {",
            expect![[r#"
            line 2: Unexpected end-of-input.
            Parsing module "e" failed."#]],
        );
    }

    #[test]
    fn many_threads_check_and_validate_at_once() {
        let tree = crate::sample::tree("/links/link[name='a']/netns = vpn0");
        let leaves = ["/links/link/ip/address", "/links/link/map", "/routes/route/prefix"];
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        for leaf in leaves {
                            let leaf = path(leaf).node().unwrap();
                            assert!(leaf.value("10.0.0.0/8").is_ok() || leaf.value("1:2").is_ok());
                            assert!(leaf.value("no").is_err());
                        }
                        assert_eq!(tree.validate().unwrap_err().len(), 1);
                    }
                });
            }
        });
    }
}
