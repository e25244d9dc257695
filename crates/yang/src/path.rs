//! The path of an instance in a tree.

mod keys;

use std::cmp::Ordering;
use std::fmt::{self, Write as _};
use std::ptr;

pub use keys::Keys;

use crate::error::{Error, ErrorTag, Result};
use crate::schema::{NodeKind, Schema, SchemaNode};

/// An instance: the steps from the root. Its text is an RFC 7951 instance-identifier:
/// `/iproute2-ip-link:links/link[name='veth10']/mtu`.
#[derive(Clone, Debug, Default)]
pub struct Path {
    /// The steps.
    pub steps: Vec<Step>,
}

/// One step down.
#[derive(Clone, Debug)]
pub struct Step {
    /// The node.
    pub node: &'static SchemaNode,
    /// The keys of a list entry in order, or the value of a leaf-list entry. Empty: all entries of a list.
    pub keys: Keys,
}

impl Path {
    /// Reads the text of a path. Module names may be omitted if they are unambiguous.
    pub fn parse(schema: &'static Schema, text: &str) -> Result<Path> {
        let mut scanner = Scanner { text, rest: text };
        let mut path = Path::default();
        if text == "/" {
            return Ok(path);
        }
        while !scanner.rest.is_empty() {
            scanner.expect('/')?;
            let step = scanner.step(schema, &path)?;
            path.steps.push(step);
        }
        match path.steps.is_empty() {
            true => Err(scanner.fault("an instance path begins with `/`")),
            false => Ok(path),
        }
    }

    /// This path with one more step.
    pub fn join(&self, node: &'static SchemaNode, keys: impl Into<Keys>) -> Path {
        let mut steps = Vec::with_capacity(self.steps.len() + 1);
        steps.extend_from_slice(&self.steps);
        steps.push(Step { node, keys: keys.into() });
        Path { steps }
    }

    /// Whether it is a path to `other` or to a node below `other`.
    pub fn is_below(&self, other: &Path) -> bool {
        self.steps.starts_with(&other.steps)
    }

    /// The schema node of the last step. None for the root.
    pub(crate) fn node(&self) -> Option<&'static SchemaNode> {
        self.steps.last().map(|step| step.node)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.steps.is_empty() {
            return f.write_char('/');
        }
        self.steps.iter().try_for_each(|step| step.fmt(f))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('/')?;
        if self.node.starts_module() {
            write!(f, "{}:", self.node.module.name)?;
        }
        f.write_str(self.node.name)?;
        match self.node.kind {
            NodeKind::List => {
                let keys = self.node.keys.iter().zip(&self.keys);
                keys.into_iter().try_for_each(|(key, value)| {
                    write!(f, "[{}=", key.name)?;
                    quote(f, &value.to_string())?;
                    f.write_char(']')
                })
            }
            NodeKind::LeafList => self.keys.iter().try_for_each(|value| {
                f.write_str("[.=")?;
                quote(f, &value.to_string())?;
                f.write_char(']')
            }),
            NodeKind::Container { .. } | NodeKind::Leaf => Ok(()),
        }
    }
}

