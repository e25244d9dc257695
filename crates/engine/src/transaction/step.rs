//! The steps of a transaction: every boundary at which a fault may strike passes through one place.
//!
//! With the feature `faults` the environment variable `NETLOOM_ABORT_AT` ends the process at one of them: the name
//! of a step ([`Step::name`]), or `operations:N` for the moment after the kernel has taken N operations
//! of a plan. A start that finds nothing to do passes none of them.

/// A boundary: what has just been done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The candidate is on top of the latest running.
    Merged,
    /// It is valid and authorised, and lowered to desired state.
    Lowered,
    /// The kernel is observed and the plan is made.
    Planned,
    /// What the commit adopts is on disk as it was before.
    Adopted,
    /// The journal is on disk.
    Journalled,
    /// The kernel has taken the plan.
    Executed,
    /// The kernel holds what was planned.
    Verified,
    /// The journal is a history entry: the commit has happened.
    Committed,
    /// Startup follows.
    Saved,
    /// What the commit gave back is forgotten.
    Released,
    /// Readers see the new running.
    Published,
    /// After a failure: the kernel holds the old running.
    Reverted,
    /// After a failure: the journal is gone.
    Withdrawn,
}

impl Step {
    /// All of them, in the order in which a commit passes them, then those of a failed one.
    pub const ALL: [Step; 13] = [
        Step::Merged,
        Step::Lowered,
        Step::Planned,
        Step::Adopted,
        Step::Journalled,
        Step::Executed,
        Step::Verified,
        Step::Committed,
        Step::Saved,
        Step::Released,
        Step::Published,
        Step::Reverted,
        Step::Withdrawn,
    ];

    /// Its name in logs and in `NETLOOM_ABORT_AT`.
    pub fn name(self) -> &'static str {
        match self {
            Step::Merged => "merged",
            Step::Lowered => "lowered",
            Step::Planned => "planned",
            Step::Adopted => "adopted",
            Step::Journalled => "journalled",
            Step::Executed => "executed",
            Step::Verified => "verified",
            Step::Committed => "committed",
            Step::Saved => "saved",
            Step::Released => "released",
            Step::Published => "published",
            Step::Reverted => "reverted",
            Step::Withdrawn => "withdrawn",
        }
    }
}

/// Where a fault is to strike, and how.
#[cfg(any(test, feature = "faults"))]
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) at: Boundary,
    /// Does not return.
    pub(crate) strike: fn() -> !,
}

/// A step, or a number of operations that the kernel has taken.
#[cfg(any(test, feature = "faults"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Boundary {
    Step(Step),
    Operations(usize),
}

#[cfg(feature = "faults")]
impl Fault {
    /// The fault that `NETLOOM_ABORT_AT` asks for.
    pub(crate) fn from_environment() -> Option<Fault> {
        let text = std::env::var("NETLOOM_ABORT_AT").ok()?;
        let step = Step::ALL.into_iter().find(|step| step.name() == text);
        let count = || text.strip_prefix("operations:")?.parse().ok();
        let at = step.map(Boundary::Step).or_else(|| count().map(Boundary::Operations));
        match at {
            Some(at) => Some(Fault { at, strike: || std::process::abort() }),
            None => {
                tracing::error!(text, "NETLOOM_ABORT_AT names no step");
                None
            }
        }
    }
}
