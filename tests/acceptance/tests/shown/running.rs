//! Running on a real kernel, with the objects of others beside it: what is shown restores what is configured, and nothing
//! else.

use std::fs;

use acceptance::{Daemon, step};
use netstate::{Key, State};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use testkit::configurations::{Configuration, configuration};
use testkit::netns::{has_link_kind, ip, isolated};
use yang::{Schema, Tree};

use crate::{BETWEEN, FORMS, asked_for};

/// The seed, unless `NETLOOM_SHOWN_SEED` sets another, and the number of cases, unless `NETLOOM_SHOWN` does.
const SEED: u64 = 1;
const CASES: u64 = 6;

/// What others make, also on the links of the configuration if these are there.
const THEIRS: [&str; 12] = [
    "link add their0 type veth peer name their1",
    "link add fbr type bridge",
    "link set their0 master fbr up",
    "link set their1 up",
    "addr add 10.77.0.1/24 dev their1",
    "route add 10.78.0.0/16 via 10.77.0.9",
    "route add 2001:db8:78::/48 dev their1",
    "neigh add 10.77.0.7 lladdr 02:00:00:00:00:07 dev their1 nud permanent",
    "neigh add 10.77.0.8 lladdr 02:00:00:00:00:08 dev their1 nud reachable",
    "rule add from 10.77.0.0/24 lookup 77",
    "netns add foreign",
    "-n foreign link set lo up",
];
const ON_LINKS: [&str; 3] = [
    "addr add 10.79.0.1/24 dev LINK",
    "neigh add 10.79.0.7 lladdr 02:00:00:00:00:07 dev LINK nud reachable",
    "route add 10.80.0.0/16 dev LINK table 80",
];

#[test]
fn running_loads_back_with_foreign_state_beside_it() {
    let (seed, cases) = (asked_for("NETLOOM_SHOWN_SEED", SEED), asked_for("NETLOOM_SHOWN", CASES));
    step(&format!("seed {seed}"));
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let lacking: Vec<&str> =
        isolated(|| ["vlan", "dummy"].into_iter().filter(|kind| !has_link_kind(kind)).collect());
    let (mut committed, mut marked) = (0, 0);
    for case in 0..cases {
        let random = configuration().new_tree(&mut runner).expect("a configuration").current();
        let random = lacking.iter().fold(random, |random, kind| random.without(kind));
        let shown = isolated(|| shown(case, &random));
        committed += u32::from(shown.is_some());
        marked += u32::from(shown.is_some_and(|text| text.contains("! ")));
    }
    println!("{committed} of {cases} are committed, {marked} are shown with marks");
    assert!(committed > 0, "no configuration is committed");
}

/// The text of running. None if the configuration is refused.
fn shown(case: u64, random: &Configuration) -> Option<String> {
    ip("link add nic type veth peer name far");
    ip("link set far up");
    THEIRS.iter().for_each(|theirs| _ = ip(theirs));
    let daemon = Daemon::start();
    let file = daemon.folder().join("file");
    let load = |how: &str, text: &str| {
        fs::write(&file, text).expect("write the file");
        format!("configure\nload {how} {}\n", file.display())
    };
    let wanted = tree_of(&random.state());
    if wanted.is_empty() {
        return None;
    }
    let commit = load("replace", &wanted.to_json(true)) + "commit\n";
    if !daemon.script(&commit).status.success() {
        return None;
    }
    let links = ip("-o link show up type veth");
    let name = links.lines().next().and_then(|line| line.split([':', '@']).nth(1));
    if let Some(name) = name.map(str::trim) {
        for theirs in ON_LINKS {
            ip(&theirs.replace("LINK", name));
        }
    }
    step(&format!("case {case}"));
    let mut text = None;
    for form in FORMS {
        for what in ["config-running", "config-startup", "rollback 0"] {
            let shown = daemon.run(&format!("show {what} | display {form}\n"));
            let replace = load("replace", &shown);
            let check = daemon.run(&format!("{replace}commit check\n{BETWEEN}commit\n"));
            assert!(check.starts_with("nothing to do\n"), "{form} {what}: {check}\n{shown}");
            assert!(check.ends_with("nothing to commit\n"), "{form} {what}: {check}\n{shown}");
            let merge = load("merge", &shown);
            assert_eq!(daemon.run(&format!("{merge}commit\n")), "nothing to commit\n", "{shown}");
            if ["text", "set"].contains(&form) {
                let emptied = format!("configure\n{}", emptied(&wanted));
                let told = daemon.run(&format!("{emptied}{shown}top\ncommit\n"));
                assert_eq!(told, "nothing to commit\n", "{emptied}{shown}");
            }
            text.get_or_insert(shown);
        }
    }
    text
}

/// Lines that delete all of a configuration.
fn emptied(tree: &Tree) -> String {
    let line = |node: yang::Node<'_>| {
        let module = node.schema().module.name.split('-').next().unwrap_or_default();
        format!("no {}-{module}\n", node.schema().name)
    };
    tree.top().map(line).collect()
}

/// A configuration in YANG, without parameters.
fn tree_of(state: &State) -> Tree {
    let mut plain = state.clone();
    plain.objects.retain(|key, _| !matches!(key, Key::Sysctl(_)));
    let schema = Schema::netloom().expect("the modules compile");
    mapping::raise(&plain, &Tree::empty(schema)).expect("the state is shown").config_only()
}
