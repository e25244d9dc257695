//! Pastes arrive whole, whatever the sizes of the pieces, and stop at their first error.

use std::fmt::Write;
use std::fs;
use std::time::Instant;

use acceptance::{Ability, Daemon, random, step};
use testkit::netns::isolated;

use crate::{ROWS, person};

const SEED: u64 = 20_261_123;

#[test]
fn a_paste_gives_the_candidate_that_a_script_gives() {
    isolated(|| {
        let daemon = Daemon::start();
        let mut random = fastrand::Rng::with_seed(SEED);
        step(&format!("seed {SEED}"));
        // Brackets, about one and a half times the number of lines, and the largest piece.
        let cases = [(true, 7500, 4000), (true, 1000, 9), (false, 300, 3), (false, 1500, 4000)];
        for (bracketed, lines, largest) in cases {
            let start = Instant::now();
            let text = anything(&daemon, &mut random, lines / 10)
                + &configuration(&mut random, lines * 6 / 10);
            let lines = text.lines().count();
            let [scripted, pasted] =
                ["scripted.json", "pasted.json"].map(|name| daemon.folder().join(name));
            let script =
                daemon.script(&format!("configure\n{text}save {}\nquit\n", scripted.display()));
            assert!(scripted.is_file(), "{}", script.err);
            let mut ann = person(&daemon, Ability { rows: ROWS, ..Ability::default() });
            let text = format!("{text}save {}\nshow history | count\n", pasted.display());
            let mut size = || random.usize(1..=largest);
            let from = ann.transcript().len();
            if bracketed {
                ann.paste(&text, size);
            } else {
                let mut rest = text.as_bytes();
                while !rest.is_empty() {
                    let (piece, after) = rest.split_at(size().min(rest.len()));
                    ann.press(piece);
                    rest = after;
                }
            }
            ann.await_output(from, "\n0 lines");
            let [scripted, pasted] = [scripted, pasted].map(|file| {
                let text = fs::read_to_string(&file).expect("a candidate is saved");
                fs::remove_file(&file).expect("remove the file");
                text
            });
            assert_eq!(scripted, pasted);
            println!("- {lines} lines, bracketed: {bracketed}: {:?}", start.elapsed());
        }
    });
}

#[test]
fn a_paste_stops_at_its_first_error() {
    isolated(|| {
        let daemon = Daemon::start();
        let mut ann = person(&daemon, Ability::default());
        step("the third line is wrong, and the commit after it is not made");
        let text = "netnses-iproute2 netns vpn1\ntop\nnetnses-iproute2 nosuch vpn2\ntop\ncommit\n";
        ann.paste(text, || 7);
        let shown =
            ann.see("the paste stops at line 3 of 5: 2 lines were not run, from line 4 on: top");
        println!("{shown}");
        ann.await_in_prompt(|prompt| {
            prompt.ends_with("(config-[name='vpn1'])#") || prompt.ends_with("#")
        });
        let history = ann.line("show history");
        assert!(!history.contains("vpn1"), "{history}");
        assert_eq!(history.lines().count(), 1, "{history}");
        step("so does one whose error comes from the daemon");
        ann.line("top");
        ann.paste("links-iproute2 link far7 netns nosuch\ntop\ncommit\nshow history\n", || 4096);
        ann.see("the paste stops at line 3 of 4: 1 line was not run, from line 4 on: show history");
    });
}

#[test]
fn a_paste_without_brackets_stops_at_its_first_error_too() {
    isolated(|| {
        let daemon = Daemon::start();
        for (term, answers) in [("xterm", true), ("vt100", false), ("dumb", false)] {
            for piece in [1, 7, 4096] {
                step(&format!("{term}, in pieces of {piece} bytes"));
                let ability = Ability { term: Some(term), answers, ..Ability::default() };
                let mut ann = person(&daemon, ability);
                let text =
                    "netnses-iproute2 netns vpn1\ntop\nnetnses-iproute2 nosuch vpn2\ntop\ncommit\n";
                let from = ann.transcript().len();
                text.as_bytes().chunks(piece).for_each(|piece| ann.press(piece));
                ann.await_output(from, "the paste stops here: 2 lines were not run, from: top\r\n");
                ann.await_in_prompt(|prompt| prompt.ends_with("(config)#"));
                step("what is typed after that is run");
                ann.press(b"show history | count\r");
                ann.await_output(from, "\n0 lines");
            }
        }
        step("so does one whose error comes from the daemon");
        let mut ann = person(&daemon, Ability::default());
        let from = ann.transcript().len();
        ann.press(b"links-iproute2 link far7 netns nosuch\rcommit\rdiscard-changes\rexit\r");
        ann.await_output(
            from,
            "the paste stops here: 2 lines were not run, from: discard-changes\r\n",
        );
        ann.line("show config-candidate | count");
    });
}

