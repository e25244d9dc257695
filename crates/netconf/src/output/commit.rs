//! The results of a commit and of its check, with the objects that are held.

use super::{number, own_leaf, read};
use crate::error::MessageError;
use crate::namespace::NETLOOM;
use crate::xml::{Malformed, Reader, Xml, leaf};

/// The result of a commit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CommitOutput {
    /// The stable id of the history entry. None if there was nothing to commit.
    pub id: Option<u64>,
    /// A one-line summary of the changes.
    pub summary: String,
    /// The objects that the commit leaves held, among those that it affects.
    pub held: Holds,
    /// How long the daemon needed for the commit.
    pub milliseconds: f64,
}

/// What a commit would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckOutput {
    /// The operations as text, one line per operation, in the order of execution.
    pub operations: Vec<String>,
    /// The objects that the commit would leave held, among those that it affects.
    pub held: Holds,
}

/// Held objects. If there are many, only the first ones are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holds {
    /// The first objects.
    pub listed: Vec<Hold>,
    /// The number of objects that are not listed.
    pub more: u64,
}

/// A held object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hold {
    /// The path of the configuration node.
    pub path: String,
    /// Why the object is held.
    pub reason: String,
}

impl CommitOutput {
    /// The content of the reply.
    pub fn to_xml(&self) -> Xml {
        let mut out = String::new();
        if let Some(id) = self.id {
            own_leaf(&mut out, "id", &id.to_string());
        }
        own_leaf(&mut out, "summary", &self.summary);
        self.held.write(&mut out);
        own_leaf(&mut out, "milliseconds", &format!("{:.3}", self.milliseconds));
        Xml(out)
    }

    /// Reads the content of the reply.
    pub fn from_xml(content: &Xml) -> Result<Self, MessageError> {
        let mut output = Self::default();
        read(content, |reader, name| {
            if output.held.read(reader, name)? {
                return Ok(());
            }
            let text = reader.text()?;
            match name {
                "id" => output.id = Some(number(reader, &text)?),
                "summary" => output.summary = text,
                "milliseconds" => output.milliseconds = number(reader, &text)?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(output)
    }
}

impl CheckOutput {
    /// The content of the reply.
    pub fn to_xml(&self) -> Xml {
        let mut out = String::new();
        for line in &self.operations {
            own_leaf(&mut out, "operation", line);
        }
        self.held.write(&mut out);
        Xml(out)
    }

    /// Reads the content of the reply.
    pub fn from_xml(content: &Xml) -> Result<Self, MessageError> {
        let mut output = Self::default();
        read(content, |reader, name| {
            if output.held.read(reader, name)? {
                return Ok(());
            }
            let text = reader.text()?;
            if name == "operation" {
                output.operations.push(text);
            }
            Ok(())
        })?;
        Ok(output)
    }
}

impl Holds {
    fn write(&self, out: &mut String) {
        for Hold { path, reason } in &self.listed {
            *out += &format!("<held xmlns=\"{NETLOOM}\">");
            leaf(out, "path", path);
            leaf(out, "reason", reason);
            *out += "</held>";
        }
        if self.more > 0 {
            own_leaf(out, "held-more", &self.more.to_string());
        }
    }

    /// Reads an element, if it belongs here.
    fn read(&mut self, reader: &mut Reader<'_>, name: &str) -> Result<bool, Malformed> {
        match name {
            "held" => {
                let mut hold = Hold::default();
                while let Some(field) = reader.child()? {
                    let text = reader.text()?;
                    match field.name.as_str() {
                        "path" => hold.path = text,
                        "reason" => hold.reason = text,
                        _ => {}
                    }
                }
                self.listed.push(hold);
            }
            "held-more" => {
                let text = reader.text()?;
                self.more = number(reader, &text)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}
