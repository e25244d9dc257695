//! How a link is created, and when it gets its MTU.

/// How the kernel creates a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreatedBy {
    /// By `RTM_NEWLINK`.
    Netlink,
    /// By `TUNSETIFF` on `/dev/net/tun` (Documentation/networking/tuntap.rst).
    TunDevice,
}

/// When the MTU of a new link is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MtuAtCreation {
    /// In the request that creates it.
    Told,
    /// In a second request, because the kernel gives no message if it refuses the MTU in the first
    /// one.
    ToldNext,
    /// By a separate operation, after the links that the MTU follows (ports, the link below) have
    /// theirs.
    Follows,
}
