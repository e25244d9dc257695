//! Formats the server's replies for users.

pub(crate) mod blame;
pub(crate) mod conflict;
pub(crate) mod data;
pub(crate) mod difference;
pub(crate) mod drift;
pub(crate) mod held;
pub(crate) mod history;

/// The text on one line, with escapes for what a terminal would execute or not show. Others have written parts of the
/// text.
pub(crate) fn one_line(text: &str) -> String {
    yang::printable(text).into_owned()
}
