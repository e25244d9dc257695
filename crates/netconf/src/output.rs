//! The replies of Netloom's own operations, as values (module netloom-rpc).

mod commit;
mod history;

pub use commit::{CheckOutput, CommitOutput, Hold, Holds};
pub use history::{
    BlameOutput, Blamed, HistoryEntry, HistoryOutput, ScheduleOutput, ScheduledCommit,
};

use crate::error::{MessageError, RpcError};
use crate::namespace::NETLOOM;
use crate::rpc::Envelope;
use crate::xml::{Malformed, Reader, Xml, leaf};

/// The conflicts of a candidate with what others have committed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConflictsOutput {
    /// In the order of the paths.
    pub conflicts: Vec<Conflict>,
}

/// One node in conflict. The text is empty if the node has no value, and none if the node does not exist.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conflict {
    /// The path.
    pub path: String,
    /// The node as the session last saw it.
    pub base: Option<String>,
    /// The node in the candidate.
    pub mine: Option<String>,
    /// The node in running.
    pub theirs: Option<String>,
    /// The commit that made the node in running, if the history contains it.
    pub id: Option<u64>,
    /// The user who made that commit.
    pub user: Option<String>,
    /// The origin of the user's session.
    pub from: Option<String>,
    /// The time, as `yang:date-and-time`.
    pub time: Option<String>,
}

/// The parts of two configurations that differ, with the nodes around them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DifferenceOutput {
    /// The first configuration, as the content of a `<config>`.
    pub before: Xml,
    /// The second configuration.
    pub after: Xml,
}

/// What was imported from the kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportOutput {
    /// The configuration, as the content of a `<config>`.
    pub configuration: Xml,
    /// What could not be described: where it would be configured, and why not.
    pub left_out: Vec<(String, String)>,
}

/// The result of a resolution of conflicts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResolveOutput {
    /// The number of conflicts that are left.
    pub left: u32,
}

impl ConflictsOutput {
    /// The content of the reply.
    pub fn to_xml(&self) -> Xml {
        let mut out = String::new();
        for conflict in &self.conflicts {
            out += &format!("<conflict xmlns=\"{NETLOOM}\">");
            let mut field = |name: &str, text: Option<&String>| {
                text.iter().for_each(|text| leaf(&mut out, name, text));
            };
            field("path", Some(&conflict.path));
            field("base", conflict.base.as_ref());
            field("mine", conflict.mine.as_ref());
            field("theirs", conflict.theirs.as_ref());
            field("id", conflict.id.map(|id| id.to_string()).as_ref());
            field("user", conflict.user.as_ref());
            field("from", conflict.from.as_ref());
            field("time", conflict.time.as_ref());
            out += "</conflict>";
        }
        Xml(out)
    }

    /// Reads the content of the reply.
    pub fn from_xml(content: &Xml) -> Result<Self, MessageError> {
        let mut output = Self::default();
        read(content, |reader, name| {
            if name != "conflict" {
                return reader.fragment().map(drop);
            }
            let mut conflict = Conflict::default();
            while let Some(field) = reader.child()? {
                let text = reader.text()?;
                match field.name.as_str() {
                    "path" => conflict.path = text,
                    "base" => conflict.base = Some(text),
                    "mine" => conflict.mine = Some(text),
                    "theirs" => conflict.theirs = Some(text),
                    "id" => conflict.id = Some(number(reader, &text)?),
                    "user" => conflict.user = Some(text),
                    "from" => conflict.from = Some(text),
                    "time" => conflict.time = Some(text),
                    _ => {}
                }
            }
            output.conflicts.push(conflict);
            Ok(())
        })?;
        Ok(output)
    }
}

impl ImportOutput {
    /// The content of the reply.
    pub fn to_xml(&self) -> Xml {
        let Self { configuration: Xml(configuration), left_out } = self;
        let mut out = format!("<configuration xmlns=\"{NETLOOM}\">{configuration}</configuration>");
        for (path, reason) in left_out {
            out += &format!("<left-out xmlns=\"{NETLOOM}\">");
            leaf(&mut out, "path", path);
            leaf(&mut out, "reason", reason);
            out += "</left-out>";
        }
        Xml(out)
    }

    /// Reads the content of the reply.
    pub fn from_xml(content: &Xml) -> Result<Self, MessageError> {
        let mut output = Self::default();
        read(content, |reader, name| {
            match name {
                "configuration" => output.configuration = reader.fragment()?,
                "left-out" => {
                    let (mut path, mut reason) = (String::new(), String::new());
                    while let Some(child) = reader.child()? {
                        let text = reader.text()?.to_string();
                        match child.name.as_str() {
                            "path" => path = text,
                            "reason" => reason = text,
                            _ => {}
                        }
                    }
                    output.left_out.push((path, reason));
                }
                _ => drop(reader.fragment()?),
            }
            Ok(())
        })?;
        Ok(output)
    }
}

impl DifferenceOutput {
    /// The content of the reply.
    pub fn to_xml(&self) -> Xml {
        let Self { before: Xml(before), after: Xml(after) } = self;
        let side =
            |name: &str, content: &str| format!("<{name} xmlns=\"{NETLOOM}\">{content}</{name}>");
        Xml(side("before", before) + &side("after", after))
    }

    /// Reads the content of the reply.
    pub fn from_xml(content: &Xml) -> Result<Self, MessageError> {
        let mut output = Self::default();
        read(content, |reader, name| {
            let fragment = reader.fragment()?;
            match name {
                "before" => output.before = fragment,
                "after" => output.after = fragment,
                _ => {}
            }
            Ok(())
        })?;
        Ok(output)
    }
}

impl ResolveOutput {
    /// The content of the reply.
    pub fn to_xml(&self) -> Xml {
        let mut out = String::new();
        own_leaf(&mut out, "left", &self.left.to_string());
        Xml(out)
    }

    /// Reads the content of the reply.
    pub fn from_xml(content: &Xml) -> Result<Self, MessageError> {
        let mut output = Self::default();
        read(content, |reader, name| {
            let text = reader.text()?;
            if name == "left" {
                output.left = number(reader, &text)?;
            }
            Ok(())
        })?;
        Ok(output)
    }
}

fn own_leaf(out: &mut String, name: &str, text: &str) {
    *out += &Xml::leaf(name, NETLOOM, text).0;
}

/// Calls `field` with each element of the content.
fn read(
    Xml(content): &Xml,
    mut field: impl FnMut(&mut Reader<'_>, &str) -> Result<(), Malformed>,
) -> Result<(), MessageError> {
    let document = format!("<output>{content}</output>");
    let mut read = || {
        let (mut reader, _) = Reader::enter(&document)?;
        while let Some(element) = reader.child()? {
            field(&mut reader, &element.name)?;
        }
        reader.finish()
    };
    read().map_err(|fault| MessageError {
        envelope: Envelope::default(),
        error: Box::new(RpcError::malformed(&fault)),
    })
}

fn number<T: std::str::FromStr>(reader: &Reader<'_>, text: &str) -> Result<T, Malformed> {
    text.parse().map_err(|_| reader.malformed(format!("{text:?} is no number")))
}
