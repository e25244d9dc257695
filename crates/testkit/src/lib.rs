//! Throw-away namespaces, a kernel of values, scripts and golden files.

mod fake;
pub mod netns;

pub use fake::FakeKernel;
