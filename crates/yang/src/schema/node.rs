//! A node of the schema: its statements, its place, and the values that it accepts.

use std::fmt;
use std::ptr;
use std::sync::OnceLock;

use super::{Module, Type, cache, find};
use crate::error::{Error, ErrorTag, Result};
use crate::libyang::{Ipv4, RawNode};
use crate::value::Value;

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
    pub(super) ipv4: Ipv4,
    /// Data that is computed when the whole schema is built.
    pub(super) place: OnceLock<Place>,
}

/// The position of a node in its schema.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) parent: Option<&'static SchemaNode>,
    /// The index among its siblings.
    pub(super) index: usize,
    /// The index among all nodes. Parents come before children.
    pub(super) order: usize,
    /// Whether validation reads it, or a node below it.
    pub(super) seen: bool,
    pub(super) afar: bool,
    /// All modules of the schema.
    pub(super) modules: &'static [Module],
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

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use crate::sample::path;

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
}
