//! The replies that list commits: the history, who changed each node, and the schedule.

use super::{number, read};
use crate::error::MessageError;
use crate::namespace::NETLOOM;
use crate::xml::{Xml, leaf};

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
    pub delay_reason: Option<String>,
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
            commit.delay_reason.iter().for_each(|delay_reason| field("delay-reason", delay_reason));
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
                    "delay-reason" => commit.delay_reason = Some(text),
                    _ => {}
                }
            }
            output.commits.push(commit);
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
