//! netloomd: the daemon that owns the network configuration.
fn main() {}
