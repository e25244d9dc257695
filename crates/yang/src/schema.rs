//! The compiled schema, as plain values.

use crate::error::Result;
use crate::value::Value;

/// The modules of this process, compiled. Made once, never freed: `&'static` throughout.
#[derive(Debug)]
pub struct Schema {
    modules: Vec<Module>,
    /// Top-level data nodes.
    top: Vec<&'static SchemaNode>,
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
    /// Whether its nodes are in the schema, rather than only its types.
    pub implemented: bool,
    /// The features that are on.
    pub features: Vec<String>,
}

/// A data node of the schema; choices and cases are flattened away, [`SchemaNode::case`] tells them.
#[derive(Debug)]
pub struct SchemaNode {
    /// The module that defines it (of an augment: the augmenting one).
    pub module: &'static Module,
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: NodeKind,
    /// `description`.
    pub description: Option<&'static str>,
    /// Whether it is configuration.
    pub config: bool,
    /// `mandatory`.
    pub mandatory: bool,
    /// `units`.
    pub units: Option<&'static str>,
    /// `default`, canonical; several for a leaf-list.
    pub defaults: Vec<Value>,
    /// Of a leaf or leaf-list.
    pub leaf_type: Option<Type>,
    /// Of a list: its key leaves, in order.
    pub keys: Vec<&'static SchemaNode>,
    /// Data children in schema order, keys first.
    pub children: Vec<&'static SchemaNode>,
    /// Choice and case that it is of, outermost first.
    pub case: Vec<(&'static str, &'static str)>,
    /// Extension instances of the module `netloom-extensions`: keyword and argument.
    pub extensions: Vec<(&'static str, Option<&'static str>)>,
    pub(crate) parent: Option<&'static SchemaNode>,
}

/// What a schema node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the YANG statements of those names")]
pub enum NodeKind {
    Container { presence: bool },
    List,
    Leaf,
    LeafList,
}

/// A leaf's type, as far as help, completion and printing need it.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the YANG types of those names")]
pub enum Type {
    Binary,
    Bits(Vec<String>),
    Boolean,
    /// Fraction digits.
    Decimal64 {
        digits: u8,
        ranges: Vec<(String, String)>,
    },
    Empty,
    /// Names with their values and descriptions.
    Enumeration(Vec<(String, i32, Option<String>)>),
    /// All identities that can stand here, as `module:name`.
    Identityref(Vec<String>),
    InstanceIdentifier,
    Integer {
        signed: bool,
        bits: u8,
        ranges: Vec<(i128, i128)>,
    },
    /// The path as written in the schema, the leaf it leads to, and that leaf's type.
    Leafref {
        path: String,
        target: &'static SchemaNode,
        real: Box<Type>,
    },
    String {
        lengths: Vec<(u64, u64)>,
        patterns: Vec<String>,
    },
    Union(Vec<Type>),
}

impl Schema {
    /// Compiles Netloom's own modules (embedded in the program) and the standard ones that they import.
    /// Compiled once per process; later calls answer the same schema.
    pub fn netloom() -> Result<&'static Schema> {
        todo!()
    }

    /// Compiles these module texts, for tests.
    pub fn from_texts(_texts: &[&str]) -> Result<&'static Schema> {
        todo!()
    }

    /// Every module, also those only imported.
    pub fn modules(&self) -> &[Module] {
        &self.modules
    }

    /// The top-level data nodes in the order of the modules.
    pub fn top(&self) -> &[&'static SchemaNode] {
        &self.top
    }

    /// The top-level node of this name; `module` is a module's name, needed where two have the node.
    pub fn top_node(&self, _module: Option<&str>, _name: &str) -> Option<&'static SchemaNode> {
        todo!()
    }
}

impl SchemaNode {
    /// The child of this name; `module` is needed where an augment repeats a name.
    pub fn child(&self, _module: Option<&str>, _name: &str) -> Option<&'static SchemaNode> {
        todo!()
    }

    /// The node above.
    pub fn parent(&self) -> Option<&'static SchemaNode> {
        self.parent
    }

    /// Whether this leaf is a key of its list.
    pub fn is_key(&self) -> bool {
        self.parent.is_some_and(|list| list.keys.iter().any(|key| std::ptr::eq(*key, self)))
    }

    /// The argument of an extension of `netloom-extensions`, for example `key-default`.
    pub fn extension(&self, keyword: &str) -> Option<Option<&'static str>> {
        self.extensions.iter().find(|(name, _)| *name == keyword).map(|(_, argument)| *argument)
    }

    /// Checks `text` against the leaf's type and answers its canonical value. Identities may be given
    /// with or without their module. Leafrefs are checked for their form, not for their target.
    pub fn value(&'static self, _text: &str) -> Result<Value> {
        todo!()
    }
}
