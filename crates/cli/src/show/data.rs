//! The outputs of the daemon's operations as data: RFC 7951 JSON and XML, both as RFC 8040 section 3.6.2 frames an output.

use netconf::{
    CheckOutput, Conflict, ConflictsOutput, HistoryEntry, HistoryOutput, ScheduleOutput,
    ScheduledCommit,
};
use serde_json::{Map, Value, json};

const MODULE: &str = "netloom-rpc";
const NAMESPACE: &str = "urn:netloom:rpc";

/// An output: the fields in the order of the model.
pub(crate) struct Output(Fields);

type Fields = Vec<(&'static str, Item)>;

/// A leaf, or the entries of a list.
enum Item {
    /// An integer of at most 32 bits.
    Number(u32),
    /// Any other value. RFC 7951 section 6.1 writes an integer of 64 bits as a string.
    Text(String),
    Texts(Vec<String>),
    Entries(Vec<Fields>),
}

impl Output {
    /// `show history`.
    pub(crate) fn history(HistoryOutput { commits }: &HistoryOutput) -> Output {
        let entry = |entry: &HistoryEntry| {
            let mut fields = vec![
                ("position", Item::Number(entry.position)),
                ("id", Item::Text(entry.id.to_string())),
            ];
            add(&mut fields, "user", entry.user.as_ref());
            add(&mut fields, "from", entry.from.as_ref());
            add(&mut fields, "time", entry.time.as_ref());
            add(&mut fields, "comment", entry.comment.as_ref());
            add(&mut fields, "digest", entry.digest.as_ref());
            add(&mut fields, "fault", entry.fault.as_ref());
            add(&mut fields, "summary", Some(&entry.summary));
            fields.push(("held", Item::Text(entry.held.to_string())));
            fields
        };
        Output(vec![("commit", Item::Entries(commits.iter().map(entry).collect()))])
    }

    /// `show schedule`.
    pub(crate) fn schedule(ScheduleOutput { commits }: &ScheduleOutput) -> Output {
        let entry = |entry: &ScheduledCommit| {
            let mut fields = vec![("number", Item::Number(entry.number))];
            add(&mut fields, "time", Some(&entry.time));
            add(&mut fields, "scheduled", Some(&entry.scheduled));
            add(&mut fields, "user", Some(&entry.user));
            add(&mut fields, "from", Some(&entry.from));
            add(&mut fields, "comment", entry.comment.as_ref());
            add(&mut fields, "summary", Some(&entry.summary));
            add(&mut fields, "delay-reason", entry.delay_reason.as_ref());
            fields
        };
        Output(vec![("commit", Item::Entries(commits.iter().map(entry).collect()))])
    }

    /// `show conflicts`.
    pub(crate) fn conflicts(ConflictsOutput { conflicts }: &ConflictsOutput) -> Output {
        let entry = |entry: &Conflict| {
            let mut fields = Vec::new();
            add(&mut fields, "path", Some(&entry.path));
            add(&mut fields, "base", entry.base.as_ref());
            add(&mut fields, "mine", entry.mine.as_ref());
            add(&mut fields, "theirs", entry.theirs.as_ref());
            add(&mut fields, "id", entry.id.map(|id| id.to_string()).as_ref());
            add(&mut fields, "user", entry.user.as_ref());
            add(&mut fields, "from", entry.from.as_ref());
            add(&mut fields, "time", entry.time.as_ref());
            fields
        };
        Output(vec![("conflict", Item::Entries(conflicts.iter().map(entry).collect()))])
    }

    /// `commit check`.
    pub(crate) fn check(CheckOutput { operations, held }: &CheckOutput) -> Output {
        let hold = |hold: &netconf::Hold| {
            vec![
                ("path", Item::Text(hold.path.clone())),
                ("reason", Item::Text(hold.reason.clone())),
            ]
        };
        let mut fields = vec![
            ("operation", Item::Texts(operations.clone())),
            ("held", Item::Entries(held.listed.iter().map(hold).collect())),
        ];
        if held.more > 0 {
            fields.push(("held-more", Item::Text(held.more.to_string())));
        }
        Output(fields)
    }

    pub(crate) fn json(&self) -> String {
        let output = json!({ format!("{MODULE}:output"): object(&self.0) });
        format!("{output:#}\n")
    }

    pub(crate) fn xml(&self) -> String {
        let mut out = format!("<output xmlns=\"{NAMESPACE}\">\n");
        elements(&mut out, &self.0, 1);
        out + "</output>\n"
    }
}

fn add(fields: &mut Fields, name: &'static str, text: Option<&String>) {
    fields.extend(text.map(|text| (name, Item::Text(text.clone()))));
}

fn object(fields: &Fields) -> Value {
    let member = |(name, item): &(&str, Item)| {
        let value = match item {
            Item::Number(number) => json!(number),
            Item::Text(text) => json!(text),
            Item::Texts(texts) => json!(texts),
            Item::Entries(entries) => Value::Array(entries.iter().map(object).collect()),
        };
        ((*name).to_owned(), value)
    };
    Value::Object(fields.iter().map(member).collect::<Map<_, _>>())
}

fn elements(out: &mut String, fields: &Fields, depth: usize) {
    let indent = "  ".repeat(depth);
    let leaf = |out: &mut String, name: &str, text: &str| {
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        *out += &format!("{indent}<{name}>{text}</{name}>\n");
    };
    for (name, item) in fields {
        match item {
            Item::Number(number) => leaf(out, name, &number.to_string()),
            Item::Text(text) => leaf(out, name, text),
            Item::Texts(texts) => texts.iter().for_each(|text| leaf(out, name, text)),
            Item::Entries(entries) => {
                for entry in entries {
                    *out += &format!("{indent}<{name}>\n");
                    elements(out, entry, depth + 1);
                    *out += &format!("{indent}</{name}>\n");
                }
            }
        }
    }
}
