//! Every group of fields that a link has only by its relation to another, given back by every way.
//!
//! A group is a holder's leaves that this kernel accepts, in one commit: those of a port, and those of each kind of link.

use std::collections::BTreeSet;
use std::time::Duration;

use engine::Revision;
use serde_json::json;
use testkit::netns::isolated;
use yang::Tree;

use crate::leaves::{
    Holder, candidates, holders, is_of_kind, is_of_port, leaves, links, place, surroundings, with,
};
use acceptance::in_process::{Device, differences, tree};

/// A way to give back.
#[derive(Clone, Copy, Debug)]
enum Way {
    Removal,
    /// The relation's other links are removed, and the NIC stays configured.
    RemovalOfOthers,
    RollBack,
    Rescue,
    Expiry,
    Restart,
    Release,
}

const WAYS: [Way; 7] = [
    Way::Removal,
    Way::RemovalOfOthers,
    Way::RollBack,
    Way::Rescue,
    Way::Expiry,
    Way::Restart,
    Way::Release,
];

#[test]
fn every_group_is_given_back_by_every_way() {
    let mut failures = Vec::new();
    for holder in holders() {
        for is_ours in [false, true] {
            failures.extend(isolated(|| try_group(&holder, is_ours)));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Gives a group back by every way. If `is_ours`, there is a configuration before that has a link of ours.
fn try_group(holder: &Holder, is_ours: bool) -> Vec<String> {
    surroundings();
    let untouched = links();
    let mut device = Device::start();
    let base = match is_ours {
        true => tree(&json!({"iproute2-ip-link:links": {"link": [
            {"name": "ours", "type": "veth", "virtual_peer_name": "mate"},
            {"name": "n1", "mtu": 1400, "group": "7"}
        ]}})),
        false => tree(&json!({})),
    };
    device.commit(&base).expect("the configuration before");
    device.save_rescue();
    let before = links();
    let mut whole = holder.tree.clone();
    whole.merge(&base);
    let (whole, fields) = match accepted(&device, holder, &whole, &base) {
        Ok(group) => group,
        Err(words) => {
            println!("skipped: {}: {words}", holder.title);
            return Vec::new();
        }
    };
    println!("{}: {}", holder.title, fields.join(" "));
    let mut failures = Vec::new();
    for way in WAYS {
        if let Err(words) = give_back(&mut device, way, (&whole, &base)) {
            failures.push(format!("{} {is_ours} {way:?}: {words}", holder.title));
        }
        let expected = if matches!(way, Way::Release) { &untouched } else { &before };
        let after = await_links(expected);
        if after != *expected {
            failures.push(format!(
                "{} {is_ours} {way:?} leaves {:?}",
                holder.title,
                differences(expected, &after)
            ));
        }
        if matches!(way, Way::Release) {
            device.start_again();
        }
        let complaints = device.complaints();
        if !complaints.is_empty() {
            failures.push(format!("{} {is_ours} {way:?}: {complaints:?}", holder.title));
        }
    }
    failures
}

/// The configuration with the leaves of the group that this kernel accepts, and their names.
fn accepted(
    device: &Device,
    holder: &Holder,
    whole: &Tree,
    base: &Tree,
) -> Result<(Tree, Vec<String>), String> {
    device.commit(whole)?;
    let (mut all, mut names) = (whole.clone(), Vec::new());
    for leaf in leaves(holder).into_iter().filter(|leaf| is_of_kind(leaf) || is_of_port(leaf)) {
        for value in candidates(leaf).iter().rev() {
            let path = place(holder, leaf);
            let more = with(&all, &path, value);
            let unlike = all.diff(&more).changes().next().is_some();
            // Some values are possible only one after the other.
            let is_whole = || device.commit(base).and_then(|()| device.commit(&more)).is_ok();
            if unlike && is_whole() {
                all = more;
                names.push(leaf.name.to_owned());
                break;
            }
        }
    }
    device.commit(base)?;
    Ok((all, names))
}

fn give_back(device: &mut Device, way: Way, (whole, base): (&Tree, &Tree)) -> Result<(), String> {
    if let Way::Expiry = way {
        device.try_out(whole, Duration::from_millis(1))?;
        return await_running(device, base);
    }
    device.commit(whole)?;
    match way {
        Way::Removal => device.commit(base),
        Way::RemovalOfOthers => {
            let nic = json!({"name": "n1", "mtu": 1300});
            let mut less = base.clone();
            less.merge(&tree(&json!({"iproute2-ip-link:links": {"link": [nic]}})));
            device.commit(&less)?;
            device.commit(base)
        }
        Way::RollBack => device.roll_back(Revision::Position(1)),
        Way::Rescue => device.roll_back(Revision::Rescue),
        Way::Restart => {
            device.start_again();
            device.commit(base)
        }
        Way::Release => device.release(),
        Way::Expiry => Ok(()),
    }
}

fn await_running(device: &Device, expected: &Tree) -> Result<(), String> {
    let begun = std::time::Instant::now();
    while device.running().diff(expected).changes().next().is_some() {
        if begun.elapsed() > Duration::from_secs(20) {
            return Err(format!("is not undone: {:?}", device.complaints()));
        }
    }
    Ok(())
}

/// The links once they are as expected, or after some time.
fn await_links(expected: &BTreeSet<String>) -> BTreeSet<String> {
    let begun = std::time::Instant::now();
    loop {
        let found = links();
        if found == *expected || begun.elapsed() > Duration::from_secs(5) {
            return found;
        }
    }
}
