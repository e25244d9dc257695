//! Copies libyang's compiled schema into our own tables.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::node::Place;
use super::{Module, NodeKind, Schema, SchemaNode, Type};
use crate::error::{Error, ErrorTag, Result};
use crate::libyang::{Context, Ipv4, Kind, RawModule, RawNode, RawType};
use crate::value::decimal64;

/// The module with the extensions of [`SchemaNode::extensions`].
const EXTENSIONS: &str = "netloom-extensions";

/// Compiles module texts. The result is never freed.
pub(super) fn compile(texts: &[&str]) -> Result<&'static Schema> {
    let mut named = Vec::new();
    for text in texts {
        let name = module_name(text).ok_or_else(|| {
            Error::new(ErrorTag::OperationFailed, "a module begins with `module NAME {`")
        })?;
        if text.contains('\0') {
            let message = format!("module {name} has a NUL character");
            return Err(Error::new(ErrorTag::OperationFailed, message));
        }
        let text: &'static str = String::leak((*text).to_owned());
        named.push((&*String::leak(name.to_owned()), text));
    }
    let context = Context::compile(&named)?;
    let wanted: Vec<&str> = named.iter().map(|(name, _)| *name).collect();
    let mut builder = Builder::new(context, &wanted);
    let mut top = Vec::new();
    for module in builder.raw_modules.clone() {
        for node in module.top() {
            top.push(builder.node(node)?);
        }
    }
    let mut placer = Placer { modules: builder.modules, seen: builder.seen(&top), order: 0 };
    placer.place(None, &top);
    let outputs = builder.outputs(context);
    Ok(Box::leak(Box::new(Schema { modules: builder.modules, top, outputs, context })))
}

/// Copies libyang's structures into ours.
struct Builder {
    /// In the order of `modules`.
    raw_modules: Vec<RawModule>,
    modules: &'static [Module],
    /// Leaves built so far: a leafref's target is built before the leaf that refers to it.
    leaves: HashMap<RawNode, &'static SchemaNode>,
}

impl Builder {
    fn new(context: Context, wanted: &[&str]) -> Builder {
        let mut raw_modules = Vec::new();
        let all = context.modules();
        for name in wanted {
            for module in all.iter().filter(|module| module.name() == *name) {
                after_imports(*module, &mut raw_modules);
            }
        }
        let copied: Vec<_> = raw_modules
            .iter()
            .map(|module| Module {
                name: module.name().to_owned(),
                namespace: module.namespace().to_owned(),
                prefix: module.prefix().to_owned(),
                revision: module.revision().map(str::to_owned),
                description: module.description().map(str::to_owned),
                implemented: module.implemented(),
                features: module.features().into_iter().map(str::to_owned).collect(),
                raw: *module,
            })
            .collect();
        Builder { raw_modules, modules: Vec::leak(copied), leaves: HashMap::new() }
    }

    /// The nodes that validation reads, without ancestors and keys, and whether constraints of other nodes read
    /// them. None if these may be all nodes.
    fn seen(&self, nodes: &[&'static SchemaNode]) -> Option<HashMap<RawNode, bool>> {
        let mut seen = HashMap::new();
        for node in nodes.iter().filter(|node| node.config) {
            let constraint = node.raw.constraint();
            if constraint.anything {
                return None;
            }
            let below = self.seen(&node.children)?;
            let reads = constraint.reads.into_iter().map(|node| (node, true));
            let itself = constraint.some.then_some((node.raw, false));
            for (node, afar) in below.into_iter().chain(reads).chain(itself) {
                *seen.entry(node).or_default() |= afar;
            }
        }
        Some(seen)
    }

    /// The outputs of operations, without those that trees cannot represent.
    fn outputs(&mut self, context: Context) -> Vec<(&'static str, &'static Schema)> {
        let mut outputs = Vec::new();
        for (operation, raw) in self.raw_modules.clone().into_iter().flat_map(RawModule::outputs) {
            let Ok(output) = self.node(raw) else { continue };
            let (modules, top) = (self.modules, vec![output]);
            Placer { modules, seen: None, order: 0 }.place(None, &top);
            let schema = Schema { modules, top, outputs: Vec::new(), context };
            outputs.push((operation, &*Box::leak(Box::new(schema))));
        }
        outputs
    }

    fn node(&mut self, raw: RawNode) -> Result<&'static SchemaNode> {
        let unsupported = |what: &str| {
            let message = format!("{}:{}: {what}", raw.module().name(), raw.name());
            Err(Error::new(ErrorTag::OperationNotSupported, message))
        };
        if raw.ordered_by_user() && raw.config() {
            return unsupported("lists that are `ordered-by user` are not supported");
        }
        let kind = match raw.kind() {
            Kind::Leaf | Kind::LeafList => return self.leaf(raw),
            Kind::Any | Kind::Other => return unsupported("anydata and anyxml are not supported"),
            Kind::Container { presence } => NodeKind::Container { presence },
            Kind::List => NodeKind::List,
        };
        let mut children = Vec::new();
        let mut keys = Vec::new();
        for child in raw.children() {
            let node = self.node(child)?;
            children.push(node);
            if child.is_key() {
                keys.push(node);
            }
        }
        if kind == NodeKind::List && keys.is_empty() {
            return unsupported("lists without keys are not supported");
        }
        Ok(Box::leak(Box::new(SchemaNode { children, keys, ..self.bare(raw, kind)? })))
    }

