//! Half a minute of the fuzzer on the fake kernel, always with the same seed. Its cases on Linux are for `make fuzz`.

#![allow(clippy::expect_used, reason = "a test that cannot go on ends")]

use acceptance::{built, command};

#[test]
fn half_a_minute_of_random_cases() {
    for kind in ["values", "messages", "files"] {
        let arguments = ["--seconds", "10", "--seed", "20261123", "--only", kind];
        let status = command(built("fuzz")).args(arguments).status();
        assert!(status.expect("run the fuzzer").success(), "{kind}");
    }
}
