//! Tests the assumptions about libyang's memory layout that its bindings do not cover.
//!
//! `libyang5-sys` does not contain three assumptions, so an update would not break the build: how a sized array
//! counts its elements ([`sized`]), that a type's plugin begins with its id ([`super::ipv4`]), and that patterns
//! are passed to the matcher as a sized array ([`super::value`]). Each test compares the values with the text of
//! the module.

use std::mem::{align_of, offset_of, size_of};

use yang5::ffi;

use super::{RawNode, sized, text};
use crate::schema::Schema;

const MODULE: &str = r#"
module layout {
  yang-version 1.1;
  namespace "urn:layout";
  prefix l;
  import ietf-inet-types { prefix inet; }
  leaf colour { type enumeration { enum red; enum green; enum blue; } }
  leaf one { type enumeration { enum only; } }
  leaf flags { type bits { bit a; bit b; bit c; bit d; } }
  leaf none { type string; }
  leaf word { type string { pattern "[a-z]+"; pattern "x.*" { modifier invert-match; } } }
  leaf address { type inet:ipv4-address; }
  leaf prefix { type inet:ipv4-prefix; }
}"#;

fn leaf(name: &str) -> (RawNode, *const ffi::lysc_type) {
    let schema = Schema::from_texts(&[MODULE]).unwrap();
    let node = schema.top_node(None, name).unwrap().raw;
    // SAFETY: all nodes of the module are leaves.
    (node, unsafe { (*node.0.cast::<ffi::lysc_node_leaf>()).type_ })
}

#[test]
fn the_count_of_a_sized_array_is_a_u64_right_before_the_first_element() {
    // SAFETY: the type is the structure that its statement names.
    unsafe {
        let names = |enums| {
            sized(enums).iter().map(|item: &ffi::lysc_type_bitenum_item| text(item.name).unwrap())
        };
        let enums = |name| (*leaf(name).1.cast::<ffi::lysc_type_enum>()).enums;
        assert!(names(enums("colour")).eq(["red", "green", "blue"]));
        assert!(names(enums("one")).eq(["only"]));
        let bits = (*leaf("flags").1.cast::<ffi::lysc_type_bits>()).bits;
        assert!(names(bits).eq(["a", "b", "c", "d"]));
        // All 64 bits of the count, and of the arrays that libyang has grown element by element.
        for (array, count) in [(enums("colour"), 3), (enums("one"), 1), (bits, 4)] {
            assert_eq!(array.cast::<u64>().sub(1).read(), count);
        }
        let patterns = |name| (*leaf(name).1.cast::<ffi::lysc_type_str>()).patterns;
        assert!(patterns("none").is_null());
        let expressions = sized(patterns("word")).iter().map(|p| text((**p).expr).unwrap());
        assert!(expressions.eq(["[a-z]+", "x.*"]));
    }
    // There is no gap between the count and elements of these types.
    assert!(align_of::<ffi::lysc_type_bitenum_item>() <= size_of::<u64>());
    assert!(align_of::<*const ffi::lysc_pattern>() <= size_of::<u64>());
}

#[test]
fn the_matcher_takes_one_pattern_as_a_sized_array() {
    let (node, pointer) = leaf("word");
    // SAFETY: the patterns are of a string type of the node's context.
    unsafe {
        let patterns = sized((*pointer.cast::<ffi::lysc_type_str>()).patterns);
        let matches = |index: usize, value| {
            super::value::matches(node.context(), patterns[index].cast_const(), value)
        };
        assert!(matches(0, "abc") && !matches(0, "a1") && matches(0, "xa"));
        assert!(matches(1, "abc") && matches(1, "a1") && !matches(1, "xa"));
    }
}

#[test]
fn a_plugin_begins_with_its_id() {
    for (name, id) in [("address", "ly2 ipv4-address"), ("prefix", "ly2 ipv4-address-prefix")] {
        let (_, pointer) = leaf(name);
        // SAFETY: the reference is the type's own.
        let plugin = unsafe { super::ipv4::lysc_get_type_plugin((*pointer).plugin_ref).as_ref() };
        // SAFETY: a plugin's id is a text that is never freed.
        let found = unsafe { text(plugin.unwrap().id) }.unwrap();
        assert!(found.starts_with(id), "{found}");
    }
}

#[test]
fn all_types_begin_alike() {
    /// The offsets of the members that are read before the kind of the structure is known.
    macro_rules! beginning {
        ($type:ty) => {
            [offset_of!($type, name), offset_of!($type, plugin_ref), offset_of!($type, basetype)]
        };
    }
    let base = beginning!(ffi::lysc_type);
    assert_eq!(base, beginning!(ffi::lysc_type_enum));
    assert_eq!(base, beginning!(ffi::lysc_type_bits));
    assert_eq!(base, beginning!(ffi::lysc_type_str));
    assert_eq!(base, beginning!(ffi::lysc_type_num));
    assert_eq!(base, beginning!(ffi::lysc_type_dec));
    assert_eq!(base, beginning!(ffi::lysc_type_leafref));
    assert_eq!(base, beginning!(ffi::lysc_type_union));
    assert_eq!(base, beginning!(ffi::lysc_type_identityref));
    assert_eq!(base, beginning!(ffi::lysc_type_instanceid));
    // A leaf-list is read as a leaf where only its type and units matter.
    let leaf = [offset_of!(ffi::lysc_node_leaf, type_), offset_of!(ffi::lysc_node_leaf, units)];
    let list =
        [offset_of!(ffi::lysc_node_leaflist, type_), offset_of!(ffi::lysc_node_leaflist, units)];
    assert_eq!(leaf, list);
}
