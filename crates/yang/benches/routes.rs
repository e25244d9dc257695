//! The cost of a configuration of 100,000 routes: the time of each operation on trees, and memory.

#![allow(clippy::unwrap_used, reason = "a bench may stop at what goes wrong")]

use std::fmt::Write as _;
use std::hint::black_box;

use yang::{Edit, Operation, Path, Schema, Tree, Value};

fn main() {
    let count = std::env::args().filter_map(|argument| argument.parse().ok()).next();
    let count = count.unwrap_or(100_000);
    let schema = measure("compile the schema", || Schema::netloom().unwrap());
    let json = configuration(count);
    println!("{count} routes, {:.1} MB of JSON", json.len() as f64 / 1e6);

    let before = resident();
    let tree = measure("read JSON", || Tree::from_json(schema, &json).unwrap());
    println!("{:>28}  {:.1} MB", "memory of the tree", (resident() - before) / 1e6);
    let text = measure("write JSON", || tree.to_json(false));
    black_box(text);
    let xml = measure("write XML", || tree.to_xml(false));
    let read = measure("read XML", || Tree::from_xml(schema, &xml).unwrap());
    assert!(read == tree);
    measure("read XML as an edit", || Edit::from_xml(schema, &xml, Operation::Merge).unwrap());

    let copy = measure("copy", || tree.clone());
    let path = "/iproute2-ip-route:routes/route[prefix='10.0.7.0/24'][table='main'][metric='0'][tos='default'][netns='vpn0']/mtu";
    let path = measure("read a path", || Path::parse(schema, path).unwrap());
    let edit = Edit::one(&path, Operation::Merge, Some(Value::Unsigned(1400)));
    let mut edited = copy.clone();
    measure("edit one leaf", || edited.edit(&edit).unwrap());
    let diff = measure("diff of one change", || copy.diff(&edited));
    assert_eq!(diff.parts().len(), 1);
    measure("equality, one change", || copy == edited);
    measure("equality, read apart", || copy == read);
    measure("diff, read apart", || copy.diff(&read));
    let whole = measure("diff to the empty tree", || copy.diff(&Tree::empty(schema)));
    println!("{:>28}  {}", "changes", whole.changes().count());
    measure("as an edit, applied", || Tree::empty(schema).edit(&tree.to_edit()).unwrap());
    measure("only configuration", || tree.config_only());
    measure("filter one route", || {
        tree.filter("<routes><route><prefix>10.0.7.0/24</prefix></route></routes>").unwrap()
    });
    measure("validate", || tree.validate().unwrap());
}

fn configuration(routes: usize) -> String {
    let mut json = String::from(
        r#"{"iproute2-ip-netns:netnses":{"netns":[{"name":"vpn0"}]},"iproute2-ip-link:links":{"link":[{"name":"veth0","netns":"vpn0"}]},"iproute2-ip-route:routes":{"route":["#,
    );
    for index in 0..routes {
        let comma = if index == 0 { "" } else { "," };
        let (a, b, c) = (10 + index / 65536, index / 256 % 256, index % 256);
        let _ = write!(
            json,
            r#"{comma}{{"prefix":"{a}.{b}.{c}.0/24","table":"main","metric":0,"tos":"default","netns":"vpn0","nexthop":[{{"dev":"veth0","via":{{"address":"10.0.{b}.{c}"}}}}]}}"#
        );
    }
    json.push_str("]}}");
    json
}

fn measure<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let start = busy();
    let result = black_box(work());
    println!("{what:>28}  {:.3} ms", (busy() - start) / 1e6);
    result
}

/// The processor time of this thread in nanoseconds.
fn busy() -> f64 {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    times.split(' ').next().and_then(|time| time.parse().ok()).unwrap_or_default()
}

/// The memory that this process uses now, in bytes.
fn resident() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<f64>().ok());
    pages.unwrap_or_default() * 4096.0
}
