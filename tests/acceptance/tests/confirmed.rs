//! Commits that the clock undoes or makes, in this daemon and in the next one.

#![allow(clippy::expect_used, reason = "a test that cannot go on ends")]

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use acceptance::{Daemon, Terminal, built, command, kernel, step};
use jiff::Timestamp;
use testkit::netns::{ip, isolated};

const NETNS: &str = "<edit-config><target><candidate/></target><config><netnses xmlns=\"urn:okda:iproute2:ip:netns\">\
                     <netns><name>vpn9</name></netns></netnses></config></edit-config>";

#[test]
fn a_commit_that_cuts_its_own_connection_is_undone() {
    isolated(|| {
        let daemon = device();
        let before = kernel::holds();
        let mut onlooker = onlooker(&daemon);
        step("a commit takes the address away that one came by, and the one who made it with it");
        let edit = "<edit-config><target><candidate/></target><config><links xmlns=\"urn:okda:iproute2:ip:link\">\
                    <link><name>eth7</name><ip xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\" nc:operation=\"delete\">\
                    <address>10.7.0.1/24</address></ip></link></links></config></edit-config>";
        netconf(&daemon, &[edit, &confirmed(2)]);
        assert_ne!(kernel::holds(), before);
        step("nobody confirms, and it is there again");
        kernel::until("the address is back", || kernel::holds() == before);
        let history = daemon.run("show history\n");
        println!("{history}");
        assert!(history.contains("commit 2 was not confirmed in time"), "{history}");
        step("whoever is at a terminal was told, beforehand and afterwards");
        let shown = onlooker.see("! commit 3 by netloomd: ");
        println!("{shown}");
        assert!(shown.contains("! commit 2 is undone in 2 seconds unless"), "{shown}");
        assert!(shown.contains("! commit 2 is undone in a second unless"), "{shown}");
        assert!(shown.contains("! commit 2 is undone: nobody confirmed it in time"), "{shown}");
    });
}

#[test]
fn a_daemon_that_dies_meanwhile_undoes_it_after_restart() {
    isolated(|| {
        let mut daemon = device();
        let before = kernel::holds();
        netconf(&daemon, &[NETNS, &confirmed(3)]);
        assert!(kernel::holds().contains_key("vpn9"));
        daemon.kill();
        step("the next daemon waits for what is left of the time");
        daemon.start_again(&[]);
        kernel::until("the namespace is gone", || !ip("netns list").contains("vpn9"));
        assert_eq!(kernel::holds(), before);
        let running = daemon.run("show config-running netnses-iproute2\n");
        assert!(!running.contains("vpn9"), "{running}");
    });
}

#[test]
fn one_that_cannot_be_undone_stays_and_locks_nobody_out() {
    isolated(|| {
        let mut daemon = device();
        let mut onlooker = onlooker(&daemon);
        daemon.run("configure\nlinks-iproute2 bridge br7\ncommit\n");
        step("a confirmed commit removes a bridge, and others take its name for something else");
        let edit = "<edit-config><target><candidate/></target><config><links xmlns=\"urn:okda:iproute2:ip:link\">\
                    <bridge xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\" nc:operation=\"delete\">\
                    <name>br7</name></bridge></links></config></edit-config>";
        netconf(&daemon, &[edit, &confirmed(2)]);
        ip("link add br7 type veth peer name br8");
        let shown =
            onlooker.see("! commit 3 was not confirmed and could not be undone, it stays: ");
        println!("{shown}");
        step("show drift says so, and when it is tried again, also after a restart");
        daemon.kill();
        daemon.start_again(&[]);
        kernel::until("it is tried", || daemon.log().contains("cannot undo an unconfirmed commit"));
        let drift = daemon.run("show drift\n");
        println!("{drift}");
        assert!(drift.contains("commit 3 was not confirmed, and could not be undone"), "{drift}");
        assert!(drift.contains("attempts: "), "{drift}");
        step("somebody else commits, and reads what has become of it");
        let told = daemon.run("configure\nlinks-iproute2 link eth7 mtu 1400\ncommit\n");
        println!("{told}");
        assert!(told.contains("commit 3, which could not be undone, is kept below"), "{told}");
        assert!(ip("link show eth7").contains("mtu 1400"));
        assert!(!daemon.run("show drift\n").contains("commit 3"));
    });
}

#[test]
fn a_scheduled_commit_is_made_at_its_time() {
    isolated(|| {
        let mut daemon = device();
        let mut onlooker = onlooker(&daemon);
        step("one in two seconds, one in an hour");
        let after = |from_now: u64| {
            let time = Timestamp::now() + Duration::from_secs(from_now);
            format!("{time:.0}")
        };
        let (soon, later) = (after(2), after(3600));
        let told = daemon.run(&format!(
            "configure\nnetnses-iproute2 netns vpn8\ncommit at {later}\n\
             netnses-iproute2 netns vpn9\ncommit at {soon} comment by night\n"
        ));
        println!("{told}");
        assert!(told.contains("commit at 2 is scheduled for 20"), "{told}");
        let schedule = daemon.run("show schedule\n");
        println!("{schedule}");
        let at = |text: &str| schedule.find(text).expect("it is scheduled");
        assert!(at("  2  20") < at(" \"by night\"\n     1 netns added\n  1  20"), "{schedule}");
        kernel::until("the namespace is there", || ip("netns list").contains("vpn9"));
        assert!(!ip("netns list").contains("vpn8"));
        let shown = onlooker.see("! commit 2 by netloomd: 1 netns added \"by night\"");
        println!("{shown}");
        step("what is due while no daemon is there is made by the next one");
        let soon = after(2);
        daemon.run(&format!("configure\nlinks-iproute2 link eth7 mtu 1400\ncommit at {soon}\n"));
        daemon.kill();
        let due: Timestamp = soon.parse().expect("read a time");
        kernel::until("its time has passed", || Timestamp::now() > due);
        daemon.start_again(&[]);
        kernel::until("the link has its MTU", || ip("link show eth7").contains("mtu 1400"));
        step("one that is taken back is not there any more");
        daemon.run("configure\ncommit cancel at 1\n");
        assert_eq!(daemon.run("show schedule\n"), "nothing is scheduled\n");
        let history = daemon.run("show history\n");
        println!("{history}");
        assert!(history.contains(&format!(", for {soon})")), "{history}");
    });
}

