//! Throw-away namespaces, a fake kernel, test scripts and golden files.

#![allow(clippy::expect_used, clippy::panic, reason = "it is of use to tests only")]

pub mod configurations;
mod conformance;
mod fake;
mod kernel_cases;
pub mod netns;
mod owner;
mod plan_cases;

pub use fake::FakeKernel;
pub use kernel_cases::{KERNEL_CASES, KernelCase};
pub use owner::Owner;
pub use plan_cases::{plan_cases, run_plan_case};
