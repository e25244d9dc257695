//! Tests NETCONF as a client sees it. The engine runs on the fake kernel.
#![allow(clippy::expect_used, reason = "tests and what they stand on")]

mod notifications;
mod scripts;
mod server;
mod session;
mod unix;
