//! Start and end: running is read or recovered and the kernel is brought to it, or all is given back.

pub(crate) mod boot;
pub(crate) mod give_back;
pub(crate) mod recovery;
