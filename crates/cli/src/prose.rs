//! Messages at a terminal: lines that are broken at words, with the rest of a message indented below its beginning.
//!
//! What a user copies is not broken: a command or a value in quotes, a path, the cells of a table. It begins a new row if it
//! does not fit into the current one. Only text that is longer than a row is left to the terminal, which breaks it anywhere.

#[cfg(test)]
mod tests;

use std::iter::repeat_n;

use unicode_width::UnicodeWidthStr;

/// Text is broken only if it has this much room.
pub(crate) const NARROW: usize = 20;
/// How far the rest of a message is indented.
const REST: usize = 2;
/// A space at which a line is not broken. The character is none of Unicode's and of YANG's (RFC 7950 section 14).
const JOIN: char = '\u{fdd0}';

/// Text that stays on one row if it fits, such as a path in the syntax of the command line.
pub(crate) fn unbroken(text: &str) -> String {
    text.replace(' ', JOIN.encode_utf8(&mut [0; 4]))
}

/// How many columns of a terminal a text takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// Messages, one on each line, for a terminal with so many columns. Without a terminal the lines stay whole.
pub(crate) fn wrapped(text: &str, columns: Option<usize>) -> String {
    let mut out = String::with_capacity(text.len());
    // Some terminals begin a new row after the last column.
    let room = columns.map(|columns| columns.saturating_sub(1)).filter(|room| *room >= NARROW);
    let mut lines = text.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        let (content, end) = line.strip_suffix('\n').map_or((line, ""), |content| (content, "\n"));
        match room {
            Some(room) if width(content) > room => match lines.next_if(|next| is_mark(next)) {
                Some(mark) => out += &excerpt(content, mark, room),
                None => out += &(broken(content, room) + end),
            },
            Some(_) | None => out += line,
        }
    }
    match out.contains(JOIN) {
        true => out.replace(JOIN, " "),
        false => out,
    }
}

/// Words in rows, of which each has this much room.
pub(crate) fn filled(text: &str, room: usize) -> Vec<String> {
    let mut rows = Rows { rows: vec![String::new()], start: 0, indent: String::new(), room };
    words(text, room).into_iter().for_each(|word| rows.push(" ", word));
    rows.rows
}

/// A line in rows.
fn broken(line: &str, room: usize) -> String {
    let (head, text, indent) = parts(line);
    let room = if room.saturating_sub(indent.len()) >= NARROW { room } else { usize::MAX };
    let mut rows = Rows { rows: vec![head.to_owned()], start: head.len(), indent, room };
    let own = room.saturating_sub(rows.indent.len());
    let mut rest = text;
    // Cells of a table are separated by at least two spaces, and text is not.
    let has_cells = text.contains("  ");
    let mut gap = "";
    while !rest.is_empty() {
        let end = if has_cells { rest.find("  ").unwrap_or(rest.len()) } else { rest.len() };
        let (cell, after) = rest.split_at(end);
        match has_cells && width(cell) <= own {
            true => rows.push(gap, cell),
            false => {
                for word in words(cell, own) {
                    rows.push(gap, word);
                    gap = " ";
                }
            }
        }
        rest = after.trim_start_matches(' ');
        gap = &after[..after.len() - rest.len()];
    }
    rows.rows.join("\n")
}

/// The indentation or the number at the start of a line, the text after it, and how its other rows begin.
fn parts(line: &str) -> (&str, &str, String) {
    let text = line.trim_start_matches(' ');
    // A notice is a comment, and so are all of its rows.
    if let Some(notice) = text.strip_prefix("! ") {
        let head = &line[..line.len() - notice.len()];
        return (head, notice, head.to_owned() + "  ");
    }
    let number = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let text = match number.strip_prefix("  ") {
        Some(after) if number.len() < text.len() => after.trim_start_matches(' '),
        Some(_) | None => text,
    };
    let head = &line[..line.len() - text.len()];
    (head, text, " ".repeat(head.len() + REST))
}

struct Rows {
    rows: Vec<String>,
    /// The length of the current row without text.
    start: usize,
    /// How the other rows begin.
    indent: String,
    room: usize,
}

impl Rows {
    /// Adds what is not broken, after a gap if it is in the same row.
    fn push(&mut self, gap: &str, part: &str) {
        let Some(row) = self.rows.last_mut() else { return };
        if row.len() == self.start {
            row.push_str(part);
        } else if width(row).saturating_add(gap.len() + width(part)) <= self.room {
            row.push_str(gap);
            row.push_str(part);
        } else {
            row.truncate(row.trim_end().len());
            self.start = self.indent.len();
            self.rows.push(self.indent.clone() + part);
        }
    }
}

/// The parts of a text between which it may be broken: words, commands, paths, and what is in quotes. Only quotes that do not
/// fit into the room are broken: these are comments.
fn words(text: &str, room: usize) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text.trim_ascii_start();
    while !rest.is_empty() {
        let whole = word_end(rest, true);
        let end = if width(&rest[..whole]) <= room { whole } else { word_end(rest, false) };
        words.push(&rest[..end]);
        rest = rest[end..].trim_ascii_start();
    }
    words
}

/// The end of the word at the start of a text. A command and a key of a path contain spaces, and so do quotes, if
/// they count.
fn word_end(text: &str, quotes: bool) -> usize {
    let mut end = 0;
    while let Some(c) = text[end..].chars().next().filter(|c| *c != ' ') {
        let before = &text[..end];
        // An apostrophe is a quote only after the `=` of a path.
        let opens = match c {
            '`' => true,
            '"' if quotes => before.is_empty() || before.ends_with(['(', '[', '=', ':']),
            '\'' => before.ends_with('='),
            _ => false,
        };
        let inside = &text[end + c.len_utf8()..];
        end += c.len_utf8();
        if opens && let Some(length) = inside.find(c) {
            end += length + c.len_utf8();
        }
    }
    end
}

/// Whether a line marks a part of the line above it.
fn is_mark(line: &str) -> bool {
    let line = line.trim_end_matches('\n');
    line.ends_with('^') && line.trim_start_matches(' ').bytes().all(|byte| byte == b'^')
}

/// The part of a line around its mark, and the mark below it.
fn excerpt(line: &str, mark: &str, room: usize) -> String {
    let mark = mark.trim_end();
    let text = line.trim_start_matches(' ');
    let length = mark.trim_start_matches(' ').len();
    // In columns, so that the mark is below what it marks.
    let start = (mark.len() - length).saturating_sub(line.len() - text.len());
    let room = room - REST;
    // The part must have room for the mark, and for an ellipsis on both sides.
    let end = start + length.min(room.saturating_sub(2));
    let dropped = if end < room { 0 } else { end + 2 - room };
    let (mut shown, mut column) = (String::new(), 0);
    let mut left = room;
    if dropped > 0 {
        shown.push('…');
        left -= 1;
    }
    for (at, c) in text.char_indices() {
        let own = width(&text[at..at + c.len_utf8()]);
        let here = column;
        column += own;
        if here < dropped {
            // A wide character is dropped as a whole, so that nothing moves to the left.
            let over = column.saturating_sub(dropped);
            shown.extend(repeat_n(' ', over));
            left -= over;
            continue;
        }
        let is_last = at + c.len_utf8() == text.len();
        if own + usize::from(!is_last) > left {
            shown.push('…');
            break;
        }
        shown.push(c);
        left -= own;
    }
    let before = start - dropped + usize::from(dropped > 0);
    let space = " ".repeat(REST);
    format!("{space}{shown}\n{space}{}{}\n", " ".repeat(before), "^".repeat(end - start))
}
