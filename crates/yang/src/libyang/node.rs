//! Reading compiled modules, nodes and types.

use std::ffi::c_char;
use std::ptr;

use yang5::ffi;
use yang5::ffi::LY_DATA_TYPE as Base;

use super::{Context, RawModule, sized, text};
use crate::error::{Error, ErrorTag, Result};

/// A compiled node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct RawNode(pub(super) *const ffi::lysc_node);

// SAFETY: compiled nodes live as long as their context, for ever, and are only read.
unsafe impl Send for RawNode {}
// SAFETY: as above.
unsafe impl Sync for RawNode {}

/// The kind of a compiled node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Container {
        presence: bool,
    },
    List,
    Leaf,
    LeafList,
    /// `anydata` and `anyxml`.
    Any,
    /// Operations and notifications.
    Other,
}

/// A compiled type with its restrictions.
#[derive(Clone, Debug)]
pub(crate) enum RawType {
    Binary,
    Bits(Vec<&'static str>),
    Boolean,
    Decimal64 { digits: u8, ranges: Vec<(i64, i64)> },
    Empty,
    Enumeration(Vec<(&'static str, i32, Option<&'static str>)>),
    Identityref(Vec<(&'static str, &'static str)>),
    InstanceIdentifier,
    Integer { signed: bool, bits: u8, ranges: Vec<(i128, i128)> },
    Leafref { path: &'static str, target: Option<RawNode>, real: Box<RawType> },
    String { lengths: Vec<(u64, u64)>, patterns: Vec<&'static str> },
    Union(Vec<RawType>),
}

impl RawModule {
    fn module(self) -> &'static ffi::lys_module {
        // SAFETY: modules live as long as their context, for ever.
        unsafe { &*self.0 }
    }

    pub(crate) fn name(self) -> &'static str {
        // SAFETY: a text of the module.
        unsafe { text(self.module().name) }.unwrap_or_default()
    }

    pub(crate) fn namespace(self) -> &'static str {
        // SAFETY: a text of the module.
        unsafe { text(self.module().ns) }.unwrap_or_default()
    }

    pub(crate) fn prefix(self) -> &'static str {
        // SAFETY: a text of the module.
        unsafe { text(self.module().prefix) }.unwrap_or_default()
    }

    pub(crate) fn revision(self) -> Option<&'static str> {
        // SAFETY: a text of the module.
        unsafe { text(self.module().revision) }
    }

    pub(crate) fn description(self) -> Option<&'static str> {
        // SAFETY: a text of the module.
        unsafe { text(self.module().dsc) }
    }

    pub(crate) fn implemented(self) -> bool {
        self.module().implemented != 0
    }

    pub(crate) fn features(self) -> Vec<&'static str> {
        // SAFETY: a module that is not implemented has no compiled part; the array is the module's.
        unsafe {
            let Some(compiled) = self.module().compiled.as_ref() else { return Vec::new() };
            sized(compiled.features).iter().filter_map(|feature| text(*feature)).collect()
        }
    }

    /// The modules that it imports.
    pub(crate) fn imports(self) -> Vec<RawModule> {
        // SAFETY: the parsed module is kept by the context; imports are resolved once it is compiled.
        unsafe {
            let Some(parsed) = self.module().parsed.as_ref() else { return Vec::new() };
            let imports = sized(parsed.imports).iter();
            imports.filter(|i| !i.module.is_null()).map(|i| RawModule(i.module)).collect()
        }
    }

    /// The module in the YANG language.
    pub(crate) fn print(self) -> Result<String> {
        let mut printed: *mut c_char = ptr::null_mut();
        let format = ffi::LYS_OUTFORMAT::LYS_OUT_YANG;
        // SAFETY: libyang fills the pointer with a text that is then the caller's to free.
        unsafe {
            let code = ffi::lys_print_mem(&mut printed, self.0, format, 0);
            let copied = text(printed).map(str::to_owned);
            ffi::free(printed.cast());
            copied.filter(|_| code == ffi::LY_ERR::LY_SUCCESS).ok_or_else(|| {
                let message = format!("module {} cannot be printed", self.name());
                Error::new(ErrorTag::OperationFailed, message)
            })
        }
    }

    /// The data nodes at the top.
    pub(crate) fn top(self) -> Vec<RawNode> {
        match self.module().compiled.is_null() {
            true => Vec::new(),
            false => data_nodes(ptr::null(), self.module().compiled),
        }
    }
}

