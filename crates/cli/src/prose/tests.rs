//! Tables of prose at a width.

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
    let message =
        "there are uncommitted changes: `commit` applies them, `discard-changes` discards them\n";
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
        &format!("file: line 2:\n{}", faults("          links-iproute2 link dum0 ab", "ab")),
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
            "a", "bcdefgh ", " ", "  ", "\n", "^", "`", "\"", "='", "! ", "12  ", "名", "\u{fdd0}",
            "…",
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
