//! Writes serde types into a tree.

use std::fmt::Display;
use std::ptr;
use std::sync::Arc;

use ::serde::Serialize;
use ::serde::ser::{Impossible, SerializeMap, SerializeSeq, SerializeStruct, Serializer};

use super::spelling::Spelling;
use super::{TRUTHS, field_name, is_apart, under};
use crate::error::{Error, ErrorTag, Result};
use crate::path::{Keys, Path, Step};
use crate::schema::{NodeKind, SchemaNode, Type};
use crate::tree::Tree;
use crate::tree::entry::{Content, Entry};
use crate::value::Value;

impl Tree {
    /// Writes the fields of `value` below the container or list entry at `path`. Fields that are `None` are
    /// omitted. A field that is not in the schema is an error.
    pub fn serialize<T: Serialize>(&mut self, path: &Path, value: &T) -> Result<()> {
        let (last, above) = self.instance_path(path)?;
        if matches!(last.node.kind, NodeKind::Leaf | NodeKind::LeafList) {
            return Err(Error::new(ErrorTag::BadElement, "a leaf has no fields").at(path));
        }
        let written = written(last.node, &last.keys, value)?;
        if !written.is_empty() {
            self.descend(above).merge(&written);
        }
        Ok(())
    }

    /// Writes entries of a list in the container or list entry at `path`. An entry without a value has the same
    /// content as the entry before, and shares its memory. This is fastest in the order of the keys.
    pub fn serialize_list<T: Serialize>(
        &mut self,
        path: &Path,
        list: &'static SchemaNode,
        entries: impl IntoIterator<Item = (Keys, Option<T>)>,
    ) -> Result<()> {
        self.check_path(&path.join(list, Keys::default()), path.steps.len())?;
        let (mut row, mut content): (Vec<(Keys, Arc<Entry>)>, _) = (Vec::new(), Arc::default());
        for (keys, value) in entries {
            if let Some(value) = value {
                let written = written(list, &keys, &value)?;
                content = match written.slot(list).map(|slot| &slot.content) {
                    Some(Content::List(entries)) => entries
                        .get(&keys[..])
                        .map(|(_, entry)| Arc::clone(entry))
                        .unwrap_or_default(),
                    Some(_) | None => Arc::default(),
                };
            }
            row.push((keys, Arc::clone(&content)));
        }
        if !row.is_sorted_by(|(a, _), (b, _)| a < b) {
            row.sort_by(|(a, _), (b, _)| a.cmp(b));
            row.dedup_by(|(other, more), (keys, entry)| {
                let is_same = other == keys;
                if is_same {
                    Entry::merge_shared(entry, more);
                }
                is_same
            });
        }
        if !row.is_empty() {
            self.descend(&path.steps).add_row(list, row);
        }
        Ok(())
    }
}

/// The instance of `node` with these keys and the fields of `value`, in its parent.
fn written<T: Serialize>(node: &'static SchemaNode, keys: &Keys, value: &T) -> Result<Entry> {
    let mut written = Fields::of(node);
    let mut inside = Fields::of(node);
    inside.keys = keys.iter().cloned().map(Some).collect();
    let field = Field { fields: &mut written, node, inside: Some(inside) };
    value.serialize(field).map_err(|error| {
        let error = error.below(Step { node, keys: keys.clone() });
        under(error, node)
    })?;
    Ok(written.entry)
}

/// The values below one instance.
struct Fields {
    node: &'static SchemaNode,
    keys: Vec<Option<Value>>,
    entry: Entry,
}

impl Fields {
    fn of(node: &'static SchemaNode) -> Fields {
        Fields { node, keys: vec![None; node.keys.len()], entry: Entry::default() }
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<()> {
        let Some(node) = self.member(name) else {
            let message = format!("{} has no node {name}", self.node.name);
            return Err(Error::new(ErrorTag::UnknownElement, message));
        };
        let written = match Spelling::of(node) {
            Some(spelling) => self.spell(node, spelling, value),
            None => value.serialize(Field { fields: self, node, inside: None }),
        };
        written.map_err(|error| error.below(Step { node, keys: Keys::default() }))
    }

    /// The node for a field: the node with this name, or the first node that has this name as its `field`.
    fn member(&self, name: &str) -> Option<&'static SchemaNode> {
        let own = self.node.child(None, name).filter(|node| !is_apart(node));
        let own = own.filter(|node| field_name(node) == name);
        let renamed = || {
            let children = self.node.children.iter();
            children.copied().find(|node| field_name(node) == name && !is_apart(node))
        };
        own.or_else(renamed)
    }

