//! Start and end: reading or recovering running and applying it, and giving everything back.

pub(crate) mod boot;
pub(crate) mod give_back;
pub(crate) mod recovery;
