//! The steps of a transaction: a fault can be injected after each of them, in one place.
//!
//! With the feature `faults` the environment variable `NETLOOM_ABORT_AT` ends the process after one
//! of them, and `NETLOOM_BLOCK_AT` blocks the thread. Its value is the name of a step ([`Step::name`]), or `operations:N` for the moment
//! after the kernel has executed N operations of a plan. A start that finds nothing to do passes no
//! steps.

/// A step that has just been completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The candidate is merged with the latest running.
    Merged,
    /// The candidate is valid, and its desired kernel state is known.
    Lowered,
    /// The kernel is observed and the plan is made.
    Planned,
    /// The originals of the objects that the commit adopts are on disk.
    Adopted,
    /// The journal is on disk.
    Journalled,
    /// The kernel has executed the plan.
    Executed,
    /// The kernel holds what was planned.
    Verified,
    /// The journal is a history entry: the commit has happened.
    Committed,
    /// Startup follows.
    Saved,
    /// The originals that the commit gave back are forgotten.
    Released,
    /// Readers see the new running.
    Published,
    /// After a failure: the kernel holds the old running.
    Reverted,
    /// After a failure: the journal is gone.
    Withdrawn,
}

impl Step {
    /// All steps in the order of a commit, then those of a failed commit.
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

    /// The name in logs and in `NETLOOM_ABORT_AT`.
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

/// Where to inject a fault, and which.
#[cfg(any(test, feature = "faults"))]
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) at: Boundary,
    /// Injects the fault. It does not return.
    pub(crate) strike: fn() -> !,
}

/// A step, or a number of executed operations.
#[cfg(any(test, feature = "faults"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Boundary {
    Step(Step),
    Operations(usize),
}

#[cfg(feature = "faults")]
impl Fault {
    /// The fault in `NETLOOM_ABORT_AT` or `NETLOOM_BLOCK_AT`.
    pub(crate) fn from_environment() -> Option<Fault> {
        let abort: fn() -> ! = || std::process::abort();
        let block: fn() -> ! = || {
            loop {
                std::thread::park();
            }
        };
        let faults = [("NETLOOM_ABORT_AT", abort), ("NETLOOM_BLOCK_AT", block)];
        let (text, strike) = faults
            .into_iter()
            .find_map(|(name, strike)| Some((std::env::var(name).ok()?, strike)))?;
        let step = Step::ALL.into_iter().find(|step| step.name() == text);
        let count = || text.strip_prefix("operations:")?.parse().ok();
        let at = step.map(Boundary::Step).or_else(|| count().map(Boundary::Operations));
        match at {
            Some(at) => Some(Fault { at, strike }),
            None => {
                tracing::error!(text, "NETLOOM_ABORT_AT or NETLOOM_BLOCK_AT names no step");
                None
            }
        }
    }
}
