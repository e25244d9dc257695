//! Throw-away namespaces, a kernel of values, scripts and golden files.

mod fake;

pub use fake::FakeKernel;
