//! The daemon's start: running is read or recovered, and the kernel is brought to it, or given back.

pub(crate) mod boot;
pub(crate) mod give_back;
pub(crate) mod recovery;
