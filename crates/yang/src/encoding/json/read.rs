//! Reads a tree from RFC 7951 JSON as a stream.

mod leaf;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use ::serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};

use self::leaf::{Leaf, LeafList};
use crate::error::{Error, ErrorTag, Result};
use crate::path::{Keys, Step};
use crate::schema::{NodeKind, Schema, SchemaNode};
use crate::tree::Tree;
use crate::tree::entry::{Content, Entry};
use crate::tree::interner::Interner;
use crate::tree::sorted::Sorted;
use crate::value::Value;

impl Tree {
    /// Reads RFC 7951 JSON: one object with members `module:node`. Types are checked. References are not checked.
    pub fn from_json(schema: &'static Schema, text: &str) -> Result<Tree> {
        let reading = Reading::default();
        let mut json = serde_json::Deserializer::from_str(text);
        let top = Members { schema, parent: None, reading: &reading };
        let read = top.deserialize(&mut json).and_then(|members| json.end().map(|()| members));
        match read {
            Ok((_, entry)) => Ok(Tree::new(schema, Arc::new(entry))),
            Err(error) => Err(reading.fault.into_inner().place(&error)),
        }
    }
}

/// The state that is shared by all readers of one document.
#[derive(Default)]
struct Reading {
    fault: RefCell<Fault>,
    interner: RefCell<Interner>,
}

/// The first error with its path. serde's own errors have only a text.
#[derive(Default)]
struct Fault {
    error: Option<Error>,
    /// The steps from the error upwards.
    path: Vec<String>,
}

impl Fault {
    fn place(self, error: &serde_json::Error) -> Error {
        let mut fault = self.error.unwrap_or_else(|| {
            let tag = match error.classify() {
                serde_json::error::Category::Data => ErrorTag::InvalidValue,
                serde_json::error::Category::Io
                | serde_json::error::Category::Syntax
                | serde_json::error::Category::Eof => ErrorTag::MalformedMessage,
            };
            let text = error.to_string();
            let place = format!(" at line {} column {}", error.line(), error.column());
            Error::new(tag, text.strip_suffix(&place).unwrap_or(&text))
        });
        let (line, column) = (error.line(), error.column());
        fault.message = format!("line {line} column {column}: {}", fault.message);
        if !self.path.is_empty() {
            fault.path = Some(self.path.into_iter().rev().collect());
        }
        fault
    }
}

/// Stores the error, and returns one that makes serde stop.
fn refuse<E: de::Error>(reading: &Reading, error: Error) -> E {
    reading.fault.borrow_mut().error = Some(error);
    E::custom("")
}

/// Adds a step to the path of an error that is being returned.
fn pass<E>(reading: &Reading, error: E, step: impl FnOnce() -> String) -> E {
    reading.fault.borrow_mut().path.push(step());
    error
}

fn step(node: &'static SchemaNode, keys: Keys) -> String {
    Step { node, keys }.to_string()
}

/// An object: the members of the root, of a container or of a list entry.
#[derive(Clone, Copy)]
struct Members<'f> {
    schema: &'static Schema,
    parent: Option<&'static SchemaNode>,
    reading: &'f Reading,
}

impl<'de> DeserializeSeed<'de> for Members<'_> {
    type Value = (Keys, Entry);

    fn deserialize<D: de::Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = (Keys, Entry);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parent {
            None => f.write_str("an object of top-level nodes"),
            Some(node) => write!(f, "an object, the content of {}", node.name),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let keys = self.parent.map_or(&[][..], |parent| &parent.keys);
        let mut values: Vec<Option<Value>> = vec![None; keys.len()];
        let mut entry = Entry::default();
        // The parent adds the path of an error in this object when the keys are known.
        let result = (|| {
            while let Some(node) = object.next_key_seed(Name(self))? {
                if let Some(index) = keys.iter().position(|key| std::ptr::eq(*key, node)) {
                    let value =
                        object.next_value_seed(Leaf { node, reading: self.reading }).map_err(
                            |error| pass(self.reading, error, || step(node, Keys::default())),
                        )?;
                    if values[index].replace(value).is_some() {
                        return Err(self.twice(node, node));
                    }
                    continue;
                }
                if let Some(rival) = entry.rival(node) {
                    return Err(self.twice(node, rival));
                }
                let content = Instances { schema: self.schema, node, reading: self.reading };
                if let Some(content) = object.next_value_seed(content)? {
                    entry.put(node, content);
                }
            }
            match keys.iter().zip(&values).find(|(_, value)| value.is_none()) {
                None => Ok(()),
                Some((key, _)) => {
                    let message = format!("the key {} is missing", key.name);
                    Err(refuse(self.reading, Error::new(ErrorTag::MissingElement, message)))
                }
            }
        })();
        let known: Keys = values.into_iter().flatten().collect();
        if let Err(error) = result {
            return Err(match self.parent {
                Some(parent) if parent.kind == NodeKind::List => {
                    let keys = if known.len() == keys.len() { known } else { Keys::default() };
                    pass(self.reading, error, || step(parent, keys))
                }
                Some(parent) => pass(self.reading, error, || step(parent, Keys::default())),
                None => error,
            });
        }
        entry.shrink();
        Ok((known, entry))
    }
}

