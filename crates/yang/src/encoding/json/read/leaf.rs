//! Reads the value of a leaf, and the values of a leaf-list, in the JSON type that RFC 7951 section 6 gives them.

use std::fmt;

use ::serde::de::{self, DeserializeSeed, IgnoredAny, SeqAccess, Visitor};

use super::{Reading, refuse};
use crate::error::{Error, ErrorTag};
use crate::schema::{SchemaNode, Type};
use crate::tree::sorted::Sorted;
use crate::value::Value;

/// The values of a leaf-list.
pub(super) struct LeafList<'f>(pub(super) Leaf<'f>);

impl<'de> Visitor<'de> for LeafList<'_> {
    type Value = Sorted<Value, ()>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array, the values of {}", self.0.node.name)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
        let mut values = Sorted::default();
        while let Some(value) = array.next_element_seed(self.0)? {
            if values.insert(value.clone(), ()).is_some() {
                let error = format!("the value \"{value}\" is there twice");
                return Err(refuse(self.0.reading, Error::new(ErrorTag::BadElement, error)));
            }
        }
        Ok(values)
    }
}

/// One value.
#[derive(Clone, Copy)]
pub(super) struct Leaf<'f> {
    pub(super) node: &'static SchemaNode,
    pub(super) reading: &'f Reading,
}

impl<'de> DeserializeSeed<'de> for Leaf<'_> {
    type Value = Value;

    fn deserialize<D: de::Deserializer<'de>>(self, json: D) -> Result<Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Leaf<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the value of {}", self.node.name)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        self.value(Form::Text, text)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        self.value(Form::Truth, if value { "true" } else { "false" })
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        self.value(Form::Number, &value.to_string())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        self.value(Form::Number, &value.to_string())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        self.value(Form::Number, &value.to_string())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Value, A::Error> {
        match (array.next_element::<Option<IgnoredAny>>()?, array.next_element::<IgnoredAny>()?) {
            (Some(None), None) => self.value(Form::Empty, ""),
            (None | Some(Some(_)), _) | (_, Some(_)) => {
                let message = format!("{} takes one value, not an array", self.node.name);
                Err(refuse(self.reading, Error::new(ErrorTag::InvalidValue, message)))
            }
        }
    }
}

/// The JSON type of a value.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    Text,
    Number,
    Truth,
    Empty,
}

impl Leaf<'_> {
    fn value<E: de::Error>(&self, form: Form, text: &str) -> Result<Value, E> {
        let value = self.node.value(text).map_err(|error| refuse(self.reading, error))?;
        let (proper, wanted) = match value {
            Value::Empty => (Form::Empty, "written as [null]"),
            Value::Boolean(_) => (Form::Truth, "true or false, without quotes"),
            Value::Integer(_) | Value::Unsigned(_) => (Form::Number, "a number, without quotes"),
            Value::Integer64(_)
            | Value::Unsigned64(_)
            | Value::Decimal64(_)
            | Value::String(_)
            | Value::Enumeration(..)
            | Value::Identity(_)
            | Value::Bits(_)
            | Value::Binary(_)
            | Value::InstanceIdentifier(_) => (Form::Text, "a text, in quotes"),
        };
        // A text that matches a number of the union may be meant for another member. As in XML, only the text
        // decides which member applies.
        let union = || {
            let leaf_type = self.node.leaf_type.as_ref();
            leaf_type.is_some_and(|of| of.any(|member| matches!(member, Type::Union(_))))
        };
        if form == proper || (form == Form::Text && union()) {
            return Ok(value);
        }
        let message = format!("{} has to be {wanted}", self.node.name);
        Err(refuse(self.reading, Error::new(ErrorTag::InvalidValue, message)))
    }
}
