//! What follows a `|`: another form of what is shown, or a part of its lines.

use netconf::{Configuration, Revision};
use regex::Regex;

use crate::grammar::cursor::{Candidate, Cursor, Stop};
use crate::grammar::parameter::revision;
use crate::grammar::words::Fault;

/// One stage.
#[derive(Clone, Debug)]
pub(crate) enum Pipe {
    /// Behind who last changed it.
    Blame,
    /// What differs from a configuration of the past.
    Compare(Revision),
    Display(Form),
    Match(Regex),
    Except(Regex),
    Count,
    NoMore,
}

/// How a tree is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Form {
    #[default]
    Text,
    Set,
    Json,
    Xml,
}

/// Reads `| STAGE | STAGE …`.
pub(crate) fn parse(cursor: &mut Cursor<'_>) -> Result<Vec<Pipe>, Stop> {
    let bar = [Candidate::word("|", "Filter, or show in another form")];
    let stages = [
        Candidate::word("blame", "Each line behind who last changed it"),
        Candidate::word("compare", "What differs from an earlier configuration"),
        Candidate::word("count", "How many lines there are"),
        Candidate::word("display", "In another form"),
        Candidate::word("except", "Lines that a regular expression does not match"),
        Candidate::word("match", "Lines that a regular expression matches"),
        Candidate::word("no-more", "Without pages"),
    ];
    let mut pipes = Vec::new();
    while cursor.choose(&bar, true)?.is_some() {
        pipes.push(match cursor.choose(&stages, false)? {
            Some(0) => Pipe::Blame,
            Some(1) => {
                let rollback = [Candidate::word("rollback", "An earlier configuration")];
                cursor.choose(&rollback, false)?;
                Pipe::Compare(revision(cursor)?)
            }
            Some(2) => Pipe::Count,
            Some(3) => Pipe::Display(form(cursor)?),
            Some(4) => Pipe::Except(regex(cursor)?),
            Some(5) => Pipe::Match(regex(cursor)?),
            Some(_) | None => Pipe::NoMore,
        });
    }
    Ok(pipes)
}

/// The form that the pipes ask for.
pub(crate) fn form_of(pipes: &[Pipe]) -> Form {
    let form = |pipe: &Pipe| if let Pipe::Display(form) = pipe { Some(*form) } else { None };
    pipes.iter().rev().find_map(form).unwrap_or_default()
}

/// Whether they ask who last changed what.
pub(crate) fn blames(pipes: &[Pipe]) -> bool {
    pipes.iter().any(|pipe| matches!(pipe, Pipe::Blame))
}

/// What the pipes compare with.
pub(crate) fn compared(pipes: &[Pipe]) -> Option<Configuration> {
    pipes.iter().rev().find_map(|pipe| match pipe {
        Pipe::Compare(revision) => Some(Configuration::Revision(*revision)),
        Pipe::Blame
        | Pipe::Display(_)
        | Pipe::Match(_)
        | Pipe::Except(_)
        | Pipe::Count
        | Pipe::NoMore => None,
    })
}

/// What is left of the text.
pub(crate) fn apply(pipes: &[Pipe], mut text: String) -> String {
    for pipe in pipes {
        let keep = |keep: &dyn Fn(&str) -> bool| {
            text.lines().filter(|line| keep(line)).map(|line| format!("{line}\n")).collect()
        };
        text = match pipe {
            Pipe::Match(regex) => keep(&|line| regex.is_match(line)),
            Pipe::Except(regex) => keep(&|line| !regex.is_match(line)),
            Pipe::Count => format!("{} lines\n", text.lines().count()),
            Pipe::Blame | Pipe::Compare(_) | Pipe::Display(_) | Pipe::NoMore => continue,
        };
    }
    text
}

fn form(cursor: &mut Cursor<'_>) -> Result<Form, Stop> {
    let forms = [
        Candidate::word("json", "RFC 7951"),
        Candidate::word("set", "Whole lines, as one would type them at the top"),
        Candidate::word("text", "Indented, as one would type it"),
        Candidate::word("xml", "RFC 7950"),
    ];
    Ok(match cursor.choose(&forms, false)? {
        Some(0) => Form::Json,
        Some(1) => Form::Set,
        Some(2) | None => Form::Text,
        Some(_) => Form::Xml,
    })
}

fn regex(cursor: &mut Cursor<'_>) -> Result<Regex, Stop> {
    let options = || vec![Candidate::placeholder("<regex>", "A regular expression")];
    let word = cursor.value("the regular expression", options)?;
    Regex::new(&word.text).map_err(|error| {
        let reason = error.to_string();
        let reason = reason.lines().last().unwrap_or_default().trim().to_owned();
        Stop::Fault(Fault::new(word.span.clone(), format!("not a regular expression: {reason}")))
    })
}
