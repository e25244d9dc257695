//! Addresses: entries of list `ip` of the links of iproute2-ip-link, which the entries of links lower and raise.

use netstate::AddressKey;
use yang::{Error, Path, Tree};

use crate::Known;
use crate::lowering::Lowering;
use crate::noun::ShownIn;
use crate::noun::link;
use crate::raising::Raising;

/// Where operational data shows them.
pub(crate) const SHOWN_IN: &[ShownIn] = &[ShownIn::node("links", "ip")];

/// The entries of links lower their addresses.
pub(crate) fn lower(_: &mut Lowering<'_>) {}

/// The entries of links show their addresses.
pub(crate) fn raise(_: &Raising<'_>, _: &mut Tree) -> Result<(), Error> {
    Ok(())
}

/// The entry of an address.
pub(crate) fn path(key: &AddressKey, known: &Known<'_>) -> Path {
    link::address_path(key, known.configuration, known.directory())
}
