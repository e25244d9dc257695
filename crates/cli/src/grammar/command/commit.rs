//! The arguments of `commit`.

use netconf::{Check, Question};

use super::Command;
use crate::grammar::cursor::{Candidate, Cursor, Stop};
use crate::grammar::parameter::parsed;
use crate::grammar::time;
use crate::grammar::words::Fault;

/// Reads the rest of a line that begins with `commit`.
pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<Command, Stop> {
    let more = [
        Candidate::word("at", "Schedule the commit for a later time"),
        Candidate::word("check", "Show what the commit would do, without doing it"),
        Candidate::word("comment", "Add a comment for the history"),
        Candidate::word("confirmed", "Undo the commit unless `commit` confirms it in time"),
        Candidate::word(
            "cancel",
            "Undo the commit that waits for confirmation, or cancel a scheduled commit",
        ),
    ];
    Ok(match cursor.choose(&more, true)? {
        Some(0) => {
            let time = time::read(cursor)?;
            let more = [Candidate::word("comment", "Add a comment for the history")];
            let given = cursor.choose(&more, true)?;
            let comment = given.map(|_| comment(cursor)).transpose()?;
            Command::CommitAt { time, comment }
        }
        Some(1) => Command::CommitCheck,
        Some(2) => unconfirmed(Some(comment(cursor)?)),
        Some(3) => confirmed(cursor)?,
        Some(_) => match cursor
            .choose(&[Candidate::word("at", "Cancel a scheduled commit")], true)?
        {
            Some(_) => {
                let number =
                    || vec![Candidate::placeholder("<number>", "The number in `show schedule`")];
                Command::CommitCancelAt(parsed(cursor, "the number of a scheduled commit", number)?)
            }
            None => Command::CommitCancel,
        },
        None => unconfirmed(None),
    })
}

fn comment(cursor: &mut Cursor<'_>) -> Result<String, Stop> {
    let options = || vec![Candidate::placeholder("<text>", "The reason for the change")];
    let mut comment = cursor.value("the comment", options)?.text.to_string();
    while cursor.peek().is_some() {
        comment += " ";
        comment += &cursor.value("the comment", Vec::new)?.text;
    }
    Ok(comment)
}

/// How long a commit waits for confirmation by default, and at most (a week). In minutes.
const WAIT: u32 = 10;
const LONGEST: u32 = 7 * 24 * 60;

fn confirmed(cursor: &mut Cursor<'_>) -> Result<Command, Stop> {
    let more = [
        Candidate::word("check", "A check that also confirms the commit"),
        Candidate::word("comment", "Add a comment for the history"),
        Candidate::placeholder("<minutes>", "How long to wait for the confirmation, 10 by default"),
    ];
    let given = match cursor.peek() {
        Some(word) => word.text.starts_with(|first: char| first.is_ascii_digit()),
        None if cursor.is_at_completion() => return Err(cursor.candidates(more.into_iter(), true)),
        None => false,
    };
    let minutes = if given { minutes(cursor)? } else { WAIT };
    let mut checks = Vec::new();
    let comment = loop {
        match cursor.choose(&more[..2], true)? {
            Some(0) => checks.push(check(cursor)?),
            Some(_) => break Some(comment(cursor)?),
            None => break None,
        }
    };
    Ok(Command::Commit { comment, minutes: Some(minutes), checks })
}

fn unconfirmed(comment: Option<String>) -> Command {
    Command::Commit { comment, minutes: None, checks: Vec::new() }
}

/// `ping ADDRESS [netns NAME]` or `tcp ADDRESS PORT [netns NAME]`.
fn check(cursor: &mut Cursor<'_>) -> Result<Check, Stop> {
    let kinds = [
        Candidate::word("ping", "Check that an address answers"),
        Candidate::word("tcp", "Check that an address accepts a connection"),
    ];
    let is_tcp = cursor.choose(&kinds, false)? == Some(1);
    let address = || vec![Candidate::placeholder("<address>", "An IPv4 or IPv6 address")];
    let address = parsed(cursor, "the address", address)?;
    let question = match is_tcp {
        false => Question::Ping(address),
        true => {
            let port = || vec![Candidate::placeholder("<port>", "A TCP port number")];
            Question::Tcp(address, parsed(cursor, "the port", port)?)
        }
    };
    let from = [Candidate::word("netns", "The namespace (VPN) to send the check from")];
    let netns = match cursor.matches(&from) {
        true => {
            cursor.choose(&from, false)?;
            let names = || vec![Candidate::placeholder("<name>", "A namespace's name")];
            Some(cursor.value("the namespace", names)?.text.to_string())
        }
        false => None,
    };
    Ok(Check { question, netns })
}

fn minutes(cursor: &mut Cursor<'_>) -> Result<u32, Stop> {
    let word = cursor.value("the minutes", Vec::new)?;
    let minutes = word.text.parse().ok().filter(|minutes| (1..=LONGEST).contains(minutes));
    minutes.ok_or_else(|| {
        let message = format!("{:?} is not a number of minutes from 1 to {LONGEST}", word.text);
        Stop::Fault(Fault::new(word.span.clone(), message))
    })
}
