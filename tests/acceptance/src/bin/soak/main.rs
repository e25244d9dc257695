//! The soak test: random work on a real daemon, with a check of the whole state after each piece of
//! it.
//!
//! A seed decides everything except timing. A failure shows the seed, and the last moves.
//! Everything is in namespaces that end with the program.
#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on ends")]

mod device;
mod edits;
mod foreign;
mod hostile;
mod moves;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

use acceptance::kernel;
use clap::Parser;
use testkit::netns::isolated;

use crate::device::Device;
use crate::moves::Move;

/// Works on a daemon at random, and checks the results.
#[derive(Clone, Debug, Parser)]
struct Options {
    /// The duration in seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// The seed.
    #[arg(long)]
    seed: Option<u64>,
    /// The maximum number of moves.
    #[arg(long)]
    moves: Option<usize>,
}

/// The number of moves that are shown after a failure.
const TOLD: usize = 12;

fn main() {
    let options = Options::parse();
    let seed = options.seed.unwrap_or_else(|| fastrand::u64(..));
    println!("seed {seed}");
    isolated(move || soak(&options, seed));
}

fn soak(options: &Options, seed: u64) {
    let mut chance = fastrand::Rng::with_seed(seed);
    foreign::make_what_stays();
    let before = (kernel::holds(), kernel::settled());
    let mut device = Device::start();
    let (begun, mut done) = (Instant::now(), Vec::new());
    let time = Duration::from_secs(options.seconds);
    let within = |done: usize| options.moves.is_none_or(|moves| done < moves);
    while begun.elapsed() < time && within(done.len()) {
        let next = Move::draw(&mut chance);
        done.push(next);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            next.make(&mut device, &mut chance);
            device.check();
        }));
        if let Err(panic) = outcome {
            let last = &done[done.len().saturating_sub(TOLD)..];
            eprintln!("after {} moves, the last of them {last:?}", done.len());
            eprintln!("again: soak --seed {seed} --seconds {}", options.seconds);
            resume_unwind(panic);
        }
    }
    device.give_all_up();
    assert_eq!(kernel::holds(), before.0, "what is left when all is given up");
    kernel::await_as(&before.1);
    tell(&done, &device);
}

fn tell(done: &[Move], device: &Device) {
    println!("{} moves, {} commits, {} refused", done.len(), device.committed, device.refused);
    for kind in Move::ALL {
        println!("{:>7} {kind:?}", done.iter().filter(|made| **made == kind).count());
    }
}
