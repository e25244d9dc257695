//! The compiled schema, as plain values.

mod build;
mod cache;
mod node;
mod types;

use std::fmt;
use std::ptr;
use std::sync::OnceLock;

pub use node::{NodeKind, SchemaNode};
pub use types::Type;

use crate::error::Result;
use crate::libyang::{Context, RawModule};

/// The module texts of the repository's `yang/` folder.
const NETLOOM: &[&str] = include!(concat!(env!("OUT_DIR"), "/modules.rs"));

/// The compiled modules of this process. Created once and never freed, so all references are `&'static`.
pub struct Schema {
    modules: &'static [Module],
    /// Top-level data nodes.
    top: Vec<&'static SchemaNode>,
    /// By operation: a schema whose only top-level node is the container `output`.
    outputs: Vec<(&'static str, &'static Schema)>,
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

    /// The schema of an operation's output. Its only top-level node is the container `output`.
    pub(crate) fn output(&self, module: &str, operation: &str) -> Option<&'static Schema> {
        let is = |(name, output): &&(&'static str, &'static Schema)| {
            *name == operation && output.top_node(Some(module), "output").is_some()
        };
        self.outputs.iter().find(is).map(|(_, output)| *output)
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

impl fmt::Debug for Schema {
    /// The names of its modules.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.modules.iter().map(|module| &module.name)).finish()
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
