//! Text of others, made safe to print: what a terminal would act on, or not show, is written as an escape.
//!
//! These are control characters, such as the introducers of escape sequences and line ends, and the invisible characters
//! that change the order of a line. A comment or a description can thus neither forge a line nor change the terminal.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a character is printed as it is.
pub fn is_printable(c: char) -> bool {
    !c.is_control()
        && !matches!(c,
            // The Arabic letter mark, the marks of direction, line and paragraph separators, and what embeds,
            // overrides or isolates a direction (Unicode Standard Annex 9).
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            // The byte order mark, and the tags, of which nothing is to be seen.
            | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// A part of a line.
pub fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, is_printable, |c| format!("\\u{{{:x}}}", u32::from(c)))
}

/// Text of several lines.
pub fn printable_lines(text: &str) -> Cow<'_, str> {
    escaped(text, is_line, |c| format!("\\u{{{:x}}}", u32::from(c)))
}

/// A JSON document, in which the characters can only be within strings.
pub fn printable_json(text: &str) -> Cow<'_, str> {
    escaped(text, is_line, |c| {
        let mut units = [0; 2];
        c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect()
    })
}

/// An XML document, in which the characters can only be within text.
pub fn printable_xml(text: &str) -> Cow<'_, str> {
    escaped(text, is_line, |c| format!("&#x{:x};", u32::from(c)))
}

fn is_line(c: char) -> bool {
    c == '\n' || is_printable(c)
}

fn escaped(
    text: &str,
    is_plain: impl Fn(char) -> bool,
    escape: impl Fn(char) -> String,
) -> Cow<'_, str> {
    // Most text consists of such bytes. Looking at bytes is much faster than looking at characters.
    let has_lines = is_plain('\n');
    let is_usual = |byte: u8| matches!(byte, b' '..=b'~') || has_lines && byte == b'\n';
    let unusual = text.bytes().position(|byte| !is_usual(byte)).unwrap_or(text.len());
    if text[unusual..].chars().all(&is_plain) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match is_plain(c) {
            true => escaped.push(c),
            // To write to a string does not fail.
            false => _ = escaped.write_str(&escape(c)),
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_acts_on_is_escaped() {
        assert_eq!(printable("up\u{e4}, \u{1f980} | \"x\""), "up\u{e4}, \u{1f980} | \"x\"");
        assert_eq!(printable("a\nb\u{9b}31m\u{7f}\t"), "a\\u{a}b\\u{9b}31m\\u{7f}\\u{9}");
        assert_eq!(printable("\u{202e}x\u{2028}"), "\\u{202e}x\\u{2028}");
        assert_eq!(printable_lines("a\n\u{1b}c\r"), "a\n\\u{1b}c\\u{d}");
        assert_eq!(printable_json("{\n\"\u{9b}\u{e0001}\"}"), "{\n\"\\u009b\\udb40\\udc01\"}");
        assert_eq!(printable_xml("<a>\u{9b}</a>\n"), "<a>&#x9b;</a>\n");
    }
}
