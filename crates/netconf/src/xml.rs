//! XML text as the content of messages, and the only reader that parses messages.
//!
//! This is a pull reader: it returns one child element after the other, and the caller takes each as text, as child
//! elements, or as a whole ([`Xml`]). Only what the caller keeps is copied. Each byte is parsed once, so that the
//! cost of a message is proportional to its length. A document type is refused, and with it every entity other than
//! the five predefined ones. Excessive depth is refused too.

use std::collections::BTreeSet;
use std::ops::Range;

use quick_xml::NsReader;
use quick_xml::escape::{partial_escape, resolve_predefined_entity};
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::{PrefixDeclaration, QName, ResolveResult};

use crate::namespace::BASE;
use crate::skim;

/// A self-contained fragment of XML: elements side by side, each with the namespace declarations that it needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Xml(pub String);

impl Xml {
    /// An element that holds text.
    pub fn leaf(name: &str, namespace: &str, text: &str) -> Self {
        let namespace = attribute_escaped(namespace);
        Xml(format!("<{name} xmlns=\"{namespace}\">{}</{name}>", escaped(text)))
    }

    /// The fragment as the content of one element.
    pub fn within(mut self, name: &str, namespace: &str) -> Self {
        let [start, end] = Xml::tags(name, namespace);
        self.0.insert_str(0, &start);
        Xml(self.0 + &end)
    }

    /// The start tag and the end tag of an element.
    pub fn tags(name: &str, namespace: &str) -> [String; 2] {
        let namespace = attribute_escaped(namespace);
        [format!("<{name} xmlns=\"{namespace}\">"), format!("</{name}>")]
    }

    /// The text of the element, if the fragment is one element with text.
    pub fn text(&self) -> Option<String> {
        let (mut reader, _) = Reader::enter(&self.0).ok()?;
        let text = reader.text().ok()?;
        reader.finish().ok().map(|()| text)
    }
}

/// The maximum depth of elements. YANG data is rarely deeper than twelve levels.
const MAX_DEPTH: usize = 100;
/// The maximum number of attributes of a protocol element.
const MAX_ATTRIBUTES: usize = 64;
/// The maximum size that declarations may add to a fragment. A larger size counts as an attack.
const MAX_DECLARED: usize = 1 << 20;

/// An XML error.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("byte {offset}: {reason}")]
pub(crate) struct Malformed {
    pub(crate) offset: u64,
    pub(crate) reason: String,
}

/// An element's start.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Element {
    /// The prefix as written, with the colon. Empty if there is no prefix.
    pub(crate) prefix: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// The attributes without a namespace, by name. Declarations are not attributes.
    pub(crate) attributes: Vec<(String, String)>,
    /// All attributes and declarations as written, with the space before them.
    pub(crate) written: String,
}

impl Element {
    pub(crate) fn is(&self, namespace: &str, name: &str) -> bool {
        self.namespace == namespace && self.name == name
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Reads one document from its root down.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    text: &'a str,
    reader: NsReader<&'a [u8]>,
    /// Bytes that were read outside the reader, which does not count them.
    skimmed: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    /// Enters the document and returns its root element.
    pub(crate) fn enter(text: &'a str) -> Result<(Self, Element), Malformed> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if let Some(offset) = text.bytes().position(is_illegal) {
            let reason = "a control character, which XML does not allow".into();
            return Err(Malformed { offset: offset as u64, reason });
        }
        Self::enter_unread(text)
    }

    /// Enters a document whose content another reader checks.
    pub(crate) fn enter_unread(text: &'a str) -> Result<(Self, Element), Malformed> {
        let mut reader = NsReader::from_str(text);
        reader.config_mut().expand_empty_elements = true;
        let mut reader = Reader { text, reader, skimmed: 0, depth: 0 };
        match reader.child()? {
            Some(root) => Ok((reader, root)),
            None => Err(reader.malformed("no element")),
        }
    }

    /// Enters the document. Its root element must be `name` of RFC 6241.
    pub(crate) fn enter_base(text: &'a str, name: &str) -> Result<(Self, Element), Malformed> {
        let (reader, root) = Self::enter(text)?;
        reader.expect_base(&root, name)?;
        Ok((reader, root))
    }