    fn spell<T: Serialize + ?Sized>(
        &mut self,
        node: &'static SchemaNode,
        spelling: Spelling,
        value: &T,
    ) -> Result<()> {
        let json = serde_json::to_value(value).map_err(::serde::ser::Error::custom)?;
        if json.is_null() {
            return Ok(());
        }
        let texts = spelling.write(&json).ok_or_else(|| {
            Error::new(ErrorTag::InvalidValue, format!("{json} has no spelling here"))
        })?;
        texts.iter().try_for_each(|text| self.set(node, node.value(text)?))
    }

    fn set(&mut self, node: &'static SchemaNode, value: Value) -> Result<()> {
        let Some(index) = self.node.keys.iter().position(|key| ptr::eq(*key, node)) else {
            self.entry.set(node, value);
            return Ok(());
        };
        match &self.keys[index] {
            Some(known) if *known != value => {
                let message = format!("the key {} is \"{known}\", not \"{value}\"", node.name);
                Err(Error::new(ErrorTag::BadElement, message))
            }
            Some(_) | None => {
                self.keys[index] = Some(value);
                Ok(())
            }
        }
    }

    /// Adds this to its parent as an instance of its node.
    fn finish(self, above: &mut Entry) -> Result<()> {
        let keys: Keys = self.keys.into_iter().flatten().collect();
        if keys.len() != self.node.keys.len() {
            let message = format!("an entry of {} lacks a key", self.node.name);
            return Err(Error::new(ErrorTag::MissingElement, message));
        }
        above.below(self.node, &keys).merge(&self.entry);
        above.prune(self.node);
        Ok(())
    }
}

/// Writes the value of one field.
struct Field<'f> {
    fields: &'f mut Fields,
    node: &'static SchemaNode,
    /// The instance, if its keys are known in advance.
    inside: Option<Fields>,
}

impl Field<'_> {
    fn text(self, text: &str) -> Result<()> {
        match self.node.kind {
            NodeKind::Leaf | NodeKind::LeafList => {
                self.fields.set(self.node, self.node.value(text)?)
            }
            NodeKind::Container { .. } | NodeKind::List => {
                let message = format!("{} takes fields, not \"{text}\"", self.node.name);
                Err(Error::new(ErrorTag::InvalidValue, message))
            }
        }
    }

    /// A number can represent a name of an enumeration.
    fn number(self, number: impl Display + Copy + TryInto<i64>) -> Result<()> {
        let enums = self.node.leaf_type.as_ref().map(Type::enums).unwrap_or_default();
        let wanted = number.try_into().ok();
        match enums.iter().find(|(_, number)| Some(i64::from(*number)) == wanted) {
            Some((name, _)) => self.text(name),
            None => self.text(&number.to_string()),
        }
    }

    fn truth(self, value: bool) -> Result<()> {
        match (self.node.kind, &self.node.leaf_type) {
            (NodeKind::Container { presence: true }, _) => {
                if value {
                    let empty = Content::Container(Arc::default());
                    self.fields.entry.put(self.node, empty);
                }
                Ok(())
            }
            (_, Some(Type::Empty)) => {
                if value {
                    self.fields.set(self.node, Value::Empty)?;
                }
                Ok(())
            }
            (_, Some(leaf_type)) => {
                let enums = leaf_type.enums();
                let spoken = TRUTHS
                    .iter()
                    .map(|(yes, no)| if value { *yes } else { *no })
                    .find(|name| enums.iter().any(|(known, _)| known == name));
                self.text(spoken.unwrap_or(if value { "true" } else { "false" }))
            }
            (_, None) => self.text(&value.to_string()),
        }
    }
}

/// An error for a value that a tree cannot represent.
fn unsupported<T>(what: &str) -> Result<T> {
    Err(Error::new(ErrorTag::OperationNotSupported, format!("{what} have no form in YANG")))
}

