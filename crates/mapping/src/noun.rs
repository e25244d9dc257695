//! The nouns, one file each: the conversion between entries in YANG and objects.

pub(crate) mod address;
pub(crate) mod fdb;
pub(crate) mod link;
pub(crate) mod neighbor;
pub(crate) mod netns;
pub(crate) mod nexthop;
pub(crate) mod route;
pub(crate) mod rule;
mod shown_in;
pub(crate) mod sysctl;

use netstate::{Key, Noun, State, with_nouns};
use yang::{Error, Path, Tree};

pub(crate) use shown_in::ShownIn;

use crate::NamedConfiguration;
use crate::directory::Directory;
use crate::lowering::Lowering;
use crate::raising::Raising;

/// Converts the entries of each noun. Returns the names and the state, if there are no errors.
pub(crate) fn lower(mut lowering: Lowering<'_>) -> Result<(Directory, State), Vec<Error>> {
    lower_nouns(&mut lowering);
    lowering.lowered()
}

macro_rules! nouns {
    ($($(#[$doc:meta])* $noun:ident $stem:ident ($key:ty) [$($object:ty)?];)*) => {
        fn lower_nouns(lowering: &mut Lowering<'_>) {
            $($stem::lower(lowering);)*
        }

        /// Shows the objects of a noun.
        pub(crate) fn raise(noun: Noun, raising: &Raising<'_>, tree: &mut Tree) -> Result<(), Error> {
            match noun {
                $(Noun::$noun => $stem::raise(raising, tree),)*
            }
        }

        /// The entry of an object.
        pub(crate) fn path(key: &Key, known: &NamedConfiguration<'_>) -> Path {
            match key {
                $(Key::$noun(key) => $stem::path(key, known),)*
            }
        }

        /// The places in operational data where objects of a noun are shown.
        pub(crate) fn shown_in(noun: Noun) -> &'static [ShownIn] {
            match noun {
                $(Noun::$noun => $stem::SHOWN_IN,)*
            }
        }
    };
}

with_nouns!(nouns);
