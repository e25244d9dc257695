//! Messages at a terminal: lines that are broken at words, with the rest of a message indented below its beginning.
//!
//! What a user copies is not broken: a command or a value in quotes, a path, the cells of a table. It begins a new row if it
//! does not fit into the current one. Only text that is longer than a row is left to the terminal, which breaks it anywhere.

use std::iter::repeat_n;

use unicode_width::UnicodeWidthStr;

/// Text is broken only if it has this much room.
const NARROW: usize = 20;
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

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(text: &str, columns: usize, expect: Expect) {
        let shown = wrapped(text, Some(columns));
        expect.assert_eq(&shown);
        let joined = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        if !text.contains('^') && !text.contains("! ") {
            assert_eq!(joined(&shown), joined(&wrapped(text, None)), "only white space differs");
        }
    }

    #[test]
    fn messages_are_broken_at_words() {
        let message = "there are uncommitted changes: `commit` applies them, `discard-changes` discards them\n";
        check(
            message,
            40,
            expect![[r#"
            there are uncommitted changes: `commit`
              applies them, `discard-changes`
              discards them
        "#]],
        );
        check(
            message,
            80,
            expect![[r#"
            there are uncommitted changes: `commit` applies them, `discard-changes`
              discards them
        "#]],
        );
        check(
            message,
            200,
            expect![[r#"
            there are uncommitted changes: `commit` applies them, `discard-changes` discards them
        "#]],
        );
        check(
            message,
            15,
            expect![[r#"
            there are uncommitted changes: `commit` applies them, `discard-changes` discards them
        "#]],
        );
        check(
            "no line end: ärgerlich, ärgerlich, ärgerlich",
            24,
            expect![[r#"
            no line end: ärgerlich,
              ärgerlich, ärgerlich"#]],
        );
        check(
            "commit 1: 名前が長い 名前が長い 名前が長い 名前が長い\n",
            24,
            expect![[r#"
            commit 1: 名前が長い
              名前が長い 名前が長い
              名前が長い
        "#]],
        );
    }

    #[test]
    fn the_rest_of_a_message_is_below_its_text() {
        check(
            "first\n     second, with an indentation of its own\n\nthird\n",
            30,
            expect![[r#"
            first
                 second, with an
                   indentation of its own

            third
        "#]],
        );
        check(
            "show history\n  0  #12  2026-01-02T03:04:05+01:00  ann (local) \"moves the uplink to the other switch\"\n     1 link changed, 2 addresses added\n",
            40,
            expect![[r#"
                show history
                  0  #12  2026-01-02T03:04:05+01:00
                       ann (local) "moves the uplink to
                       the other switch"
                     1 link changed, 2 addresses added
            "#]],
        );
        check(
            "! commit 7 by ann (session 4): 1 link changed\n",
            30,
            expect![[r#"
            ! commit 7 by ann (session
            !   4): 1 link changed
        "#]],
        );
        check(
            "link dum7\n   ! held: the link dum7 is not there\n",
            30,
            expect![[r#"
                link dum7
                   ! held: the link dum7 is
                   !   not there
            "#]],
        );
    }

    #[test]
    fn what_is_copied_is_not_broken() {
        check(
            "use the command `show config-running | display json` here\n",
            40,
            expect![[r#"
            use the command
              `show config-running | display json`
              here
        "#]],
        );
        check(
            "the value \"a b c\" is not one of \"d e f\" (\"g h\")\n",
            24,
            expect![[r#"
            the value "a b c" is
              not one of "d e f"
              ("g h")
        "#]],
        );
        check(
            "/x:links/link[name='a b c']/mtu: is not there\n",
            30,
            expect![[r#"
                /x:links/link[name='a b c']/mtu:
                  is not there
            "#]],
        );
        check(
            "it's the host's own link, isn't it\n",
            24,
            expect![[r#"
            it's the host's own
              link, isn't it
        "#]],
        );
        let path = unbroken("links-iproute2 link dum0 ip 10.0.0.1/24");
        check(
            &format!("held: {path}: the link is down\n"),
            45,
            expect![[r#"
            held:
              links-iproute2 link dum0 ip 10.0.0.1/24:
              the link is down
        "#]],
        );
        check(
            &format!("held: {path}: the link is down\n"),
            30,
            expect![[r#"
            held:
              links-iproute2 link dum0 ip 10.0.0.1/24:
              the link is down
        "#]],
        );
        expect!["held: links-iproute2 link dum0 ip 10.0.0.1/24\n"]
            .assert_eq(&wrapped(&format!("held: {path}\n"), None));
        check(
            &format!("{}.\n", "0123456789".repeat(5)),
            30,
            expect![[r#"
            01234567890123456789012345678901234567890123456789.
        "#]],
        );
    }

    #[test]
    fn cells_of_a_table_are_not_broken() {
        let table = "path                     was   yours  theirs  by\n\
                     links-iproute2 link a    1500  1400   1300    #3 ann 2026-01-02T03:04:05Z\n";
        check(
            table,
            40,
            expect![[r#"
            path                     was   yours
              theirs  by
            links-iproute2 link a    1500  1400
              1300    #3 ann 2026-01-02T03:04:05Z
        "#]],
        );
        check(
            table,
            60,
            expect![[r#"
            path                     was   yours  theirs  by
            links-iproute2 link a    1500  1400   1300
              #3 ann 2026-01-02T03:04:05Z
        "#]],
        );
        check(
            table,
            80,
            expect![[r#"
            path                     was   yours  theirs  by
            links-iproute2 link a    1500  1400   1300    #3 ann 2026-01-02T03:04:05Z
        "#]],
        );
    }

    #[test]
    fn a_mark_stays_below_what_it_marks() {
        let faults = |line: &str, word: &str| {
            let at = line.find(word).expect("the word is there");
            let space = " ".repeat(width(&line[..at]));
            format!("  {line}\n  {space}{}\nit is not known\n", "^".repeat(width(word)))
        };
        let line = "links-iproute2 link dum0 address-family inet6 mtu 1400";
        check(
            &faults(line, "links"),
            30,
            expect![[r#"
              links-iproute2 link dum0 a…
              ^^^^^
            it is not known
        "#]],
        );
        check(
            &faults(line, "address"),
            30,
            expect![[r#"
              …proute2 link dum0 address…
                                 ^^^^^^^
            it is not known
        "#]],
        );
        check(
            &faults(line, "1400"),
            30,
            expect![[r#"
              …ess-family inet6 mtu 1400
                                    ^^^^
            it is not known
        "#]],
        );
        check(
            &faults(line, "dum0 address-family inet6 mtu"),
            30,
            expect![[r#"
              …dum0 address-family inet6…
               ^^^^^^^^^^^^^^^^^^^^^^^^^
            it is not known
        "#]],
        );
        check(
            &faults("名前が長い名前が長い名前が長い 違う 長い", "違う"),
            24,
            expect![[r#"
              …長い名前が長い 違う…
                              ^^^^
            it is not known
        "#]],
        );
        check(
            &faults(line, "1400"),
            80,
            expect![[r#"
              links-iproute2 link dum0 address-family inet6 mtu 1400
                                                                ^^^^
            it is not known
        "#]],
        );
        check(
            &format!("file: line 2: \n{}", faults("          links-iproute2 link dum0 ab", "ab")),
            24,
            expect![[r#"
                file: line 2: 
                  …route2 link dum0 ab
                                    ^^
                it is not known
            "#]],
        );
    }

    #[test]
    fn any_text_can_be_wrapped() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..20_000 {
            let parts = [
                "a", "bcdefgh ", " ", "  ", "\n", "^", "`", "\"", "='", "! ", "12  ", "名",
                "\u{fdd0}", "…",
            ];
            let text: String =
                (0..random.usize(0..30)).map(|_| parts[random.usize(0..parts.len())]).collect();
            let columns = random.usize(0..40);
            let shown = wrapped(&text, Some(columns));
            let words = |text: &str| text.replace([' ', '\n', '!', '^', '…', JOIN], "");
            if !text.contains('^') {
                assert_eq!(words(&shown), words(&text), "{text:?} at {columns}");
            }
        }
    }
}
