//! XML as RFC 7950 has it.