impl RawModule {
    /// The outputs of its operations, with the names of the operations.
    pub(crate) fn outputs(self) -> Vec<(&'static str, RawNode)> {
        let nodes = match self.module().compiled.is_null() {
            true => Vec::new(),
            false => nodes(ptr::null(), self.module().compiled),
        };
        let operations =
            nodes.into_iter().filter(|node| u32::from(node.node().nodetype) == ffi::LYS_RPC);
        operations
            .map(|node| {
                // SAFETY: a node of that type is such a structure. An output begins as every node does.
                let output = unsafe { &raw const (*node.0.cast::<ffi::lysc_node_action>()).output };
                (node.name(), RawNode(output.cast()))
            })
            .collect()
    }
}

impl RawNode {
    fn node(self) -> &'static ffi::lysc_node {
        // SAFETY: compiled nodes live as long as their context, for ever.
        unsafe { &*self.0 }
    }

    fn leaf(self) -> Option<&'static ffi::lysc_node_leaf> {
        // SAFETY: a node of that type is such a structure; a leaf-list has the same first members.
        matches!(self.kind(), Kind::Leaf | Kind::LeafList)
            .then(|| unsafe { &*self.0.cast::<ffi::lysc_node_leaf>() })
    }

    fn flag(self, flag: u32) -> bool {
        u32::from(self.node().flags) & flag != 0
    }

    pub(super) fn context(self) -> Context {
        // SAFETY: a node's module, and its context, live for ever.
        Context(unsafe { (*self.node().module).ctx })
    }

    pub(crate) fn module(self) -> RawModule {
        RawModule(self.node().module)
    }

    pub(crate) fn name(self) -> &'static str {
        // SAFETY: a text of the node.
        unsafe { text(self.node().name) }.unwrap_or_default()
    }

    pub(crate) fn description(self) -> Option<&'static str> {
        // SAFETY: a text of the node.
        unsafe { text(self.node().dsc) }
    }

    pub(crate) fn units(self) -> Option<&'static str> {
        // SAFETY: a text of the node.
        self.leaf().and_then(|leaf| unsafe { text(leaf.units) })
    }

    pub(crate) fn kind(self) -> Kind {
        match u32::from(self.node().nodetype) {
            ffi::LYS_CONTAINER => Kind::Container { presence: self.flag(ffi::LYS_PRESENCE) },
            // It is there even if it is empty.
            ffi::LYS_OUTPUT => Kind::Container { presence: true },
            ffi::LYS_LIST => Kind::List,
            ffi::LYS_LEAF => Kind::Leaf,
            ffi::LYS_LEAFLIST => Kind::LeafList,
            ffi::LYS_ANYXML | ffi::LYS_ANYDATA => Kind::Any,
            _ => Kind::Other,
        }
    }

    pub(crate) fn config(self) -> bool {
        self.flag(ffi::LYS_CONFIG_W)
    }

    pub(crate) fn mandatory(self) -> bool {
        self.flag(ffi::LYS_MAND_TRUE)
    }

    pub(crate) fn ordered_by_user(self) -> bool {
        matches!(self.kind(), Kind::List | Kind::LeafList) && self.flag(ffi::LYS_ORDBY_USER)
    }

    /// Whether a leaf is a key.
    pub(crate) fn is_key(self) -> bool {
        self.kind() == Kind::Leaf && self.flag(ffi::LYS_KEY)
    }

    /// The data nodes below, keys first, without choices and cases.
    pub(crate) fn children(self) -> Vec<RawNode> {
        match self.kind() {
            Kind::Container { .. } | Kind::List => data_nodes(self.0, ptr::null()),
            Kind::Leaf | Kind::LeafList | Kind::Any | Kind::Other => Vec::new(),
        }
    }

    /// The choices and cases between the node and the data node above, outermost first.
    pub(crate) fn cases(self) -> Vec<(&'static str, &'static str)> {
        let mut cases = Vec::new();
        let mut above = RawNode(self.node().parent);
        while !above.0.is_null() && u32::from(above.node().nodetype) == ffi::LYS_CASE {
            let choice = RawNode(above.node().parent);
            cases.push((choice.name(), above.name()));
            above = RawNode(choice.node().parent);
        }
        cases.reverse();
        cases
    }

    /// Its extension instances: the extension's module, keyword, argument.
    pub(crate) fn extensions(self) -> Vec<(&'static str, &'static str, Option<&'static str>)> {
        // SAFETY: the instances, their definitions and their texts are the node's.
        unsafe {
            let instances = sized(self.node().exts).iter();
            let known = instances.filter_map(|instance| Some((instance, instance.def.as_ref()?)));
            known
                .map(|(instance, definition)| {
                    let keyword = text(definition.name).unwrap_or_default();
                    (RawModule(definition.module).name(), keyword, text(instance.argument))
                })
                .collect()
        }
    }

    /// The type of a leaf or leaf-list.
    pub(crate) fn leaf_type(self) -> Option<RawType> {
        let leaf = self.leaf()?;
        let mut targets = self.leafref_targets().into_iter();
        // SAFETY: the type is the leaf's.
        Some(unsafe { read_type(leaf.type_, &mut targets) })
    }

    /// The target leaves of the leafrefs in its type, in the order of a union's members.
    fn leafref_targets(self) -> Vec<RawNode> {
        let mut set = ptr::null_mut();
        // SAFETY: the node is a leaf or leaf-list; the set is freed here, its nodes are the context's.
        unsafe {
            if ffi::lysc_node_lref_targets(self.0, &mut set) != ffi::LY_ERR::LY_SUCCESS {
                return Vec::new();
            }
            let targets = (0..(*set).count as usize)
                .map(|index| RawNode(*(*set).__bindgen_anon_1.snodes.add(index)))
                .collect();
            ffi::ly_set_free(set, None);
            targets
        }
    }
}

