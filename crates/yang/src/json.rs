//! JSON as RFC 7951 has it.

mod edit;
mod read;
mod write;
