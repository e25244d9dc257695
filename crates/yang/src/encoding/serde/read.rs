//! Reads serde types from nodes.

use std::marker::PhantomData;

use ::serde::de::value::{MapAccessDeserializer, StrDeserializer};
use ::serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess,
    SeqAccess, Unexpected, Visitor,
};
use ::serde::forward_to_deserialize_any;

use super::spelling::Spelling;
use super::{TRUTHS, field_name, is_apart, under};
use crate::error::{Error, Result};
use crate::path::{Keys, Step};
use crate::schema::{NodeKind, SchemaNode};
use crate::tree::entry::{Content, Instances, Slot};
use crate::tree::{Node, instance_keys};
use crate::value::Value;

impl<'a> Node<'a> {
    /// Reads the instance (including its keys and `config false` nodes) into `T`. The path of an error begins at
    /// the root. It does not contain the keys of lists above, since a node does not know them.
    pub fn deserialize<T: DeserializeOwned>(&self) -> Result<T> {
        self.deserialize_seed(PhantomData)
    }

    /// Reads the instance as `seed` does.
    pub fn deserialize_seed<'de, S: DeserializeSeed<'de>>(&self, seed: S) -> Result<S::Value> {
        seed.deserialize(Instance(self.clone())).map_err(|error| {
            let step = Step { node: self.schema(), keys: instance_keys(self) };
            under(error.below(step), self.schema())
        })
    }
}

/// One instance.
struct Instance<'a>(Node<'a>);

impl<'de> Deserializer<'de> for Instance<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.0.value() {
            Some(value) => Scalar(value).deserialize_any(visitor),
            None => visitor.visit_map(Members::of(&self.0)),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match (self.0.value(), self.0.schema().kind) {
            (Some(value), _) => Scalar(value).deserialize_bool(visitor),
            (None, NodeKind::Container { presence: true }) => visitor.visit_bool(true),
            (None, _) => self.deserialize_any(visitor),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.0.value() {
            Some(value) => Scalar(value).deserialize_unit(visitor),
            None => visitor.visit_unit(),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        match self.0.value() {
            Some(value) => Scalar(value).deserialize_enum(name, variants, visitor),
            // The variant is the name of the only child.
            None => visitor.visit_enum(MapAccessDeserializer::new(Members::of(&self.0))),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.0.value() {
            Some(value) => Scalar(value).deserialize_str(visitor),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_str(visitor)
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

/// The children of an instance, grouped by name.
struct Members<'a> {
    keys: std::slice::Iter<'static, &'static SchemaNode>,
    key_values: std::slice::Iter<'a, Value>,
    slots: std::slice::Iter<'a, Slot>,
    next: Option<Member<'a>>,
}

enum Member<'a> {
    Key(&'static SchemaNode, &'a Value),
    Slot(&'a Slot),
}

impl<'a> Members<'a> {
    fn of(node: &Node<'a>) -> Members<'a> {
        let keys = match node {
            Node::ListEntry(list, ..) => &list.keys[..],
            Node::Container(..) | Node::Leaf(..) | Node::LeafListEntry(..) => &[],
        };
        Members {
            keys: keys.iter(),
            key_values: node.keys().iter(),
            slots: node.entry().map_or(&[][..], |entry| entry.slots()).iter(),
            next: None,
        }
    }
}

impl<'de> MapAccess<'de> for Members<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        self.next = match (self.keys.next(), self.key_values.next()) {
            (Some(key), Some(value)) => Some(Member::Key(key, value)),
            _ => self.slots.find(|slot| !is_apart(slot.node)).map(Member::Slot),
        };
        let node = match &self.next {
            None => return Ok(None),
            Some(Member::Key(node, _)) => node,
            Some(Member::Slot(slot)) => slot.node,
        };
        let name: StrDeserializer<'_, Error> = field_name(node).into_deserializer();
        let key = seed
            .deserialize(name)
            .map_err(|error| error.below(Step { node, keys: Keys::default() }));
        key.map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value> {
        match self.next.take() {
            None => Err(Error::custom("a value without a name")),
            Some(Member::Key(node, value)) => seed
                .deserialize(Scalar(value))
                .map_err(|error| error.below(Step { node, keys: Keys::default() })),
            Some(Member::Slot(slot)) => match &slot.content {
                Content::Leaf(_) | Content::LeafList(_)
                    if let Some(spelling) = Spelling::of(slot.node) =>
                {
                    let json = spelled(slot, spelling)?;
                    seed.deserialize(json).map_err(|error| {
                        Error::custom(error).below(Step { node: slot.node, keys: Keys::default() })
                    })
                }
                Content::Leaf(value) => seed
                    .deserialize(Scalar(value))
                    .map_err(|error| error.below(Step { node: slot.node, keys: Keys::default() })),
                Content::Container(entry) => seed
                    .deserialize(Instance(Node::Container(slot.node, entry)))
                    .map_err(|error| error.below(Step { node: slot.node, keys: Keys::default() })),
                Content::LeafList(_) | Content::List(_) => seed.deserialize(Sequence(slot)),
            },
        }
    }
}

/// The values of the texts of a leaf or leaf-list.
fn spelled(slot: &Slot, spelling: Spelling) -> Result<serde_json::Value> {
    let mut all = serde_json::Map::new();
    for node in slot.instances() {
        let text = node.value().map(ToString::to_string).unwrap_or_default();
        let unread = || {
            let message = format!("\"{text}\" is not what {} takes", slot.node.name);
            Error::custom(message).below(Step { node: slot.node, keys: Keys::default() })
        };
        let mut read = spelling.read(&text).ok_or_else(unread)?;
        match read.as_object_mut() {
            Some(entry) => all.append(entry),
            None => return Ok(read),
        }
    }
    Ok(all.into())
}

/// The entries of a list, or the values of a leaf-list.
struct Sequence<'a>(&'a Slot);

impl<'de> Deserializer<'de> for Sequence<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_seq(Entries(self.0.instances())).map_err(|error| match error.path {
            Some(_) => error,
            None => error.below(Step { node: self.0.node, keys: Keys::default() }),
        })
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct Entries<'a>(Instances<'a>);

impl<'de> SeqAccess<'de> for Entries<'_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        let Some(node) = self.0.next() else { return Ok(None) };
        let step = Step { node: node.schema(), keys: instance_keys(&node) };
        seed.deserialize(Instance(node)).map(Some).map_err(|error| error.below(step))
    }
}

