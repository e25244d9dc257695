//! The cost of operations on whole trees is linear: four times the entries must not take much more than four times
//! the time.

#![allow(clippy::unwrap_used, reason = "a test may stop at what goes wrong")]

use std::fmt::Write as _;

use rustix::time::ClockId;
use yang::{Edit, Operation, Schema, Tree};

const FEW: usize = 1_000;
const TIMES: usize = 4;

/// With that factor more entries, an operation takes at most this many times the time. A quadratic cost would be
/// sixteen times. Other load on the machine can make it more than four.
const MOST: f64 = 8.0;

/// The minimum of several runs is the time of the operation. The rest is caused by other load on the machine.
const RUNS: usize = 3;

#[track_caller]
fn check<T>(what: &str, material: impl Fn(usize) -> T, work: impl Fn(&T)) {
    let (few, many) = (material(FEW), material(TIMES * FEW));
    let least = |material: &T| (0..RUNS).map(|_| busy(|| work(material))).fold(f64::MAX, f64::min);
    let (short, long) = (least(&few), least(&many));
    let ratio = long / short;
    assert!(ratio < MOST, "{what}: {short:.0} ns become {long:.0} ns, {ratio:.1} times as much");
}

/// The processor time of this thread in nanoseconds.
fn busy(work: impl FnOnce()) -> f64 {
    let times = || {
        let time = rustix::time::clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
    };
    let start = times();
    work();
    times() - start
}

#[test]
fn more_entries_cost_no_more_than_in_proportion() {
    let schema = Schema::netloom().unwrap();
    let tree = |count| Tree::from_json(schema, &json(0, count)).unwrap();
    check("read JSON", |count| json(0, count), |json| _ = Tree::from_json(schema, json).unwrap());
    check("write JSON", tree, |tree| _ = tree.to_json(false));
    check("write XML", tree, |tree| _ = tree.to_xml(false));
    let xml = |count| tree(count).to_xml(false);
    check("read XML", xml, |xml| _ = Tree::from_xml(schema, xml).unwrap());
    // Text that is not plain is read by other code.
    let odd = |count| xml(count).replace("</table>", "<!-- --></table>");
    check("read odd XML", odd, |xml| _ = Tree::from_xml(schema, xml).unwrap());
    // As many elements as entries, none of which gives all keys.
    let element = |n: usize| {
        let (a, b, c) = octets(n);
        format!("<routes><route><prefix>{a}.{b}.{c}.0/24</prefix><nexthop/></route></routes>")
    };
    let apart = |count| (tree(count), (0..count).map(element).collect::<String>());
    check("filter", apart, |(tree, filter)| {
        assert_eq!(tree.filter(filter).unwrap().to_json(false), tree.to_json(false));
    });
    let element = "<routes><route><table>main</table><nexthop/></route></routes>";
    let alike = |count: usize| (tree(count), element.repeat(count));
    check("filter alike", alike, |(tree, filter)| _ = tree.filter(filter).unwrap());
    let edit = |first, count| {
        let xml = Tree::from_json(schema, &json(first, count)).unwrap().to_xml(false);
        Edit::from_xml(schema, &xml, Operation::Merge).unwrap()
    };
    let twice = |count| (tree(count), edit(count / 2, count));
    check("merge", twice, |(tree, edit)| tree.clone().edit(edit).unwrap());
    let nodes = |count| (tree(count / 2), tree(count).to_edit());
    check("apply nodes", nodes, |(tree, edit)| tree.clone().edit(edit).unwrap());
    let apart = |count| (tree(count), edit(count / 2, count));
    check("difference", apart, |(tree, edit)| {
        let mut other = tree.clone();
        other.edit(edit).unwrap();
        let diff = tree.diff(&other);
        let _ = diff.to_edit().to_xml();
        let _ = (diff.to_xml(), diff.to_xml_back());
    });
}

/// Routes, beginning with number `first`.
fn json(first: usize, count: usize) -> String {
    let mut json = String::from(r#"{"iproute2-ip-route:routes":{"route":["#);
    for index in first..first + count {
        let comma = if index == first { "" } else { "," };
        let (a, b, c) = octets(index);
        let _ = write!(
            json,
            r#"{comma}{{"prefix":"{a}.{b}.{c}.0/24","table":"main","metric":0,"tos":"default","netns":"vpn{c}","nexthop":[{{"dev":"veth0","via":{{"address":"10.0.{b}.{c}"}}}}]}}"#
        );
    }
    json + "]}}"
}

/// The first octets of a route's prefix.
fn octets(index: usize) -> (usize, usize, usize) {
    (10 + index / 65536, index / 256 % 256, index % 256)
}
