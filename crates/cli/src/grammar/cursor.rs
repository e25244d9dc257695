//! Reads a line word by word: the same walk parses a finished line and completes an unfinished one.
//!
//! A grammar asks the cursor for a keyword or a value. If a line is being completed and its last word is reached,
//! the result is [`Stop::Candidates`]: the words or values that the grammar asked for.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use yang::SchemaNode;

use crate::grammar::schema;
use crate::grammar::words::{Fault, Word};

/// A candidate for completion.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    /// The text to type. For a placeholder, the text that represents it: `<cr>`, `<ip-address>`.
    pub(crate) text: Cow<'static, str>,
    help: Help,
    /// Whether TAB can insert the candidate. Otherwise it is only shown.
    pub(crate) typed: bool,
}

/// One line of help about a candidate. For a schema node it is generated only on demand, because lines are parsed
/// far more often than they are completed.
#[derive(Clone, Debug)]
pub(crate) enum Help {
    Text(Cow<'static, str>),
    Node(&'static SchemaNode),
    Value(&'static SchemaNode),
}

/// Why a walk along a line ended before the end of the line.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The line is invalid.
    Fault(Fault),
    /// The line is being completed, and these are the candidates at its end.
    Candidates(Candidates),
}

/// The candidates for the last word.
#[derive(Debug, Default)]
pub(crate) struct Candidates {
    /// The position of the last word. It is empty at the end of the line if the word has not begun.
    pub(crate) span: Range<usize>,
    pub(crate) list: Vec<Candidate>,
}

/// The words of a line, and the position of the reader.
#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    words: &'a [Word<'a>],
    at: usize,
    end: usize,
    completing: bool,
    /// The words that were taken as abbreviations, and the words that they stand for.
    abbreviated: Vec<(&'a str, String)>,
}

impl Candidate {
    pub(crate) fn word(text: impl Into<Cow<'static, str>>, help: impl Into<Help>) -> Self {
        Self { text: text.into(), help: help.into(), typed: true }
    }

    pub(crate) fn placeholder(text: impl Into<Cow<'static, str>>, help: impl Into<Help>) -> Self {
        Self { text: text.into(), help: help.into(), typed: false }
    }

    /// A node's name.
    pub(crate) fn node(node: &'static SchemaNode) -> Self {
        Self::word(schema::name(node), Help::Node(node))
    }

    /// One line of help about the node.
    pub(crate) fn help(&self) -> String {
        match &self.help {
            Help::Text(text) => text.to_string(),
            Help::Node(node) => schema::help(node),
            Help::Value(leaf) => schema::value_help(leaf),
        }
    }

    pub(crate) fn end() -> Self {
        Self::placeholder("<cr>", "")
    }
}

impl<'a> Cursor<'a> {
    /// Reads a complete line. `end` is the line's length in bytes.
    pub(crate) fn parsing(words: &'a [Word<'a>], end: usize) -> Self {
        Self { words, at: 0, end, completing: false, abbreviated: Vec::new() }
    }

    /// Reads a line whose last word is being typed. That word is empty if the line ends in white space.
    pub(crate) fn completing(words: &'a [Word<'a>], end: usize) -> Self {
        Self { words, at: 0, end, completing: true, abbreviated: Vec::new() }
    }

    /// The next word, without taking it. None at the end, and at the word that is being completed.
    pub(crate) fn peek(&self) -> Option<&'a Word<'a>> {
        if self.is_at_completion() { None } else { self.words.get(self.at) }
    }

    /// Takes one of the words of `options`, complete or as an unambiguous prefix, and returns which. None at the
    /// end of the line, if `may_end` permits that.
    pub(crate) fn choose(
        &mut self,
        options: &[Candidate],
        may_end: bool,
    ) -> Result<Option<usize>, Stop> {
        if self.is_at_completion() {
            return Err(self.candidates(options.iter().cloned(), may_end));
        }
        let Some(word) = self.words.get(self.at) else {
            return if may_end { Ok(None) } else { Err(self.incomplete(options)) };
        };
        let found = find(word, options)?;
        if let Some(option) = options.get(found).filter(|option| option.text != word.text) {
            self.abbreviated.push((&word.text, option.text.to_string()));
        }
        self.at += 1;
        Ok(Some(found))
    }

    /// The fault, with what the last abbreviation before it was understood as: the user may have meant another word.
    pub(crate) fn explained(&self, mut fault: Fault) -> Fault {
        if let Some(last) = self.abbreviated.last() {
            fault.message += &format!(" ({})", understood(last));
        }
        fault
    }

