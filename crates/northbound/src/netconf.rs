//! NETCONF (RFC 6241) over a stream that the transport has authenticated.

mod capabilities;
mod connection;
mod error;
mod rpc;
mod session;
mod subscription;
mod time;

pub use session::serve;
pub(crate) use session::{Peer, Service, refuse, serve_until};
