//! Reads a tree from RFC 7951 JSON as a stream.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use ::serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::error::{Error, ErrorTag, Result};
use crate::path::{Keys, Step};
use crate::schema::{NodeKind, Schema, SchemaNode, Type};
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

struct LeafList<'f>(Leaf<'f>);

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
struct Leaf<'f> {
    node: &'static SchemaNode,
    reading: &'f Reading,
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

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use crate::sample::{schema, tree};
    use crate::tree::Tree;

    #[track_caller]
    fn check(json: &str, expected: Expect) {
        let shown = match Tree::from_json(schema(), json) {
            Ok(tree) => tree.to_json(false),
            Err(error) => format!("error: {error}"),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn every_type_is_written_as_the_rfc_says() {
        let tree = tree(
            "/links/link[name='a']/mtu = 1500
             /links/link[name='a']/type = dummy
             /links/link[name='a']/admin-status = up
             /links/link[name='a']/map = 2:1
             /links/link[name='a']/map = 10:1
             /links/link[name='a']/vxlan/id = 18446744073709551615
             /links/link[name='a']/state/flags = UP
             /links/link[name='a']/ifname = \"quoted\"
             /routes/route[prefix='10.0.0.0/8'][table='100']/tag = -3
             /routes/route[prefix='10.0.0.0/8'][table='100']/weight = 1.5
             /routes/route[prefix='10.0.0.0/8'][table='100']/onlink = false
             /routes/route[prefix='10.0.0.0/8'][table='100']/key = AAEC
             /routes/route[prefix='10.0.0.0/8'][table='main']",
        );
        let mut tree = tree;
        let blackhole =
            crate::sample::path("/routes/route[prefix='10.0.0.0/8'][table='main']/blackhole");
        tree.set(&blackhole, crate::Value::Empty).unwrap();
        let text = tree.to_json(true);
        expect![[r#"
            {
              "sample:links": {
                "link": [
                  {
                    "name": "a",
                    "mtu": 1500,
                    "admin-status": "up",
                    "type": "sample-more:dummy",
                    "map": [
                      "2:1",
                      "10:1"
                    ],
                    "vxlan": {
                      "id": "18446744073709551615"
                    },
                    "state": {
                      "flags": "UP"
                    },
                    "sample-more:ifname": "\"quoted\""
                  }
                ]
              },
              "sample:routes": {
                "route": [
                  {
                    "prefix": "10.0.0.0/8",
                    "table": 100,
                    "tag": -3,
                    "weight": "1.5",
                    "onlink": false,
                    "key": "AAEC"
                  },
                  {
                    "prefix": "10.0.0.0/8",
                    "table": "main",
                    "blackhole": [
                      null
                    ]
                  }
                ]
              }
            }"#]]
        .assert_eq(&text);
        assert_eq!(Tree::from_json(schema(), &text).unwrap(), tree);
        assert_eq!(Tree::from_json(schema(), &tree.to_json(false)).unwrap(), tree);
    }

    #[test]
    fn members_may_come_in_any_order() {
        check(
            r#"{"sample:links": {"link": [{"mtu": 100, "name": "b"}, {"name": "a"}]}}"#,
            expect![[r#"{"sample:links":{"link":[{"name":"a"},{"name":"b","mtu":100}]}}"#]],
        );
        check(r#"{"sample:links": {}, "sample:routes": {"route": []}}"#, expect!["{}"]);
        check(
            r#"{"sample:links": {"sample:link": [{"name": "a", "sample-more:ifname": "x"}]}}"#,
            expect![[r#"{"sample:links":{"link":[{"name":"a","sample-more:ifname":"x"}]}}"#]],
        );
        check(
            r#"{"sample:links": {"link": [{"name": "a", "vxlan": {}}]}}"#,
            expect![[r#"{"sample:links":{"link":[{"name":"a","vxlan":{}}]}}"#]],
        );
        check(
            r#"{"sample:routes": {"route": [{"prefix": "1.0.0.0/8", "table": "100"}]}}"#,
            expect![[r#"{"sample:routes":{"route":[{"prefix":"1.0.0.0/8","table":100}]}}"#]],
        );
    }

    #[test]
    fn faults_name_their_place() {
        check("", expect!["error: line 1 column 0: EOF while parsing a value"]);
        check(
            "[]",
            expect![
                "error: line 1 column 0: invalid type: sequence, expected an object of top-level nodes"
            ],
        );
        check("{} x", expect!["error: line 1 column 4: trailing characters"]);
        check(
            "{\"sample:links\": {\n  \"link\": [\n    {\"name\": \"a\",",
            expect![
                "error: /sample:links/link[name='a']: line 3 column 17: EOF while parsing a value"
            ],
        );
        check(
            r#"{"links": {}}"#,
            expect![[r#"error: line 1 column 8: "links" is "sample:links" here"#]],
        );
        check(
            r#"{"sample:lonks": {}}"#,
            expect![[r#"error: line 1 column 15: there is no node "sample:lonks""#]],
        );
        check(
            r#"{"nowhere:links": {}}"#,
            expect![[r#"error: line 1 column 16: "nowhere:links" is "sample:links" here"#]],
        );
        check(
            r#"{"sample:links": []}"#,
            expect![
                "error: line 1 column 17: invalid type: sequence, expected an object, the content of links"
            ],
        );
        check(
            r#"{"sample:links": {"link": {"name": "a"}}}"#,
            expect![
                "error: /sample:links: line 1 column 26: invalid type: map, expected an array, the entries of link"
            ],
        );
        check(
            r#"{"sample:links": {"link": [{"name": "a", "mtu": 1}]}}"#,
            expect![[
                r#"error: /sample:links/link[name='a']/mtu: line 1 column 49: "1" is not a number in 64..65575"#
            ]],
        );
        check(
            r#"{"sample:links": {"link": [{"mtu": 1, "name": "a"}]}}"#,
            expect![[
                r#"error: /sample:links/link/mtu: line 1 column 36: "1" is not a number in 64..65575"#
            ]],
        );
        check(
            r#"{"sample:links": {"link": [{"name": "a", "mtu": "1500"}]}}"#,
            expect![
                "error: /sample:links/link[name='a']/mtu: line 1 column 54: mtu has to be a number, without quotes"
            ],
        );
        check(
            r#"{"sample:links": {"link": [{"name": "a", "mtu": 1500.5}]}}"#,
            expect![[
                r#"error: /sample:links/link[name='a']/mtu: line 1 column 54: "1500.5" is not a number in 64..65575"#
            ]],
        );
        check(
            r#"{"sample:links": {"link": [{"name": "a", "mtu": 1e400}]}}"#,
            expect![
                "error: /sample:links/link[name='a']/mtu: line 1 column 53: number out of range"
            ],
        );
        check(
            r#"{"sample:links": {"link": [{"name": "a", "mtu": null}]}}"#,
            expect![
                "error: /sample:links/link[name='a']/mtu: line 1 column 52: invalid type: null, expected the value of mtu"
            ],
        );
        check(
            r#"{"sample:links": {"link": [{"name": "a", "mtu": [1]}]}}"#,
            expect![
                "error: /sample:links/link[name='a']/mtu: line 1 column 51: mtu takes one value, not an array"
            ],
        );
        check(
            r#"{"sample:links": {"link": [{"name": "a", "mtu": {}}]}}"#,
            expect![
                "error: /sample:links/link[name='a']/mtu: line 1 column 50: invalid type: map, expected the value of mtu"
            ],
        );
        check(
            r#"{"sample:links": {"link": [{"name": 5}]}}"#,
            expect![
                "error: /sample:links/link/name: line 1 column 37: name has to be a text, in quotes"
            ],
        );
        check(
            r#"{"sample:links": {"link": [{"name": "a", "ifname": "x"}]}}"#,
            expect![[
                r#"error: /sample:links/link[name='a']: line 1 column 49: "ifname" is "sample-more:ifname" here"#
            ]],
        );
        check(
            r#"{"sample:links": {"link": [{"name": "a", "colour": "x"}]}}"#,
            expect![[
                r#"error: /sample:links/link[name='a']: line 1 column 49: link has no node "colour""#
            ]],
        );
        check(
            r#"{"sample:links": {"link": [{"name": "a", "@mtu": {}}]}}"#,
            expect![[
                r#"error: /sample:links/link[name='a']: line 1 column 47: "@mtu": metadata is not supported"#
            ]],
        );
        check(
            r#"{"sample:links": {"link": [{"mtu": 100}]}}"#,
            expect!["error: /sample:links/link: line 1 column 39: the key name is missing"],
        );
        check(
            r#"{"sample:links": {"link": [{"name": "a"}, {"name": "a"}]}}"#,
            expect![
                "error: /sample:links/link[name='a']: line 1 column 56: this entry is there twice"
            ],
        );
        check(
            r#"{"sample:links": {"link": [{"name": "a", "name": "b"}]}}"#,
            expect!["error: /sample:links/link[name='b']: line 1 column 53: name is there twice"],
        );
        check(
            r#"{"sample:links": {"link": [{"name": "a", "mtu": 100, "mtu": 100}]}}"#,
            expect!["error: /sample:links/link[name='a']: line 1 column 58: mtu is there twice"],
        );
        check(
            r#"{"sample:links": {"link": [{"name": "a", "map": ["1:1", "1:1"]}]}}"#,
            expect![[
                r#"error: /sample:links/link[name='a']/map: line 1 column 62: the value "1:1" is there twice"#
            ]],
        );
        check(
            r#"{"sample:links": {"link": [{"name": "a", "vxlan": {"id": 5}}]}}"#,
            expect![
                "error: /sample:links/link[name='a']/vxlan/id: line 1 column 58: id has to be a text, in quotes"
            ],
        );
        check(
            r#"{"sample:links": {"link": [{"name": "a", "vxlan": {"group": "239.0.0.1", "port": 5}}]}}"#,
            expect![
                "error: /sample:links/link[name='a']/vxlan: line 1 column 79: group and port exclude each other"
            ],
        );
        check(
            r#"{"sample:routes": {"route": [{"prefix": "default", "table": "main", "blackhole": true}]}}"#,
            expect![[
                r#"error: /sample:routes/route[prefix='default'][table='main']/blackhole: line 1 column 85: "true" is not empty (the node takes no value)"#
            ]],
        );
        check(
            r#"{"sample:links": {"link": [{"name": "\u0000"}]}}"#,
            expect![
                "error: /sample:links/link/name: line 1 column 44: a value cannot hold the character U+0000"
            ],
        );
        check(
            &"[".repeat(100_000),
            expect![
                "error: line 1 column 0: invalid type: sequence, expected an object of top-level nodes"
            ],
        );
        check(
            &r#"{"sample:links":"#.repeat(100_000),
            expect![[
                r#"error: /sample:links: line 1 column 31: links has no node "sample:links""#
            ]],
        );
    }
}
