//! What a master does to the links that it gets and loses.

/// What the kernel does to a link that is enslaved to a master, or released by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enslaving {
    /// It stays as it is (`br_add_if`, net/bridge/br_if.c).
    Stays,
    /// It goes down and comes up again if it is up (`cycle_netdev`, drivers/net/vrf.c). It loses its
    /// IPv6 addresses in any case (`addrconf_notify`, net/ipv6/addrconf.c).
    Cycles,
    /// It must be down before. It comes up, and gets the MTU and the link-layer address of the master. When it is
    /// released, it goes down and gets its own back (`bond_enslave` and `__bond_release_one`,
    /// drivers/net/bonding/bond_main.c).
    Opens,
}

impl Enslaving {
    /// Whether a master may be a port of a master of its own kind. A bridge refuses bridges, and a VRF VRFs; a bond takes bonds
    /// (`br_add_if`, net/bridge/br_if.c; `do_vrf_add_slave`, drivers/net/vrf.c; `bond_enslave`, drivers/net/bonding/bond_main.c).
    pub(crate) fn takes_its_own(self) -> bool {
        match self {
            Enslaving::Opens => true,
            Enslaving::Stays | Enslaving::Cycles => false,
        }
    }
}