#[test]
fn ctrl_c_stops_a_paste() {
    isolated(|| {
        let daemon = Daemon::start();
        let mut ann = person(&daemon, Ability { rows: ROWS, ..Ability::default() });
        let mut text = "netnses-iproute2\n".to_owned();
        for number in 0..5000 {
            let _ = writeln!(text, "netns vpn{number}\n");
        }
        ann.paste(&text, || 4096);
        ann.await_output(0, "netns vpn10\r\n");
        ann.press(b"\x03");
        ann.await_output(0, "the paste stops at line ");
    });
}

#[test]
fn a_paste_goes_on_with_the_line_that_it_is_in() {
    isolated(|| {
        let daemon = Daemon::start();
        let mut ann = person(&daemon, Ability::default());
        step("a part of a line is inserted where the cursor is");
        ann.keys("netnses-iproute2 ");
        ann.paste("netns vp", || 3);
        ann.line("n1");
        step("whole lines run, and the last one waits to be finished");
        ann.keys("netnses-iproute2 netns ");
        ann.await_in_prompt(|prompt| prompt.ends_with("netns"));
        ann.paste("vpn2\ntop\nnetnses-iproute2 netns", || 3);
        ann.await_in_prompt(|prompt| prompt.ends_with("(config)# netnses-iproute2 netns"));
        ann.line(" vpn3");
        let told = ann.line("commit");
        assert!(told.contains("3 netns added"), "{told}");
        step("the history has what was pasted");
        ann.keys("\x1b[A\x1b[A\x1b[A");
        ann.await_in_prompt(|prompt| prompt.ends_with("(config)# top"));
    });
}

#[test]
fn what_is_typed_while_a_command_runs_is_not_lost() {
    isolated(|| {
        let daemon = Daemon::start();
        let mut ann = person(&daemon, Ability { rows: ROWS, ..Ability::default() });
        step("long output is not shown in pages then, since the keys are not for the pager");
        let mut keys = String::new();
        for number in 0..60 {
            let _ = write!(keys, "netnses-iproute2 netns vpn{number}\rshow\rtop\rshow\r? q\x15");
        }
        ann.press(keys.as_bytes());
        ann.press(b"commit\r");
        ann.await_output(0, "commit 1: 60 netns added");
        assert!(!ann.transcript().contains("--More--"));
    });
}

/// A configuration with any nodes and values, as `show` prints it.
fn anything(daemon: &Daemon, random: &mut fastrand::Rng, leaves: usize) -> String {
    let file = daemon.folder().join("anything.json");
    fs::write(&file, random::configuration(random, leaves).to_json(false)).expect("write the file");
    let shown =
        daemon.run(&format!("configure\nload replace {}\nshow\ndiscard-changes\n", file.display()));
    shown + "top\n"
}

/// Lines that configure dummies with addresses and routes, with comments and quoted values.
fn configuration(random: &mut fastrand::Rng, lines: usize) -> String {
    let mut text = String::new();
    let mut count = 0;
    while count < lines {
        let n = random.u32(0..4000);
        let (a, b) = (n / 250, n % 250);
        let entry = match random.u8(0..5) {
            0 => format!("links-iproute2\nlink dum{n}\ntype dummy\nmtu {}\ntop\n", 1280 + n),
            1 => format!("links-iproute2 link dum{n} ip 10.{a}.{b}.1/24\ntop\n"),
            2 => format!("routes-iproute2 route 10.{a}.{b}.0/24\ntype blackhole\ntop\n"),
            3 => format!("netnses-iproute2 netns vpn{n}\ntop\n! is it {n}? yes, 'it is\n\n"),
            _ => format!("links-iproute2 link \"dum{n}\" mtu {}\ntop\n# 'no\n", 1300 + a),
        };
        count += entry.lines().count();
        text += &entry;
    }
    text
}
