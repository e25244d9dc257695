//! Whole families of changes on the real kernel: every parameter, every leaf, every relation.
//!
//! The members come from `/proc/sys/net`, from the schema and from the facts of `netstate`, so that a new leaf is a new
//! member. The engine runs in this process, because each family has hundreds of commits.

#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on ends")]

mod leaves;
mod parameters;
mod relations;
mod rules;
