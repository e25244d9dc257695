//! The parameters that several commands have: numbers, earlier configurations, files.

use std::str::FromStr;

use netconf::Revision;

use crate::grammar::cursor::{Candidate, Cursor, Stop};
use crate::grammar::words::Fault;

/// The next word as a `T`. `what` names the expected value in the error message.
pub(crate) fn parsed<T: FromStr>(
    cursor: &mut Cursor<'_>,
    what: &str,
    options: impl FnOnce() -> Vec<Candidate>,
) -> Result<T, Stop> {
    let word = cursor.value(what, options)?;
    word.text.parse().map_err(|_| {
        Stop::Fault(Fault::new(word.span.clone(), format!("{:?} is not {what}", word.text)))
    })
}

/// An earlier configuration: by position, by id, or the rescue configuration.
pub(crate) fn revision(cursor: &mut Cursor<'_>) -> Result<Revision, Stop> {
    let words = [
        Candidate::word("id", "The configuration after the commit with this number"),
        Candidate::word("rescue", "The rescue configuration"),
    ];
    if cursor.is_at_completion() && cursor.peek().is_none() {
        let number = Candidate::placeholder("<number>", "How many commits ago; 0 is running");
        return Err(cursor.candidates(words.into_iter().chain([number]), false));
    }
    if !cursor.matches(&words) {
        return Ok(Revision::Position(position(cursor)?));
    }
    Ok(match cursor.choose(&words, false)? {
        Some(0) => Revision::Id(position(cursor)?.into()),
        Some(_) | None => Revision::Rescue,
    })
}

/// What to import from the kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Import {
    /// The namespaces; all if none are named.
    pub(crate) netns: Vec<String>,
    /// Whether the routes of routing daemons are imported too.
    pub(crate) routing_daemons: bool,
}

/// Namespaces, each after the word `netns`, and whether routes of routing daemons count.
pub(crate) fn import(cursor: &mut Cursor<'_>) -> Result<Import, Stop> {
    let words = [
        Candidate::word("netns", "A namespace; without any, all"),
        Candidate::word("routing-daemons", "The routes of routing daemons too"),
    ];
    let mut import = Import::default();
    while let Some(word) = cursor.choose(&words, true)? {
        if word == 0 {
            let options = || {
                vec![Candidate::placeholder(
                    "<name>",
                    "The name of a namespace; 1 is the host's own",
                )]
            };
            import.netns.push(cursor.value("the name of a namespace", options)?.text.to_string());
        } else {
            import.routing_daemons = true;
        }
    }
    Ok(import)
}

/// A number of commits.
pub(crate) fn position(cursor: &mut Cursor<'_>) -> Result<u32, Stop> {
    let options = || vec![Candidate::placeholder("<number>", "How many commits ago; 0 is running")];
    let word = cursor.value("how many commits to go back", options)?;
    word.text.parse().map_err(|_| {
        Stop::Fault(Fault::new(word.span.clone(), format!("{:?} is not a number", word.text)))
    })
}

/// A file's path, or a keyword instead of a path.
pub(crate) fn file(cursor: &mut Cursor<'_>, other: &'static str) -> Result<String, Stop> {
    let options = || {
        let other = Candidate::word(other, "Running, as the rescue configuration");
        let file = Candidate::placeholder("<file>", "A file's path");
        if other.text.is_empty() { vec![file] } else { vec![other, file] }
    };
    Ok(cursor.value("the file", options)?.text.to_string())
}
