//! The message around an operation: what a reply repeats, what is malformed, and what a fragment takes along.

use netconf::Reply;

use super::*;

/// Reads a whole message and shows the reply.
fn check_message(text: &str, expect: Expect) {
    let reply = match Rpc::from_xml(text) {
        Ok((envelope, _)) => Reply::Ok.into_xml(&envelope),
        Err(error) => Reply::Errors(vec![*error.error]).into_xml(&error.envelope),
    };
    expect.assert_eq(&reply);
}

#[test]
fn envelopes() {
    // RFC 6241 section 4.1: the reply repeats additional attributes and all declarations.
    check_message(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>
         <rpc message-id='1&quot;01' xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\"
              xmlns:ex='http://example.net/content/1.0' ex:user-id=\"fr&amp;ed\"><get/></rpc>",
        expect![[r#"
            <rpc-reply message-id='1&quot;01' xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"
                          xmlns:ex='http://example.net/content/1.0' ex:user-id="fr&amp;ed"><ok/></rpc-reply>"#]],
    );
    check_message(
        "<nc:rpc xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\" nc:x=\"1\" message-id=\"8\"><nc:get/></nc:rpc>",
        expect![[
            r#"<nc:rpc-reply xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" nc:x="1" message-id="8"><nc:ok/></nc:rpc-reply>"#
        ]],
    );
    check_message(
        "<nc:rpc xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\" message-id=\"8\"><get/></nc:rpc>",
        expect![[
            r#"<nc:rpc-reply xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="8"><nc:rpc-error><nc:error-type>protocol</nc:error-type><nc:error-tag>operation-not-supported</nc:error-tag><nc:error-severity>error</nc:error-severity><nc:error-message xml:lang="en">there is no operation &lt;get&gt; in namespace ""</nc:error-message><nc:error-info><bad-element xmlns="urn:ietf:params:xml:ns:netconf:base:1.0">get</bad-element></nc:error-info></nc:rpc-error></nc:rpc-reply>"#
        ]],
    );
    check_message(
        "<rpc xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\" xmlns:x=\"urn:x\" x:message-id=\"1\"><get/></rpc>",
        expect![[
            r#"<rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" xmlns:x="urn:x" x:message-id="1"><rpc-error><error-type>rpc</error-type><error-tag>missing-attribute</error-tag><error-severity>error</error-severity><error-message xml:lang="en">&lt;rpc&gt; has no message-id</error-message><error-info><bad-attribute xmlns="urn:ietf:params:xml:ns:netconf:base:1.0">message-id</bad-attribute><bad-element xmlns="urn:ietf:params:xml:ns:netconf:base:1.0">rpc</bad-element></error-info></rpc-error></rpc-reply>"#
        ]],
    );
    check_message(
        "<rpc message-id=\"9\"><get/></rpc>",
        expect![[
            r#"<rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><rpc-error><error-type>rpc</error-type><error-tag>malformed-message</error-tag><error-severity>error</error-severity><error-message xml:lang="en">the message does not parse: byte 20: &lt;rpc&gt; of "" where &lt;rpc&gt; of "urn:ietf:params:xml:ns:netconf:base:1.0" is due</error-message></rpc-error></rpc-reply>"#
        ]],
    );
    check_message(
        "<hello xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\"/>",
        expect![[
            r#"<rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><rpc-error><error-type>rpc</error-type><error-tag>malformed-message</error-tag><error-severity>error</error-severity><error-message xml:lang="en">the message does not parse: byte 56: &lt;hello&gt; of "urn:ietf:params:xml:ns:netconf:base:1.0" where &lt;rpc&gt; of "urn:ietf:params:xml:ns:netconf:base:1.0" is due</error-message></rpc-error></rpc-reply>"#
        ]],
    );
}

#[test]
fn malformed() {
    check_message(
        "",
        expect![[
            r#"<rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><rpc-error><error-type>rpc</error-type><error-tag>malformed-message</error-tag><error-severity>error</error-severity><error-message xml:lang="en">the message does not parse: byte 0: no element</error-message></rpc-error></rpc-reply>"#
        ]],
    );
    check_message(
        "garbage",
        expect![[
            r#"<rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><rpc-error><error-type>rpc</error-type><error-tag>malformed-message</error-tag><error-severity>error</error-severity><error-message xml:lang="en">the message does not parse: byte 7: text where an element is due</error-message></rpc-error></rpc-reply>"#
        ]],
    );
    check_message(
        "<rpc",
        expect![[
            r#"<rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><rpc-error><error-type>rpc</error-type><error-tag>malformed-message</error-tag><error-severity>error</error-severity><error-message xml:lang="en">the message does not parse: byte 0: syntax error: tag not closed: `&gt;` not found before end of input</error-message></rpc-error></rpc-reply>"#
        ]],
    );
    check_message(
        "<rpc xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\" message-id=\"1\"><get>",
        expect![[
            r#"<rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="1"><rpc-error><error-type>rpc</error-type><error-tag>malformed-message</error-tag><error-severity>error</error-severity><error-message xml:lang="en">the message does not parse: byte 73: the text ends within an element</error-message></rpc-error></rpc-reply>"#
        ]],
    );
    check(
        "<get></got>",
        expect![
            "Rpc malformed-message: the message does not parse: byte 73: ill-formed document: expected `</get>`, but `</got>` was found"
        ],
    );
    check(
        "<get/></rpc><rpc>",
        expect![
            "Rpc malformed-message: the message does not parse: byte 85: <rpc> after the root element"
        ],
    );
    check(
        "<x:get/>",
        expect![[
            r#"Rpc malformed-message: the message does not parse: byte 76: prefix "x" is not declared"#
        ]],
    );
    check(
        "<get a=\"1\" a=\"2\"/>",
        expect![[
            r#"Rpc malformed-message: the message does not parse: byte 86: attribute "a" stands twice"#
        ]],
    );
    check(
        "<get a=1/>",
        expect![[
            r#"Rpc malformed-message: the message does not parse: byte 78: position 6: attribute value must be enclosed in `"` or `'`"#
        ]],
    );
    check(
        "<get a=\"<\"/>",
        expect![[
            r#"Rpc malformed-message: the message does not parse: byte 80: attribute "a" holds a bare <"#
        ]],
    );
    check(
        "\u{1}<get/>",
        expect![
            "Rpc malformed-message: the message does not parse: byte 68: a control character, which XML does not allow"
        ],
    );
    check(
        "<get><filter>&#0;</filter></get>",
        expect![
            "Rpc malformed-message: the message does not parse: byte 85: &#0;: only XML's own entities are accepted"
        ],
    );
    check(
        "<get><filter>&bomb;</filter></get>",
        expect![
            "Rpc malformed-message: the message does not parse: byte 87: &bomb;: only XML's own entities are accepted"
        ],
    );
    check_message(
        "<!DOCTYPE rpc [<!ENTITY a \"b\">]><rpc message-id=\"1\" xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\"><get/></rpc>",
        expect![[
            r#"<rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><rpc-error><error-type>rpc</error-type><error-tag>malformed-message</error-tag><error-severity>error</error-severity><error-message xml:lang="en">the message does not parse: byte 32: a document type is not accepted</error-message></rpc-error></rpc-reply>"#
        ]],
    );
    check_message(
        "<?xml version=\"1.0\" encoding=\"latin-1\"?><rpc/>",
        expect![[
            r#"<rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><rpc-error><error-type>rpc</error-type><error-tag>malformed-message</error-tag><error-severity>error</error-severity><error-message xml:lang="en">the message does not parse: byte 40: only UTF-8 is accepted</error-message></rpc-error></rpc-reply>"#
        ]],
    );
    check(
        &format!("<get><filter>{}</filter></get>", "<a>".repeat(200)),
        expect![
            "Rpc malformed-message: the message does not parse: byte 375: elements nest deeper than 100"
        ],
    );
}

/// The fragment of an edit's content.
fn check_fragment(text: &str, expect: Expect) {
    let shown = match Rpc::from_xml(text) {
        Ok((_, Rpc::EditConfig { config: Xml(config), .. })) => config,
        other => format!("{other:?}"),
    };
    expect.assert_eq(&shown.replace(BASE, "BASE"));
}

#[test]
fn fragments_are_self_contained() {
    let edit = |declarations: &str, on_config: &str, content: &str| {
        format!(
            "<nc:rpc xmlns:nc=\"{BASE}\" message-id=\"1\" {declarations}><nc:edit-config>\
             <nc:target><nc:candidate/></nc:target><nc:config{on_config}>{content}</nc:config>\
             </nc:edit-config></nc:rpc>"
        )
    };
    check_fragment(&edit("", "", ""), expect![[""]]);
    check_fragment(
        &edit("", "", "<a xmlns=\"urn:a\"><b nc:operation=\"delete\"/></a>"),
        expect![[r#"<a xmlns:nc="BASE" xmlns="urn:a"><b nc:operation="delete"/></a>"#]],
    );
    check_fragment(
        &edit("xmlns:l='urn:\"l\"'", "", "<a xmlns=\"urn:a\"><type>l:veth</type></a>"),
        expect![[
            r#"<a xmlns:nc="BASE" xmlns:l="urn:&quot;l&quot;" xmlns="urn:a"><type>l:veth</type></a>"#
        ]],
    );
    check_fragment(
        &edit("xmlns=\"urn:outer\"", "", "<a/> <!-- two --> <b xmlns=\"\" ><c/></b>"),
        expect![[
            r#"<a xmlns:nc="BASE" xmlns="urn:outer"/> <!-- two --> <b xmlns:nc="BASE" xmlns="" ><c/></b>"#
        ]],
    );
    check_fragment(
        &edit("xmlns:p=\"urn:1\"", " xmlns:p=\"urn:2\"", "<p:a/><a xmlns:p=\"urn:3\"/>"),
        expect![[r#"<p:a xmlns:nc="BASE" xmlns:p="urn:2"/><a xmlns:nc="BASE" xmlns:p="urn:3"/>"#]],
    );
    check_fragment(
        &edit("", "", "<a>x &amp; &lt;y&gt; <![CDATA[<z>]]></a>"),
        expect![[r#"<a xmlns:nc="BASE">x &amp; &lt;y&gt; <![CDATA[<z>]]></a>"#]],
    );
}

#[test]
fn too_many_declarations_are_refused() {
    let declarations: String = (0..50).map(|n| format!(" xmlns:p{n}=\"urn:{n}\"")).collect();
    let tops = "<a/>".repeat(10_000);
    let text = format!(
        "<rpc message-id=\"1\" xmlns=\"{BASE}\"{declarations}><get><filter>{tops}</filter></get></rpc>"
    );
    expect!["the message does not parse: byte 5303: too many elements with too many prefixes"]
        .assert_eq(&Rpc::from_xml(&text).unwrap_err().to_string());
}
