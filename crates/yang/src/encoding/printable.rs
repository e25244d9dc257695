//! Text of others, made safe to print: what a terminal would act on, or not show, is written as an escape.
//!
//! These are control characters, such as the introducers of escape sequences and line ends, and the invisible characters
//! that change the order of a line. A comment or a description can thus neither forge a line nor change the terminal.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::str;

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

/// Writes a document that comes in pieces with the escapes of [`printable_json`] or [`printable_xml`]. A piece may end
/// within a character.
pub struct PrintableWriter<W> {
    to: W,
    escape: fn(&str) -> Cow<'_, str>,
    /// The beginning of a character.
    begun: Vec<u8>,
}

impl<W: Write> PrintableWriter<W> {
    /// Writes JSON to `to`.
    pub fn json(to: W) -> Self {
        Self { to, escape: printable_json, begun: Vec::new() }
    }

    /// Writes XML to `to`.
    pub fn xml(to: W) -> Self {
        Self { to, escape: printable_xml, begun: Vec::new() }
    }
}

impl<W: Write> Write for PrintableWriter<W> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let joined = match self.begun.is_empty() {
            true => Cow::Borrowed(piece),
            false => Cow::Owned([&self.begun, piece].concat()),
        };
        let (text, begun) = match str::from_utf8(&joined) {
            Ok(text) => (text, &[][..]),
            Err(error) if error.error_len().is_none() => {
                let (whole, begun) = joined.split_at(error.valid_up_to());
                (str::from_utf8(whole).map_err(io::Error::other)?, begun)
            }
            Err(error) => return Err(io::Error::other(error)),
        };
        self.to.write_all((self.escape)(text).as_bytes())?;
        self.begun = begun.to_vec();
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

fn is_line(c: char) -> bool {
    c == '\n' || is_printable(c)
}

/// How many bytes are looked at together.
const AT_ONCE: usize = 256;

fn escaped(
    text: &str,
    is_plain: impl Fn(char) -> bool,
    escape: impl Fn(char) -> String,
) -> Cow<'_, str> {
    // Most text consists of such bytes. Looking at bytes is much faster than looking at characters.
    let has_lines = is_plain('\n');
    let is_usual = |byte: &u8| matches!(byte, b' '..=b'~') | (has_lines & (*byte == b'\n'));
    // Without an exit from the inner loop, a processor looks at many bytes at once.
    let are_usual = |bytes: &&[u8]| bytes.iter().fold(true, |all, byte| all & is_usual(byte));
    let usual = text.as_bytes().chunks(AT_ONCE).take_while(are_usual).count() * AT_ONCE;
    let rest = text.as_bytes().get(usual..).unwrap_or_default();
    let unusual = rest.iter().position(|byte| !is_usual(byte)).map_or(text.len(), |at| usual + at);
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
    #[test]
    fn documents_are_escaped_in_pieces() {
        let text = "{\"a\": \"\u{e4}\u{9b}\u{1f980}\u{e0001}\"}\n".repeat(20);
        for size in 1..=text.len() {
            let (mut json, mut xml) = (Vec::new(), Vec::new());
            let mut to_json = PrintableWriter::json(&mut json);
            let mut to_xml = PrintableWriter::xml(&mut xml);
            for piece in text.as_bytes().chunks(size) {
                to_json.write_all(piece).unwrap();
                to_xml.write_all(piece).unwrap();
            }
            assert_eq!(str::from_utf8(&json), Ok(&*printable_json(&text)), "{size}");
            assert_eq!(str::from_utf8(&xml), Ok(&*printable_xml(&text)), "{size}");
        }
        let wrong = PrintableWriter::json(Vec::new()).write_all(b"\xff");
        assert!(wrong.is_err());
    }

    #[test]
    fn an_unusual_character_is_found_at_any_place() {
        for length in [0, 1, AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, 3 * AT_ONCE] {
            let before = "x".repeat(length);
            let text = format!("{before}\u{7f}");
            assert_eq!(printable(&text), format!("{before}\\u{{7f}}"));
            assert_eq!(printable(&before), before);
        }
    }
}
