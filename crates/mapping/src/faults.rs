//! The errors of a configuration, collected so that a user sees all of them at once.

use yang::{Error, ErrorTag, Path};

/// Semantic errors, each with its path.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Error>);

impl Faults {
    /// The value at `path` is not valid.
    pub(crate) fn invalid(&mut self, path: &Path, message: impl Into<String>) {
        self.0.push(Error::new(ErrorTag::InvalidValue, message).at(path));
    }

    /// The value at `path` refers to something that is not configured (RFC 7950 section 15.5).
    pub(crate) fn dangling(&mut self, path: &Path, message: impl Into<String>) {
        let error = Error::new(ErrorTag::DataMissing, message).at(path);
        self.0.push(Error { app_tag: Some("instance-required".into()), ..error });
    }

    /// A mandatory node is missing at `path`.
    pub(crate) fn missing(&mut self, path: &Path, message: impl Into<String>) {
        self.0.push(Error::new(ErrorTag::MissingElement, message).at(path));
    }

    /// The entry at `path` could not be read. The error may name a node in it.
    pub(crate) fn unread(&mut self, path: &Path, error: Error) {
        self.0.push(if error.path.is_some() { error } else { error.at(path) });
    }

    /// All errors; `good` if there are none.
    pub(crate) fn into_result<T>(self, good: T) -> Result<T, Vec<Error>> {
        if self.0.is_empty() { Ok(good) } else { Err(self.0) }
    }
}
