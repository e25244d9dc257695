//! Validation, by libyang.
