//! NETCONF as a client meets it, served by the engine on a kernel of values.
#![allow(clippy::expect_used, reason = "tests and what they stand on")]

mod notifications;
mod scripts;
mod server;
mod session;
mod unix;
