//! What is read from JSON, and the place that an error names.

use expect_test::{Expect, expect};

use crate::sample::{schema, tree};
use crate::tree::Tree;

#[track_caller]
fn check(json: &str, expected: Expect) {
    let shown = match Tree::from_json(schema(), json) {
        Ok(tree) => tree.to_json(false),
        Err(error) => format!("error: {error}"),
    };
    expected.assert_eq(&shown);
}

#[test]
fn every_type_is_written_as_the_rfc_says() {
    let tree = tree(
        "/links/link[name='a']/mtu = 1500
         /links/link[name='a']/type = dummy
         /links/link[name='a']/admin-status = up
         /links/link[name='a']/map = 2:1
         /links/link[name='a']/map = 10:1
         /links/link[name='a']/vxlan/id = 18446744073709551615
         /links/link[name='a']/state/flags = UP
         /links/link[name='a']/ifname = \"quoted\"
         /routes/route[prefix='10.0.0.0/8'][table='100']/tag = -3
         /routes/route[prefix='10.0.0.0/8'][table='100']/weight = 1.5
         /routes/route[prefix='10.0.0.0/8'][table='100']/onlink = false
         /routes/route[prefix='10.0.0.0/8'][table='100']/key = AAEC
         /routes/route[prefix='10.0.0.0/8'][table='main']",
    );
    let mut tree = tree;
    let blackhole =
        crate::sample::path("/routes/route[prefix='10.0.0.0/8'][table='main']/blackhole");
    tree.set(&blackhole, crate::Value::Empty).unwrap();
    let text = tree.to_json(true);
    expect![[r#"
        {
          "sample:links": {
            "link": [
              {
                "name": "a",
                "mtu": 1500,
                "admin-status": "up",
                "type": "sample-more:dummy",
                "map": [
                  "2:1",
                  "10:1"
                ],
                "vxlan": {
                  "id": "18446744073709551615"
                },
                "state": {
                  "flags": "UP"
                },
                "sample-more:ifname": "\"quoted\""
              }
            ]
          },
          "sample:routes": {
            "route": [
              {
                "prefix": "10.0.0.0/8",
                "table": 100,
                "tag": -3,
                "weight": "1.5",
                "onlink": false,
                "key": "AAEC"
              },
              {
                "prefix": "10.0.0.0/8",
                "table": "main",
                "blackhole": [
                  null
                ]
              }
            ]
          }
        }"#]]
    .assert_eq(&text);
    assert_eq!(Tree::from_json(schema(), &text).unwrap(), tree);
    assert_eq!(Tree::from_json(schema(), &tree.to_json(false)).unwrap(), tree);
}

#[test]
fn members_may_come_in_any_order() {
    check(
        r#"{"sample:links": {"link": [{"mtu": 100, "name": "b"}, {"name": "a"}]}}"#,
        expect![[r#"{"sample:links":{"link":[{"name":"a"},{"name":"b","mtu":100}]}}"#]],
    );
    check(r#"{"sample:links": {}, "sample:routes": {"route": []}}"#, expect!["{}"]);
    check(
        r#"{"sample:links": {"sample:link": [{"name": "a", "sample-more:ifname": "x"}]}}"#,
        expect![[r#"{"sample:links":{"link":[{"name":"a","sample-more:ifname":"x"}]}}"#]],
    );
    check(
        r#"{"sample:links": {"link": [{"name": "a", "vxlan": {}}]}}"#,
        expect![[r#"{"sample:links":{"link":[{"name":"a","vxlan":{}}]}}"#]],
    );
    check(
        r#"{"sample:routes": {"route": [{"prefix": "1.0.0.0/8", "table": "100"}]}}"#,
        expect![[r#"{"sample:routes":{"route":[{"prefix":"1.0.0.0/8","table":100}]}}"#]],
    );
}

#[test]
fn faults_name_their_place() {
    check("", expect!["error: line 1 column 0: EOF while parsing a value"]);
    check(
        "[]",
        expect![
            "error: line 1 column 0: invalid type: sequence, expected an object of top-level nodes"
        ],
    );
    check("{} x", expect!["error: line 1 column 4: trailing characters"]);
    check(
        "{\"sample:links\": {\n  \"link\": [\n    {\"name\": \"a\",",
        expect!["error: /sample:links/link[name='a']: line 3 column 17: EOF while parsing a value"],
    );
    check(
        r#"{"links": {}}"#,
        expect![[r#"error: line 1 column 8: "links" is "sample:links" here"#]],
    );
    check(
        r#"{"sample:lonks": {}}"#,
        expect![[r#"error: line 1 column 15: there is no node "sample:lonks""#]],
    );
    check(
        r#"{"nowhere:links": {}}"#,
        expect![[r#"error: line 1 column 16: "nowhere:links" is "sample:links" here"#]],
    );
    check(
        r#"{"sample:links": []}"#,
        expect![
            "error: line 1 column 17: invalid type: sequence, expected an object, the content of links"
        ],
    );
    check(
        r#"{"sample:links": {"link": {"name": "a"}}}"#,
        expect![
            "error: /sample:links: line 1 column 26: invalid type: map, expected an array, the entries of link"
        ],
    );
    check(
        r#"{"sample:links": {"link": [{"name": "a", "mtu": 1}]}}"#,
        expect![[
            r#"error: /sample:links/link[name='a']/mtu: line 1 column 49: "1" is not a number in 64..65575"#
        ]],
    );
    check(
        r#"{"sample:links": {"link": [{"mtu": 1, "name": "a"}]}}"#,
        expect![[
            r#"error: /sample:links/link/mtu: line 1 column 36: "1" is not a number in 64..65575"#
        ]],
    );
    check(
        r#"{"sample:links": {"link": [{"name": "a", "mtu": "1500"}]}}"#,
        expect![
            "error: /sample:links/link[name='a']/mtu: line 1 column 54: mtu has to be a number, without quotes"
        ],
    );
    check(
        r#"{"sample:links": {"link": [{"name": "a", "mtu": 1500.5}]}}"#,
        expect![[
            r#"error: /sample:links/link[name='a']/mtu: line 1 column 54: "1500.5" is not a number in 64..65575"#
        ]],
    );
    check(
        r#"{"sample:links": {"link": [{"name": "a", "mtu": 1e400}]}}"#,
        expect!["error: /sample:links/link[name='a']/mtu: line 1 column 53: number out of range"],
    );
    check(
        r#"{"sample:links": {"link": [{"name": "a", "mtu": null}]}}"#,
        expect![
            "error: /sample:links/link[name='a']/mtu: line 1 column 52: invalid type: null, expected the value of mtu"
        ],
    );
    check(
        r#"{"sample:links": {"link": [{"name": "a", "mtu": [1]}]}}"#,
        expect![
            "error: /sample:links/link[name='a']/mtu: line 1 column 51: mtu takes one value, not an array"
        ],
    );
    check(
        r#"{"sample:links": {"link": [{"name": "a", "mtu": {}}]}}"#,
        expect![
            "error: /sample:links/link[name='a']/mtu: line 1 column 50: invalid type: map, expected the value of mtu"
        ],
    );
    check(
        r#"{"sample:links": {"link": [{"name": 5}]}}"#,
        expect![
            "error: /sample:links/link/name: line 1 column 37: name has to be a text, in quotes"
        ],
    );
    check(
        r#"{"sample:links": {"link": [{"name": "a", "ifname": "x"}]}}"#,
        expect![[
            r#"error: /sample:links/link[name='a']: line 1 column 49: "ifname" is "sample-more:ifname" here"#
        ]],
    );
    check(
        r#"{"sample:links": {"link": [{"name": "a", "colour": "x"}]}}"#,
        expect![[
            r#"error: /sample:links/link[name='a']: line 1 column 49: link has no node "colour""#
        ]],
    );
    check(
        r#"{"sample:links": {"link": [{"name": "a", "@mtu": {}}]}}"#,
        expect![[
            r#"error: /sample:links/link[name='a']: line 1 column 47: "@mtu": metadata is not supported"#
        ]],
    );
    check(
        r#"{"sample:links": {"link": [{"mtu": 100}]}}"#,
        expect!["error: /sample:links/link: line 1 column 39: the key name is missing"],
    );
    check(
        r#"{"sample:links": {"link": [{"name": "a"}, {"name": "a"}]}}"#,
        expect!["error: /sample:links/link[name='a']: line 1 column 56: this entry is there twice"],
    );
    check(
        r#"{"sample:links": {"link": [{"name": "a", "name": "b"}]}}"#,
        expect!["error: /sample:links/link[name='b']: line 1 column 53: name is there twice"],
    );
    check(
        r#"{"sample:links": {"link": [{"name": "a", "mtu": 100, "mtu": 100}]}}"#,
        expect!["error: /sample:links/link[name='a']: line 1 column 58: mtu is there twice"],
    );
    check(
        r#"{"sample:links": {"link": [{"name": "a", "map": ["1:1", "1:1"]}]}}"#,
        expect![[
            r#"error: /sample:links/link[name='a']/map: line 1 column 62: the value "1:1" is there twice"#
        ]],
    );
    check(
        r#"{"sample:links": {"link": [{"name": "a", "vxlan": {"id": 5}}]}}"#,
        expect![
            "error: /sample:links/link[name='a']/vxlan/id: line 1 column 58: id has to be a text, in quotes"
        ],
    );
    check(
        r#"{"sample:links": {"link": [{"name": "a", "vxlan": {"group": "239.0.0.1", "port": 5}}]}}"#,
        expect![
            "error: /sample:links/link[name='a']/vxlan: line 1 column 79: group and port exclude each other"
        ],
    );
    check(
        r#"{"sample:routes": {"route": [{"prefix": "default", "table": "main", "blackhole": true}]}}"#,
        expect![[
            r#"error: /sample:routes/route[prefix='default'][table='main']/blackhole: line 1 column 85: "true" is not empty (the node takes no value)"#
        ]],
    );
    check(
        r#"{"sample:links": {"link": [{"name": "\u0000"}]}}"#,
        expect![
            "error: /sample:links/link/name: line 1 column 44: a value cannot hold the character U+0000"
        ],
    );
    check(
        &"[".repeat(100_000),
        expect![
            "error: line 1 column 0: invalid type: sequence, expected an object of top-level nodes"
        ],
    );
    check(
        &r#"{"sample:links":"#.repeat(100_000),
        expect![[r#"error: /sample:links: line 1 column 31: links has no node "sample:links""#]],
    );
}
