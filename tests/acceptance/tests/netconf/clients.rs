//! Clients that are many, silent, slow or large: nobody else notices them, and who is turned away is told why.

#![allow(clippy::expect_used, reason = "a test that cannot go on ends")]

use std::fs::{self, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use acceptance::{Daemon, Ran, built, command, step};
use testkit::netns::isolated;

#[test]
fn silent_clients_lock_nobody_out() {
    isolated(|| {
        let daemon = Daemon::start();
        step("as many connections as there are places, none of which sends a hello");
        let silent: Vec<Client> = (0..256).map(|_| Client::connect(&daemon)).collect();
        daemon.run("show config-running\n");
        step("a daemon that ends does not wait for them");
        let mut daemon = daemon;
        let start = Instant::now();
        daemon.stop();
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
        drop(silent);

        step("they have a limited time, and are told so");
        let daemon = Daemon::start_with(&["--hello-seconds", "1"]);
        let mut silent = Client::connect(&daemon);
        assert!(silent.rest().contains("no &lt;hello&gt; within 1 s"));
    });
}

#[test]
fn who_finds_no_place_is_told_why() {
    isolated(|| {
        let daemon = Daemon::start_with(&["--max-sessions", "4"]);
        let sessions: Vec<Client> = (0..4).map(|_| Client::greet(&daemon)).collect();
        let ran = daemon.script("show config-running\n");
        assert!(!ran.status.success());
        assert!(
            ran.err.contains("all places for sessions are taken (4): end a session"),
            "{}",
            ran.err
        );
        step("a session that ends leaves its place");
        drop(sessions);
        let start = Instant::now();
        while !daemon.script("show config-running\n").status.success() {
            assert!(start.elapsed() < DEADLINE, "no place is free again");
        }
    });
}

#[test]
fn a_user_cannot_take_everything() {
    isolated(|| {
        let daemon = Daemon::start_with(&["--max-sessions-per-user", "2"]);
        fs::set_permissions(daemon.folder(), Permissions::from_mode(0o711))
            .expect("open the folder");
        fs::set_permissions(daemon.socket(), Permissions::from_mode(0o666))
            .expect("open the socket");
        // The folder of the build may be one that only its owner reads.
        let program = daemon.folder().join("netloom");
        fs::copy(built("netloom"), &program).expect("copy the program");
        let netloom = || {
            let mut command = nobody();
            command.arg(&program).arg("--socket").arg(daemon.socket());
            command
        };
        if !nobody().arg("true").status().is_ok_and(|status| status.success()) {
            println!("skipped: this user cannot become another one");
            return;
        }
        let mut children: Vec<_> = (0..2)
            .map(|_| {
                let mut child = netloom()
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .spawn()
                    .expect("start netloom");
                let mut stdin = child.stdin.take().expect("standard input is piped");
                stdin.write_all(b"show schedule\n").expect("netloom reads");
                let mut word = [0; 7];
                let stdout = child.stdout.as_mut().expect("standard output is piped");
                stdout.read_exact(&mut word).expect("the session is open");
                (child, stdin)
            })
            .collect();
        let ran =
            Ran::of(netloom().args(["-c", "show config-running"]).output().expect("run netloom"));
        assert!(
            ran.err.contains("has 2 sessions, which is the limit for each user"),
            "{}",
            ran.err
        );
        step("root has its own places");
        daemon.run("show config-running\n");
        for (child, stdin) in &mut children {
            stdin.flush().expect("netloom reads");
            child.kill().expect("end netloom");
            child.wait().expect("await netloom");
        }
    });
}

#[test]
fn a_session_that_reads_nothing_can_be_killed() {
    isolated(|| {
        let daemon = Daemon::start_with(&["--max-sessions", "4"]);
        let mut deaf = Client::greet(&daemon);
        step("it asks for more than the socket holds, and reads nothing");
        for _ in 0..64 {
            deaf.request(
                "<get-schema xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring\">\
                          <identifier>iproute2-ip-link</identifier></get-schema>",
            );
        }
        let mut killer = Client::greet(&daemon);
        let kill = format!("<kill-session><session-id>{}</session-id></kill-session>", deaf.id);
        killer.request(&kill);
        assert!(killer.reply().contains("<ok/>"));
        step("its place is free");
        deaf.rest();
        drop(killer);
        let others: Vec<Client> = (0..3).map(|_| Client::greet(&daemon)).collect();
        daemon.run("show config-running\n");
        drop(others);
    });
}

#[test]
fn unfinished_messages_share_a_limit_and_memory_is_given_back() {
    isolated(|| {
        let daemon = Daemon::start_with(&["--message-mib", "32"]);
        daemon.run("show config-running\n");
        let before = daemon.resident_memory();
        step("eight messages of 100 MB, none of which ends");
        let mut large: Vec<Client> = (0..8).map(|_| Client::greet(&daemon)).collect();
        let part = vec![b' '; 1 << 20];
        for _ in 0..100 {
            for client in &mut large {
                // The server closes the stream of the message that is too much.
                let _refused = client.stream.write_all(&part);
            }
        }
        let held = daemon.peak_memory() - before;
        println!("held at most: {:.0} MB", held / 1e6);
        assert!(held < 100e6, "{held}");
        for client in &mut large {
            let told = client.rest();
            assert!(told.contains("the messages of all sessions take more than 32 MiB"), "{told}");
        }
        step("others are served");
        daemon.run("show config-running\n");

        step("what large sessions have used goes back to the kernel");
        let entries: String =
            (0..30_000).map(|n| format!("<netns><name>vpn{n}</name></netns>")).collect();
        let edit = format!(
            "<edit-config><target><candidate/></target><test-option>set</test-option><config>\
             <netnses xmlns=\"urn:okda:iproute2:ip:netns\">{entries}</netnses></config></edit-config>"
        );
        let mut sessions: Vec<Client> = (0..6).map(|_| Client::greet(&daemon)).collect();
        for session in &mut sessions {
            session.request(&edit);
            let told = session.reply();
            assert!(told.contains("<ok/>"), "{told}");
        }
        let used = daemon.resident_memory() - before;
        drop(sessions);
        println!("used by sessions: {:.0} MB", used / 1e6);
        let start = Instant::now();
        loop {
            let left = daemon.resident_memory() - before;
            if left < used / 4.0 {
                println!("left: {:.0} MB after {:?}", left / 1e6, start.elapsed());
                break;
            }
            assert!(start.elapsed() < DEADLINE, "{left} of {used} bytes stay");
            daemon.run("show config-running\n");
        }
    });
}

const DEADLINE: Duration = Duration::from_secs(60);

const END: &str = "]]>]]>";

/// A client with the framing of base:1.0.
struct Client {
    stream: UnixStream,
    id: String,
}

impl Client {
    fn connect(daemon: &Daemon) -> Client {
        let stream = UnixStream::connect(daemon.socket()).expect("connect");
        stream.set_read_timeout(Some(DEADLINE)).expect("set a deadline");
        Client { stream, id: String::new() }
    }

    fn greet(daemon: &Daemon) -> Client {
        let mut client = Client::connect(daemon);
        client.send(
            "<hello xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\"><capabilities>\
             <capability>urn:ietf:params:netconf:base:1.0</capability></capabilities></hello>",
        );
        let hello = client.reply();
        let id = hello.split_once("<session-id>").and_then(|(_, rest)| rest.split_once('<'));
        client.id = id.expect("the hello has a session-id").0.to_owned();
        client
    }

    fn send(&mut self, message: &str) {
        self.stream.write_all(format!("{message}{END}").as_bytes()).expect("the server reads");
    }

    fn request(&mut self, operation: &str) {
        self.send(&format!(
            "<rpc message-id=\"1\" xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\">{operation}</rpc>"
        ));
    }

    /// The next message.
    fn reply(&mut self) -> String {
        let mut message = Vec::new();
        let mut byte = [0];
        while !message.ends_with(END.as_bytes()) {
            self.stream.read_exact(&mut byte).expect("the server answers");
            message.push(byte[0]);
        }
        String::from_utf8(message).expect("a message is text")
    }

    /// All that comes until the server closes the stream.
    fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            // The server has not read all that was sent.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
            read => drop(read.expect("the server closes the stream")),
        }
        String::from_utf8_lossy(&rest).into_owned()
    }
}

/// A command as a user who owns nothing.
fn nobody() -> Command {
    let mut command = command("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    command
}
