//! The leaves that tests set to any value, and the values.

use yang::SchemaNode;

/// Values for leaves of various types. Of those that a leaf's type accepts, each may be tried.
pub const VALUES: [&str; 22] = [
    "true",
    "false",
    "0",
    "1",
    "007",
    "1001",
    "1280",
    "4095",
    "65535",
    "4294967295",
    "up",
    "down",
    "br0",
    "n1",
    "10.9.9.9",
    "239.0.0.1",
    "52:54:00:00:00:99",
    "1000 2000",
    "1:5",
    "a  b",
    "eth77",
    "0x20",
];

/// Leaves that are not tried, and why.
pub const SKIPPED: [(&str, &str); 1] = [("state", "the bridge changes it by itself")];

/// Whether a leaf is tried.
pub fn is_tried(leaf: &SchemaNode) -> bool {
    !SKIPPED.iter().any(|(name, _)| *name == leaf.name)
}