fn data_nodes(parent: *const ffi::lysc_node, module: *const ffi::lysc_module) -> Vec<RawNode> {
    let mut nodes = nodes(parent, module);
    nodes.retain(|node| node.kind() != Kind::Other);
    nodes
}

/// The nodes below a node, or at the top of a module, without choices and cases.
fn nodes(parent: *const ffi::lysc_node, module: *const ffi::lysc_module) -> Vec<RawNode> {
    let mut nodes = Vec::new();
    let mut last = ptr::null();
    loop {
        // SAFETY: parent or module is a compiled one; `last` is what libyang answered before.
        last = unsafe { ffi::lys_getnext(last, parent, module, 0) };
        if last.is_null() {
            return nodes;
        }
        nodes.push(RawNode(last));
    }
}

/// # Safety
/// `pointer` is a compiled type.
pub(super) unsafe fn read_type(
    pointer: *const ffi::lysc_type,
    targets: &mut dyn Iterator<Item = RawNode>,
) -> RawType {
    // SAFETY: the structure behind the pointer is the one that the base type names, and all that it leads to
    // is the context's.
    unsafe {
        match (*pointer).basetype {
            Base::LY_TYPE_BINARY => RawType::Binary,
            Base::LY_TYPE_BITS => {
                let bits = sized((*pointer.cast::<ffi::lysc_type_bits>()).bits).iter();
                RawType::Bits(bits.filter_map(|bit| text(bit.name)).collect())
            }
            Base::LY_TYPE_BOOL => RawType::Boolean,
            Base::LY_TYPE_DEC64 => {
                let decimal = &*pointer.cast::<ffi::lysc_type_dec>();
                RawType::Decimal64 {
                    digits: decimal.fraction_digits,
                    ranges: ranges(decimal.range, i128::from(i64::MIN)..=i128::from(i64::MAX))
                        .into_iter()
                        .map(|(low, high)| (low as i64, high as i64))
                        .collect(),
                }
            }
            Base::LY_TYPE_EMPTY => RawType::Empty,
            Base::LY_TYPE_ENUM => {
                let names = sized((*pointer.cast::<ffi::lysc_type_enum>()).enums).iter();
                let named = |name: &ffi::lysc_type_bitenum_item| {
                    Some((text(name.name)?, name.__bindgen_anon_1.value, text(name.dsc)))
                };
                RawType::Enumeration(names.filter_map(named).collect())
            }
            Base::LY_TYPE_IDENT => {
                let bases = sized((*pointer.cast::<ffi::lysc_type_identityref>()).bases);
                RawType::Identityref(identities(bases))
            }
            Base::LY_TYPE_INST => RawType::InstanceIdentifier,
            Base::LY_TYPE_LEAFREF => {
                let leafref = &*pointer.cast::<ffi::lysc_type_leafref>();
                let target = targets.next();
                RawType::Leafref {
                    path: text(ffi::lyxp_get_expr(leafref.path)).unwrap_or_default(),
                    target,
                    real: Box::new(read_type(leafref.realtype, &mut std::iter::empty())),
                }
            }
            Base::LY_TYPE_UNION => {
                let members = sized((*pointer.cast::<ffi::lysc_type_union>()).types).iter();
                RawType::Union(members.map(|member| read_type(*member, targets)).collect())
            }
            Base::LY_TYPE_INT8 => integer(pointer, true, 8),
            Base::LY_TYPE_INT16 => integer(pointer, true, 16),
            Base::LY_TYPE_INT32 => integer(pointer, true, 32),
            Base::LY_TYPE_INT64 => integer(pointer, true, 64),
            Base::LY_TYPE_UINT8 => integer(pointer, false, 8),
            Base::LY_TYPE_UINT16 => integer(pointer, false, 16),
            Base::LY_TYPE_UINT32 => integer(pointer, false, 32),
            Base::LY_TYPE_UINT64 => integer(pointer, false, 64),
            _ => {
                let string = &*pointer.cast::<ffi::lysc_type_str>();
                let lengths = match string.length.is_null() {
                    true => Vec::new(),
                    false => ranges(string.length, 0..=i128::from(u64::MAX)),
                };
                RawType::String {
                    lengths: lengths
                        .iter()
                        .map(|(low, high)| (*low as u64, *high as u64))
                        .collect(),
                    patterns: sized(string.patterns)
                        .iter()
                        .filter_map(|pattern| text((**pattern).expr))
                        .collect(),
                }
            }
        }
    }
}

