//! NETCONF (RFC 6241) over a stream that the transport has authenticated.

mod answer;
mod blocking;
mod capabilities;
mod connection;
mod error;
mod read;
mod rpc;
mod session;
mod subscription;
mod time;

pub use session::serve;
pub(crate) use session::{Peer, Service, refuse, serve_until};
