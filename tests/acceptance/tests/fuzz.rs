//! Half a minute of the fuzzer, always with the same seed: its cases on Linux, and those on the fake kernel. `make fuzz` runs
//! it for longer, with other seeds.

#![allow(clippy::expect_used, reason = "a test that cannot go on ends")]

use acceptance::{built, command};

/// The kinds of cases, with the seconds for each.
const KINDS: [(&str, &str); 4] =
    [("linux", "12"), ("values", "6"), ("messages", "6"), ("files", "6")];

#[test]
fn half_a_minute_of_random_cases() {
    for (kind, seconds) in KINDS {
        let arguments = ["--seconds", seconds, "--seed", "20261123", "--only", kind];
        let status = command(built("fuzz")).args(arguments).status();
        assert!(status.expect("run the fuzzer").success(), "{kind}");
    }
}