#[test]
fn probes_confirm_what_works_and_leave_what_does_not_to_be_undone() {
    isolated(|| {
        let daemon = device();
        ip("netns add far");
        ip("link set eth8 netns far");
        ip("-n far address add 10.7.0.2/24 dev eth8");
        ip("-n far address add 2001:db8:7::2/64 dev eth8 nodad");
        ip("-n far link set eth8 up");
        ip("address add 2001:db8:7::1/64 dev eth7 nodad");
        let before = kernel::holds();
        step("a commit that keeps the neighbour within reach is confirmed by it");
        daemon.run(
            "configure\nnetnses-iproute2 netns vpn8\n\
             commit confirmed 1 check ping 10.7.0.2 check ping 2001:db8:7::2 comment tried\n",
        );
        kernel::until("it is confirmed", || daemon.log().contains("confirmed transaction=2"));
        assert!(daemon.script("configure\ncommit cancel\n").err.contains("no commit waits"));
        daemon.run("configure\nno netnses-iproute2 netns vpn8\ncommit\n");
        assert_eq!(kernel::holds(), before);
        step("one that cuts it off is undone, and the history tells what did not answer");
        let edit = "<edit-config><target><candidate/></target><config><links xmlns=\"urn:okda:iproute2:ip:link\">\
                    <link><name>eth7</name><admin-status>down</admin-status></link></links></config></edit-config>";
        let commit = "<commit xmlns=\"urn:netloom:rpc\"><confirm-timeout>3</confirm-timeout>\
                      <check><ping>10.7.0.2</ping></check><check><tcp>10.7.0.2</tcp><port>9</port></check></commit>";
        ask(&daemon, &[edit, commit]);
        assert_ne!(kernel::holds(), before);
        kernel::until("the link is up", || kernel::holds() == before);
        let history = daemon.run("show history\n");
        println!("{history}");
        for probe in ["ping 10.7.0.2: ", "tcp 10.7.0.2 9: "] {
            assert!(history.contains(probe), "{history}");
        }
    });
}

#[test]
fn a_confirmed_commit_stays() {
    isolated(|| {
        let mut daemon = device();
        let told = daemon.run(
            "configure\nnetnses-iproute2 netns vpn9\ncommit confirmed 5 comment a try\ncommit\n",
        );
        println!("{told}");
        assert!(told.contains("commit 2 is confirmed"), "{told}");
        step("also with the next daemon");
        daemon.kill();
        daemon.start_again(&[]);
        assert!(kernel::holds().contains_key("vpn9"));
        let told = daemon.script("configure\ncommit cancel\n");
        assert!(told.err.contains("no commit waits for its confirmation"), "{}", told.err);
    });
}

fn confirmed(seconds: u32) -> String {
    format!(
        "<commit><confirmed/><confirm-timeout>{seconds}</confirm-timeout><persist>test</persist></commit>"
    )
}

/// A NETCONF 1.0 session that sends these operations. Each must be answered by `<ok/>`.
fn netconf(daemon: &Daemon, operations: &[&str]) {
    for reply in ask(daemon, operations) {
        assert!(reply.contains("<ok/>"), "{reply}");
    }
}

/// The same with any answers.
fn ask(daemon: &Daemon, operations: &[&str]) -> Vec<String> {
    const BASE: &str = "urn:ietf:params:xml:ns:netconf:base:1.0";
    let mut stream = UnixStream::connect(daemon.socket()).expect("connect to netloomd");
    let hello = format!(
        "<hello xmlns=\"{BASE}\"><capabilities><capability>urn:ietf:params:netconf:base:1.0</capability></capabilities></hello>]]>]]>"
    );
    stream.write_all(hello.as_bytes()).expect("greet");
    message(&mut stream);
    let answer = |operation: &&str| {
        let rpc = format!("<rpc message-id=\"1\" xmlns=\"{BASE}\">{operation}</rpc>]]>]]>");
        stream.write_all(rpc.as_bytes()).expect("ask");
        message(&mut stream)
    };
    operations.iter().map(answer).collect()
}

fn message(stream: &mut UnixStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"]]>]]>") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("an answer");
        bytes.extend(byte);
    }
    String::from_utf8(bytes).expect("text")
}

/// A person at a terminal.
fn onlooker(daemon: &Daemon) -> Terminal {
    let mut netloom = command(built("netloom"));
    netloom.arg("--socket").arg(daemon.socket()).env("XDG_STATE_HOME", daemon.folder());
    Terminal::start(netloom)
}

/// A device with a link that has an address.
fn device() -> Daemon {
    ip("link add eth7 type veth peer name eth8");
    let daemon = Daemon::start();
    daemon.run("configure\nlinks-iproute2 link eth7\nip 10.7.0.1/24\nadmin-status up\ncommit\n");
    daemon
}