    /// Checks that the root element is `name` of RFC 6241.
    pub(crate) fn expect_base(&self, root: &Element, name: &str) -> Result<(), Malformed> {
        if root.is(BASE, name) {
            return Ok(());
        }
        let Element { name: found, namespace, .. } = root;
        Err(self.malformed(format!("<{found}> of {namespace:?} where <{name}> of {BASE:?} is due")))
    }

    /// There must be no element after the root element.
    pub(crate) fn finish(mut self) -> Result<(), Malformed> {
        match self.child()? {
            Some(element) => {
                Err(self.malformed(format!("<{}> after the root element", element.name)))
            }
            None => Ok(()),
        }
    }

    /// The next child of the element that was entered last. At its end the result is none, and the element is left.
    /// Text between elements is refused.
    pub(crate) fn child(&mut self) -> Result<Option<Element>, Malformed> {
        loop {
            match self.event()?.1 {
                Event::Start(start) => return self.element(&start).map(Some),
                Event::End(_) | Event::Eof => return Ok(None),
                Event::Text(text) if text.trim_ascii().is_empty() => {}
                Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) => {
                    return Err(self.malformed("text where an element is due"));
                }
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
                Event::Empty(_) | Event::DocType(_) => return Err(self.malformed("unexpected")),
            }
        }
    }

    /// The text of the element that was entered last. The element is left. Child elements are refused.
    pub(crate) fn text(&mut self) -> Result<String, Malformed> {
        let mut content = String::new();
        loop {
            match self.event()?.1 {
                Event::Text(text) => content.push_str(&text.xml10_content()),
                Event::CData(text) => content.push_str(&text.xml10_content()),
                Event::GeneralRef(reference) => content.push(self.referenced(&reference)?),
                Event::End(_) | Event::Eof => return Ok(content),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
                Event::Start(start) => {
                    let name = String::from_utf8_lossy(start.name().as_ref().as_ref()).into_owned();
                    return Err(self.malformed(format!("<{name}> where text is due")));
                }
                Event::Empty(_) | Event::DocType(_) => return Err(self.malformed("unexpected")),
            }
        }
    }

    /// The content of the element that was entered last. The element is left. All declarations in scope are added
    /// to the top elements of the fragment, since values may also contain prefixes, which only YANG can recognise.
    pub(crate) fn fragment(&mut self) -> Result<Xml, Malformed> {
        let declarations = self.declarations();
        let inside = self.depth;
        let mut xml = String::new();
        let mut copied = self.position();
        let mut declared = 0;
        loop {
            let (span, event) = self.event()?;
            match event {
                Event::Start(start) if self.depth == inside + 1 => {
                    let name_end = span.start + 1 + start.name().as_ref().len();
                    let missing = missing(&declarations, &start);
                    declared += missing.len();
                    if declared > MAX_DECLARED {
                        return Err(self.malformed("too many elements with too many prefixes"));
                    }
                    xml.push_str(&self.text[copied..name_end]);
                    xml.push_str(&missing);
                    copied = name_end;
                    self.skim();
                }
                Event::GeneralRef(reference) => {
                    self.referenced(&reference)?;
                }
                Event::End(_) if self.depth < inside => {
                    xml.push_str(&self.text[copied..span.start]);
                    return Ok(Xml(trimmed(xml)));
                }
                Event::Eof => return Err(self.malformed("the text ends within an element")),
                Event::Start(_)
                | Event::End(_)
                | Event::Empty(_)
                | Event::Text(_)
                | Event::CData(_)
                | Event::Comment(_)
                | Event::Decl(_)
                | Event::PI(_)
                | Event::DocType(_) => {}
            }
        }
    }

    /// The only element within `root`, which was entered last: its start with all declarations in scope, and the place of
    /// what follows that start. It is recognised by the start and the end of the text, and is not read. None if there may
    /// be anything else.
    pub(crate) fn only_child(
        mut self,
        root: &Element,
        name: &str,
    ) -> Option<(String, Range<usize>)> {
        let declarations = self.declarations();
        let (span, event) = self.event().ok()?;
        let Event::Start(start) = event else { return None };
        if self.element(&start).ok()?.name != name {
            return None;
        }
        let tag = start.name().into_inner();
        let end = format!("</{}{}>", root.prefix, root.name);
        let inside = self.text.trim_ascii_end().strip_suffix(end.as_str())?.trim_ascii_end();
        inside.ends_with(&format!("</{tag}>")).then(|| {
            let begin = format!("<{tag}{}", missing(&declarations, &start));
            (begin, span.start + 1 + tag.len()..inside.len())
        })
    }

    /// The namespace of the prefix of `name`, an identity that [`text`](Self::text) has just returned, and its
    /// local part. The declarations of its element are still in scope then.
    pub(crate) fn qualified(&self, name: &str) -> (String, String) {
        let (namespace, local) = self.reader.resolver().resolve_element(QName(name));
        let namespace = match namespace {
            ResolveResult::Bound(namespace) => namespace.into_inner().to_string(),
            ResolveResult::Unbound | ResolveResult::Unknown(_) => String::new(),
        };
        (namespace, local.into_inner().to_string())
    }

    /// Moves to the end of the content of the element that was entered last, if the fast scanner finds it.
    fn skim(&mut self) {
        let (read, rest) = self.text.split_at(self.position());
        if read.ends_with("/>") {
            return;
        }
        if let Some(length) = skim::content(rest, self.depth, MAX_DEPTH) {
            *self.reader.get_mut() = &rest.as_bytes()[length..];
            self.skimmed += length;
        }
    }

    fn event(&mut self) -> Result<(Range<usize>, Event<'a>), Malformed> {
        let start = self.position();
        let event = self.reader.read_event();
        let event = event.map_err(|error| Malformed {
            offset: self.reader.error_position() + self.skimmed as u64,
            reason: error.to_string(),
        })?;
        match &event {
            Event::Start(_) => self.depth += 1,
            Event::End(_) => self.depth = self.depth.saturating_sub(1),
            Event::Eof if self.depth > 0 => {
                return Err(self.malformed("the text ends within an element"));
            }
            Event::DocType(_) => return Err(self.malformed("a document type is not accepted")),
            Event::Decl(declaration) => {
                let encoding = declaration.encoding().and_then(Result::ok);
                if encoding.is_some_and(|name| !name.eq_ignore_ascii_case("utf-8")) {
                    return Err(self.malformed("only UTF-8 is accepted"));
                }
            }
            Event::Eof
            | Event::Empty(_)
            | Event::Text(_)
            | Event::CData(_)
            | Event::Comment(_)
            | Event::PI(_)
            | Event::GeneralRef(_) => {}
        }
        if self.depth > MAX_DEPTH {
            return Err(self.malformed(format!("elements nest deeper than {MAX_DEPTH}")));
        }
        Ok((start..self.position(), event))
    }

    fn element(&self, start: &BytesStart<'_>) -> Result<Element, Malformed> {
        let resolver = self.reader.resolver();
        let (namespace, name) = resolver.resolve_element(start.name());
        let namespace = match namespace {
            ResolveResult::Bound(namespace) => namespace.into_inner().to_string(),
            ResolveResult::Unbound => String::new(),
            ResolveResult::Unknown(prefix) => {
                return Err(self.malformed(format!("prefix {prefix:?} is not declared")));
            }
        };
        let mut names = BTreeSet::new();
        let mut attributes = Vec::new();
        for attribute in start.attributes().with_checks(false) {
            let attribute = attribute.map_err(|error| self.malformed(error.to_string()))?;
            let key = attribute.key.into_inner();
            if !names.insert(key.to_string()) {
                return Err(self.malformed(format!("attribute {key:?} stands twice")));
            }
            if names.len() > MAX_ATTRIBUTES {
                return Err(self.malformed(format!("more than {MAX_ATTRIBUTES} attributes")));
            }
            if let ResolveResult::Unknown(prefix) = resolver.resolve_attribute(attribute.key).0 {
                return Err(self.malformed(format!("prefix {prefix:?} is not declared")));
            }
            let value = attribute
                .normalized_value(quick_xml::XmlVersion::Implicit1_0)
                .map_err(|error| self.malformed(error.to_string()))?;
            if attribute.value.contains('<') {
                return Err(self.malformed(format!("attribute {key:?} holds a bare <")));
            }
            if attribute.key.prefix().is_none() && key != "xmlns" {
                attributes.push((key.to_string(), value.into_owned()));
            }
        }
        let prefix = start
            .name()
            .prefix()
            .map_or_else(String::new, |prefix| format!("{}:", prefix.as_ref()));
        let written = match start.attributes_raw().trim_ascii() {
            "" => String::new(),
            written => format!(" {written}"),
        };
        Ok(Element { prefix, namespace, name: name.into_inner().to_string(), attributes, written })
    }

    /// The declarations in scope, as attributes with the space before them, by the attribute's name.
    fn declarations(&self) -> Vec<(String, String)> {
        let attribute =
            |(prefix, namespace): (PrefixDeclaration<'_>, quick_xml::name::Namespace<'_>)| {
                let name = match prefix {
                    PrefixDeclaration::Default => "xmlns".to_string(),
                    PrefixDeclaration::Named(prefix) => format!("xmlns:{prefix}"),
                };
                // The resolver keeps the value as written, which may be between apostrophes.
                let value = namespace.into_inner().replace('"', "&quot;");
                let written = format!(" {name}=\"{value}\"");
                (name, written)
            };
        self.reader.resolver().bindings().map(attribute).collect()
    }

    fn referenced(&self, reference: &BytesRef<'_>) -> Result<char, Malformed> {
        let character = match reference.resolve_char_ref() {
            Ok(Some(character)) => Some(character).filter(|c| is_legal(*c)),
            Ok(None) => resolve_predefined_entity(reference).and_then(|text| text.chars().next()),
            Err(_) => None,
        };
        character.ok_or_else(|| {
            self.malformed(format!("&{};: only XML's own entities are accepted", &**reference))
        })
    }

    fn position(&self) -> usize {
        self.reader.buffer_position() as usize + self.skimmed
    }

    pub(crate) fn malformed(&self, reason: impl Into<String>) -> Malformed {
        Malformed { offset: self.position() as u64, reason: reason.into() }
    }
}

