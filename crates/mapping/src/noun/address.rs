//! Addresses: entries of list `ip` of the links in iproute2-ip-link. They are converted with the
//! entries of links.

use netstate::AddressKey;
use yang::{Error, Path, Tree};

use crate::NamedConfiguration;
use crate::lowering::Lowering;
use crate::noun::ShownIn;
use crate::noun::link;
use crate::raising::Raising;

/// The place in operational data.
pub(crate) const SHOWN_IN: &[ShownIn] = &[ShownIn::node("links", "ip")];

/// Addresses are converted with the entries of links.
pub(crate) fn lower(_: &mut Lowering<'_>) {}

/// Addresses are shown with the entries of links.
pub(crate) fn raise(_: &Raising<'_>, _: &mut Tree) -> Result<(), Error> {
    Ok(())
}

/// The entry of an address.
pub(crate) fn path(key: &AddressKey, known: &NamedConfiguration<'_>) -> Path {
    link::address_path(key, known.configuration, known.directory())
}
