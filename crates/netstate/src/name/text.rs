//! The texts of names. Short ones are stored in place, so that copying does not allocate and
//! comparing does not follow pointers. Each look-up compares a dozen keys.

use std::cmp::Ordering;
use std::sync::Arc;

/// A text of at most `N` bytes without zero bytes. The rest is filled with zeros, so that comparing
/// the bytes compares the texts.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Short<const N: usize>([u8; N]);

impl<const N: usize> Short<N> {
    /// The text; none if it is too long.
    fn of(text: &str) -> Option<Self> {
        let mut bytes = [0; N];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(Self(bytes))
    }

    pub(super) fn as_str(&self) -> &str {
        let length = self.0.iter().position(|byte| *byte == 0).unwrap_or(N);
        std::str::from_utf8(&self.0[..length]).unwrap_or_default()
    }
}

impl<const N: usize> From<&str> for Short<N> {
    /// Cuts a text that does not fit. The caller has checked the length.
    fn from(text: &str) -> Self {
        Self::of(&text[..text.floor_char_boundary(N)]).unwrap_or(Self([0; N]))
    }
}

/// A text of any length without zero bytes. Each text has only one representation.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Text {
    Short(Short<23>),
    Long(Arc<str>),
}

impl Text {
    pub(super) fn as_str(&self) -> &str {
        match self {
            Text::Short(text) => text.as_str(),
            Text::Long(text) => text,
        }
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Short::of(text).map_or_else(|| Text::Long(text.into()), Text::Short)
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Text::Short(text), Text::Short(other)) => text.cmp(other),
            (text, other) => text.as_str().cmp(other.as_str()),
        }
    }
}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_compared_and_shown_as_strings() {
        let long = "m".repeat(24);
        let texts = ["", "a", "aa", "ab", "b", &long[..23], &long, "mmn", "ü", "üa"];
        for (at, text) in texts.iter().enumerate() {
            assert_eq!(Text::from(*text).as_str(), *text);
            for (other_at, other) in texts.iter().enumerate() {
                assert_eq!(Text::from(*text).cmp(&Text::from(*other)), at.cmp(&other_at));
                assert_eq!(Text::from(*text) == Text::from(*other), at == other_at);
            }
        }
    }
}