/// The declarations in scope that `start` does not contain itself.
fn missing(declarations: &[(String, String)], start: &BytesStart<'_>) -> String {
    let own: BTreeSet<&str> = start
        .attributes()
        .with_checks(false)
        .map_while(Result::ok)
        .map(|attribute| attribute.key.into_inner())
        .filter(|key| key.starts_with("xmlns"))
        .collect();
    let missing = declarations.iter().filter(|(name, _)| !own.contains(name.as_str()));
    missing.map(|(_, written)| written.as_str()).collect()
}

fn trimmed(text: String) -> String {
    let inner = text.trim_ascii();
    if inner.len() == text.len() { text } else { inner.to_string() }
}

/// Writes `<name>text</name>`.
pub(crate) fn leaf(out: &mut String, name: &str, text: &str) {
    *out += &format!("<{name}>{}</{name}>", escaped(text));
}

/// Text as XML content. A character that is not allowed in XML becomes U+FFFD.
pub(crate) fn escaped(text: &str) -> String {
    if text.chars().all(is_legal) {
        return partial_escape(text).into_owned();
    }
    let legal: String = text.chars().map(|c| if is_legal(c) { c } else { '\u{fffd}' }).collect();
    partial_escape(legal).into_owned()
}

/// Text as the value of an attribute between double quotes.
pub(crate) fn attribute_escaped(text: &str) -> String {
    escaped(text).replace('"', "&quot;").replace('\n', "&#10;").replace('\t', "&#9;")
}

/// XML 1.0 section 2.2.
fn is_legal(c: char) -> bool {
    !(c.is_ascii() && is_illegal(c as u8)) && c != '\u{fffe}' && c != '\u{ffff}'
}

fn is_illegal(byte: u8) -> bool {
    byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r')
}
