//! The fuzzer: random requests, files and kernel states, and what must hold after each of them.
//!
//! The engine runs in this process. It never panics and never hangs. A refused change changes nothing. An accepted one is
//! complete, can be rolled back, and can be taken out. A case follows from its number and the seed. A failure prints both,
//! and ends the program.
#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on ends")]

mod changes;
mod files;
mod linux;
mod messages;
mod surroundings;
mod values;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use fastrand::Rng;

/// Tries random requests, files and kernel states.
#[derive(Clone, Debug, Parser)]
struct Options {
    /// The duration in seconds.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// The seed.
    #[arg(long)]
    seed: Option<u64>,
    /// Only the case of this number.
    #[arg(long)]
    case: Option<u64>,
    /// Only cases of this kind.
    #[arg(long)]
    only: Option<Kind>,
}

/// What a case is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Changes of any leaf and parameter, on Linux beside random foreign state.
    Linux,
    /// Sound configurations that depend on each other, on the fake kernel, which refuses some operations.
    Values,
    /// NETCONF messages, whole and damaged.
    Messages,
    /// Damaged state directories and configurations.
    Files,
}

const KINDS: [Kind; 4] = [Kind::Linux, Kind::Values, Kind::Messages, Kind::Files];

/// A case takes some seconds at most. After this time it hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// The panics in any thread.
static PANICS: AtomicUsize = AtomicUsize::new(0);

/// The changes that were accepted, and those that were refused.
static ACCEPTED: AtomicUsize = AtomicUsize::new(0);
static REFUSED: AtomicUsize = AtomicUsize::new(0);

/// Counts a change.
fn count<T, E>(outcome: &Result<T, E>) {
    let counter = if outcome.is_ok() { &ACCEPTED } else { &REFUSED };
    counter.fetch_add(1, Ordering::SeqCst);
}

fn main() -> ExitCode {
    let options = Options::parse();
    let seed = options.seed.unwrap_or_else(|| fastrand::u64(..));
    println!("seed {seed}");
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        PANICS.fetch_add(1, Ordering::SeqCst);
        report(panic);
    }));
    let begun = Instant::now();
    let mut done = [0_u32; KINDS.len()];
    for number in options.case.unwrap_or_default().. {
        let is_over = match options.case {
            Some(case) => number > case,
            None => begun.elapsed() >= Duration::from_secs(options.seconds),
        };
        if is_over {
            break;
        }
        let position = usize::try_from(number).unwrap_or_default() % KINDS.len();
        let kind = options.only.unwrap_or(KINDS[position]);
        if !passes(kind, seed, number) {
            eprintln!("again: fuzz --seed {seed} --case {number} --only {}", kind.name());
            return ExitCode::FAILURE;
        }
        done[KINDS.iter().position(|one| *one == kind).unwrap_or_default()] += 1;
    }
    for (kind, done) in KINDS.iter().zip(done) {
        println!("{done:>7} {}", kind.name());
    }
    let [accepted, refused] = [&ACCEPTED, &REFUSED].map(|counter| counter.load(Ordering::SeqCst));
    println!("{accepted} changes accepted, {refused} refused");
    ExitCode::SUCCESS
}

/// Whether a case passes, in time and without a panic in any thread.
fn passes(kind: Kind, seed: u64, number: u64) -> bool {
    let (ended, end) = mpsc::channel();
    let case = move || {
        // Neighbouring seeds and numbers have nothing in common.
        let mut random = Rng::with_seed(Rng::with_seed(seed).u64(..).wrapping_add(number));
        let outcome = catch_unwind(AssertUnwindSafe(|| kind.run(&mut random)));
        let _nobody_waits = ended.send(outcome.is_ok());
    };
    thread::Builder::new().name("case".into()).spawn(case).expect("start a thread");
    match end.recv_timeout(PATIENCE) {
        Ok(passed) => passed && PANICS.load(Ordering::SeqCst) == 0,
        Err(RecvTimeoutError::Disconnected) => false,
        Err(RecvTimeoutError::Timeout) => {
            eprintln!("no end after {PATIENCE:?}");
            false
        }
    }
}

impl Kind {
    fn run(self, random: &mut Rng) {
        match self {
            Kind::Linux => linux::run(random),
            Kind::Values => values::run(random),
            Kind::Messages => messages::run(random),
            Kind::Files => files::run(random),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Kind::Linux => "linux",
            Kind::Values => "values",
            Kind::Messages => "messages",
            Kind::Files => "files",
        }
    }
}
