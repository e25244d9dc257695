//! The other nodes that the validation of a node depends on, apart from its type.

use std::ptr;

use yang5::ffi;
use yang5::ffi::LY_DATA_TYPE as Base;

use super::{Kind, RawNode, sized};

/// The parts of a tree that are needed to validate instances of a node.
#[derive(Debug, Default)]
pub(crate) struct Constraint {
    /// Whether there are any constraints.
    pub(crate) some: bool,
    /// The nodes that expressions and references read, anywhere in the tree, and the nodes whose number matters.
    pub(crate) reads: Vec<RawNode>,
    /// Whether any node may be read: by a reference to an arbitrary instance, or by an expression that libyang
    /// cannot analyse.
    pub(crate) anything: bool,
}

impl RawNode {
    pub(crate) fn constraint(self) -> Constraint {
        let mut constraint = Constraint { some: self.mandatory(), ..Constraint::default() };
        // SAFETY: the node is a compiled one, and what it leads to is the context's.
        unsafe {
            for must in sized(ffi::lysc_node_musts(self.0)) {
                constraint.expression(self, self.0, (must.cond, must.prefixes));
            }
            // A `when` of a choice or case is one of the nodes in it.
            let mut node = self.0;
            loop {
                for when in sized(ffi::lysc_node_when(node)) {
                    constraint.expression(
                        self,
                        (**when).context,
                        ((**when).cond, (**when).prefixes),
                    );
                }
                node = (*node).parent;
                let kind = node.as_ref().map_or(0, |node| u32::from(node.nodetype));
                if !matches!(kind, ffi::LYS_CHOICE | ffi::LYS_CASE) {
                    break;
                }
                constraint.some |= u32::from((*node).flags) & ffi::LYS_MAND_TRUE != 0;
            }
            match self.kind() {
                Kind::List => {
                    let list = &*self.0.cast::<ffi::lysc_node_list>();
                    constraint.number(self, (list.min, list.max));
                    for unique in sized(list.uniques) {
                        constraint.some = true;
                        let leaves = sized(*unique).iter();
                        constraint.reads.extend(leaves.map(|leaf| RawNode(leaf.cast())));
                    }
                }
                Kind::LeafList => {
                    let list = &*self.0.cast::<ffi::lysc_node_leaflist>();
                    constraint.number(self, (list.min, list.max));
                    constraint.reference(self, list.type_);
                }
                Kind::Leaf => {
                    constraint.reference(self, (*self.0.cast::<ffi::lysc_node_leaf>()).type_);
                }
                Kind::Container { .. } | Kind::Any | Kind::Other => {}
            }
        }
        constraint
    }
}

type Expression = (*const ffi::lyxp_expr, *const ffi::lysc_prefix);

impl Constraint {
    fn number(&mut self, node: RawNode, (min, max): (u32, u32)) {
        if min > 0 || max != 0 && max != u32::MAX {
            self.some = true;
            self.reads.push(node);
        }
    }

    /// # Safety
    /// All are compiled parts of one context; `context` may be null for the root.
    unsafe fn expression(
        &mut self,
        node: RawNode,
        context: *const ffi::lysc_node,
        expression: Expression,
    ) {
        self.some = true;
        self.reads.push(node);
        // SAFETY: as the caller promises.
        match unsafe { atoms(node, context, expression) } {
            Some(nodes) => self.reads.extend(nodes),
            None => self.anything = true,
        }
    }

    /// # Safety
    /// `pointer` is the node's type, or a member of it.
    unsafe fn reference(&mut self, node: RawNode, pointer: *const ffi::lysc_type) {
        // SAFETY: the structure behind the pointer is the one that the base type names.
        unsafe {
            match (*pointer).basetype {
                Base::LY_TYPE_UNION => {
                    for member in sized((*pointer.cast::<ffi::lysc_type_union>()).types) {
                        self.reference(node, *member);
                    }
                }
                Base::LY_TYPE_LEAFREF => {
                    let leafref = &*pointer.cast::<ffi::lysc_type_leafref>();
                    if leafref.require_instance != 0 {
                        self.expression(node, node.0, (leafref.path, leafref.prefixes));
                    }
                }
                Base::LY_TYPE_INST => {
                    let instance = &*pointer.cast::<ffi::lysc_type_instanceid>();
                    self.some |= instance.require_instance != 0;
                    self.anything |= instance.require_instance != 0;
                }
                _ => {}
            }
        }
    }
}

/// The nodes that the expression reads.
///
/// # Safety
/// All are compiled parts of one context; `context` may be null for the root.
unsafe fn atoms(
    node: RawNode,
    context: *const ffi::lysc_node,
    (expression, prefixes): Expression,
) -> Option<Vec<RawNode>> {
    // SAFETY: as the caller promises; the set is freed here, its nodes are the context's.
    unsafe {
        let mut set = ptr::null_mut();
        let module = (*node.0).module;
        let answer = ffi::lys_find_expr_atoms(context, module, expression, prefixes, 0, &mut set);
        if answer != ffi::LY_ERR::LY_SUCCESS {
            return None;
        }
        let nodes = (0..(*set).count as usize)
            .map(|index| RawNode(*(*set).__bindgen_anon_1.snodes.add(index)))
            .collect();
        ffi::ly_set_free(set, None);
        Some(nodes)
    }
}
