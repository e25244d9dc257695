//! Management interfaces over the engine.
//!
//! An interface translates: requests to calls of an [`engine::Session`], answers and errors back. What a
//! request means is the engine's to say; the kernel is out of reach from here.

mod netconf;
mod unix;
mod user;

pub use netconf::serve;
pub use unix::{BindError, Listener, refuse_if_taken};
