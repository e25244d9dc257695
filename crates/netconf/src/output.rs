//! The replies of Netloom's own operations, as values (module netloom-rpc).

use crate::error::{MessageError, RpcError};
use crate::namespace::NETLOOM;
use crate::rpc::Envelope;
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

/// The history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryOutput {
    /// The latest first.
    pub commits: Vec<HistoryEntry>,
}

/// Who last changed each node of running.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlameOutput {
    /// The latest first.
    pub commits: Vec<Blamed>,
}

/// A commit, and the paths of the nodes that it changed. The first commit that names an instance, or an instance
/// above it, changed the instance last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blamed {
    /// The commit.
    pub commit: HistoryEntry,
    /// The changed instances.
    pub paths: Vec<String>,
}

/// One commit of the history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryEntry {
    /// How many commits ago.
    pub position: u32,
    /// Stable id.
    pub id: u64,
    /// The user. None if the record cannot be read.
    pub user: Option<String>,
    /// The origin of the user's session.
    pub from: Option<String>,
    /// The time, as `yang:date-and-time`.
    pub time: Option<String>,
    /// The comment, if there is one.
    pub comment: Option<String>,
    /// A one-line summary of the changes.
    pub summary: String,
    /// The number of configured objects that were held after the commit.
    pub held: u64,
    /// The digest of the record, in hexadecimal.
    pub digest: Option<String>,
    /// What is wrong with the record. Configurations before such a commit are not available.
    pub fault: Option<String>,
}

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

/// The scheduled commits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScheduleOutput {
    /// The next one first.
    pub commits: Vec<ScheduledCommit>,
}

/// A scheduled commit. Times are `yang:date-and-time`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScheduledCommit {
    /// Its number in the schedule.
    pub number: u32,
    /// When it is due.
    pub time: String,
    /// When it was scheduled.
    pub scheduled: String,
    /// The user who scheduled it.
    pub user: String,
    /// The origin of the user's session.
    pub from: String,
    /// The comment, if there is one.
    pub comment: Option<String>,
    /// A one-line summary of what the commit would have changed when it was scheduled.
    pub summary: String,
    /// Why the commit is due and still waits.
    pub obstacle: Option<String>,
}

/// The parts of two configurations that differ, with the nodes around them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DifferenceOutput {
    /// The first configuration, as the content of a `<config>`.
    pub before: Xml,
    /// The second configuration.
    pub after: Xml,
}

/// The result of a resolution of conflicts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResolveOutput {
    /// The number of conflicts that are left.
    pub left: u32,
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

impl HistoryOutput {
    /// The content of the reply.
    pub fn to_xml(&self) -> Xml {
        let commits = self.commits.iter().map(|entry| commit(entry, &[]));
        Xml(commits.collect())
    }

    /// Reads the content of the reply.
    pub fn from_xml(content: &Xml) -> Result<Self, MessageError> {
        let commits = commits(content)?.into_iter().map(|blamed| blamed.commit).collect();
        Ok(Self { commits })
    }
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

impl ScheduleOutput {
    /// The content of the reply.
    pub fn to_xml(&self) -> Xml {
        let mut out = String::new();
        for commit in &self.commits {
            out += &format!("<commit xmlns=\"{NETLOOM}\">");
            let mut field = |name: &str, text: &str| leaf(&mut out, name, text);
            field("number", &commit.number.to_string());
            field("time", &commit.time);
            field("scheduled", &commit.scheduled);
            field("user", &commit.user);
            field("from", &commit.from);
            commit.comment.iter().for_each(|comment| field("comment", comment));
            field("summary", &commit.summary);
            commit.obstacle.iter().for_each(|obstacle| field("obstacle", obstacle));
            out += "</commit>";
        }
        Xml(out)
    }

    /// Reads the content of the reply.
    pub fn from_xml(content: &Xml) -> Result<Self, MessageError> {
        let mut output = Self::default();
        read(content, |reader, name| {
            if name != "commit" {
                return reader.fragment().map(drop);
            }
            let mut commit = ScheduledCommit::default();
            while let Some(field) = reader.child()? {
                let text = reader.text()?;
                match field.name.as_str() {
                    "number" => commit.number = number(reader, &text)?,
                    "time" => commit.time = text,
                    "scheduled" => commit.scheduled = text,
                    "user" => commit.user = text,
                    "from" => commit.from = text,
                    "comment" => commit.comment = Some(text),
                    "summary" => commit.summary = text,
                    "obstacle" => commit.obstacle = Some(text),
                    _ => {}
                }
            }
            output.commits.push(commit);
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

impl BlameOutput {
    /// The content of the reply.
    pub fn to_xml(&self) -> Xml {
        let commits = self.commits.iter().map(|blamed| commit(&blamed.commit, &blamed.paths));
        Xml(commits.collect())
    }

    /// Reads the content of the reply.
    pub fn from_xml(content: &Xml) -> Result<Self, MessageError> {
        Ok(Self { commits: commits(content)? })
    }
}

/// `<commit>`, with the changed paths if they are requested.
fn commit(entry: &HistoryEntry, paths: &[String]) -> String {
    let mut out = format!("<commit xmlns=\"{NETLOOM}\">");
    leaf(&mut out, "position", &entry.position.to_string());
    leaf(&mut out, "id", &entry.id.to_string());
    let mut field = |name: &str, text: Option<&String>| {
        text.iter().for_each(|text| leaf(&mut out, name, text));
    };
    field("user", entry.user.as_ref());
    field("from", entry.from.as_ref());
    field("time", entry.time.as_ref());
    field("comment", entry.comment.as_ref());
    field("summary", Some(&entry.summary));
    field("held", Some(entry.held).filter(|held| *held > 0).map(|held| held.to_string()).as_ref());
    field("digest", entry.digest.as_ref());
    field("fault", entry.fault.as_ref());
    paths.iter().for_each(|path| field("path", Some(path)));
    out + "</commit>"
}

fn commits(content: &Xml) -> Result<Vec<Blamed>, MessageError> {
    let mut commits = Vec::new();
    read(content, |reader, name| {
        if name != "commit" {
            return reader.fragment().map(drop);
        }
        let (mut entry, mut paths) = (HistoryEntry::default(), Vec::new());
        while let Some(field) = reader.child()? {
            let text = reader.text()?;
            match field.name.as_str() {
                "position" => entry.position = number(reader, &text)?,
                "id" => entry.id = number(reader, &text)?,
                "user" => entry.user = Some(text),
                "from" => entry.from = Some(text),
                "time" => entry.time = Some(text),
                "comment" => entry.comment = Some(text),
                "summary" => entry.summary = text,
                "held" => entry.held = number(reader, &text)?,
                "digest" => entry.digest = Some(text),
                "fault" => entry.fault = Some(text),
                "path" => paths.push(text),
                _ => {}
            }
        }
        commits.push(Blamed { commit: entry, paths });
        Ok(())
    })?;
    Ok(commits)
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
