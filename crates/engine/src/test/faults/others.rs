//! Others change the kernel in the middle of a commit: between its plan and its first operation, or
//! after its last operation and before the verification.
//!
//! Such a change stays. The kernel then holds the old or the new configuration except for the
//! change, which is shown as drift. A later start finds one of the two complete.

use netstate::{Action, Op};

use super::report::{Row, check_section};
use super::southbound::{Call, Interfered};
use super::*;

/// A change by another program.
#[derive(Clone, Copy)]
struct ForeignChange {
    words: &'static str,
    act: fn(&FakeKernel),
}

const DEEDS: [ForeignChange; 6] = [
    ForeignChange {
        words: "NIC enp0s4 is unplugged",
        act: |kernel| delete(kernel, &link("enp0s4")),
    },
    ForeignChange { words: "veth10 is deleted", act: |kernel| delete(kernel, &link("veth10")) },
    ForeignChange {
        words: "namespace vpn20 is deleted",
        act: |kernel| delete(kernel, &Key::Netns("vpn20".parse().unwrap())),
    },
    ForeignChange {
        words: "enp0s5 is set down",
        act: |kernel| {
            alter(kernel, "enp0s5", |link| link.flags.up = Some(false));
        },
    },
    ForeignChange {
        words: "enp0s5 is moved to the host's namespace",
        act: |kernel| alter(kernel, "enp0s5", |link| link.place.netns = NetnsName::own()),
    },
    ForeignChange {
        words: "all addresses are removed",
        act: |kernel| {
            let state = kernel.state();
            let keys = state.objects.keys().filter(|key| matches!(key, Key::Address(_)));
            keys.for_each(|key| delete(kernel, key));
        },
    },
];

#[test]
fn changes_by_others_during_a_commit_leave_the_rest_complete() {
    let cases = CASES.iter().filter(|case| case.reaches_kernel);
    let sections = cases.map(|case| (case.title, rows(case)));
    check_section(
        "others",
        &["what they do", "before the first operation", "after the last"],
        sections,
    );
}

fn rows(case: &Case) -> Vec<Row> {
    let ends = case.ends();
    let row = |deed: &ForeignChange| Row {
        boundary: deed.words.into(),
        outcomes: [false, true].map(|late| outcome(case, &ends, *deed, late)).to_vec(),
    };
    DEEDS.iter().map(row).collect()
}

/// The result of a change in the middle of a commit.
fn outcome(case: &Case, ends: &Ends, deed: ForeignChange, late: bool) -> String {
    let (host, mut engine) = case.prepared();
    let what = format!("{}, {}, late: {late}", case.title, deed.words);
    let (mut done, mut executed) = (false, false);
    let meddled = Interfered::between(&mut engine, &host.kernel, move |call, kernel| {
        let is_moment = match call {
            Call::Observe => late && executed,
            Call::Execute(_) => !late,
        };
        executed |= matches!(call, Call::Execute(_));
        if is_moment && !done {
            done = true;
            (deed.act)(kernel);
        }
        None
    });
    let message = (case.act)(&mut engine).map_err(|errors| errors.describe());
    meddled.stop();
    assert!(engine.diverged.is_none(), "{what}: {message:?}");
    let end = if message.is_ok() { &ends.new } else { &ends.old };
    assert_eq!(engine.running.intent.tree, end.running, "{what}: {message:?}");
    let whole = host.kernel.state() == end.kernel;
    plug_in(&host.kernel);
    assert_eq!(Held::after_restart(&host, case).unlike(end), "", "{what}: {message:?}");
    // The next commit may find the change, and then repairs it.
    let met =
        commit(&mut engine, "/iproute2-ip-link:links/link[name='enp0s5']/mtu = 1500").is_err();
    assert!(!met || (!whole && engine.diverged.is_none()), "{what}");
    check_next_commit(&mut engine, &host, &what);
    let name = if message.is_ok() { "new" } else { "old" };
    match whole {
        true => name.into(),
        false => format!("{name}, but for that"),
    }
}

/// Executes an operation for another program. If the object does not exist, nothing happens.
fn execute(kernel: &FakeKernel, key: &Key, action: Action) {
    let plan = Plan { ops: vec![Op::new(key.clone(), action)] };
    let _refused = kernel.clone().execute(&plan);
}

fn delete(kernel: &FakeKernel, key: &Key) {
    if let Some(object) = kernel.state().objects.get(key) {
        execute(kernel, key, Action::Delete(object.clone()));
    }
}

fn alter(kernel: &FakeKernel, name: &str, alter: impl FnOnce(&mut Link)) {
    let Some(Object::Link(from)) = kernel.state().objects.get(&link(name)).cloned() else { return };
    let mut change = Link::at(from.place.clone());
    alter(&mut change);
    let (from, change) = (Object::Link(from), Object::Link(Box::new(change)));
    execute(kernel, &link(name), Action::Update { from, change });
}

/// Brings back the missing NICs.
fn plug_in(kernel: &FakeKernel) {
    kernel.change(|state| {
        for (key, nic) in nics(&["enp0s4", "enp0s5"]).objects {
            state.objects.entry(key).or_insert(nic);
        }
    });
}

fn link(name: &str) -> Key {
    Key::Link(name.parse().unwrap())
}
