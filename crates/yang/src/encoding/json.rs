//! JSON in the format of RFC 7951.

mod read;
mod write;
