//! Values of keys, in the types of the schema.

use std::net::IpAddr;

use netstate::NetnsName;
use yang::{SchemaNode, Type, Value};

/// A namespace as the value of a key or leaf; `1` is the value of an enumeration.
pub(crate) fn netns(netns: &NetnsName) -> Value {
    match netns.is_own() {
        true => Value::Enumeration("1".into(), 1),
        false => Value::String(netns.as_str().into()),
    }
}

/// A number as the name that the leaf's type has for it, or as a number.
pub(crate) fn number(leaf: &SchemaNode, number: u32) -> Value {
    named(leaf.leaf_type.as_ref(), number).unwrap_or(Value::Unsigned(number.into()))
}

/// The number of a value: that of an enumeration's name, or the number itself, decimal or with
/// `0x`.
pub(crate) fn read_number(value: &Value) -> Option<u32> {
    if let Value::Enumeration(_, number) = value {
        return u32::try_from(*number).ok();
    }
    let text = value.to_string();
    match text.strip_prefix("0x").or(text.strip_prefix("0X")) {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// An IP address.
pub(crate) fn address(address: IpAddr) -> Value {
    Value::String(address.to_string().into())
}

fn named(leaf_type: Option<&Type>, number: u32) -> Option<Value> {
    match leaf_type? {
        Type::Enumeration(names) => names
            .iter()
            .find(|(_, value, _)| u32::try_from(*value) == Ok(number))
            .map(|(name, value, _)| Value::Enumeration(name.as_str().into(), *value)),
        Type::Union(members) => members.iter().find_map(|member| named(Some(member), number)),
        Type::Binary
        | Type::Bits(_)
        | Type::Boolean
        | Type::Decimal64 { .. }
        | Type::Empty
        | Type::Identityref(_)
        | Type::InstanceIdentifier
        | Type::Integer { .. }
        | Type::Leafref { .. }
        | Type::String { .. } => None,
    }
}
