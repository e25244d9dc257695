//! Starts and the end: after a restart, after a crash, after damage, and giving the host back.

mod boot;
mod crash;
mod give_back;
mod recovery;

use super::*;
