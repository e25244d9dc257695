//! The nouns, a file each: their messages to the kernel and back.

pub(crate) mod address;
pub(crate) mod fdb;
pub(crate) mod link;
pub(crate) mod neighbor;
pub(crate) mod netns;
pub(crate) mod route;
pub(crate) mod rule;
pub(crate) mod sysctl;
