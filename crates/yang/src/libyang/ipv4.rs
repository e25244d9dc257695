//! Checks canonical IPv4 addresses and prefixes without regular expressions.
//!
//! A large configuration has many of these values, each only once, and libyang needs microseconds for each.
//! libyang's own names for the plugins and patterns of a type decide whether a leaf accepts such a value. If a type
//! has another pattern, or if an earlier member of a union might accept the text, libyang checks the value. libyang
//! also checks all values that are not canonical.

use std::ffi::c_char;

use yang5::ffi;
use yang5::ffi::LY_DATA_TYPE as Base;

use super::{RawNode, sized, text};

/// Which of these forms a leaf accepts without changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ipv4 {
    address: bool,
    prefix: bool,
}

impl Ipv4 {
    /// Whether the text is a valid value of the leaf in canonical form.
    pub(crate) fn takes(self, text: &str) -> bool {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) if self.prefix => (address, number(length, 32)),
            None if self.address => (text, Some(32)),
            Some(_) | None => return false,
        };
        let mut parts = address.split('.');
        let mut bits = 0;
        for _ in 0..4 {
            let Some(part) = parts.next().and_then(|part| number(part, 255)) else { return false };
            bits = bits << 8 | part;
        }
        let host = length.map(|length| u32::MAX.checked_shr(length).unwrap_or_default());
        parts.next().is_none() && host.is_some_and(|host| bits & host == 0)
    }
}

/// A number in libyang's format.
fn number(digits: &str, most: u32) -> Option<u32> {
    let canonical = matches!(digits.as_bytes(), [b'0'] | [b'1'..=b'9', ..]);
    let plain = canonical && digits.len() <= 3 && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|number| plain && *number <= most)
}

/// The beginning of libyang's `struct lyplg_type` (`plugins_types.h`), whose first member is its `id`. The bindings
/// do not contain the structure. A test checks this assumption.
#[repr(C)]
pub(super) struct Plugin {
    pub(super) id: *const c_char,
}

unsafe extern "C" {
    /// From libyang's `tree_schema.h`. The bindings omit the return value.
    pub(super) fn lysc_get_type_plugin(reference: usize) -> *const Plugin;
}

impl RawNode {
    /// The IPv4 texts that this leaf accepts.
    pub(crate) fn ipv4(self) -> Ipv4 {
        let leaf = self.0.cast::<ffi::lysc_node_leaf>();
        let mut ipv4 = Ipv4::default();
        // SAFETY: called on leaves and leaf-lists only.
        unsafe { collect((*leaf).type_, &mut ipv4) };
        ipv4
    }
}

/// Adds what the type accepts. Returns whether the type refuses every other text of digits, three dots and an
/// optional slash, so that the next member of a union is tried.
///
/// # Safety
/// `pointer` is a compiled type.
unsafe fn collect(pointer: *const ffi::lysc_type, ipv4: &mut Ipv4) -> bool {
    // SAFETY: the structure behind the pointer is the one that the base type names. `plugin_ref` is the type's own, so that
    // libyang returns a plugin, which begins as `Plugin` does and lives as long as the program.
    unsafe {
        match (*pointer).basetype {
            Base::LY_TYPE_UNION => sized((*pointer.cast::<ffi::lysc_type_union>()).types)
                .iter()
                .all(|member| collect(*member, ipv4)),
            Base::LY_TYPE_LEAFREF => {
                collect((*pointer.cast::<ffi::lysc_type_leafref>()).realtype, ipv4)
            }
            Base::LY_TYPE_ENUM => sized((*pointer.cast::<ffi::lysc_type_enum>()).enums)
                .iter()
                .all(|name| text(name.name).is_some_and(|name| !name.contains('.'))),
            Base::LY_TYPE_STRING => {
                let string = &*pointer.cast::<ffi::lysc_type_str>();
                let plugin = lysc_get_type_plugin((*pointer).plugin_ref).as_ref();
                let id = plugin.and_then(|plugin| text(plugin.id)).unwrap_or_default();
                let unrestricted = sized(string.patterns).len() == 1 && string.length.is_null();
                match id {
                    "ly2 ipv4-address" if unrestricted => ipv4.address = true,
                    "ly2 ipv4-address-prefix" if unrestricted => ipv4.prefix = true,
                    // These require colons.
                    _ if id.starts_with("ly2 ipv6-") => {}
                    _ => return false,
                }
                true
            }
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::path::Path;
    use crate::schema::Schema;
    use crate::value::Value;

    fn leaf(path: &str) -> RawNode {
        Path::parse(Schema::netloom().unwrap(), path).unwrap().node().unwrap().raw
    }

    const PREFIX: &str = "/iproute2-ip-route:routes/route/prefix";
    const ADDRESS: &str = "/iproute2-ip-route:routes/route/nexthop/via/address";
    const NAME: &str = "/iproute2-ip-link:links/link/name";

    #[test]
    fn canonical_texts_are_taken() {
        let check = |path: &str, text: &str| leaf(path).ipv4().takes(text);
        for text in ["0.0.0.0/0", "10.1.2.0/24", "255.255.255.255/32", "192.0.2.128/25"] {
            assert!(check(PREFIX, text) && !check(ADDRESS, text) && !check(NAME, text), "{text}");
        }
        for text in ["0.0.0.0", "10.1.2.3"] {
            assert!(check(ADDRESS, text) && !check(NAME, text), "{text}");
        }
        let other =
            ["10.1.2.3/24", "01.1.1.1", "1.1.1", "1.1.1.1.1", "256.1.1.1", "1.1.1.0/033", ""];
        for text in
            other.into_iter().chain(["1.1.1.1/33", "+1.1.1.1", "1.1.1.1%eth0", "1.1.1.1 ", "::1"])
        {
            assert!(!check(PREFIX, text) && !check(ADDRESS, text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn libyang_says_the_same(
            parts in prop::array::uniform4(prop_oneof![Just(0_u8), any::<u8>()]), length in 0..40_u8, bare: bool,
        ) {
            let [a, b, c, d] = parts;
            let address = format!("{a}.{b}.{c}.{d}");
            let text = if bare { address } else { format!("{address}/{length}") };
            for path in [PREFIX, ADDRESS] {
                let leaf = leaf(path);
                let checked = leaf.check(&text).ok();
                let canonical = checked == Some(Value::String(text.as_str().into()));
                prop_assert_eq!(leaf.ipv4().takes(&text), canonical, "{}", text);
            }
        }
    }
}