/// # Safety
/// `pointer` is a compiled integer type.
unsafe fn integer(pointer: *const ffi::lysc_type, signed: bool, bits: u8) -> RawType {
    let whole = match signed {
        true => -(1i128 << (bits - 1))..=(1i128 << (bits - 1)) - 1,
        false => 0..=(1i128 << bits) - 1,
    };
    // SAFETY: as the caller promises.
    let ranges = unsafe { ranges((*pointer.cast::<ffi::lysc_type_num>()).range, whole) };
    RawType::Integer { signed, bits, ranges }
}

/// The parts of a range. Without a range, all values of the type.
///
/// # Safety
/// `range` is null or a compiled range.
unsafe fn ranges(
    range: *const ffi::lysc_range,
    whole: std::ops::RangeInclusive<i128>,
) -> Vec<(i128, i128)> {
    // SAFETY: which member of the unions is filled follows from the type's sign.
    unsafe {
        let Some(range) = range.as_ref() else { return vec![(*whole.start(), *whole.end())] };
        let parts = sized(range.parts).iter();
        parts
            .map(|part| match *whole.start() < 0 {
                true => (part.__bindgen_anon_1.min_64.into(), part.__bindgen_anon_2.max_64.into()),
                false => {
                    (part.__bindgen_anon_1.min_u64.into(), part.__bindgen_anon_2.max_u64.into())
                }
            })
            .collect()
    }
}

/// The identities derived from all of `bases`, of implemented modules, as module and name.
///
/// # Safety
/// `bases` are identities of a context.
pub(super) unsafe fn identities(
    bases: &[*mut ffi::lysc_ident],
) -> Vec<(&'static str, &'static str)> {
    /// Depth first; an identity may derive from several.
    ///
    /// # Safety
    /// As of the caller.
    unsafe fn derived(base: *const ffi::lysc_ident, into: &mut Vec<*const ffi::lysc_ident>) {
        // SAFETY: identities live as long as their context; derivation has no circles.
        for identity in unsafe { sized((*base).derived) } {
            let identity: *const _ = *identity;
            if !into.contains(&identity) {
                into.push(identity);
                // SAFETY: as above.
                unsafe { derived(identity, into) };
            }
        }
    }
    let mut common: Option<Vec<*const ffi::lysc_ident>> = None;
    for base in bases {
        let mut of_base = Vec::new();
        // SAFETY: as the caller promises.
        unsafe { derived(*base, &mut of_base) };
        common = Some(match common {
            None => of_base,
            Some(common) => common.into_iter().filter(|i| of_base.contains(i)).collect(),
        });
    }
    let mut names: Vec<_> = common
        .unwrap_or_default()
        .into_iter()
        // SAFETY: as above.
        .map(|identity| unsafe { (RawModule((*identity).module), text((*identity).name)) })
        .filter(|(module, _)| module.implemented())
        .map(|(module, name)| (module.name(), name.unwrap_or_default()))
        .collect();
    names.sort_unstable();
    names
}
