//! Which nexthop objects one request turns into others (`replace_nexthop`, net/ipv4/nexthop.c). Routes and groups keep
//! using such an object. Others are removed and created again, and so is what uses them.

use super::{NexthopGroup, NexthopKind, NexthopObject};
use crate::noun::Replaced;

pub(super) fn replaced(from: &NexthopObject, to: &NexthopObject) -> Replaced {
    let in_place = from.fdb == to.fdb
        && match (&from.kind, &to.kind) {
            // A group with several members takes no blackhole.
            (NexthopKind::Single(_), NexthopKind::Blackhole { .. })
            | (NexthopKind::Single(_) | NexthopKind::Blackhole { .. }, NexthopKind::Group(_))
            | (NexthopKind::Group(_), NexthopKind::Single(_) | NexthopKind::Blackhole { .. }) => {
                false
            }
            // IPv6 routes take no nexthop of IPv4.
            (NexthopKind::Single(from), NexthopKind::Single(to)) => !from.ipv6 || to.ipv6,
            (NexthopKind::Blackhole { ipv6 }, NexthopKind::Single(to)) => !ipv6 || to.ipv6,
            (NexthopKind::Blackhole { ipv6: from }, NexthopKind::Blackhole { ipv6: to }) => {
                !from || *to
            }
            (NexthopKind::Group(from), NexthopKind::Group(to)) => is_group_in_place(from, to),
        };
    if in_place { Replaced::InPlace } else { Replaced::Recreated }
}

/// A group keeps its type, and a resilient one its number of buckets (`replace_nexthop_grp`).
fn is_group_in_place(from: &NexthopGroup, to: &NexthopGroup) -> bool {
    let buckets = |group: &NexthopGroup| group.resilient.map(|resilient| resilient.buckets);
    buckets(from) == buckets(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nexthop(kind: &str, fdb: bool) -> NexthopObject {
        NexthopObject { protocol: Some(4), fdb, kind: serde_json::from_str(kind).unwrap() }
    }

    #[test]
    fn only_what_linux_replaces_is_replaced_in_place() {
        let single = |ipv6: bool, via: &str| {
            let via = if via.is_empty() { "null".into() } else { format!("\"{via}\"") };
            format!(
                r#"{{"Single": {{"ipv6": {ipv6}, "dev": "a", "via": {via}, "onlink": false}}}}"#
            )
        };
        let group = |members: &str, buckets: u16| match buckets {
            0 => format!(r#"{{"Group": {{"members": {members}, "resilient": null}}}}"#),
            _ => format!(
                r#"{{"Group": {{"members": {members}, "resilient":
                    {{"buckets": {buckets}, "idle_timer": 1, "unbalanced_timer": 0}}}}}}"#
            ),
        };
        let blackhole = |ipv6: bool| format!(r#"{{"Blackhole": {{"ipv6": {ipv6}}}}}"#);
        let in_place = [
            (single(false, ""), single(false, "10.0.0.1")),
            (single(false, ""), single(true, "2001:db8::1")),
            (blackhole(false), single(true, "")),
            (group(r#"{"1": 1}"#, 0), group(r#"{"2": 3, "3": 1}"#, 0)),
            (group(r#"{"1": 1}"#, 8), group(r#"{"2": 3}"#, 8)),
        ];
        let recreated = [
            (single(true, ""), single(false, "")),
            (single(false, ""), blackhole(false)),
            (blackhole(true), single(false, "")),
            (single(false, ""), group(r#"{"2": 3}"#, 0)),
            (group(r#"{"2": 3}"#, 0), blackhole(false)),
            (group(r#"{"1": 1}"#, 8), group(r#"{"1": 1}"#, 16)),
            (group(r#"{"1": 1}"#, 8), group(r#"{"1": 1}"#, 0)),
        ];
        for (from, to) in &in_place {
            let [from, to] = [from, to].map(|kind| nexthop(kind, false));
            assert_eq!(replaced(&from, &to), Replaced::InPlace, "{from:?} {to:?}");
        }
        for (from, to) in &recreated {
            let [from, to] = [from, to].map(|kind| nexthop(kind, false));
            assert_eq!(replaced(&from, &to), Replaced::Recreated, "{from:?} {to:?}");
        }
        let [from, to] = [false, true].map(|fdb| nexthop(&group(r#"{"1": 1}"#, 0), fdb));
        assert_eq!(replaced(&from, &to), Replaced::Recreated);
    }
}
