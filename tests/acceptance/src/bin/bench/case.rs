//! What is measured: so many objects of a noun, and what is done to them in turn.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What there are many of.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Noun {
    /// IPv4 routes by way of one gateway.
    Routes,
    /// Pairs of links that are up, with an address at each end.
    VethPairs,
    /// Named network namespaces.
    Netnses,
}

/// So many of a noun.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub(crate) struct Case {
    pub(crate) noun: Noun,
    pub(crate) count: usize,
}

/// What is done, in this order; the last leads back to where the first began.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Step {
    /// All of them, at once.
    Load,
    /// The same again, which changes nothing.
    Again,
    /// One more on top.
    OneMore,
    /// Reading what the kernel holds.
    Read,
    /// A restart while the kernel holds everything.
    RestartFull,
    /// A restart once the kernel has lost everything.
    RestartEmpty,
    /// All of them go.
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

    /// As a heading has it.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Routes => "routes",
            Self::VethPairs => "veth pairs with addresses",
            Self::Netnses => "namespaces",
        }
    }
}

impl Case {
    /// Every case, the small ones of a noun first.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Noun::ALL
            .into_iter()
            .flat_map(|noun| noun.counts().iter().map(move |count| Self { noun, count: *count }))
    }

    /// An odd number, so that the median is one of them; fewer where a run takes long.
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

/// A case by its name, or all of a noun by the noun's.
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

/// Cases that one word names.
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

    /// As a row of a table has it.
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

    /// How many objects of `count` there are once it is done.
    pub(crate) fn leaves(self, count: usize) -> usize {
        match self {
            Self::Load | Self::Again => count,
            Self::OneMore | Self::Read | Self::RestartFull | Self::RestartEmpty => count + 1,
            Self::Delete => 0,
        }
    }
}
