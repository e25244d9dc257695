//! XML in the format of RFC 7950.

mod edit;
mod filter;
mod plain;
mod read;
mod sink;
mod write;

pub use edit::EditWriter;
pub(crate) use filter::read_filter;

/// The namespace of the `operation` attribute (RFC 6241 section 3.1).
const NETCONF: &str = "urn:ietf:params:xml:ns:netconf:base:1.0";

/// Rewrites the modules or prefixes of the names in an instance-identifier, except for text in quotes.
fn rename(path: &str, mut name: impl FnMut(Option<&str>, &str) -> String) -> String {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(first) = rest.chars().next() {
        let is_name = |c: char| c.is_alphanumeric() || "_-.:".contains(c);
        let end = match first {
            '\'' | '"' => rest[1..].find(first).map_or(rest.len(), |end| end + 2),
            c if c.is_alphabetic() || c == '_' => rest.find(|c| !is_name(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let (token, after) = rest.split_at(end);
        match token.split_once(':') {
            _ if !first.is_alphabetic() && first != '_' => out.push_str(token),
            Some((module, local)) => out.push_str(&name(Some(module), local)),
            None => out.push_str(&name(None, token)),
        }
        rest = after;
    }
    out
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::rename;
    use crate::edit::{Edit, Operation};
    use crate::sample::{lines, path, schema, tree};
    use crate::tree::Tree;
    use crate::value::Value;

    #[test]
    fn trees_are_written_with_their_namespaces() {
        let mut tree = tree(
            "/links/link[name='a']/mtu = 1500
             /links/link[name='a']/type = dummy
             /links/link[name='a']/map = 2:1
             /links/link[name='a']/map = 10:1
             /links/link[name='a']/vxlan
             /links/link[name='a']/state/flags = UP
             /links/link[name='a']/ifname = <&>\"'
             /links/link[name='b']/ifname = x
             /routes/route[prefix='10.0.0.0/8'][table='100']/dev = /sample:links/link[name='a']/sample-more:ifname",
        );
        tree.set(&path("/routes/route[prefix='10.0.0.0/8'][table='100']/blackhole"), Value::Empty)
            .unwrap();
        tree.set(&path("/links/link[name='c\r\n d']/mtu"), Value::Unsigned(64)).unwrap();
        let text = tree.to_xml(true);
        expect![[r#"
            <links xmlns="urn:sample">
              <link>
                <name>a</name>
                <mtu>1500</mtu>
                <type xmlns:m="urn:sample:more">m:dummy</type>
                <map>2:1</map>
                <map>10:1</map>
                <vxlan/>
                <state>
                  <flags>UP</flags>
                </state>
                <ifname xmlns="urn:sample:more">&lt;&amp;&gt;"'</ifname>
              </link>
              <link>
                <name>b</name>
                <ifname xmlns="urn:sample:more">x</ifname>
              </link>
              <link>
                <name>c&#13;
             d</name>
                <mtu>64</mtu>
              </link>
            </links>
            <routes xmlns="urn:sample">
              <route>
                <prefix>10.0.0.0/8</prefix>
                <table>100</table>
                <blackhole/>
                <dev xmlns:s="urn:sample" xmlns:m="urn:sample:more">/s:links/s:link[s:name='a']/m:ifname</dev>
              </route>
            </routes>
        "#]].assert_eq(&text);
        assert_eq!(lines(&Tree::from_xml(schema(), &text).unwrap()), lines(&tree));
        let text = tree.to_xml(false);
        expect![[r#"
            <links xmlns="urn:sample"><link><name>a</name><mtu>1500</mtu><type xmlns:m="urn:sample:more">m:dummy</type><map>2:1</map><map>10:1</map><vxlan/><state><flags>UP</flags></state><ifname xmlns="urn:sample:more">&lt;&amp;&gt;"'</ifname></link><link><name>b</name><ifname xmlns="urn:sample:more">x</ifname></link><link><name>c&#13;
             d</name><mtu>64</mtu></link></links><routes xmlns="urn:sample"><route><prefix>10.0.0.0/8</prefix><table>100</table><blackhole/><dev xmlns:s="urn:sample" xmlns:m="urn:sample:more">/s:links/s:link[s:name='a']/m:ifname</dev></route></routes>"#]].assert_eq(&text);
        assert_eq!(Tree::from_xml(schema(), &text).unwrap(), tree);
        assert_eq!(Edit::from_xml(schema(), &text, Operation::Merge).unwrap(), tree.to_edit());
    }

    #[test]
    fn large_trees_are_written_in_pieces() {
        /// Keeps pieces, and fails after some.
        struct Pieces(Vec<usize>, String, usize);
        impl std::io::Write for Pieces {
            fn write(&mut self, piece: &[u8]) -> std::io::Result<usize> {
                if self.0.len() == self.2 {
                    return Err(std::io::ErrorKind::BrokenPipe.into());
                }
                self.0.push(piece.len());
                self.1.push_str(std::str::from_utf8(piece).unwrap());
                Ok(piece.len())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let entry = |n: usize| match n % 2 {
            0 => format!("/links/link[name='\u{e4}{n}']/vxlan/id = {n}\n"),
            _ => format!("/netnses/netns[name='n{n}']\n"),
        };
        let mut lines: String = (0..10_000).map(entry).collect();
        lines += "/netnses/netns[name='x']\n/links/link[name='empty']";
        let tree = tree(&lines);
        for indent in [false, true] {
            let whole = tree.to_xml(indent);
            let mut pieces = Pieces(Vec::new(), String::new(), usize::MAX);
            tree.write_xml(indent, &mut pieces).unwrap();
            assert_eq!(pieces.1, whole);
            let longest = pieces.0.iter().max().unwrap();
            assert!(*longest < whole.len() / 4, "{longest} of {} bytes at once", whole.len());
            let mut pieces = Pieces(Vec::new(), String::new(), 2);
            let error = tree.write_xml(indent, &mut pieces).unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
        }
    }

    #[track_caller]
    fn check(xml: &str, expected: Expect) {
        let shown = match Tree::from_xml(schema(), xml) {
            Ok(tree) => tree.to_json(false),
            Err(error) => format!("{:?}: {error}", error.tag),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn documents_come_in_many_forms() {
        check("", expect!["{}"]);
        check("<?xml version=\"1.0\"?><!-- c --><data/>", expect!["{}"]);
        check(
            r#"<links xmlns="urn:sample"><link><mtu> 100 </mtu><name>a</name></link></links>"#,
            expect![[r#"{"sample:links":{"link":[{"name":"a","mtu":100}]}}"#]],
        );
        check(
            r#"<config xmlns="urn:x"><s:links xmlns:s="urn:sample"><s:link><s:name>a</s:name></s:link></s:links></config>"#,
            expect![[r#"{"sample:links":{"link":[{"name":"a"}]}}"#]],
        );
        check(
            r#"<data><links xmlns="urn:sample" xmlns:q="urn:sample:more"><link><name>a</name><type>q:dummy</type></link></links></data>"#,
            expect![[r#"{"sample:links":{"link":[{"name":"a","type":"sample-more:dummy"}]}}"#]],
        );
        check(
            r#"<links xmlns="urn:sample"><link><name>a</name><type>veth</type></link></links>"#,
            expect![[r#"{"sample:links":{"link":[{"name":"a","type":"sample:veth"}]}}"#]],
        );
        check(
            r#"<links xmlns="urn:sample"><link><name><![CDATA[<a>]]>&#x41;&lt;<!-- -->b</name></link></links>"#,
            expect![[r#"{"sample:links":{"link":[{"name":"<a>A<b"}]}}"#]],
        );
        check(r#"<links xmlns="urn:sample"/><routes xmlns="urn:sample"></routes>"#, expect!["{}"]);
        check(
            r#"<routes xmlns="urn:sample"><route><prefix>default</prefix><table>1</table><dev xmlns:z="urn:sample">/z:links/z:link[z:name='z:q']</dev></route></routes>"#,
            expect![[
                r#"{"sample:routes":{"route":[{"prefix":"default","table":1,"dev":"/sample:links/link[name='z:q']"}]}}"#
            ]],
        );
    }

    #[test]
    fn faults_name_their_place() {
        check("x", expect!["BadElement: line 1 column 1: elements are wanted, not text"]);
        check(
            "<links>",
            expect![[
                r#"UnknownNamespace: line 1 column 7: <links> is of namespace urn:sample, not """#
            ]],
        );
        check(
            "<links/>",
            expect![[
                r#"UnknownNamespace: line 1 column 8: <links> is of namespace urn:sample, not """#
            ]],
        );
        check(
            "<s:links/>",
            expect![
                "UnknownNamespace: line 1 column 10: the prefix s of <s:links> is not declared"
            ],
        );
        check(
            r#"<links xmlns="urn:other"/>"#,
            expect![[
                r#"UnknownNamespace: line 1 column 26: <links> is of namespace urn:sample, not "urn:other""#
            ]],
        );
        check(
            r#"<lonks xmlns="urn:sample"/>"#,
            expect!["UnknownElement: line 1 column 27: there is no node lonks"],
        );
        check(
            "<links xmlns=\"urn:sample\">\n  <link>\n    <name>a</name>\n    <mtu>1",
            expect![
                "MalformedMessage: /sample:links/link[name='a']/mtu: line 4 column 10: the document ends within <mtu>"
            ],
        );
        check(
            "<links xmlns=\"urn:sample\">\n  <link>\n    <name>a</name>\n    <mtu>1</mtu></link></links>",
            expect![[
                r#"InvalidValue: /sample:links/link[name='a']/mtu: line 4 column 16: "1" is not a number in 64..65575"#
            ]],
        );
        check(
            r#"<links xmlns="urn:sample"><link><name>a</name></links>"#,
            expect![
                "MalformedMessage: /sample:links/link[name='a']: line 1 column 46: ill-formed document: expected `</link>`, but `</links>` was found"
            ],
        );
        check(
            r#"<links xmlns="urn:sample"><link><mtu>100</mtu></link></links>"#,
            expect![
                "MissingElement: /sample:links/link: line 1 column 53: the key name is missing"
            ],
        );
        check(
            r#"<links xmlns="urn:sample"><link><name>a</name><mtu>100</mtu><mtu>100</mtu></link></links>"#,
            expect![
                "BadElement: /sample:links/link[name='a']/mtu: line 1 column 74: mtu is there twice"
            ],
        );
        check(
            r#"<links xmlns="urn:sample"><link><name>a</name></link><link><name>a</name></link></links>"#,
            expect![
                "BadElement: /sample:links/link[name='a']: line 1 column 80: this entry is there twice"
            ],
        );
        check(
            r#"<links xmlns="urn:sample"/><links xmlns="urn:sample"><link><name>a</name></link></links><links xmlns="urn:sample"><link><name>b</name></link></links>"#,
            expect!["BadElement: /sample:links: line 1 column 149: links is there twice"],
        );
        check(
            r#"<links xmlns="urn:sample"><link><name>a</name><name>b</name></link></links>"#,
            expect![
                "BadElement: /sample:links/link[name='b']/name: line 1 column 60: name is there twice"
            ],
        );
        check(
            r#"<links xmlns="urn:sample"><link><name>a</name><ifname>b</ifname></link></links>"#,
            expect![[
                r#"UnknownElement: /sample:links/link[name='a']: line 1 column 54: <ifname> is of namespace urn:sample:more, not "urn:sample""#
            ]],
        );
        check(
            r#"<links xmlns="urn:sample"><link><name>a</name><colour>b</colour></link></links>"#,
            expect![
                "UnknownElement: /sample:links/link[name='a']: line 1 column 54: link has no node colour"
            ],
        );
        check(
            r#"<links xmlns="urn:sample"><link><name>a</name><mtu><x/></mtu></link></links>"#,
            expect![
                "BadElement: /sample:links/link[name='a']/mtu: line 1 column 55: mtu holds a value, not elements"
            ],
        );
        check(
            r#"<links xmlns="urn:sample"><link>text</link></links>"#,
            expect![
                "BadElement: /sample:links/link: line 1 column 36: link holds elements, not text"
            ],
        );
        check(
            r#"<links xmlns="urn:sample"><link><name>&what;</name></link></links>"#,
            expect![
                "MalformedMessage: /sample:links/link/name: line 1 column 44: &what; stands for no character"
            ],
        );
        check(
            r#"<links xmlns="urn:sample"><link><name>&#0;</name></link></links>"#,
            expect![
                "MalformedMessage: /sample:links/link/name: line 1 column 42: &#0; stands for no character"
            ],
        );
        check(
            r#"<links xmlns="urn:sample"><link><name>&#xD800;</name></link></links>"#,
            expect![
                "MalformedMessage: /sample:links/link/name: line 1 column 46: &#xD800; stands for no character"
            ],
        );
        check(
            r#"<links xmlns="urn:sample" colour="red"/>"#,
            expect![
                "UnknownAttribute: /sample:links: line 1 column 40: the attribute colour is not known"
            ],
        );
        check(
            r#"<links xmlns="urn:sample" xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" nc:operation="merge"/>"#,
            expect![
                "UnknownAttribute: /sample:links: line 1 column 99: the attribute nc:operation is not known"
            ],
        );
        check(
            "<!DOCTYPE x [<!ENTITY a \"b\">]><data/>",
            expect!["MalformedMessage: line 1 column 30: document type declarations are refused"],
        );
        check("<data/><data/>", expect!["BadElement: line 1 column 14: nothing follows </data>"]);
        check(
            "</data>",
            expect![
                "MalformedMessage: line 1 column 0: ill-formed document: close tag `</data>` does not match any open tag"
            ],
        );
        check(
            &"<data>".repeat(100_000),
            expect!["UnknownNamespace: line 1 column 12: there is no node data"],
        );
        check(
            "<links xmlns=\"urn:sample\"><link><name>a\0</name></link></links>",
            expect![
                "InvalidValue: /sample:links/link/name: line 1 column 47: a value cannot hold the character U+0000"
            ],
        );
    }

    #[track_caller]
    fn check_edit(xml: &str, expected: Expect) {
        let shown = match Edit::from_xml(schema(), xml, Operation::Merge) {
            Ok(edit) => {
                assert_eq!(
                    Edit::from_xml(schema(), &edit.to_xml(), Operation::Merge).unwrap(),
                    edit
                );
                edit.to_xml()
            }
            Err(error) => format!("{:?}: {error}", error.tag),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn edits_have_operations() {
        let whole = |inside: &str| {
            format!(
                "<config><links xmlns=\"urn:sample\" xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\">{inside}</links></config>"
            )
        };
        check_edit(
            &whole(
                r#"<link nc:operation="create"><name>a</name><mtu nc:operation="delete"/></link>"#,
            ),
            expect![[
                r#"<links xmlns="urn:sample"><link xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" nc:operation="create"><name>a</name><mtu xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" nc:operation="delete"/></link></links>"#
            ]],
        );
        check_edit(
            &whole(
                r#"<link><name>a</name><mtu nc:operation="remove"> </mtu><map nc:operation="delete">1:1</map></link>"#,
            ),
            expect![[
                r#"<links xmlns="urn:sample"><link><name>a</name><mtu xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" nc:operation="remove"/><map xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" nc:operation="delete">1:1</map></link></links>"#
            ]],
        );
        check_edit(
            &whole(r#"<link><name nc:operation="delete">a</name></link>"#),
            expect![
                "BadAttribute: /sample:links/link/name: line 1 column 127: a key has no operation of its own"
            ],
        );
        check_edit(
            &whole(r#"<link nc:operation="none"><name>a</name></link>"#),
            expect![[
                r#"BadAttribute: /sample:links/link: line 1 column 111: "none" is not merge, replace, create, delete or remove"#
            ]],
        );
        check_edit(
            &whole(r#"<link operation="merge"><name>a</name></link>"#),
            expect![
                "UnknownAttribute: /sample:links/link: line 1 column 109: the attribute operation is not known"
            ],
        );
        check_edit(
            &whole(r#"<link><name>a</name><map nc:operation="delete"/></link>"#),
            expect![[
                r#"InvalidValue: /sample:links/link[name='a']/map: line 1 column 133: "" is not of the form [0-9]+:[0-9]+"#
            ]],
        );
        check_edit(
            &whole(r#"<link><name>a</name><mtu/></link>"#),
            expect![[
                r#"InvalidValue: /sample:links/link[name='a']/mtu: line 1 column 111: "" is not a number in 64..65575"#
            ]],
        );
    }

    #[test]
    fn names_in_paths_are_renamed_and_texts_are_not() {
        let upper = |path: &str| {
            rename(path, |module, name| format!("{}.{name}", module.unwrap_or("-").to_uppercase()))
        };
        expect!["/A.b/-.c[-.d='e:f'][G.h=\"'i:j\"]/-.é[.='x"]
            .assert_eq(&upper("/a:b/c[d='e:f'][g:h=\"'i:j\"]/é[.='x"));
    }
}
