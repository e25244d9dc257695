//! What needs kinds of links that the host's kernel may lack. It also runs on Debian's kernel (tests/vm/kinds).

#![allow(clippy::expect_used, reason = "a test that cannot go on ends")]

mod import;
mod vlans;
