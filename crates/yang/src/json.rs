//! JSON as RFC 7951 has it.

mod read;
mod write;
