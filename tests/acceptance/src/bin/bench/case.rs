//! The measured cases: a number of objects of a noun, and the steps with them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The noun.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Noun {
    /// IPv4 routes through one gateway.
    Routes,
    /// Veth pairs that are up, with an address on each end.
    VethPairs,
    /// Named network namespaces.
    Netnses,
}

/// A number of objects of a noun.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub(crate) struct Case {
    pub(crate) noun: Noun,
    pub(crate) count: usize,
}

/// The steps, in this order. The last one returns to the start of the first.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Step {
    /// Creating all of them at once.
    Load,
    /// The same again, which changes nothing.
    Again,
    /// Adding one more.
    OneMore,
    /// Reading the kernel's state.
    Read,
    /// A restart while the kernel has all objects.
    RestartFull,
    /// A restart after the kernel has lost all objects.
    RestartEmpty,
    /// Removing all of them.
    Delete,
}

impl Noun {
    const ALL: [Self; 3] = [Self::Routes, Self::VethPairs, Self::Netnses];

    fn counts(self) -> &'static [usize] {
        match self {
            Self::Routes => &[1_000, 10_000, 100_000],
            Self::VethPairs | Self::Netnses => &[100, 1_000],
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Routes => "routes",
            Self::VethPairs => "veth-pairs",
            Self::Netnses => "netnses",
        }
    }

    /// For a heading.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Routes => "routes",
            Self::VethPairs => "veth pairs with addresses",
            Self::Netnses => "namespaces",
        }
    }
}

impl Case {
    /// Every case; the small ones of a noun come first.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Noun::ALL
            .into_iter()
            .flat_map(|noun| noun.counts().iter().map(move |count| Self { noun, count: *count }))
    }

    /// The number of runs. It is odd, so that the median is one of them. Long cases have fewer.
    pub(crate) fn runs(self) -> usize {
        match (self.noun, self.count) {
            (Noun::Routes, ..10_000) | (Noun::VethPairs | Noun::Netnses, ..1_000) => 5,
            (Noun::Routes | Noun::VethPairs | Noun::Netnses, _) => 3,
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.noun.name(), self.count)
    }
}

/// A case by its name, or all cases of a noun by the noun's name.
impl FromStr for Cases {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let named = |case: &Case| name == case.to_string() || name == case.noun.name();
        let cases: Vec<Case> = Case::all().filter(named).collect();
        if cases.is_empty() {
            let names: Vec<String> = Case::all().map(|case| case.to_string()).collect();
            return Err(format!("no case {name:?}; there are {}", names.join(", ")));
        }
        Ok(Self(cases))
    }
}

/// The cases of one argument.
#[derive(Debug)]
pub(crate) struct Cases(pub(crate) Vec<Case>);

impl Step {
    pub(crate) const ALL: [Self; 7] = [
        Self::Load,
        Self::Again,
        Self::OneMore,
        Self::Read,
        Self::RestartFull,
        Self::RestartEmpty,
        Self::Delete,
    ];

    /// For a row of a table.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Again => "load the same again",
            Self::OneMore => "one more",
            Self::Read => "read all state",
            Self::RestartFull => "restart, state still in the kernel",
            Self::RestartEmpty => "restart, kernel empty",
            Self::Delete => "delete all",
        }
    }

    /// The number of objects after the step, of `count`.
    pub(crate) fn leaves(self, count: usize) -> usize {
        match self {
            Self::Load | Self::Again => count,
            Self::OneMore | Self::Read | Self::RestartFull | Self::RestartEmpty => count + 1,
            Self::Delete => 0,
        }
    }
}
