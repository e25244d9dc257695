//! The stages after a `|`: another output format, or a filter of lines.

use netconf::{Configuration, Revision};
use regex::Regex;

use crate::grammar::cursor::{Candidate, Cursor, Stop};
use crate::grammar::parameter::revision;
use crate::grammar::words::Fault;

/// One stage.
#[derive(Clone, Debug)]
pub(crate) enum Pipe {
    /// Shows who last changed each line.
    Blame,
    /// Shows the differences from an earlier configuration.
    Compare(Revision),
    Display(Form),
    Match(Regex),
    Except(Regex),
    Count,
    NoMore,
}

/// The format of a tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Form {
    #[default]
    Text,
    Set,
    Json,
    Xml,
}

/// Reads `| STAGE | STAGE …`.
pub(crate) fn parse(cursor: &mut Cursor<'_>) -> Result<Vec<Pipe>, Stop> {
    let bar = [Candidate::word("|", "Filter the output, or change its format")];
    let stages = [
        Candidate::word("blame", "Show who last changed each line"),
        Candidate::word("compare", "Show the differences from an earlier configuration"),
        Candidate::word("count", "Count the lines"),
        Candidate::word("display", "Change the format"),
        Candidate::word("except", "Only lines that do not match a regular expression"),
        Candidate::word("match", "Only lines that match a regular expression"),
        Candidate::word("no-more", "Do not stop after each page"),
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

/// The output format that the stages select.
pub(crate) fn form_of(pipes: &[Pipe]) -> Form {
    let form = |pipe: &Pipe| if let Pipe::Display(form) = pipe { Some(*form) } else { None };
    pipes.iter().rev().find_map(form).unwrap_or_default()
}

/// Whether the stages include `blame`.
pub(crate) fn blames(pipes: &[Pipe]) -> bool {
    pipes.iter().any(|pipe| matches!(pipe, Pipe::Blame))
}

/// The configuration that the stages compare with.
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

/// Whether a stage drops or counts lines.
pub(crate) fn filters(pipes: &[Pipe]) -> bool {
    pipes.iter().any(|pipe| matches!(pipe, Pipe::Match(_) | Pipe::Except(_) | Pipe::Count))
}

/// Applies the stages to the text.
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
        Candidate::word("set", "Whole lines, each with its complete path"),
        Candidate::word("text", "Indented configuration text"),
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