impl<'f> Serializer for Field<'f> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Elements<'f>;
    type SerializeTuple = Impossible<(), Error>;
    type SerializeTupleStruct = Impossible<(), Error>;
    type SerializeTupleVariant = Impossible<(), Error>;
    type SerializeMap = Nested<'f>;
    type SerializeStruct = Nested<'f>;
    type SerializeStructVariant = Impossible<(), Error>;

    fn serialize_bool(self, value: bool) -> Result<()> {
        self.truth(value)
    }

    fn serialize_i8(self, value: i8) -> Result<()> {
        self.number(value)
    }

    fn serialize_i16(self, value: i16) -> Result<()> {
        self.number(value)
    }

    fn serialize_i32(self, value: i32) -> Result<()> {
        self.number(value)
    }

    fn serialize_i64(self, value: i64) -> Result<()> {
        self.number(value)
    }

    fn serialize_u8(self, value: u8) -> Result<()> {
        self.number(value)
    }

    fn serialize_u16(self, value: u16) -> Result<()> {
        self.number(value)
    }

    fn serialize_u32(self, value: u32) -> Result<()> {
        self.number(value)
    }

    fn serialize_u64(self, value: u64) -> Result<()> {
        self.number(value)
    }

    fn serialize_f32(self, value: f32) -> Result<()> {
        self.text(&value.to_string())
    }

    fn serialize_f64(self, value: f64) -> Result<()> {
        self.text(&value.to_string())
    }

    fn serialize_char(self, value: char) -> Result<()> {
        self.text(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<()> {
        self.text(value)
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<()> {
        unsupported("bytes")
    }

    fn serialize_none(self) -> Result<()> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<()> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<()> {
        self.truth(true)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<()> {
        self.truth(true)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<()> {
        self.text(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<()> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<()> {
        let mut nested = Nested::of(self)?;
        nested.inside.field(variant, value)?;
        nested.finish()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Elements<'f>> {
        match self.node.kind {
            NodeKind::List | NodeKind::LeafList => {
                Ok(Elements { fields: self.fields, node: self.node })
            }
            NodeKind::Container { .. } | NodeKind::Leaf => {
                let message = format!("{} takes one value, not several", self.node.name);
                Err(Error::new(ErrorTag::InvalidValue, message))
            }
        }
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple> {
        unsupported("tuples")
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct> {
        unsupported("tuples")
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant> {
        unsupported("tuples")
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Nested<'f>> {
        Nested::of(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Nested<'f>> {
        Nested::of(self)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant> {
        unsupported("variants with fields")
    }
}

/// A sequence: the entries of a list or the values of a leaf-list.
struct Elements<'f> {
    fields: &'f mut Fields,
    node: &'static SchemaNode,
}

impl SerializeSeq for Elements<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        value.serialize(Field { fields: self.fields, node: self.node, inside: None })
    }

    fn end(self) -> Result<()> {
        Ok(())
    }
}

/// A struct or map within another: a container or list entry.
struct Nested<'f> {
    above: &'f mut Fields,
    inside: Fields,
    /// The last key of a map that was written.
    name: Option<String>,
}

impl<'f> Nested<'f> {
    fn of(field: Field<'f>) -> Result<Nested<'f>> {
        match field.node.kind {
            NodeKind::Container { .. } | NodeKind::List => {
                let inside = field.inside.unwrap_or_else(|| Fields::of(field.node));
                Ok(Nested { above: field.fields, inside, name: None })
            }
            NodeKind::Leaf | NodeKind::LeafList => {
                let message = format!("{} takes a value, not fields", field.node.name);
                Err(Error::new(ErrorTag::InvalidValue, message))
            }
        }
    }

    fn finish(self) -> Result<()> {
        self.inside.finish(&mut self.above.entry)
    }
}

impl SerializeStruct for Nested<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<()> {
        self.inside.field(name, value)
    }

    fn end(self) -> Result<()> {
        self.finish()
    }
}

impl SerializeMap for Nested<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<()> {
        match serde_json::to_value(key) {
            Ok(serde_json::Value::String(name)) => self.name = Some(name),
            Ok(_) | Err(_) => return unsupported("maps whose keys are not texts"),
        }
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        let name = self.name.take().unwrap_or_default();
        self.inside.field(&name, value)
    }

    fn end(self) -> Result<()> {
        self.finish()
    }
}
