//! The part of the kernel state that a request for operational data needs.
//!
//! Each noun states where its objects are shown. A list with a namespace in its key is read only
//! for the requested namespaces. Links that are requested by the names of configured entries are
//! read alone.

use std::collections::BTreeSet;

use netstate::{NetnsName, Noun, Part, Place};
use yang::{Selected, Tree};

use crate::directory::Directory;
use crate::faults::Faults;
use crate::noun::shown_in;

/// The part of the state that is needed to show what is selected.
pub fn part(selected: &[Selected], configuration: &Tree) -> Part {
    let directory = Directory::read(configuration, &mut Faults::default());
    let is_shown = |noun: &Noun| {
        shown_in(*noun).iter().any(|shown| selected.iter().any(|selected| shown.is_in(selected)))
    };
    let namespaces: Option<BTreeSet<NetnsName>> = selected.iter().map(netns).collect();
    let links: Option<BTreeSet<Place>> = selected.iter().map(|one| link(one, &directory)).collect();
    let namespaces = namespaces
        .or_else(|| Some(links.as_ref()?.iter().map(|place| place.netns.clone()).collect()));
    Part {
        known: directory.places().map(|(place, id)| (place.clone(), id.clone())).collect(),
        nouns: Noun::ALL.iter().copied().filter(is_shown).collect(),
        namespaces,
        links,
    }
}

/// The selected namespace, if there is one.
fn netns(selected: &Selected) -> Option<NetnsName> {
    let (_, value) = selected.keys.iter().find(|(key, _)| *key == "netns")?;
    value.to_string().parse().ok()
}

/// The selected link, if it is configured.
fn link(selected: &Selected, directory: &Directory) -> Option<Place> {
    let (_, name) = selected.keys.iter().find(|(key, _)| *key == "name")?;
    let id = (selected.top.name == "links").then(|| name.to_string().parse().ok())??;
    directory.link(&id)?.place.clone()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use yang::Schema;

    use super::*;
    use crate::test::tree;

    fn check(filters: &[&str], expect: Expect) {
        let configuration = tree(
            r#"{"netnses": {"netns": [{"name": "red"}]},
                "links": {"link": [{"name": "lan", "netns": "red", "netloom-link:ifname": "eth0"}]}}"#,
        );
        let mut text = String::new();
        for filter in filters {
            let selected = Schema::netloom().unwrap().selected(filter).unwrap();
            let Part { nouns, namespaces, links, .. } = part(&selected, &configuration);
            let namespaces = namespaces.map(|names| names.into_iter().collect::<Vec<_>>());
            let links = links.map(|links| links.into_iter().collect::<Vec<_>>());
            text += &format!("{filter}: {nouns:?} of {namespaces:?}, {links:?}\n");
        }
        expect.assert_eq(&text);
    }

    #[test]
    fn only_the_requested_part_is_read() {
        check(
            &[
                "<links/>",
                "<links><link><name/></link></links>",
                "<links><link><name>lan</name></link></links>",
                "<links><link><name>lan</name><mtu/></link></links>",
                "<links><link><name>eth9</name></link></links>",
                "<links><bridge><sysctl/></bridge></links>",
                "<routes/>",
                "<routes><route><netns>red</netns></route></routes>",
                "<routes><route><prefix>10.0.0.0/8</prefix><netns>red</netns><src/></route></routes>",
                "<nexthops/>",
                "<routes/><rules/>",
                "<neighbors><fdb/></neighbors>",
                "<neighbors/>",
                "<sysctls/>",
                "<netnses/>",
                "<configuration-state/>",
            ],
            expect![[r#"
                <links/>: {Link, Sysctl, Address} of None, None
                <links><link><name/></link></links>: {Link} of None, None
                <links><link><name>lan</name></link></links>: {Link, Sysctl, Address} of Some(["red"]), Some([Place { netns: "red", ifname: "eth0" }])
                <links><link><name>lan</name><mtu/></link></links>: {Link} of Some(["red"]), Some([Place { netns: "red", ifname: "eth0" }])
                <links><link><name>eth9</name></link></links>: {Link, Sysctl, Address} of None, None
                <links><bridge><sysctl/></bridge></links>: {Link, Sysctl} of None, None
                <routes/>: {Route} of None, None
                <routes><route><netns>red</netns></route></routes>: {Route} of Some(["red"]), None
                <routes><route><prefix>10.0.0.0/8</prefix><netns>red</netns><src/></route></routes>: {Route} of Some(["red"]), None
                <nexthops/>: {Nexthop} of None, None
                <routes/><rules/>: {Route, Rule} of None, None
                <neighbors><fdb/></neighbors>: {Fdb} of None, None
                <neighbors/>: {Neighbor, Fdb} of None, None
                <sysctls/>: {Sysctl} of None, None
                <netnses/>: {Netns} of None, None
                <configuration-state/>: {} of None, None
            "#]],
        );
    }
}
