//! The random moves of the soak test.

use std::time::Duration;

use acceptance::Ran;
use fastrand::Rng;

use crate::device::{Device, Outcome, POLICY};
use crate::edits::{self, choose};
use crate::foreign;
use crate::hostile::Hostile;

/// The steps at which a daemon can be ended (engine::Step), and some numbers of operations.
const STEPS: [&str; 14] = [
    "merged",
    "lowered",
    "planned",
    "adopted",
    "journalled",
    "executed",
    "verified",
    "committed",
    "saved",
    "released",
    "published",
    "operations:1",
    "operations:2",
    "operations:5",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    Commit,
    /// A confirmed commit, which is confirmed, cancelled, or interrupted and left to the next
    /// daemon.
    ConfirmedCommit,
    Rollback,
    /// Several people commit at once.
    Crowd,
    /// A client dies during a commit, with a lock.
    KillClient,
    /// The daemon dies at any moment of a commit.
    KillDaemon,
    /// The daemon dies at a step of a commit.
    DieAtStep,
    Restart,
    Reboot,
    /// Others create objects next to the configured ones.
    Foreign,
    /// Others change what is configured.
    Meddle,
    /// A local user holds locks, connections and odd files against the daemon.
    Hostile,
}

impl Move {
    pub(crate) const ALL: [Move; 12] = [
        Move::Commit,
        Move::ConfirmedCommit,
        Move::Rollback,
        Move::Crowd,
        Move::KillClient,
        Move::KillDaemon,
        Move::DieAtStep,
        Move::Restart,
        Move::Reboot,
        Move::Foreign,
        Move::Meddle,
        Move::Hostile,
    ];

    pub(crate) fn draw(chance: &mut Rng) -> Move {
        match chance.u8(0..44) {
            0..16 => Move::Commit,
            16..18 => Move::ConfirmedCommit,
            18..21 => Move::Rollback,
            21..23 => Move::Crowd,
            23..25 => Move::KillClient,
            25..28 => Move::KillDaemon,
            28..31 => Move::DieAtStep,
            31 => Move::Restart,
            32 => Move::Reboot,
            33..36 => Move::Foreign,
            36..40 => Move::Meddle,
            _ => Move::Hostile,
        }
    }

    pub(crate) fn make(self, device: &mut Device, chance: &mut Rng) {
        match self {
            Move::Commit => {
                device.commit(&edits::draw(&device.running, chance), "commit");
            }
            Move::ConfirmedCommit => confirmed(device, chance),
            Move::Rollback => {
                let back = chance.u8(1..6);
                // The policy on which the soak test relies must not be undone.
                device.commit(&format!("rollback {back}\n{POLICY}"), "commit");
            }
            Move::Crowd => crowd(device, chance),
            Move::KillClient => kill_client(device, chance),
            Move::KillDaemon => {
                let child = device.begin(&edits::draw(&device.running, chance), "commit");
                pause(chance, 80);
                device.daemon.kill();
                let outcome =
                    Outcome::of(Ran::of(child.wait_with_output().expect("await netloom")));
                device.start_again();
                device.find_out_after_death(outcome);
            }
            Move::DieAtStep => die_at_step(device, chance),
            Move::Restart => {
                device.daemon.stop();
                device.start_again();
            }
            Move::Reboot => device.reboot(),
            Move::Foreign => {
                if let Some((dev, netns)) = choose(&edits::links(&device.running), chance) {
                    let prefix = format!("198.18.{}.0/24", chance.u8(..));
                    device.foreign.add_route(&netns, &dev, &prefix);
                }
            }
            Move::Meddle => meddle(device, chance),
            Move::Hostile => Hostile::draw(chance).make(device, chance),
        }
    }
}

fn confirmed(device: &mut Device, chance: &mut Rng) {
    let before = device.running.clone();
    if !device.commit(&edits::draw(&device.running, chance), "commit confirmed 5") {
        return;
    }
    device.check();
    match chance.u8(0..3) {
        0 => drop(device.daemon.run("configure\ncommit\n")),
        1 => {
            // If there was nothing to commit, no commit waits.
            if device.daemon.script("configure\ncommit cancel\n").status.success() {
                device.now_running(before);
            }
        }
        _ => {
            device.daemon.kill();
            device.start_again();
            device.check();
            drop(device.daemon.run("configure\ncommit\n"));
        }
    }
}

/// Each person adds something of their own, so that everything exists in the end.
fn crowd(device: &mut Device, chance: &mut Rng) {
    let netns = edits::netns(&device.running, chance);
    let line =
        |n: u8| format!("routes-iproute2 route 192.0.{n}.0/24 netns {netns} type blackhole\n");
    let numbers: Vec<u8> = (0..6).map(|_| chance.u8(..)).collect();
    let crowd: Vec<_> = numbers
        .iter()
        .map(|n| device.daemon.begin(&format!("configure\n{}commit\n", line(*n))))
        .collect();
    for child in crowd {
        let ran = Ran::of(child.wait_with_output().expect("await netloom"));
        assert!(ran.status.success(), "{}", ran.err);
    }
    // Committed alone, the same change has no effect, and shows the expected running.
    let again: String = numbers.iter().map(|n| line(*n)).collect();
    assert!(device.commit(&again, "commit"));
}

fn kill_client(device: &mut Device, chance: &mut Rng) {
    let lock = if chance.bool() { "lock\n" } else { "" };
    let edits = edits::draw(&device.running, chance);
    let mut child = device.begin(&format!("{lock}{edits}"), "commit");
    pause(chance, 60);
    let _gone = child.kill();
    let outcome = Outcome::of(Ran::of(child.wait_with_output().expect("await netloom")));
    // Its lock is released, and a commit that was under way ends.
    acceptance::kernel::until("the lock is free", || {
        device.daemon.script("configure\nlock\nunlock\n").status.success()
    });
    device.find_out(outcome);
}

fn die_at_step(device: &mut Device, chance: &mut Rng) {
    let step = choose(&STEPS, chance).unwrap_or_default();
    device.daemon.stop();
    device.daemon.start_again(&[("NETLOOM_ABORT_AT", step)]);
    let child = device.begin(&edits::draw(&device.running, chance), "commit");
    let outcome = Outcome::of(Ran::of(child.wait_with_output().expect("await netloom")));
    match outcome.ran.err.contains("netloomd closed the connection") {
        true => device.daemon.await_end(),
        // The commit was refused before the step, or there was nothing to do.
        false => device.daemon.kill(),
    }
    device.start_again();
    device.find_out_after_death(outcome);
}

fn meddle(device: &mut Device, chance: &mut Rng) {
    let Some((name, netns)) = choose(&edits::links(&device.running), chance) else { return };
    device.foreign.forget_on_link(&name);
    let arguments = match chance.u8(0..6) {
        0 => format!("link delete {name}"),
        1 => format!("link set dev {name} down"),
        2 => format!("link set dev {name} mtu 1300"),
        3 => format!("address flush dev {name} scope global"),
        4 => match choose(&edits::routes(&device.running), chance) {
            Some((prefix, netns)) => {
                foreign::run(&netns, &format!("route delete {prefix}"));
                return;
            }
            None => return,
        },
        _ => format!("neighbor flush dev {name}"),
    };
    foreign::run(&netns, &arguments);
}

/// Waits for a random time of up to `most` milliseconds.
fn pause(chance: &mut Rng, most: u64) {
    #[expect(clippy::disallowed_methods, reason = "it strikes at any moment")]
    std::thread::sleep(Duration::from_millis(chance.u64(0..most)));
}
