//! What the kernel holds: what differs from running, and what is held.

mod drift;
mod held;
mod operational;
mod own_events;

use super::*;
