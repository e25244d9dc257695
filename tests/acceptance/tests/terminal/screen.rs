//! What a person sees in tmux: a real terminal emulator of 80 columns and 30 rows.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use acceptance::{Daemon, built, command, step};
use testkit::netns::isolated;

const DEADLINE: Duration = Duration::from_secs(60);

#[test]
fn a_paste_in_tmux_gives_what_was_pasted() {
    isolated(|| {
        let daemon = Daemon::start();
        let mut tmux = Tmux::start(&daemon);
        tmux.line("configure", "(config)#");
        step("302 lines, with tmux's own bracketed paste and without");
        for (brackets, first) in [(true, 0), (false, 60)] {
            let mut text = String::from("links-iproute2\n");
            for number in first..first + 60 {
                text += &format!(
                    "link v{number}\ntype iproute2-ip-link:veth\nvirtual_peer_name w{number}\nmtu 1400\nup\n"
                );
            }
            text += "top\n";
            tmux.paste(&text, brackets);
            tmux.line("show config-candidate | match virtual_peer | count", "lines");
            tmux.see(&format!("\n{} lines\n", first + 60));
            tmux.clear();
        }
        assert!(!tmux.history().contains(";1R"), "{}", tmux.history());
    });
}

#[test]
fn output_fits_the_screen_of_tmux() {
    isolated(|| {
        let daemon = Daemon::start();
        let mut script = "configure\nnetnses-iproute2\n".to_owned();
        (0..100).for_each(|number| script += &format!("netns vpn{number}\n"));
        daemon.run(&(script + "commit\n"));
        let mut tmux = Tmux::start(&daemon);
        step("a page, the next line, and the next page");
        tmux.keys(&["show config-running", "Enter"]);
        let page = tmux.see("--More--");
        assert!(page.contains(" netns vpn0\n") && !page.contains("vpn99"), "{page}");
        assert_eq!(page.trim_end().lines().count(), ROWS, "{page}");
        tmux.keys(&["q"]);
        tmux.see_prompt(">");
        step("the output begins below the line that was typed, and the prompt follows it");
        tmux.clear();
        tmux.line("show config-running | count", "lines");
        let shown = tmux.see_prompt(">");
        let lines: Vec<&str> = shown.trim_end().lines().collect();
        assert!(lines[lines.len() - 3].ends_with("> show config-running | count"), "{shown}");
        assert_eq!(lines[lines.len() - 2], "101 lines", "{shown}");
        step("help is wrapped at words, at the right margin");
        tmux.line("configure", "(config)#");
        tmux.clear();
        tmux.keys(&["links-iproute2 vxlan v0 ?"]);
        let help = tmux.see("--More--|  vxlan-info  ");
        assert!(help.lines().all(|line| line.chars().count() <= COLUMNS), "{help}");
        step("a line that is longer than the screen is edited over two rows");
        tmux.keys(&["q", "C-u"]);
        tmux.clear();
        let long = format!("! {}", "0123456789".repeat(12));
        tmux.keys(&[&long, "fin", "C-a", "C-e", "BSpace", "D"]);
        tmux.until("the whole line", |screen| {
            screen.lines().collect::<String>().contains(&format!("{long}fiD"))
        });
        tmux.keys(&["Enter"]);
        tmux.see_prompt("(config)#");
    });
}

const ROWS: usize = 30;
const COLUMNS: usize = 80;

/// A tmux server of its own, with `netloom` in its only window.
struct Tmux {
    socket: std::path::PathBuf,
}

impl Tmux {
    fn start(daemon: &Daemon) -> Self {
        let socket = daemon.folder().join("tmux");
        let tmux = Self { socket };
        let (columns, rows) = (COLUMNS.to_string(), ROWS.to_string());
        let mut start = tmux.command(&["-f", "/dev/null", "new-session", "-d"]);
        start.args(["-x", &columns, "-y", &rows]).env("XDG_STATE_HOME", daemon.folder());
        start.arg(built("netloom")).arg("--socket").arg(daemon.socket());
        done(start);
        tmux.see_prompt(">");
        tmux
    }

    /// Types a line, and waits until the screen shows `text` below it.
    fn line(&mut self, line: &str, text: &str) {
        self.keys(&[line, "Enter"]);
        self.until(text, |screen| {
            let after = screen.rsplit_once(&format!("{line}\n"));
            after.is_some_and(|(_, after)| after.contains(text))
        });
    }

    /// Presses keys by their names, or types a text.
    fn keys(&mut self, keys: &[&str]) {
        done(self.command(&[&["send-keys", "--"], keys].concat()));
    }

    fn paste(&mut self, text: &str, brackets: bool) {
        done(self.command(&["set-buffer", "--", text]));
        done(self.command(&["paste-buffer", if brackets { "-dp" } else { "-d" }]));
    }

    fn clear(&mut self) {
        done(self.command(&["clear-history"]));
    }

    /// Waits until the screen shows one of the texts.
    fn see(&self, texts: &str) -> String {
        self.until(texts, |screen| texts.split('|').any(|text| screen.contains(text)))
    }

    /// Waits until the screen ends with a prompt.
    fn see_prompt(&self, end: &str) -> String {
        self.until(end, |screen| screen.trim_end().ends_with(end))
    }

    fn until(&self, what: &str, holds: impl Fn(&str) -> bool) -> String {
        let start = Instant::now();
        loop {
            let screen = self.captured(&[]);
            if holds(&screen) {
                return screen;
            }
            assert!(start.elapsed() < DEADLINE, "no {what:?} on the screen:\n{screen}");
        }
    }

    /// All rows, also those that have left the screen.
    fn history(&self) -> String {
        self.captured(&["-S", "-"])
    }

    fn captured(&self, more: &[&str]) -> String {
        let output = done(self.command(&[&["capture-pane", "-p"], more].concat()));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut tmux = command("tmux");
        tmux.arg("-S").arg(&self.socket).args(arguments).env_remove("TMUX");
        tmux
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let _ = self.command(&["kill-server"]).output();
    }
}

#[track_caller]
fn done(mut program: Command) -> Output {
    let output = program.output().expect("run tmux: tests/deps installs it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}
