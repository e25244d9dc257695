//! The order of keys, and the links among all objects.

use super::*;
use crate::noun::link::{Link, Place, link_objects};

fn key(json: &str) -> Key {
    serde_json::from_str(json).unwrap()
}

#[test]
fn keys_are_sorted_in_the_order_of_the_table() {
    let keys = [
        key(r#"{"Netns": "z"}"#),
        key(r#"{"Link": "y"}"#),
        key(r#"{"Sysctl": {"netns": "x", "path": "net/ipv4/ip_forward"}}"#),
        key(r#"{"Address": {"netns": "x", "dev": "b", "address": "10.0.0.1/8"}}"#),
        key(r#"{"Neighbor": {"netns": "x", "dev": "a", "address": "10.0.0.1", "proxy": false}}"#),
        key(r#"{"Fdb": {"netns": "w", "dev": "a", "lladdr": "02:00:00:00:00:01", "vlan": 0,
                        "own": true, "dst": null}}"#),
        key(r#"{"Nexthop": {"netns": "v", "id": 1}}"#),
        key(
            r#"{"Route": {"netns": "v", "table": 1, "prefix": "10.0.0.0/8", "tos": 0, "metric": 0}}"#,
        ),
        key(r#"{"Rule": {"netns": "u", "pref": 1, "from": "10.0.0.0/8", "to": "0.0.0.0/0",
                         "tos": 0, "fwmark": 0}}"#),
    ];
    assert!(keys.is_sorted());
    let nouns: Vec<Noun> = keys.iter().map(Key::noun).collect();
    assert_eq!(nouns, Noun::ALL, "a noun more needs a key here");
}

#[test]
fn links_are_found_among_all_else() {
    let place = Place { netns: NetnsName::own(), ifname: "l".parse().unwrap() };
    let objects = [
        (key(r#"{"Netns": "z"}"#), Object::Netns),
        (key(r#"{"Link": "l"}"#), Object::Link(Box::new(Link::at(place)))),
        (key(r#"{"Sysctl": {"netns": "1", "path": "net/ipv4/ip_forward"}}"#), {
            Object::Sysctl("1".into())
        }),
    ];
    let objects = objects.into_iter().collect();
    assert_eq!(link_objects(&objects).count(), 1);
}
