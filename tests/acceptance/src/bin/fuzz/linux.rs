//! Random changes on Linux, beside random foreign state.

use acceptance::in_process::{Device, differences, schema};
use engine::Revision;
use fastrand::Rng;
use testkit::netns::isolated;
use yang::Tree;

use crate::surroundings::Snapshot;
use crate::{changes, count, surroundings};

/// The words of a refusal that could not be undone.
const NOT_UNDONE: [&str; 2] = ["undoing it failed", "does not hold it"];

pub(crate) fn run(random: &mut Rng) {
    let mut own = random.fork();
    isolated(move || {
        surroundings::make(&mut own);
        let untouched = surroundings::snapshot();
        let mut before = untouched.clone();
        let mut device = Device::start();
        for _ in 0..own.u8(5..16) {
            before = step(&mut device, before, &mut own);
        }
        let wanted = Tree::empty(schema());
        let running = device.running();
        if let Err(words) = device.commit(&wanted) {
            panic!("cannot take out everything: {words}\n{}", running.to_json(true));
        }
        assert_holds(&device, "everything is taken out");
        assert_same(&untouched, &surroundings::snapshot(), ("everything is taken out", &running));
    });
}

/// A commit, and what must hold after it. Returns what the kernel holds then.
fn step(device: &mut Device, before: Snapshot, random: &mut Rng) -> Snapshot {
    let running = device.running();
    let wanted = changes::draw(&running, random);
    if wanted == running {
        return before;
    }
    let committed = device.commit(&wanted);
    count(&committed);
    let after = surroundings::snapshot();
    let after = match committed {
        Err(words) => {
            let is_undone = !NOT_UNDONE.iter().any(|one| words.contains(one));
            assert!(is_undone, "{words}\n{}", changes::shown(&running, &wanted));
            assert_eq!(device.running(), running, "running after a refusal");
            assert_same(&before, &after, (&format!("refused: {words}"), &wanted));
            before
        }
        Ok(()) if random.u8(0..3) == 0 => {
            if let Err(words) = device.roll_back(Revision::Position(1)) {
                panic!("rollback 1 is refused: {words}\n{}", changes::shown(&running, &wanted));
            }
            assert_same(&before, &surroundings::snapshot(), ("rolled back", &wanted));
            before
        }
        Ok(()) if random.u8(0..4) == 0 => {
            device.start_again();
            assert_same(&after, &surroundings::snapshot(), ("started again", &wanted));
            after
        }
        Ok(()) => after,
    };
    assert_holds(device, &changes::shown(&running, &wanted));
    after
}

fn assert_holds(device: &Device, what: &str) {
    let complaints = device.complaints();
    assert!(complaints.is_empty(), "{}\n{what}", complaints.join("\n"));
}

fn assert_same(before: &Snapshot, after: &Snapshot, (what, wanted): (&str, &Tree)) {
    let differences = differences(before, after);
    let wanted = wanted.to_json(true);
    assert!(differences.is_empty(), "{what}\n{}\n{wanted}", differences.join("\n"));
}
