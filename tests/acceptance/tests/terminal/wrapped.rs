//! Messages are broken at words, at the width that the terminal has at that moment.

use std::num::NonZero;

use acceptance::{Ability, Daemon, Terminal, built, command, step};
use testkit::netns::isolated;

use crate::person;

const WIDE: NonZero<u16> = NonZero::new(80).unwrap();
const NARROW: NonZero<u16> = NonZero::new(40).unwrap();

const UNCOMMITTED: &str =
    "there are uncommitted changes: `commit` applies them, `discard-changes` discards them";
const LONG: &str = "links-iproute2 link dum0 type iproute2-ip-link:dummy nosuch";

#[test]
fn messages_are_broken_at_words() {
    isolated(|| {
        let daemon = Daemon::start();
        for (columns, answers) in [(NARROW, true), (WIDE, true), (NARROW, false)] {
            step(&format!("{columns} columns, with a line editor: {answers}"));
            let mut ann = person(&daemon, Ability { columns, answers, ..Ability::default() });
            ann.press(b"netnses-iproute2 netns vpn1\rexit\rexit\r");
            ann.see_words(UNCOMMITTED);
            ann.press(b"help\r");
            ann.see_words("until `commit` brings it into effect: whole, or not at all.");
            step("an error of the daemon, with the kernel's words");
            ann.press(b"top\rlinks-iproute2 link far7 netns nosuch\rcommit\r");
            ann.see_words("there is no namespace nosuch: add netns nosuch to netnses");
            ann.press(b"discard-changes\r");
            step("what is marked in a line that does not fit is shown above its mark");
            ann.press(format!("top\r{LONG}\r").as_bytes());
            let shown = ann.see("^^^^^^\n");
            let rows: Vec<&str> = shown.lines().collect();
            let mark = rows.iter().position(|row| row.ends_with('^')).expect("there is a mark");
            let column = rows[mark].find('^').expect("there is a mark");
            let above: String = rows[mark - 1].chars().skip(column).collect();
            assert_eq!(above, "nosuch", "{shown}");
            ann.press(b"\rdiscard-changes\rend\rexit\r");
            assert!(ann.ends(), "{}", ann.transcript());
        }
    });
}

#[test]
fn the_width_may_change() {
    isolated(|| {
        let daemon = Daemon::start();
        let mut ann = person(&daemon, Ability { columns: WIDE, ..Ability::default() });
        ann.press(b"netnses-iproute2 netns vpn1\rtop\rend\r");
        let shown = ann.see_words(UNCOMMITTED);
        assert!(shown.contains("applies them, `discard-changes`\n  discards"), "{shown}");
        ann.resize(NARROW);
        let from = ann.transcript().len();
        ann.press(b"commit\rnetnses-iproute2 netns vpn2\rend\r");
        ann.await_output(
            from,
            "changes: `commit`\r\n  applies them, `discard-changes`\r\n  discards",
        );
    });
}

#[test]
fn notices_are_comments_in_all_of_their_rows() {
    isolated(|| {
        let daemon = Daemon::start();
        for answers in [true, false] {
            let ability = Ability { columns: NARROW, answers, ..Ability::default() };
            let mut ann = person(&daemon, ability);
            let name = if answers { "vpn1" } else { "vpn2" };
            daemon.run(&format!(
                "configure\nnetnses-iproute2 netns {name}\ncommit comment \"for the new customer in {name}\"\n"
            ));
            let shown = ann.see("customer");
            let notice = shown.lines().skip_while(|row| !row.starts_with("! commit "));
            let notice: Vec<&str> = notice.take_while(|row| row.starts_with('!')).collect();
            assert!(notice.len() > 1, "{shown}");
            let whole: String =
                notice.iter().map(|row| row[1..].trim_start().to_owned() + " ").collect();
            let end = format!(": 1 netns added \"for the new customer in {name}\" ");
            assert!(whole.ends_with(&end), "{shown}");
        }
    });
}

#[test]
fn configuration_and_output_for_programs_are_not_broken() {
    isolated(|| {
        let daemon = Daemon::start();
        let words = "the uplink to the other building, over the old fibre, in the cellar";
        step("configuration at a terminal");
        let mut ann = person(&daemon, Ability { columns: NARROW, ..Ability::default() });
        ann.press(format!("links-iproute2 link dum0 description \"{words}\"\rtop\r").as_bytes());
        for form in ["text", "set", "json", "xml"] {
            let from = ann.transcript().len();
            ann.press(format!("show config-candidate | display {form}\r").as_bytes());
            ann.await_output(from, words);
        }
        ann.press(b"discard-changes\r");
        step("a message that is not for a terminal is one line");
        let script = daemon.script("configure\nnetnses-iproute2 netns vpn1\nexit\nexit\n");
        assert!(script.err.contains(UNCOMMITTED), "{}", script.err);
    });
}

#[test]
fn messages_of_a_command_at_a_terminal_are_broken_too() {
    isolated(|| {
        let daemon = Daemon::start();
        // The terminal outlives the program, and shows a prompt after it.
        let mut shell = command("sh");
        shell.args(["-c", "\"$@\"; printf '# '; cat", "sh"]).arg(built("netloom"));
        shell.arg("--socket").arg(daemon.socket());
        shell.args(["-c", "configure", "-c", "netnses-iproute2 netns vpn1", "-c", "exit"]);
        let ability = Ability { columns: NARROW, ..Ability::default() };
        let mut terminal = Terminal::start_at(shell, ability);
        terminal.see_words(&format!("command 3: {UNCOMMITTED}"));
    });
}

#[test]
fn tables_that_do_not_fit_are_shown_as_a_line_for_each_cell() {
    isolated(|| {
        let daemon = Daemon::start();
        for (columns, name) in [(WIDE, "wide0"), (NARROW, "narrow0")] {
            step(&format!("{columns} columns"));
            let mut ann = person(&daemon, Ability { columns, ..Ability::default() });
            let link = format!("links-iproute2 link {name}");
            ann.press(format!("{link} mtu 1400\rtop\r").as_bytes());
            ann.see_words("mtu 1400");
            daemon.run(&format!("configure\n{link} mtu 1300\ncommit\n"));
            ann.see_words(&format!("{name} is held"));
            let shown = ann.line("show conflicts");
            let rows: Vec<&str> = shown.lines().map(str::trim_end).collect();
            let row = |start: &str| rows.iter().position(|row| row.starts_with(start));
            let path = row(&format!("{link} mtu")).expect("the conflict is shown");
            if columns == WIDE {
                let head = row("path").map(|row| rows[row]).expect("there is a headline");
                for (name, cell) in [("yours", "1400"), ("theirs", "1300"), ("by", "#1 root ")] {
                    assert_eq!(head.find(name), rows[path].find(cell), "{shown}");
                }
            } else {
                let cells = ["     was: -", "     yours: 1400", "     theirs: 1300"];
                assert_eq!(rows[path + 1..path + 4], cells, "{shown}");
                assert!(rows[path + 4].starts_with("     by: #2 root "), "{shown}");
            }
            step("who changed a line");
            ann.press(format!("show config-running {link} | blame\r").as_bytes());
            ann.see(match columns == WIDE {
                true => "Z    mtu 1300\n",
                false => "Z\n link narrow0\n  mtu 1300\n",
            });
        }
    });
}
