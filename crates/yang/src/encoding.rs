//! Trees as text and as Rust values: RFC 7951 JSON, XML, serde, and what a terminal can print.

mod json;
pub(crate) mod printable;
mod serde;
pub(crate) mod xml;
