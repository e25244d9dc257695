//! Pasted lines, which run one after the other up to the first error.

use yang::printable;

use crate::prose::unbroken;

/// A paste, with what was typed before it.
pub(crate) struct Paste {
    text: String,
    /// How many whole lines there are.
    lines: usize,
}

impl Paste {
    /// `typed` is the line before the place of the paste, `after` the line after it.
    pub(crate) fn new(typed: &str, pasted: &str, after: &str) -> Self {
        let text = format!("{typed}{pasted}{after}");
        let lines = text.matches('\n').count();
        Self { text, lines }
    }

    /// The whole lines, with their numbers.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.split('\n')).take(self.lines)
    }

    /// What comes after the last line, and is to be edited.
    pub(crate) fn unfinished(&self) -> String {
        let last = self.text.rsplit('\n').next().unwrap_or_default();
        last.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
    }

    /// Says what was not run.
    pub(crate) fn stopped(&self, at: usize) -> String {
        let unfinished = usize::from(!self.unfinished().trim().is_empty());
        let left = were(self.lines - at + unfinished);
        let mut rest = (1..).zip(self.text.split('\n')).skip(at);
        let next = rest.find(|(_, line)| !line.trim().is_empty());
        match next {
            None => String::new(),
            Some((number, next)) => format!(
                "the paste stops at line {at} of {}: {left} not run, from line {number} on: {}\n",
                self.lines + unfinished,
                unbroken(&printable(next.trim())),
            ),
        }
    }
}

/// Says what was not run of a paste without brackets. Nothing if there was none.
pub(crate) fn dropped(text: &str) -> String {
    match text.split('\n').find(|line| !line.trim().is_empty()) {
        None => String::new(),
        Some(next) => format!(
            "the paste stops here: {} not run, from: {}\n",
            were(text.lines().count()),
            unbroken(&printable(next.trim()))
        ),
    }
}

fn were(lines: usize) -> String {
    format!("{lines} {}", if lines == 1 { "line was" } else { "lines were" })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::prose::wrapped;

    #[test]
    fn a_paste_goes_on_where_the_line_was() {
        let paste = Paste::new("li", "nk a\n mtu 1400\nto\x01", "p");
        let lines: Vec<_> = paste.lines().collect();
        assert_eq!(lines, [(1, "link a"), (2, " mtu 1400")]);
        assert_eq!(paste.unfinished(), "to p");
    }

    #[test]
    fn a_paste_says_what_was_not_run() {
        let paste = Paste::new("", "a\nb\n\n  c\nd\n", "");
        expect!["the paste stops at line 2 of 5: 3 lines were not run, from line 4 on: c\n"]
            .assert_eq(&wrapped(&paste.stopped(2), None));
        expect!["the paste stops at line 4 of 5: 1 line was not run, from line 5 on: d\n"]
            .assert_eq(&wrapped(&paste.stopped(4), None));
        expect![""].assert_eq(&paste.stopped(5));
        expect!["the paste stops here: 2 lines were not run, from: a\\u{1b}[A\n"]
            .assert_eq(&dropped("\na\x1b[A\n"));
        expect!["the paste stops here: 1 line was not run, from: b\n"].assert_eq(&dropped("b"));
        expect![""].assert_eq(&dropped(" \n"));
        expect!["the paste stops at line 1 of 2: 1 line was not run, from line 2 on: b\n"]
            .assert_eq(&Paste::new("", "a\nb", "").stopped(1));
    }
}
