//! A line as words: where each stands, and what it says once its quotes are gone.

use std::fmt;
use std::ops::Range;

/// A word of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    /// Without quotes.
    pub(crate) text: String,
    /// Where it stands in the line, in bytes, quotes included.
    pub(crate) span: Range<usize>,
    /// Whether any of it was quoted: it is then a value, never `|`.
    pub(crate) quoted: bool,
    /// Whether a quote was opened and not closed.
    pub(crate) open: bool,
}

/// What is wrong with a line, and where.
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

    /// The line, with a mark under the place, and the message.
    pub(crate) fn show(&self, line: &str) -> Shown<'_> {
        Shown { fault: self, line: line.to_owned() }
    }
}

/// A fault with its line.
pub(crate) struct Shown<'a> {
    fault: &'a Fault,
    line: String,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let before = self.line.get(..self.fault.span.start).unwrap_or(&self.line);
        let marked = self.line.get(self.fault.span.clone()).unwrap_or_default();
        let indent = " ".repeat(before.chars().count());
        let mark = "^".repeat(marked.chars().count().max(1));
        write!(f, "  {}\n  {indent}{mark}\n{}", self.line, self.fault.message)
    }
}

/// The words of a line. Quotes of either kind keep white space, and `"` lets `\` escape; a comment (`!` or `#` as
/// a line's first character) has no words.
pub(crate) fn words(line: &str) -> Vec<Word> {
    if line.trim_start().starts_with(['!', '#']) {
        return Vec::new();
    }
    let mut words = Vec::new();
    let mut word: Option<Word> = None;
    let mut quote: Option<char> = None;
    let mut escaped = false;
    for (at, c) in line.char_indices() {
        let end = at + c.len_utf8();
        if quote.is_none() && c.is_whitespace() {
            words.extend(word.take());
            continue;
        }
        let word = word.get_or_insert(Word {
            text: String::new(),
            span: at..end,
            quoted: false,
            open: false,
        });
        word.span.end = end;
        match quote {
            _ if escaped => {
                escaped = false;
                word.text.push(c);
            }
            Some('"') if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            None if c == '"' || c == '\'' => {
                quote = Some(c);
                word.quoted = true;
            }
            Some(_) | None => word.text.push(c),
        }
    }
    words.extend(word.map(|word| Word { open: quote.is_some(), ..word }));
    words
}

/// A value as a word that [`words`] reads back.
pub(crate) fn quoted(value: &str) -> String {
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"\"'|\\".contains(c);
    if !value.is_empty() && value.chars().all(plain) && !value.starts_with(['!', '#']) {
        return value.to_owned();
    }
    let mut word = String::from("\"");
    for c in value.chars() {
        if c == '"' || c == '\\' {
            word.push('\\');
        }
        word.push(c);
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
        for value in ["", "a b", "a\"b\\c", "#1", "!", "|", "plain", "it's"] {
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
