//! Splits a line into words: the position of each, and its value without quotes.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use yang::{is_printable, printable};

use crate::prose;

/// A word of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word<'a> {
    /// Without quotes.
    pub(crate) text: Cow<'a, str>,
    /// The word's position in the line, in bytes, including quotes.
    pub(crate) span: Range<usize>,
    /// Whether a part of the word was quoted. It is then a value, never `|`.
    pub(crate) quoted: bool,
    /// Whether it begins with a quote. A key is then meant literally.
    pub(crate) literal: bool,
    /// Whether a quote was opened and not closed.
    pub(crate) open: bool,
}

/// An error in a line, and its position.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Fault {
    pub(crate) message: String,
    /// In bytes of the line.
    pub(crate) span: Range<usize>,
}

impl Fault {
    pub(crate) fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { message: message.into(), span }
    }

    /// The line, with a mark under the position, and the message.
    pub(crate) fn show(&self, line: &str) -> Shown<'_> {
        Shown { fault: self, line: line.to_owned() }
    }
}

/// An error with its line.
pub(crate) struct Shown<'a> {
    fault: &'a Fault,
    line: String,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let before = self.line.get(..self.fault.span.start).unwrap_or(&self.line);
        let marked = self.line.get(self.fault.span.clone()).unwrap_or_default();
        let indent = " ".repeat(prose::width(before));
        let mark = "^".repeat(prose::width(marked).max(1));
        write!(f, "  {}\n  {indent}{mark}\n{}", self.line, self.fault.message)
    }
}

/// The words of a line. Both types of quotes keep white space. Within `"` a `\` escapes, and `\u{…}` is a character
/// by its number. A comment (`!` or `#`
/// as a line's first character) has no words.
pub(crate) fn words(line: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    if rest.starts_with(['!', '#']) {
        return words;
    }
    while !rest.is_empty() {
        let start = line.len() - rest.len();
        let plain = rest.find(|c: char| c.is_whitespace() || QUOTES.contains(&c));
        let plain = plain.unwrap_or(rest.len());
        let mut word = Word {
            text: rest[..plain].into(),
            span: start..start,
            quoted: false,
            literal: plain == 0,
            open: false,
        };
        rest = &rest[plain..];
        if rest.starts_with(QUOTES) {
            word.quoted = true;
            (rest, word.open) = unquoted(rest, word.text.to_mut());
        }
        word.span.end = line.len() - rest.len();
        words.push(word);
        rest = rest.trim_start();
    }
    words
}

const QUOTES: [char; 2] = ['"', '\''];

/// Appends to `text` the rest of a word from its first quote on. Returns the text after the word, and whether a
/// quote is not closed.
fn unquoted<'a>(rest: &'a str, text: &mut String) -> (&'a str, bool) {
    let mut quote: Option<char> = None;
    let mut escaped = false;
    let mut read = 0;
    for (at, c) in rest.char_indices() {
        match quote {
            _ if at < read => {}
            _ if escaped => {
                escaped = false;
                text.push(c);
            }
            Some('"') if c == '\\' => match numbered(&rest[at..]) {
                Some((c, length)) => {
                    text.push(c);
                    read = at + length;
                }
                None => escaped = true,
            },
            Some(open) if c == open => quote = None,
            None if QUOTES.contains(&c) => quote = Some(c),
            None if c.is_whitespace() => return (&rest[at..], false),
            Some(_) | None => text.push(c),
        }
    }
    ("", quote.is_some())
}

/// The character that `\u{…}` at the start of the text stands for, and the length of that.
fn numbered(text: &str) -> Option<(char, usize)> {
    let (number, _) = text.strip_prefix("\\u{")?.split_once('}')?;
    let c = char::from_u32(u32::from_str_radix(number, 16).ok()?)?;
    Some((c, "\\u{}".len() + number.len()))
}

/// A value as a word that [`words`] can read back, and that is neither a pattern nor a request for help.
pub(crate) fn quoted(value: &str) -> String {
    let plain = |c: char| !c.is_whitespace() && is_printable(c) && !"\"'|\\*?[]".contains(c);
    if !value.is_empty() && value.chars().all(plain) && !value.starts_with(['!', '#']) {
        return value.to_owned();
    }
    let mut word = String::from("\"");
    for c in value.chars() {
        match c {
            '"' | '\\' => word.extend(['\\', c]),
            c => word += &printable(c.encode_utf8(&mut [0; 4])),
        }
    }
    word + "\""
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(line: &str, expect: Expect) {
        let shown = words(line).into_iter().map(|word| {
            let marks = format!(
                "{}{}",
                if word.quoted { " quoted" } else { "" },
                if word.open { " open" } else { "" }
            );
            format!("{}..{} {:?}{marks}\n", word.span.start, word.span.end, word.text)
        });
        expect.assert_eq(&shown.collect::<String>());
    }

    #[test]
    fn words_stand_where_they_stand() {
        check("", expect![""]);
        check("  ! link x", expect![""]);
        check(
            " link  veth10",
            expect![[r#"
                1..5 "link"
                7..13 "veth10"
            "#]],
        );
        check(
            r#"description "to \"the\" cellar" 'a | b' |"#,
            expect![[r#"
                0..11 "description"
                12..31 "to \"the\" cellar" quoted
                32..39 "a | b" quoted
                40..41 "|"
            "#]],
        );
        check(
            "description \"half a",
            expect![[r#"
                0..11 "description"
                12..19 "half a" quoted open
            "#]],
        );
    }

    #[test]
    fn a_quoted_value_is_read_back() {
        for value in [
            "",
            "a b",
            "a\"b\\c",
            "a\nb\t\u{9b}",
            "\\u{9b}",
            "\u{202e}",
            "\\u",
            "\\u{x}",
            "#1",
            "!",
            "|",
            "plain",
            "it's",
        ] {
            let word = quoted(value);
            assert_eq!(words(&format!("x {word}"))[1].text, value);
        }
    }

    #[test]
    fn a_fault_is_marked_in_its_line() {
        let fault = Fault::new(5..8, "unknown");
        expect!["  link lnk\n       ^^^\nunknown"].assert_eq(&fault.show("link lnk").to_string());
    }
}