/// A text in single quotes can contain any other character. In double quotes, a backslash escapes.
fn quote(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    if !text.contains('\'') {
        return write!(f, "'{text}'");
    }
    write!(f, "\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

impl PartialEq for Path {
    fn eq(&self, other: &Self) -> bool {
        self.steps == other.steps
    }
}

impl Eq for Path {}

impl PartialOrd for Path {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Path {
    /// Sorted by the schema order of the nodes, then by the keys. A parent comes before its children.
    fn cmp(&self, other: &Self) -> Ordering {
        self.steps.cmp(&other.steps)
    }
}

impl PartialEq for Step {
    fn eq(&self, other: &Self) -> bool {
        ptr::eq(self.node, other.node) && self.keys == other.keys
    }
}

impl Eq for Step {}

impl PartialOrd for Step {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Step {
    fn cmp(&self, other: &Self) -> Ordering {
        let order = self.node.order().cmp(&other.node.order());
        // Nodes with the same position in different schemas are still different.
        let order = order.then_with(|| ptr::from_ref(self.node).cmp(&ptr::from_ref(other.node)));
        order.then_with(|| self.keys.cmp(&other.keys))
    }
}

struct Scanner<'a> {
    text: &'a str,
    rest: &'a str,
}

impl Scanner<'_> {
    fn fault(&self, what: &str) -> Error {
        let column = self.text[..self.text.len() - self.rest.len()].chars().count() + 1;
        let message = format!("\"{}\": column {column}: {what}", self.text);
        Error::new(ErrorTag::InvalidValue, message)
    }

    fn take(&mut self, wanted: char) -> bool {
        let rest = self.rest.strip_prefix(wanted);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, wanted: char) -> Result<()> {
        match self.take(wanted) {
            true => Ok(()),
            false => Err(self.fault(&format!("`{wanted}` expected"))),
        }
    }

    fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    /// An identifier (RFC 7950 section 6.2), with its module if there is one.
    fn name(&mut self) -> Result<(Option<String>, String)> {
        let first = self.word();
        let (module, name) = match self.rest.strip_prefix(':') {
            Some(rest) => {
                self.rest = rest;
                (Some(first), self.word())
            }
            None => (None, first),
        };
        match name.is_empty() {
            true => Err(self.fault("a node's name expected")),
            false => Ok((module, name)),
        }
    }

    fn word(&mut self) -> String {
        let end = self.rest.find(|c: char| !c.is_alphanumeric() && !"_-.".contains(c));
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        word.to_owned()
    }

    fn quoted(&mut self) -> Result<String> {
        let mut value = String::new();
        if self.take('\'') {
            let Some((inside, rest)) = self.rest.split_once('\'') else {
                return Err(self.fault("the closing `'` is missing"));
            };
            value.push_str(inside);
            self.rest = rest;
            return Ok(value);
        }
        if !self.take('"') {
            return Err(self.fault("a value in quotes expected"));
        }
        loop {
            let mut chars = self.rest.chars();
            let next = chars.next();
            let after = chars.clone().next();
            match (next, after) {
                (None, _) => return Err(self.fault("the closing `\"` is missing")),
                (Some('"'), _) => {
                    self.rest = chars.as_str();
                    return Ok(value);
                }
                (Some('\\'), Some(escaped @ ('"' | '\\'))) => {
                    chars.next();
                    value.push(escaped);
                }
                (Some(c), _) => value.push(c),
            }
            self.rest = chars.as_str();
        }
    }

    fn step(&mut self, schema: &'static Schema, above: &Path) -> Result<Step> {
        let (module, name) = self.name()?;
        let found = match above.node() {
            None => schema.top_node(module.as_deref(), &name),
            Some(parent) => parent.child(module.as_deref(), &name),
        };
        let Some(node) = found else {
            let message = format!("there is no node {name} here");
            let place = Error::new(ErrorTag::UnknownElement, message);
            return Err(place.at(above));
        };
        let mut given: Vec<(String, String)> = Vec::new();
        while self.take('[') {
            self.blanks();
            let key = if self.take('.') { String::from(".") } else { self.name()?.1 };
            self.blanks();
            self.expect('=')?;
            self.blanks();
            let value = self.quoted()?;
            self.blanks();
            self.expect(']')?;
            if given.iter().any(|(known, _)| *known == key) {
                return Err(self.fault(&format!("{key} is given twice")));
            }
            given.push((key, value));
        }
        let keys = match node.kind {
            NodeKind::List if !given.is_empty() => {
                let stranger =
                    given.iter().find(|(name, _)| node.keys.iter().all(|key| key.name != *name));
                if let Some((name, _)) = stranger {
                    return Err(self.fault(&format!("{name} is not a key of {}", node.name)));
                }
                let value =
                    |key: &&'static SchemaNode| match given.iter().find(|(n, _)| n == key.name) {
                        Some((_, text)) => key.value(text).map_err(|error| error.at(above)),
                        None => Err(self.fault(&format!("the key {} is missing", key.name))),
                    };
                node.keys.iter().map(value).collect::<Result<_>>()?
            }
            NodeKind::LeafList => match &given[..] {
                [] => Vec::new(),
                [(name, text)] if name == "." => {
                    vec![node.value(text).map_err(|error| error.at(above))?]
                }
                _ => return Err(self.fault(&format!("{} takes `[.='VALUE']`", node.name))),
            },
            NodeKind::List => Vec::new(),
            NodeKind::Container { .. } | NodeKind::Leaf if given.is_empty() => Vec::new(),
            NodeKind::Container { .. } | NodeKind::Leaf => {
                return Err(self.fault(&format!("{} is not a list and has no keys", node.name)));
            }
        };
        Ok(Step { node, keys: keys.into() })
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::sample::schema;

    #[track_caller]
    fn check(text: &str, expected: Expect) {
        let shown = match Path::parse(schema(), text) {
            Ok(path) => {
                let shown = path.to_string();
                assert_eq!(Path::parse(schema(), &shown).as_ref(), Ok(&path), "{shown}");
                shown
            }
            Err(error) => format!("error: {error}"),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn paths_are_read_as_they_are_shown() {
        check("/", expect!["/"]);
        check("/links", expect!["/sample:links"]);
        check(
            "/sample:links/sample:link[sample:name = 'a' ]/sample-more:ifname",
            expect!["/sample:links/link[name='a']/sample-more:ifname"],
        );
        check(
            "/links/link[name=\"it's\"]/mtu",
            expect![[r#"/sample:links/link[name="it's"]/mtu"#]],
        );
        check(
            r#"/links/link[name="\"it's\" \\ \n"]"#,
            expect![[r#"/sample:links/link[name="\"it's\" \\ \\n"]"#]],
        );
        check(
            "/routes/route[table='main'][prefix='10.1.0.0/8']",
            expect!["/sample:routes/route[prefix='10.0.0.0/8'][table='main']"],
        );
        check(
            "/links/link[name='a']/map[.='1:1']",
            expect!["/sample:links/link[name='a']/map[.='1:1']"],
        );
        check("/links/link/ip", expect!["/sample:links/link/ip"]);
    }

    #[test]
    fn what_is_no_path_is_refused() {
        check("", expect![[r#"error: "": column 1: an instance path begins with `/`"#]]);
        check("links", expect![[r#"error: "links": column 1: `/` expected"#]]);
        check("//", expect![[r#"error: "//": column 2: a node's name expected"#]]);
        check("/links/", expect![[r#"error: "/links/": column 8: a node's name expected"#]]);
        check("/lonks", expect!["error: /: there is no node lonks here"]);
        check("/more:links", expect!["error: /: there is no node links here"]);
        check(
            "/links/link[name='a']/colour",
            expect!["error: /sample:links/link[name='a']: there is no node colour here"],
        );
        check(
            "/links[name='a']",
            expect![[
                r#"error: "/links[name='a']": column 17: links is not a list and has no keys"#
            ]],
        );
        check("/links/link[1]", expect![[r#"error: "/links/link[1]": column 14: `=` expected"#]]);
        check(
            "/links/link[name=a]",
            expect![[r#"error: "/links/link[name=a]": column 18: a value in quotes expected"#]],
        );
        check(
            "/links/link[name='a]",
            expect![[r#"error: "/links/link[name='a]": column 19: the closing `'` is missing"#]],
        );
        check(
            "/links/link[name=\"a]",
            expect![[r#"error: "/links/link[name="a]": column 21: the closing `"` is missing"#]],
        );
        check(
            "/links/link[name='a'",
            expect![[r#"error: "/links/link[name='a'": column 21: `]` expected"#]],
        );
        check(
            "/links/link[name='a'][name='b']",
            expect![[
                r#"error: "/links/link[name='a'][name='b']": column 32: name is given twice"#
            ]],
        );
        check(
            "/links/link[mtu='5']",
            expect![[r#"error: "/links/link[mtu='5']": column 21: mtu is not a key of link"#]],
        );
        check(
            "/routes/route[prefix='default']",
            expect![[
                r#"error: "/routes/route[prefix='default']": column 32: the key table is missing"#
            ]],
        );
        check(
            "/routes/route[prefix='nowhere'][table='main']",
            expect![[
                r#"error: /sample:routes: "nowhere" is not an ipv4-prefix, an ipv6-prefix or default"#
            ]],
        );
        check(
            "/links/link[name='a']/mtu/x",
            expect!["error: /sample:links/link[name='a']/mtu: there is no node x here"],
        );
        check("/a:b:c", expect!["error: /: there is no node b here"]);
        check(
            "/links/link[name='\0']",
            expect!["error: /sample:links: a value cannot hold the character U+0000"],
        );
    }

    #[test]
    fn paths_are_ordered_by_schema_then_keys() {
        let ascending = [
            "/netnses",
            "/links",
            "/links/link[name='eth2']",
            "/links/link[name='eth2']/mtu",
            "/links/link[name='eth2']/type",
            "/links/link[name='eth10']",
            "/routes",
        ];
        let paths = ascending.map(|text| Path::parse(schema(), text).unwrap());
        assert!(paths.is_sorted());
    }
}
