//! The data that modules share while observed state is converted to operational data.

use netstate::State;
use yang::Tree;

use crate::directory::Directory;
use crate::names::Names;

/// Observed state that is being converted.
pub(crate) struct Raising<'o> {
    pub(crate) observed: &'o State,
    /// The names of the observed links.
    pub(crate) names: Names<'o>,
    /// The configuration, under whose names data is shown.
    pub(crate) configuration: &'o Tree,
    pub(crate) directory: Directory,
}