/// A leaf's value.
struct Scalar<'a>(&'a Value);

impl Scalar<'_> {
    fn unexpected<V>(&self, expected: &str) -> Result<V> {
        let text = self.0.to_string();
        Err(Error::invalid_value(Unexpected::Str(&text), &expected))
    }
}

impl<'de> Deserializer<'de> for Scalar<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.0 {
            Value::Empty => visitor.visit_unit(),
            Value::Boolean(value) => visitor.visit_bool(*value),
            Value::Integer(value) | Value::Integer64(value) => visitor.visit_i64(*value),
            Value::Unsigned(value) | Value::Unsigned64(value) => visitor.visit_u64(*value),
            Value::Identity(_) => visitor.visit_string(self.0.to_string()),
            Value::Decimal64(text)
            | Value::String(text)
            | Value::Enumeration(text, _)
            | Value::Bits(text)
            | Value::Binary(text)
            | Value::InstanceIdentifier(text) => visitor.visit_str(text),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if *self.0 == Value::Empty {
            return visitor.visit_bool(true);
        }
        let text = self.0.to_string();
        let truth = TRUTHS.iter().find_map(|(yes, no)| match () {
            () if *yes == text => Some(true),
            () if *no == text => Some(false),
            () => None,
        });
        match truth {
            Some(truth) => visitor.visit_bool(truth),
            None => self.unexpected("true or false"),
        }
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if let Value::Enumeration(_, number) = self.0 {
            return visitor.visit_i64(i64::from(*number));
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.0.to_string().parse() {
            Ok(number) => visitor.visit_f64(number),
            Err(_) => self.unexpected("a number"),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_str(&self.0.to_string())
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        let text = if let Value::Identity(identity) = self.0 {
            identity.name.clone()
        } else {
            self.0.to_string()
        };
        let known = variants.iter().any(|variant| *variant == text);
        let variant: StrDeserializer<'_, Error> = text.as_str().into_deserializer();
        match known {
            true => visitor.visit_enum(variant),
            false => self.unexpected(&format!("one of {}", variants.join(", "))),
        }
    }

    fn deserialize_i8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_i16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_str(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_str(visitor)
    }

    forward_to_deserialize_any! {
        bytes byte_buf unit unit_struct seq tuple tuple_struct map struct ignored_any
    }
}
