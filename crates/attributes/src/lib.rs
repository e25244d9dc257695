//! Derive of netlink attribute encoding, decoding and comparison.
