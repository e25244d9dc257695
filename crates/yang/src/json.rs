//! JSON as RFC 7951 has it.
