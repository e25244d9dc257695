//! Protocol tests as scripts, one script per section of RFC 6241.
//!
//! In `scripts/*.txt`, a line `A> …` is (a part of) the text that session A sends, within an `<rpc>`. The lines `A<
//! …` after it are the content of the reply, indented. `A< (closed)` is the end of the stream. The lines after `A
//! hears 2:` are the next two notifications. Other lines are prose. A session opens when it is first named.
//! `UPDATE_EXPECT=1` rewrites the replies.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::server::{Client, Server};

#[tokio::test(flavor = "multi_thread")]
async fn scripts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/netconf/scripts");
    let mut files: Vec<_> = fs::read_dir(&folder)
        .expect("the scripts")
        .map(|entry| entry.expect("a script").path())
        .collect();
    files.sort();
    assert!(!files.is_empty());
    let mut failed = Vec::new();
    for file in files {
        let script = fs::read_to_string(&file).expect("a script");
        let played = play(&script).await;
        if played == script {
            continue;
        }
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            fs::write(&file, played).expect("the script can be written");
        } else {
            failed.push(format!("{}:\n{played}", file.display()));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// The script with the actual replies.
async fn play(script: &str) -> String {
    let server = Server::start();
    let mut sessions: BTreeMap<String, Client> = BTreeMap::new();
    let mut played = String::new();
    let mut lines = script.lines().filter(|line| !is_reply(line)).peekable();
    while let Some(line) = lines.next() {
        played += line;
        played += "\n";
        if let Some((name, count)) = hears(line) {
            let session = sessions.get_mut(name).expect("who hears has subscribed");
            for _ in 0..count {
                let notification = session.notification().await;
                indented(&notification)
                    .iter()
                    .for_each(|line| played += &format!("{name}< {line}\n"));
            }
            continue;
        }
        let Some((name, first)) = line.split_once("> ").filter(|(name, _)| is_name(name)) else {
            continue;
        };
        let mut request = first.to_string();
        let more = format!("{name}> ");
        while !is_whole(&request)
            && let Some(line) = lines.next_if(|line| line.starts_with(&more))
        {
            played += line;
            played += "\n";
            request += line[more.len()..].trim_start();
        }
        if !sessions.contains_key(name) {
            sessions.insert(name.to_string(), server.open().await);
        }
        let session = sessions.get_mut(name).expect("it was just put there");
        match session.call(&request).await {
            Some(reply) => {
                indented(&reply).iter().for_each(|l| played += &format!("{name}< {l}\n"))
            }
            None => played += &format!("{name}< (closed)\n"),
        }
    }
    server.engine.stop().await;
    played
}

/// Which session receives how many notifications.
fn hears(line: &str) -> Option<(&str, usize)> {
    let (name, count) = line.split_once(" hears ").filter(|(name, _)| is_name(name))?;
    Some((name, count.strip_suffix(':')?.parse().ok()?))
}

/// Whether the first element of the text is complete.
fn is_whole(text: &str) -> bool {
    let name = text.trim_start_matches('<').split([' ', '/', '>']).next().unwrap_or_default();
    text.ends_with(&format!("</{name}>"))
        || (text.ends_with("/>") && text.matches('<').count() == 1)
}

fn is_name(name: &str) -> bool {
    name.len() == 1 && name.chars().all(|c| c.is_ascii_uppercase())
}

fn is_reply(line: &str) -> bool {
    line.split_once("< ").is_some_and(|(name, _)| is_name(name))
}

/// One line per element, without the parts that differ from run to run.
fn indented(xml: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut depth = 0_usize;
    let mut open = false;
    for tag in xml.split_inclusive('>').filter(|tag| !tag.is_empty()) {
        let (text, tag) = tag.split_at(tag.find('<').unwrap_or(tag.len()));
        // The beginning of a module's text is enough.
        let text = text.split_once('\n').map_or(text, |(line, _)| line);
        let closes = tag.starts_with("</");
        if closes {
            depth = depth.saturating_sub(1);
        }
        if closes && open {
            let line = lines.last_mut().expect("the element's start");
            let varies = ["milliseconds", "<time>", "<digest>", "<eventTime>"]
                .iter()
                .any(|varying| line.contains(varying));
            *line += if varies { "…" } else { text };
            *line += tag;
        } else {
            lines.push(format!("{}{text}{tag}", "  ".repeat(depth)));
        }
        open = !closes && !tag.ends_with("/>");
        if open {
            depth += 1;
        }
    }
    lines
}