impl Members<'_> {
    fn twice<E: de::Error>(&self, node: &SchemaNode, rival: &SchemaNode) -> E {
        let message = match std::ptr::eq(node, rival) {
            true => format!("{} is there twice", node.name),
            false => format!("{} and {} exclude each other", rival.name, node.name),
        };
        refuse(self.reading, Error::new(ErrorTag::BadElement, message))
    }

    fn resolve(&self, name: &str) -> Result<&'static SchemaNode> {
        let unknown = |message: String| Err(Error::new(ErrorTag::UnknownElement, message));
        if name.starts_with('@') {
            let message = format!("\"{name}\": metadata is not supported");
            return Err(Error::new(ErrorTag::UnknownAttribute, message));
        }
        let (module, local) = match name.split_once(':') {
            Some((module, local)) => (Some(module), local),
            None => (self.parent.map(|parent| parent.module.name.as_str()), name),
        };
        let named = |module| match self.parent {
            None => self.schema.top_node(module, local),
            Some(parent) => parent.child(module, local),
        };
        let found = match module {
            Some(module) => named(Some(module)),
            None => None,
        };
        match (found, named(None)) {
            (Some(node), _) => Ok(node),
            (None, Some(node)) => {
                unknown(format!("\"{name}\" is \"{}:{}\" here", node.module.name, node.name))
            }
            (None, None) => unknown(match self.parent {
                Some(parent) => format!("{} has no node \"{name}\"", parent.name),
                None => format!("there is no node \"{name}\""),
            }),
        }
    }
}

/// The name of a member.
struct Name<'f>(Members<'f>);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = &'static SchemaNode;

    fn deserialize<D: de::Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = &'static SchemaNode;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a node")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Self::Value, E> {
        self.0.resolve(name).map_err(|error| refuse(self.0.reading, error))
    }
}

/// The instances of a node below one parent. None for an empty container.
struct Instances<'f> {
    schema: &'static Schema,
    node: &'static SchemaNode,
    reading: &'f Reading,
}

impl<'de> DeserializeSeed<'de> for Instances<'_> {
    type Value = Option<Content>;

    fn deserialize<D: de::Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        let (node, reading) = (self.node, self.reading);
        let here = |error| pass(reading, error, || step(node, Keys::default()));
        match node.kind {
            NodeKind::Leaf => {
                let value = Leaf { node, reading }.deserialize(json).map_err(here)?;
                Ok(Some(Content::Leaf(value)))
            }
            NodeKind::LeafList => {
                let values =
                    json.deserialize_seq(LeafList(Leaf { node, reading })).map_err(here)?;
                Ok((!values.is_empty()).then(|| Content::LeafList(Box::new(values))))
            }
            NodeKind::Container { presence } => {
                let members = Members { schema: self.schema, parent: Some(node), reading };
                let (_, entry) = members.deserialize(json)?;
                let there = presence || !entry.is_empty();
                Ok(there
                    .then(|| Content::Container(reading.interner.borrow_mut().shared(node, entry))))
            }
            NodeKind::List => {
                let members = Members { schema: self.schema, parent: Some(node), reading };
                let entries = json.deserialize_seq(List(members))?;
                Ok((!entries.is_empty()).then(|| Content::List(Box::new(entries))))
            }
        }
    }
}

struct List<'f>(Members<'f>);

impl<'de> Visitor<'de> for List<'_> {
    type Value = Sorted<Keys, Arc<Entry>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.parent {
            Some(node) => write!(f, "an array, the entries of {}", node.name),
            None => f.write_str("an array"),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
        let mut entries = Sorted::default();
        while let Some((keys, entry)) = array.next_element_seed(self.0)? {
            let mut interner = self.0.reading.interner.borrow_mut();
            let (keys, entry) = match self.0.parent {
                Some(list) => (interner.shared_keys(list, keys), interner.shared(list, entry)),
                None => (keys, Arc::new(entry)),
            };
            drop(interner);
            if entries.insert(keys.clone(), entry).is_some() {
                let error = Error::new(ErrorTag::BadElement, "this entry is there twice");
                let error = refuse(self.0.reading, error);
                return Err(match self.0.parent {
                    Some(list) => pass(self.0.reading, error, || step(list, keys)),
                    None => error,
                });
            }
        }
        Ok(entries)
    }
}
