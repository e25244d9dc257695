//! A minute of the soak test, always with the same seed.

#![allow(clippy::expect_used, reason = "a test that cannot go on ends")]

use acceptance::{built, command};

#[test]
fn a_minute_of_random_work() {
    let status = command(built("soak")).args(["--seconds", "60", "--seed", "20261124"]).status();
    assert!(status.expect("run the soak").success());
}