    /// What the abbreviations of the line were understood as. None if all words are written out.
    pub(crate) fn abbreviations(&self) -> Option<String> {
        let all: Vec<String> = self.abbreviated.iter().map(understood).collect();
        (!all.is_empty()).then(|| all.join(", "))
    }

    /// Whether [`Cursor::choose`] would take the next word, exactly or as a prefix.
    pub(crate) fn matches(&self, options: &[Candidate]) -> bool {
        self.peek().is_some_and(|word| {
            !word.quoted && options.iter().any(|option| option.text.starts_with(&*word.text))
        })
    }

    /// Whether the next word is one of `options`, written out.
    pub(crate) fn is_whole(&self, options: &[Candidate]) -> bool {
        self.peek().is_some_and(|word| options.iter().any(|option| option.text == word.text))
    }

    /// Takes any word. `options` are the candidates if the line is being completed.
    pub(crate) fn value(
        &mut self,
        what: impl fmt::Display,
        options: impl FnOnce() -> Vec<Candidate>,
    ) -> Result<&'a Word<'a>, Stop> {
        if self.is_at_completion() {
            return Err(self.candidates(options().into_iter(), false));
        }
        let Some(word) = self.words.get(self.at) else {
            return Err(Stop::Fault(Fault::new(self.end..self.end, format!("{what} is missing"))));
        };
        if word.open {
            return Err(Stop::Fault(Fault::new(word.span.clone(), "the quote is not closed")));
        }
        self.at += 1;
        Ok(word)
    }

    /// Fails if there are more words on the line.
    pub(crate) fn finish(&mut self) -> Result<(), Stop> {
        if self.is_at_completion() {
            return Err(self.candidates(std::iter::empty(), true));
        }
        match self.words.get(self.at) {
            Some(word) => {
                let message = format!("{:?} is unexpected after the command", word.text);
                Err(Stop::Fault(Fault::new(word.span.clone(), message)))
            }
            None => Ok(()),
        }
    }

    /// The candidates for the last word, limited to those that begin with the text that is already typed.
    pub(crate) fn candidates(
        &self,
        options: impl Iterator<Item = Candidate>,
        may_end: bool,
    ) -> Stop {
        let partial = self.words.get(self.at);
        let typed = partial.map_or("", |word| &*word.text);
        let mut list: Vec<Candidate> =
            options.filter(|option| !option.typed || option.text.starts_with(typed)).collect();
        if may_end && partial.is_none() {
            list.push(Candidate::end());
        }
        let span = partial.map_or(self.end..self.end, |word| word.span.clone());
        Stop::Candidates(Candidates { span, list })
    }

    /// Whether the next word is the one that is being completed.
    pub(crate) fn is_at_completion(&self) -> bool {
        let last_ends_line = self.words.last().is_some_and(|word| word.span.end == self.end);
        let typed = self.words.len() - usize::from(last_ends_line);
        self.completing && self.at >= typed
    }

    fn incomplete(&self, options: &[Candidate]) -> Stop {
        let message = format!("the command is incomplete; {}", expected(options));
        Stop::Fault(Fault::new(self.end..self.end, message))
    }
}

impl<T: Into<Cow<'static, str>>> From<T> for Help {
    fn from(text: T) -> Self {
        Help::Text(text.into())
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Stop::Fault(fault)
    }
}

fn find(word: &Word<'_>, options: &[Candidate]) -> Result<usize, Fault> {
    if let Some(exact) = options.iter().position(|option| option.text == word.text) {
        return Ok(exact);
    }
    let begun: Vec<usize> = (0..options.len())
        .filter(|index| !word.text.is_empty() && options[*index].text.starts_with(&*word.text))
        .collect();
    match begun[..] {
        [one] if !word.quoted => Ok(one),
        [] | [_] => Err(Fault::new(
            word.span.clone(),
            format!("{:?} is unknown here; {}", word.text, expected(options)),
        )),
        _ => {
            let names: Vec<&str> = begun.iter().map(|index| &*options[*index].text).collect();
            let message = format!("{:?} is ambiguous: {}", word.text, names.join(", "));
            Err(Fault::new(word.span.clone(), message))
        }
    }
}

fn understood((word, full): &(&str, String)) -> String {
    format!("{word:?} is understood as {full}")
}

fn expected(options: &[Candidate]) -> String {
    let names: Vec<&str> = options.iter().map(|option| &*option.text).collect();
    match names[..] {
        [] => "nothing more is expected".into(),
        [one] => format!("expected {one}"),
        _ => format!("expected one of {}", names.join(", ")),
    }
}
