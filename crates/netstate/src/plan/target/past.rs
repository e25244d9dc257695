//! What is known of an object apart from its desired state.

use crate::noun::link::Link;
use crate::noun::{Key, Object};
use crate::originals::Originals;
use crate::state::State;

/// An object as it may have been applied, its original, and its observed state.
pub(super) struct Past<'a> {
    pub(super) touched: Option<&'a Object>,
    pub(super) original: Option<&'a Object>,
    pub(super) observed: Option<&'a Object>,
}

impl<'a> Past<'a> {
    pub(super) fn of(
        key: &Key,
        touched: &'a State,
        originals: &'a Originals,
        observed: &'a State,
    ) -> Self {
        Self {
            touched: touched.objects.get(key),
            original: originals.objects.get(key),
            observed: observed.objects.get(key),
        }
    }

    pub(super) fn touched_link(&self) -> Option<&'a Link> {
        self.touched.and_then(Object::link)
    }

    pub(super) fn original_link(&self) -> Option<&'a Link> {
        self.original.and_then(Object::link)
    }

    pub(super) fn observed_link(&self) -> Option<&'a Link> {
        self.observed.and_then(Object::link)
    }
}
