//! Formats the server's replies for users.

pub(crate) mod blame;
pub(crate) mod conflict;
pub(crate) mod difference;
pub(crate) mod drift;
pub(crate) mod held;
pub(crate) mod history;

/// The text on one line, without control characters. A terminal would execute these, and others have written parts
/// of the text.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
