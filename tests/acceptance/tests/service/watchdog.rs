//! A daemon that is blocked says so, and its service manager learns of it.

#![allow(clippy::expect_used, reason = "a test that cannot go on ends")]

use std::time::{Duration, Instant};

use acceptance::{Daemon, step};
use testkit::netns::isolated;

#[test]
fn a_daemon_that_is_blocked_reports_no_progress() {
    isolated(|| {
        let mut daemon = Daemon::start();
        daemon.stop();
        let watchdog = Duration::from_secs(2);
        let asked = watchdog.as_micros().to_string();
        daemon.start_again(&[("NETLOOM_BLOCK_AT", "executed"), ("WATCHDOG_USEC", &asked)]);
        step("a daemon without work is alive");
        for _ in 0..6 {
            assert_eq!(daemon.report(watchdog).expect("a report").trim(), "WATCHDOG=1");
        }
        step("one that is blocked in the middle of a commit is not, and says where");
        let mut client = daemon.begin("configure\nlinks-iproute2 bridge br0\ncommit\n");
        let begun = Instant::now();
        while daemon.report(watchdog).is_some() {
            assert!(begun.elapsed() < 10 * watchdog, "it reports on and on");
        }
        let log = daemon.log();
        assert!(log.contains("the engine is blocked: it makes no progress"), "{log}");
        assert!(log.contains("last=\"executed\""), "{log}");
        step("SIGTERM ends it all the same");
        let status = daemon.terminate();
        assert!(!status.success());
        assert!(daemon.log().contains("blocked and does not end"), "{}", daemon.log());
        client.wait().expect("await the client");
        step("and the next one undoes the commit");
        daemon.start_again(&[]);
        assert_eq!(daemon.run("show config-running | display json\n").trim(), "{}");
        daemon.run("configure\nlinks-iproute2 bridge br0\ncommit\n");
    });
}
