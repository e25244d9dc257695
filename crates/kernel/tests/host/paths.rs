//! A configuration has the same result on every path on Linux: from an empty configuration, from
//! another one, and after a refused commit. The fake kernel has the same result.

use std::collections::BTreeMap;

use kernel::Kernel;
use netstate::{Key, Scope, Southbound, State, Wanted};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use testkit::configurations::{
    Configuration, Surroundings, comparable, configuration, described, surroundings,
};
use testkit::netns::{has_link_kind, ip, isolated};
use testkit::{FakeKernel, Owner};

/// The number of cases, unless `NETLOOM_PATHS` sets another; and the seed, unless
/// `NETLOOM_PATHS_SEED` sets one. `NETLOOM_PATHS_CASE` is the only case to try.
const CASES: u32 = 20;
const SEED: u8 = 1;

#[test]
fn every_path_to_a_configuration_has_the_same_result_on_linux() {
    let asked_for = |name: &str| std::env::var(name).ok().and_then(|number| number.parse().ok());
    let cases = asked_for("NETLOOM_PATHS").unwrap_or(CASES);
    let only = asked_for("NETLOOM_PATHS_CASE");
    let seed = asked_for("NETLOOM_PATHS_SEED").map_or(SEED, |seed: u32| seed as u8);
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let random = (surroundings(), configuration(), configuration(), configuration());
    let (mut accepted, mut held, mut failures) = (0, 0, Vec::new());
    let lacking: Vec<&str> =
        isolated(|| ["vlan", "dummy"].into_iter().filter(|kind| !has_link_kind(kind)).collect());
    for case in 0..cases {
        let (around, before, wanted, refused) = random.new_tree(&mut runner).unwrap().current();
        if only.is_some_and(|only| only != case) {
            continue;
        }
        let made = |random: Configuration| {
            lacking.iter().fold(random, |random, kind| random.without(kind))
        };
        let [before, wanted, refused] = [before, wanted, refused].map(made);
        let directly = way(around, &[], &wanted);
        if let Ok((reasons, _)) = &directly {
            accepted += 1;
            held += u32::from(!reasons.is_empty());
        }
        let on_values = Owner::new(FakeKernel::holding(around.state())).commit(&wanted.state());
        if directly.is_ok() != on_values.is_ok() {
            let told =
                |refused: Option<&String>| refused.map_or("accepted", String::as_str).to_owned();
            failures.push(format!(
                "case {case}, {around:?}\n{}\non Linux: {}\non values: {}",
                described(&wanted.state()),
                told(directly.as_ref().err()),
                told(on_values.as_ref().err())
            ));
        }
        for (name, earlier) in [("another", &[&before][..]), ("several", &[&before, &refused])] {
            let found = way(around, earlier, &wanted);
            if let Some(told) = difference(&directly, &found) {
                let earlier: Vec<String> =
                    earlier.iter().map(|state| described(&state.state())).collect();
                let wanted = described(&wanted.state());
                failures.push(format!(
                    "case {case}, by {name}: {around:?}\n{}\nwanted:\n{wanted}\n{told}",
                    earlier.join("\nthen\n")
                ));
            }
        }
    }
    println!("of {cases}: {accepted} accepted, {held} of these held in part; seed {seed}");
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n\n"));
}

/// The held objects with the reasons and the kernel's state, or the reason why a configuration is
/// refused.
type Outcome = Result<(Vec<String>, State), String>;

/// Reaches a configuration through earlier ones, on a host of its own.
fn way(around: Surroundings, earlier: &[&Configuration], wanted: &Configuration) -> Outcome {
    let go = || isolated(|| go(around, earlier, wanted));
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(go)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        Err(format!("panic: {}", text.unwrap_or_default()))
    })
}

fn go(around: Surroundings, earlier: &[&Configuration], wanted: &Configuration) -> Outcome {
    if let Some(up) = around.nic {
        ip("link add nic type veth peer name far");
        ip("link set far up");
        if around.has_address {
            ip("addr add 172.16.0.1/16 dev nic");
            ip("addr add 2001:db8:a0::1/64 dev nic nodad");
        }
        if up {
            ip("link set nic up");
        }
    }
    let mut owner = Owner::new(Kernel::open().unwrap());
    // Objects that the kernel creates itself are compared only between the paths.
    owner.looks_at_everything = false;
    for configuration in earlier {
        drop(owner.commit(&configuration.state()));
    }
    owner.commit(&wanted.state())?;
    let mut held = owner.held.clone();
    held.sort();
    let scope = Scope::Everything { known: BTreeMap::new() };
    let mut state = owner.southbound.observe(&scope).unwrap();
    let keys = wanted.state().objects.into_keys();
    let parameters = keys.filter(|key| matches!(key, Key::Sysctl(_))).collect();
    let only = Scope::Only(Wanted { keys: parameters, ..Wanted::default() });
    state.objects.extend(owner.southbound.observe(&only).unwrap().objects);
    Ok((held, comparable(state)))
}

fn difference(directly: &Outcome, found: &Outcome) -> Option<String> {
    match (directly, found) {
        (Ok(expected), Ok(found)) if expected == found => None,
        (Ok((held, state)), Ok((other_held, other))) => Some(format!(
            "directly: {held:?}\n{}\nthat way: {other_held:?}\n{}",
            missing(state, other),
            missing(other, state)
        )),
        (Err(told), _) | (_, Err(told)) if told.starts_with("panic") => Some(told.clone()),
        (Err(_), Err(_)) => None,
        (Ok(_), Err(refused)) => Some(format!("refused that way: {refused}")),
        (Err(refused), Ok(_)) => Some(format!("refused directly: {refused}")),
    }
}

/// The objects of the first that are missing or different in the second.
fn missing(first: &State, second: &State) -> String {
    let objects = first.objects.iter();
    let objects = objects.filter(|(key, object)| second.objects.get(key) != Some(object));
    let state =
        State { objects: objects.map(|(key, object)| (key.clone(), object.clone())).collect() };
    format!("{}\n{:?}", described(&state), state.objects.values().find_map(|object| object.link()))
}
