//! What is wrong with a configuration: collected, so that a user sees all of it at once.

use yang::{Error, ErrorTag, Path};

/// Faults of meaning, each with its place.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Error>);

impl Faults {
    /// The value at `path` cannot be.
    pub(crate) fn invalid(&mut self, path: &Path, message: impl Into<String>) {
        self.0.push(Error::new(ErrorTag::InvalidValue, message).at(path));
    }

    /// The value at `path` refers to what the configuration does not have (RFC 7950 section 15.5).
    pub(crate) fn dangling(&mut self, path: &Path, message: impl Into<String>) {
        let error = Error::new(ErrorTag::DataMissing, message).at(path);
        self.0.push(Error { app_tag: Some("instance-required".into()), ..error });
    }

    /// Something needed is missing at `path`.
    pub(crate) fn missing(&mut self, path: &Path, message: impl Into<String>) {
        self.0.push(Error::new(ErrorTag::MissingElement, message).at(path));
    }

    /// The entry at `path` could not be read; the error knows where in it, if anywhere.
    pub(crate) fn unread(&mut self, path: &Path, error: Error) {
        self.0.push(if error.path.is_some() { error } else { error.at(path) });
    }

    /// All of them; none is good.
    pub(crate) fn into_result<T>(self, good: T) -> Result<T, Vec<Error>> {
        if self.0.is_empty() { Ok(good) } else { Err(self.0) }
    }
}
