//! The command line, generated from the models.
fn main() {}
