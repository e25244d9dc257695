//! What `?` shows.

use crate::grammar::cursor::Candidates;
use crate::grammar::words::words;
use crate::prose::{self, NARROW};

/// How many candidates are shown where there are no pages.
const UNPAGED: usize = 100;

/// Whether `?` after `before` is an ordinary character: in a comment, and within quotes.
pub(crate) fn is_literal(before: &str) -> bool {
    before.trim_start().starts_with(['!', '#'])
        || words(before).last().is_some_and(|word| word.open)
}

/// The candidates with their descriptions, wrapped at words. Without pages there are not more than a hundred.
pub(crate) fn table(candidates: &Candidates, columns: usize, paged: bool) -> String {
    let shown = if paged { usize::MAX } else { UNPAGED };
    let list = &candidates.list[..candidates.list.len().min(shown)];
    let names = list.iter().map(|one| prose::width(&one.text)).max().unwrap_or_default();
    let mut text: String =
        list.iter().map(|one| row(&one.text, &one.help(), names, columns)).collect();
    let more = candidates.list.len() - list.len();
    if more > 0 {
        text += &format!("  … and {more} more: type the beginning of one\n");
    }
    text
}

/// One candidate. Its description continues below where it begins.
fn row(name: &str, help: &str, names: usize, columns: usize) -> String {
    // Some terminals begin a new row after the last column.
    let room = columns.saturating_sub(names + 5);
    let room = if room < NARROW { usize::MAX } else { room };
    let mut name = name;
    let mut text = String::new();
    for line in prose::filled(help, room) {
        let space = " ".repeat(names.saturating_sub(prose::width(name)));
        let row = format!("  {name}{space}  {line}");
        text.push_str(row.trim_end());
        text.push('\n');
        name = "";
    }
    text
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::grammar::cursor::Candidate;

    #[test]
    fn help_is_wrapped_at_words() {
        let list = vec![
            Candidate::word("mtu", "The largest packet that the link takes, in bytes"),
            Candidate::word("admin-status", "Whether the link is up"),
            Candidate::end(),
        ];
        let candidates = Candidates { span: 0..0, list };
        let shown = |columns| format!("?\n{}", table(&candidates, columns, true));
        expect![[r#"
            ?
              mtu           The largest packet that
                            the link takes, in bytes
              admin-status  Whether the link is up
              <cr>
        "#]]
        .assert_eq(&shown(42));
        expect![[r#"
            ?
              mtu           The largest packet that the link takes, in bytes
              admin-status  Whether the link is up
              <cr>
        "#]]
        .assert_eq(&shown(30));
    }

    #[test]
    fn without_pages_help_is_bounded() {
        let list = (0..20_000).map(|n| Candidate::word(format!("10.0.{n}/32"), "")).collect();
        let candidates = Candidates { span: 0..0, list };
        let shown = table(&candidates, 80, false);
        assert_eq!(shown.lines().count(), UNPAGED + 1);
        assert!(shown.ends_with("  … and 19900 more: type the beginning of one\n"), "{shown}");
        assert_eq!(table(&candidates, 80, true).lines().count(), 20_000);
    }

    #[test]
    fn a_question_mark_is_a_character_in_comments_and_quotes() {
        for literal in ["! my config", "  # is it", "!", "commit comment \"why", "description 'a b"]
        {
            assert!(is_literal(literal), "{literal}");
        }
        for help in ["", "links-iproute2 link ", "commit comment \"why\" ", "commit comment a!"] {
            assert!(!is_literal(help), "{help}");
        }
    }
}