    fn leaf(&mut self, raw: RawNode) -> Result<&'static SchemaNode> {
        if let Some(leaf) = self.leaves.get(&raw) {
            return Ok(leaf);
        }
        let several = raw.kind() == Kind::LeafList;
        let kind = if several { NodeKind::LeafList } else { NodeKind::Leaf };
        raw.warm();
        let leaf_type = match raw.leaf_type() {
            Some(leaf_type) => Some(self.leaf_type(leaf_type)?),
            None => None,
        };
        let (defaults, ipv4) = (raw.defaults(), raw.ipv4());
        let node = SchemaNode { leaf_type, defaults, ipv4, ..self.bare(raw, kind)? };
        let node: &'static SchemaNode = Box::leak(Box::new(node));
        self.leaves.insert(raw, node);
        Ok(node)
    }

    fn bare(&self, raw: RawNode, kind: NodeKind) -> Result<SchemaNode> {
        let module = raw.module();
        let known = self.raw_modules.iter().position(|known| *known == module);
        let Some(module) = known.map(|index| &self.modules[index]) else {
            let message = format!("{}: its module {} is not known", raw.name(), module.name());
            return Err(Error::new(ErrorTag::OperationFailed, message));
        };
        let extensions = raw.extensions().into_iter();
        Ok(SchemaNode {
            module,
            name: raw.name(),
            kind,
            description: raw.description(),
            config: raw.config(),
            mandatory: raw.mandatory(),
            units: raw.units(),
            defaults: Vec::new(),
            leaf_type: None,
            keys: Vec::new(),
            children: Vec::new(),
            case: raw.cases(),
            extensions: extensions
                .filter(|(module, ..)| *module == EXTENSIONS)
                .map(|(_, keyword, argument)| (keyword, argument))
                .collect(),
            raw,
            ipv4: Ipv4::default(),
            place: OnceLock::new(),
        })
    }

    fn leaf_type(&mut self, raw: RawType) -> Result<Type> {
        Ok(match raw {
            RawType::Binary => Type::Binary,
            RawType::Bits(names) => Type::Bits(names.into_iter().map(str::to_owned).collect()),
            RawType::Boolean => Type::Boolean,
            RawType::Decimal64 { digits, ranges } => {
                let shown = |number| decimal64(number, digits);
                let ranges =
                    ranges.into_iter().map(|(low, high)| (shown(low), shown(high))).collect();
                Type::Decimal64 { digits, ranges }
            }
            RawType::Empty => Type::Empty,
            RawType::Enumeration(names) => Type::Enumeration(
                names
                    .into_iter()
                    .map(|(name, number, description)| {
                        (name.to_owned(), number, description.map(str::to_owned))
                    })
                    .collect(),
            ),
            RawType::Identityref(names) => Type::Identityref(
                names.into_iter().map(|(module, name)| format!("{module}:{name}")).collect(),
            ),
            RawType::InstanceIdentifier => Type::InstanceIdentifier,
            RawType::Integer { signed, bits, ranges } => Type::Integer { signed, bits, ranges },
            RawType::Leafref { path, target, real } => {
                // The real type is the type of the target, after all references are followed.
                let real = self.leaf_type(*real)?;
                match target {
                    Some(target) => Type::Leafref {
                        path: path.to_owned(),
                        target: self.leaf(target)?,
                        real: Box::new(real),
                    },
                    None => real,
                }
            }
            RawType::String { lengths, patterns } => Type::String {
                lengths,
                patterns: patterns.into_iter().map(str::to_owned).collect(),
            },
            RawType::Union(members) => Type::Union(
                members.into_iter().map(|member| self.leaf_type(member)).collect::<Result<_>>()?,
            ),
        })
    }
}

/// Sets the positions of the nodes.
struct Placer {
    modules: &'static [Module],
    /// The nodes that validation reads. All nodes if that is unknown.
    seen: Option<HashMap<RawNode, bool>>,
    order: usize,
}

impl Placer {
    /// Returns whether validation reads any of `nodes`.
    fn place(
        &mut self,
        parent: Option<&'static SchemaNode>,
        nodes: &[&'static SchemaNode],
    ) -> bool {
        let mut any = false;
        for (index, node) in nodes.iter().enumerate() {
            let order = self.order;
            self.order += 1;
            let below = self.place(Some(node), &node.children);
            let (itself, afar) = match &self.seen {
                Some(seen) => (seen.contains_key(&node.raw), seen.get(&node.raw) == Some(&true)),
                None => (true, true),
            };
            let (seen, modules) = (below || itself, self.modules);
            node.place.get_or_init(|| Place { parent, index, order, seen, afar, modules });
            any |= seen;
        }
        any
    }
}

/// Lists the imports of `module`, then `module` itself.
fn after_imports(module: RawModule, list: &mut Vec<RawModule>) {
    if list.contains(&module) {
        return;
    }
    for import in module.imports() {
        after_imports(import, list);
    }
    list.push(module);
}

/// The name in a module's first statement.
fn module_name(text: &str) -> Option<&str> {
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    loop {
        if let Some(comment) = rest.strip_prefix("//") {
            rest = comment.split_once('\n')?.1.trim_start();
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/")?.1.trim_start();
        } else {
            break;
        }
    }
    let name = rest.strip_prefix("module")?.trim_start().trim_start_matches(['"', '\'']);
    let end = name.find(|c: char| c.is_whitespace() || "{\"'".contains(c))?;
    Some(&name[..end]).filter(|name| !name.is_empty())
}
