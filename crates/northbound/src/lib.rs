//! The management interfaces of the engine.
//!
//! A management interface translates requests to calls of an [`engine::Session`], and translates results and errors
//! back. The engine defines the meaning of a request. This crate cannot reach the kernel.

mod buffers;
mod claim;
mod limits;
mod netconf;
mod places;
mod unix;
mod user;

pub use claim::{Claim, ClaimError};
pub use limits::Limits;
pub use netconf::serve;
pub use unix::{BindError, Listener, refuse_if_taken};
