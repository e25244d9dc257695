//! The parameters of an operation: each child of its element, read as a value.

use super::Result;
use crate::error::{ErrorType, RpcError};
use crate::namespace::DATASTORES;
use crate::rpc::{Datastore, Named, Revision, Rpc, Source};
use crate::xml::{Element, Reader, Xml};

/// The children of the operation's element.
pub(super) struct Parameters<'r, 'a> {
    pub(super) reader: &'r mut Reader<'a>,
    pub(super) operation: &'r Element,
}

impl Parameters<'_, '_> {
    /// The next parameter. It must be in the operation's own namespace.
    pub(super) fn next(&mut self) -> Result<Option<Element>> {
        let child = self.reader.child()?;
        match child {
            Some(child) if child.namespace != self.operation.namespace => {
                let message = format!("<{}> is in the namespace {:?}", child.name, child.namespace);
                let error = RpcError::new(ErrorType::Protocol, "unknown-namespace", message)
                    .with_info("bad-element", &child.name)
                    .with_info("bad-namespace", &child.namespace);
                Err(Box::new(error))
            }
            child => Ok(child),
        }
    }

    /// The parameter that selects an earlier configuration.
    pub(super) fn revision(&mut self, child: &Element) -> Result<Revision> {
        match child.name.as_str() {
            "position" => Ok(Revision::Position(self.parsed(child)?)),
            "id" => Ok(Revision::Id(self.parsed(child)?)),
            "rescue" => self.empty(child).map(|()| Revision::Rescue),
            _ => Err(unknown(child)),
        }
    }

    /// A leaf without content.
    pub(super) fn empty(&mut self, child: &Element) -> Result<()> {
        let text = self.text()?;
        if text.is_empty() { Ok(()) } else { Err(invalid(&child.name, &text)) }
    }

    /// For an operation without parameters.
    pub(super) fn none(&mut self, rpc: Rpc) -> Result<Rpc> {
        match self.next()? {
            None => Ok(rpc),
            Some(child) => Err(unknown(&child)),
        }
    }

    pub(super) fn text(&mut self) -> Result<String> {
        Ok(self.reader.text()?.trim().to_string())
    }

    /// A text that is not empty.
    pub(super) fn some_text(&mut self, element: &Element) -> Result<String> {
        let text = self.text()?;
        if text.is_empty() { Err(invalid(&element.name, &text)) } else { Ok(text) }
    }

    /// Seconds, at least one.
    pub(super) fn timeout(&mut self, element: &Element) -> Result<u32> {
        let seconds = self.parsed(element)?;
        if seconds == 0 { Err(invalid(&element.name, "0")) } else { Ok(seconds) }
    }

    /// A leaf of a Rust type that reads YANG's lexical form.
    pub(super) fn parsed<T: std::str::FromStr>(&mut self, element: &Element) -> Result<T> {
        let text = self.text()?;
        text.parse().map_err(|_| invalid(&element.name, &text))
    }

    pub(super) fn choice<T: Named>(&mut self, element: &Element) -> Result<T> {
        let text = self.text()?;
        T::named(&text).ok_or_else(|| invalid(&element.name, &text))
    }

    /// `<target>` as the only parameter.
    pub(super) fn only_target(&mut self) -> Result<Datastore> {
        let mut target = None;
        while let Some(child) = self.next()? {
            match child.name.as_str() {
                "target" => set(&mut target, &child, self.datastore()?)?,
                _ => return Err(unknown(&child)),
            }
        }
        required(target, "target")
    }

    /// The leaf `name` as the only parameter.
    pub(super) fn only_number(&mut self, name: &str) -> Result<u32> {
        let mut number = None;
        while let Some(child) = self.next()? {
            if child.name != name {
                return Err(unknown(&child));
            }
            set(&mut number, &child, self.parsed(&child)?)?;
        }
        required(number, name)
    }

    /// The content of `<source>` or `<target>`: an empty element with the datastore's name.
    pub(super) fn datastore(&mut self) -> Result<Datastore> {
        match self.source()? {
            Source::Datastore(datastore) => Ok(datastore),
            Source::Config(_) => {
                let message = "<config> cannot stand here: name a datastore".to_string();
                Err(bad_element("bad-element", "config", message))
            }
        }
    }

    /// The content of `<source>` or `<target>`, which can also be `<config>`.
    pub(super) fn source(&mut self) -> Result<Source> {
        let Some(child) = self.next()? else {
            let operation = &self.operation.name;
            let message = format!("<{operation}>: a datastore is due, such as <candidate/>");
            return Err(bad_element("missing-element", "candidate", message));
        };
        let source = match (child.name.as_str(), Datastore::named(&child.name)) {
            ("config", _) => Source::Config(self.reader.fragment()?),
            // RFC 6241 has no operational datastore. It is available with get-data.
            (_, None | Some(Datastore::Operational)) => return Err(unknown(&child)),
            (_, Some(datastore)) => {
                self.text()?;
                Source::Datastore(datastore)
            }
        };
        match self.next()? {
            None => Ok(source),
            Some(second) => {
                let message = format!("<{}>: there is <{}> already", second.name, child.name);
                Err(bad_element("bad-element", &second.name, message))
            }
        }
    }

    /// RFC 8526: the datastore as an identity.
    pub(super) fn identity_of_datastore(&mut self) -> Result<Datastore> {
        let text = self.text()?;
        let (namespace, name) = self.reader.qualified(&text);
        match Datastore::named(&name) {
            Some(datastore) if namespace == DATASTORES => Ok(datastore),
            Some(_) | None => Err(invalid("datastore", &text)),
        }
    }

    pub(super) fn filter(&mut self, element: &Element) -> Result<Xml> {
        match element.attribute("type") {
            None | Some("subtree") => Ok(self.reader.fragment()?),
            Some(other) => {
                let message = format!("filters of type {other:?} are not supported");
                let error = RpcError::new(ErrorType::Protocol, "bad-attribute", message)
                    .with_info("bad-attribute", "type")
                    .with_info("bad-element", "filter");
                Err(Box::new(error))
            }
        }
    }
}

pub(super) fn set<T>(place: &mut Option<T>, element: &Element, value: T) -> Result<()> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => {
            let message = format!("<{}> stands twice", element.name);
            Err(bad_element("bad-element", &element.name, message))
        }
    }
}

pub(super) fn required<T>(value: Option<T>, name: &str) -> Result<T> {
    value.ok_or_else(|| bad_element("missing-element", name, format!("<{name}> is missing")))
}

pub(super) fn unknown(element: &Element) -> Box<RpcError> {
    let message = format!("<{}> has no place here", element.name);
    bad_element("unknown-element", &element.name, message)
}

pub(super) fn invalid(name: &str, value: &str) -> Box<RpcError> {
    bad_element("invalid-value", name, format!("<{name}>: {value:?} is not a value of it"))
}

pub(super) fn bad_element(tag: &str, element: &str, message: String) -> Box<RpcError> {
    Box::new(RpcError::new(ErrorType::Protocol, tag, message).with_info("bad-element", element))
}
